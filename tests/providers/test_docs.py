"""docs/credentials.md has the table that the map gives."""

from __future__ import annotations

import runpy
from pathlib import Path

from ingate.providers import providers

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_of_the_page_is_up_to_date():
    script = runpy.run_path(str(ROOT / "scripts" / "docs_providers.py"))
    page = (ROOT / "docs" / "credentials.md").read_text(encoding="utf-8")
    assert script["with_table"](page) == page, "run python scripts/docs_providers.py"


def test_the_table_names_every_provider():
    page = (ROOT / "docs" / "credentials.md").read_text(encoding="utf-8")
    assert [name for name in providers() if f"| [`{name}`](" not in page] == []
