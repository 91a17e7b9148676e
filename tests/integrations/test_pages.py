"""The pages on hosts: what they tell to write is short and works, and what they point at is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import ingate

ROOT = Path(__file__).resolve().parents[2]
INDEX = ROOT / "docs" / "hosts" / "README.md"
# fast-agent has environments of its own, and its tests there.
PAGES = sorted(page for page in INDEX.parent.glob("*.md") if page.stem not in {"README", "fast-agent"})
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
MOST_STATEMENTS = 5


@pytest.mark.parametrize("page", [INDEX, *PAGES], ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", page.read_text())
    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_tells_to_write_is_short_and_works(page: Path) -> None:
    found = BLOCK.search(page.read_text())
    if found is None:
        pytest.skip("this page has a command, not code")
    statements = ast.parse(found[1]).body
    assert len(statements) <= MOST_STATEMENTS
    try:
        for statement in statements:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                exec(compile(ast.Module([statement], []), page.name, "exec"), {})
    except ModuleNotFoundError as error:
        pytest.skip(str(error))
    if page.stem == "llm":
        pytest.skip("llm loads its plugins once for the process; tested as a command")
    names: dict[str, object] = {}
    exec(compile(found[1], page.name, "exec"), names)
    client = names.get("client")
    if hasattr(client, "close"):
        client.close()


def test_every_page_is_in_the_index_and_has_an_example() -> None:
    index = INDEX.read_text()
    assert [page.name for page in PAGES if f"({page.name})" not in index] == []
    linked = {Path(link).name for link in re.findall(r"\(\.\./\.\./examples/(\w+\.py)\)", index)}
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == linked


def test_the_examples_shadow_no_package() -> None:
    hosts = {
        "agents",
        "pydantic_ai",
        "langchain",
        "llama_index",
        "instructor",
        "smolagents",
        "dspy",
        "llm",
        "anthropic",
    }
    names = {path.stem for path in (ROOT / "examples").iterdir()}
    assert names.isdisjoint(hosts | {"httpx", "httpx2", "openai", ingate.__name__})
