"""`scripts/mutate`: which changes are made to a source file, and that they are made nowhere but in the sandbox."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def script(name: str) -> ModuleType:
    """A module of scripts/mutation, which is not a package."""
    spec = importlib.util.spec_from_file_location(f"mutation_{name}", ROOT / "scripts" / "mutation" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


mutants = script("mutants")


def changes(folder: Path, text: str) -> set[tuple[str, str]]:
    """Every changed line of a module with its replacement."""
    file = folder / "module.py"
    file.write_text(dedent(text), encoding="utf-8")
    found = mutants.mutants(file, folder)
    for mutant in found:
        ast.parse(mutant.applied(file.read_bytes()))
    return {(mutant.before, mutant.after) for mutant in found}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("return a == b", {"return None", "return a != b"}),
        ("return a < b", {"return None", "return a >= b"}),
        ("return a not in b", {"return None", "return a in b"}),
        ("return a is not None", {"return None", "return a is None"}),
        ("return a and b or c", {"return None", "return a or b or c", "return a and b and c"}),
        ("return not a", {"return None", "return  a"}),
        ("return True", {"return False"}),
        ("return 0", {"return 1"}),
        ('return "stop"', {"return 'stopZ'"}),
        ("return a + 1", {"return None", "return a - 1", "return a + 2"}),
        ("return f(a, b)", {"return None", "return f(b, a)"}),
        ("a.b = c", {"pass"}),
        ("a.append(b)", {"pass"}),
        ("a += b", {"pass"}),
        ("raise ValueError('text')", {"pass"}),
        ("return a if b else c", {"return None", "return a if (not (b)) else c"}),
        ("return [x for x in a if x]", {"return None", "return [x for x in a if (not (x))]"}),
        ("return {'é': a == b}", {"return None", "return {'é': a != b}", "return {'éZ': a == b}"}),
        ("a = 12.5", set()),
        ("return 'some words for people'", set()),
        ("return f'{a} words'", {"return None"}),
        ("_log.debug('event')", set()),
        ("return isinstance(a, b)", {"return None"}),
        ("a = f(timeout=3, daemon=True)", set()),
        ("a = asyncio.timeout(1)", set()),
        ("a = type('A', (b,), {})", set()),
        ("assert a == b", set()),
        ("return", set()),
        ("return None", set()),
    ],
)
def test_the_changes_of_a_statement(tmp_path: Path, line: str, expected: set[str]) -> None:
    assert {after for _, after in changes(tmp_path, f"def f(a, b, c):\n    {line}\n")} == expected


@pytest.mark.parametrize(
    "text",
    [
        '"""A docstring"""',
        "from typing import Final\nLIMIT: Final = 5",
        "if TYPE_CHECKING:\n    a = {'x': 1}",
        "@dataclass(frozen=True)\nclass A:\n    a: int = 0",
        "class A:\n    def __repr__(self):\n        return 'a' + b(1, 2)",
        "class A(Protocol):\n    def a(self, b=1): ...",
        "def f(a: Literal['x', 'y']) -> dict['a', 'b']: ...",
        "def f():\n    if os.name == 'posix':\n        a.b = 1",
    ],
)
def test_what_is_left_alone(tmp_path: Path, text: str) -> None:
    assert changes(tmp_path, text) == set()


def test_a_mutant_knows_its_statement_and_function(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(
        "class A:\n    async def b(self, c=1):\n        if (\n            c == 1\n        ):\n            d()\n"
    )
    found = {mutant.after: mutant for mutant in mutants.mutants(file, tmp_path)}
    assert {mutant.function for mutant in found.values()} == {"A.b"}
    assert found["c != 1"].lines == (3, 5)
    assert found["async def b(self, c=2):"].lines == (2, 6)
    assert found["pass"].line == 6


def test_every_mutant_of_the_project_can_be_compiled() -> None:
    """A mutant that is not Python would be killed by every test and raise the score."""
    for file in sorted((ROOT / "src" / "ingate" / "config").glob("*.py")):
        source = file.read_bytes()
        for mutant in mutants.mutants(file, ROOT):
            ast.parse(mutant.applied(source))
            assert mutant.applied(source) != source


def test_entries_of_the_equivalent_list_are_whole() -> None:
    text = (ROOT / "scripts" / "mutation" / "equivalent.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            path, _, before, after, why = line.split(" | ")
            assert (ROOT / path).is_file(), line
            assert before != after
            assert why


def test_the_command_explains_itself() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "mutation" / "main.py"), "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "--package" in done.stdout
    assert subprocess.run(["sh", "-n", str(ROOT / "scripts" / "mutate")]).returncode == 0
