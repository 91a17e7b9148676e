"""Rules of the house that a reader can check by looking, checked by looking."""

from __future__ import annotations

import ast
from pathlib import Path

import ingate

SOURCE = Path(ingate.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))


def test_the_environment_is_touched_in_one_module() -> None:
    touching = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}

    def touches(file: Path) -> bool:
        return any(
            (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "os"
                and node.attr in touching
            )
            or (
                isinstance(node, ast.ImportFrom)
                and node.module == "os"
                and any(alias.name in touching for alias in node.names)
            )
            for node in ast.walk(ast.parse(file.read_text()))
        )

    assert [file.name for file in FILES if touches(file)] == ["environment.py"]


def test_no_file_holds_more_than_one_idea_can_fill() -> None:
    assert {file.name: lines for file in FILES if (lines := len(file.read_text().splitlines())) > 400} == {}


def test_every_module_says_what_it_is_for() -> None:
    assert [
        file for file in FILES if file.read_text().strip() and not file.read_text().lstrip().startswith('"""')
    ] == []
