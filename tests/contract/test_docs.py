"""The page on the lanes says what the lanes do."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from ingate.engines.litellm_ import load

ROOT = Path(__file__).resolve().parents[2]


def _script() -> Any:
    spec = importlib.util.spec_from_file_location("docs_lanes", ROOT / "scripts" / "docs_lanes.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def test_the_table_of_current_models_is_current() -> None:
    page = (ROOT / "docs" / "lanes.md").read_text(encoding="utf-8")
    script = _script()
    assert script.with_table(page, script.current_models(), script.CURRENT_MODELS) == page


@pytest.mark.timeout(300)
async def test_the_table_of_differences_is_current() -> None:
    page = (ROOT / "docs" / "lanes.md").read_text(encoding="utf-8")
    written_with = re.search(r"With litellm ([\w.]+);", page)
    assert written_with is not None
    if load.version() != written_with[1]:
        pytest.skip(f"the table is of litellm {written_with[1]}, and here is {load.version()}")
    script = _script()
    assert script.with_table(page, await script.table()) == page
