"""`scripts/check_facts.py` and `scripts/docs_constraints.py`: the facts are compared with the catalog, and printed."""

from __future__ import annotations

import importlib.util
import json
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ingate.catalog import Catalog, ModelRow, load
from ingate.catalog import source as source_module
from ingate.wire.facts import facts_file, known_facts

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


check, constraints = _script("check_facts"), _script("docs_constraints")
SEEN: dict[str, Any] = {
    "date": "2026-11-01",
    "watch": {"xai": "^grok-[5-9]"},
    "models": {"xai/grok-5": "none xhigh", "xai/grok-6": "", "anthropic/claude-opus-5-5": "x"},
}


def _catalog(*rows: ModelRow) -> Catalog:
    return Catalog(rows, version="1", dated="2026-11-02")


def test_a_row_that_has_changed_or_is_new_is_listed_if_its_model_is_watched_or_curated() -> None:
    found = check.findings(
        SEEN,
        _catalog(
            ModelRow("xai", "grok-5", facts="-none xhigh"),
            ModelRow("xai", "grok-6"),
            ModelRow("xai", "grok-7", facts="max"),
            ModelRow("xai", "grok-8"),
            ModelRow("xai", "grok-2", facts="max"),
            ModelRow("xai", "grok-9", facts="max", deprecated_on="2026-01-01"),
            ModelRow("groq", "grok-9", facts="max"),
            ModelRow("anthropic", "claude-opus-5-5", facts="x y"),
        ),
    )
    assert found == [
        "anthropic/claude-opus-5-5: changed in the catalog since 2026-11-01: + y",
        "xai/grok-5: changed in the catalog since 2026-11-01: + -none, - none",
        "xai/grok-7: new in the catalog: max",
        "xai/grok-8: new in the catalog: nothing is said of it",
    ]


def test_sources_that_nobody_has_read_for_long_are_listed() -> None:
    sources = facts_file()["sources"]
    oldest = min(sources, key=lambda name: sources[name]["date"])
    read = date.fromisoformat(sources[oldest]["date"])
    assert check.unread(10, read) == []
    assert any(
        line.startswith(f"{oldest}: read 11 days ago: http")
        for line in check.unread(10, date.fromordinal(read.toordinal() + 11))
    )


def test_every_fact_of_a_model_has_an_origin() -> None:
    words = "-forced_tool_use max"
    found = {fact: (value, origin) for fact, value, origin in check.origins("xai", "grok-9", "chat", words)}
    assert {fact: value for fact, (value, _) in found.items()} == known_facts("xai", "grok-9", "chat", words)
    assert found["forced_tools"][1] == "litellm's catalog"
    assert found["efforts"][1].startswith("litellm's catalog, which overrides family xai: https://")
    assert found["tool_name"][1].startswith("format *: https://")


@pytest.mark.skipif(source_module.find() is None, reason="litellm is not installed")
def test_the_facts_were_compared_with_the_installed_catalog(capsys: pytest.CaptureFixture[str]) -> None:
    catalog, seen = load(), json.loads(check.SEEN.read_text(encoding="utf-8"))
    if catalog.version != seen["litellm"]:
        pytest.skip(f"they were compared with litellm {seen['litellm']}; {catalog.version} is installed")
    assert check.main([]) == 0
    assert "0 differ now" in capsys.readouterr().out
    assert check.main(["--model", "azure/gpt-5.4"]) == 0
    assert "is listed as an error" in capsys.readouterr().out


def test_the_page_of_constraints_is_what_the_file_says() -> None:
    assert constraints.PAGE.read_text(encoding="utf-8") == constraints.page(), "run scripts/docs_constraints.py"


def test_a_source_that_no_rule_names_is_left_out() -> None:
    file = facts_file()
    groups = [one["rules"] for one in file["families"].values()]
    groups += [*file["formats"].values(), *file["providers"].values(), file["corrections"]]
    named = {source for rules in groups for rule in rules for source in rule["sources"]}
    assert named == set(file["sources"])
