"""Rules of the house that a reader can check by looking, checked by looking."""

from __future__ import annotations

import re
from pathlib import Path

import ingate

SOURCE = Path(ingate.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))


def test_the_environment_is_touched_in_one_module() -> None:
    touching = re.compile(r"\bos\.environ\b|\bos\.getenv\b|\bos\.putenv\b|\bfrom os import .*environ")
    found = [file for file in FILES if touching.search(file.read_text()) and file.name != "_environ.py"]
    assert found == []


def test_no_file_holds_more_than_one_idea_can_fill() -> None:
    assert {file.name: lines for file in FILES if (lines := len(file.read_text().splitlines())) > 400} == {}


def test_every_module_says_what_it_is_for() -> None:
    assert [
        file for file in FILES if file.read_text().strip() and not file.read_text().lstrip().startswith('"""')
    ] == []
