"""What `import ingate` offers, and what it does not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ingate

INIT = Path(ingate.__file__)


def test_every_exported_name_is_there_and_none_leaks() -> None:
    assert ingate.__all__ == sorted(ingate.__all__)
    for name in ingate.__all__:
        assert getattr(ingate, name) is not None
    assert set(dir(ingate)) == set(ingate.__all__)
    assert set(ingate.__all__) <= vars(ingate).keys()  # looked up once, and then an attribute like any other


def test_the_type_checker_sees_the_same_names() -> None:
    tree = ast.parse(INIT.read_text())
    (checking,) = [node for node in tree.body if isinstance(node, ast.If)]
    declared = {alias.asname for node in checking.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert declared - {None} == set(ingate.__all__)


def test_a_name_that_is_not_ours_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ingate.nothing


def test_importing_ingate_loads_none_of_its_dependencies() -> None:
    heavy = {"litellm", "openai", "aiohttp", "msgspec", "click", "rich", "prompt_toolkit", "yaml", "asyncio", "httpx"}
    code = f"import sys, ingate; print(sorted({heavy!r} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_only_the_clients_import_the_sdk() -> None:
    code = (
        "import sys, ingate\n"
        "[getattr(ingate, name) for name in ingate.__all__ if name not in {'AsyncIngate', 'Ingate'}]\n"
        "print('openai' in sys.modules, 'httpx' in sys.modules, 'httpx2' in sys.modules)\n"
        "ingate.AsyncIngate\n"
        "print('openai' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines() == ["False False False", "True"]
