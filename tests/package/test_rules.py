"""Rules of the house that a reader can check by looking, checked by looking."""

from __future__ import annotations

import ast
import configparser
from pathlib import Path

import pytest

import ingate

ROOT = Path(__file__).resolve().parents[2]
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


def test_no_module_imports_itself_by_a_detour() -> None:
    """Cycles of modules, also through imports inside functions."""
    grimp = pytest.importorskip("grimp")
    graph = grimp.build_graph("ingate", exclude_type_checking_imports=True, cache_dir=None)
    left = {name: set(graph.find_modules_directly_imported_by(name)) for name in graph.modules}
    while free := [name for name, imported in left.items() if not imported]:
        for name in free:
            del left[name]
        for imported in left.values():
            imported.difference_update(free)
    assert left == {}


@pytest.mark.parametrize(
    ("contract", "left_out"),
    [("engines", {"ingate.engines.litellm_.load"}), ("litellm", {"ingate.engines.litellm_"})],
)
def test_contracts_that_list_modules_list_all_of_them(contract: str, left_out: set[str]) -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    listed = set(parser[f"importlinter:contract:{contract}"]["source_modules"].split())
    under = "ingate.engines" if contract == "engines" else "ingate"
    unlisted = {
        name
        for file in (ROOT / "src").rglob("*.py")
        if (name := ".".join(file.relative_to(ROOT / "src").with_suffix("").parts)).startswith(f"{under}.")
        and file.name not in {"__init__.py", "__main__.py", "_version.py"}
        and not any(name == one or name.startswith(f"{one}.") for one in listed | left_out)
    }
    assert unlisted == set()
