"""docs/credentials.md has the table that the map gives."""

from __future__ import annotations

import runpy
from pathlib import Path

from ingate.credentials import backings

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_of_the_page_is_up_to_date():
    script = runpy.run_path(str(ROOT / "scripts" / "docs_backings.py"))
    page = (ROOT / "docs" / "credentials.md").read_text(encoding="utf-8")
    assert script["with_table"](page) == page, "run python scripts/docs_backings.py"


def test_the_table_names_every_backing():
    page = (ROOT / "docs" / "credentials.md").read_text(encoding="utf-8")
    assert [name for name in backings() if f"| [`{name}`](" not in page] == []
