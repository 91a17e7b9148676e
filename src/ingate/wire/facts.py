"""What each model accepts, as data: `data/model_facts.json`, combined with what the catalog knows.

Facts come from four places, later ones overriding earlier ones: the model's family (`claude-…`, wherever it is hosted), the
wire format, the provider, and the catalog. A model newer than the file is treated like the newest of its family. For a
model of an unknown family nothing is left out, and the provider reports what it does not accept.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.wire.codec import Target

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
# Tokens of reasoning for each effort, for models that accept a token budget.
BUDGETS: Final[Mapping[str, int]] = {
    "minimal": 1024,
    "low": 2048,
    "medium": 8192,
    "high": 16384,
    "xhigh": 24576,
    "max": 32768,
}
# Names in LiteLLM's catalog → ours.
_CATALOG_NAMES: Final[Mapping[str, str]] = {
    "supports_sampling_params": "sampling",
    "supports_assistant_prefill": "final_assistant",
    "supports_native_structured_output": "structured",
}
# What hosting providers write before a model's name: `openai/gpt-5.5`, `databricks-gpt-5-5`, `us.anthropic.claude-…`.
_VENDOR: Final = re.compile(
    r"^(?:.*/)?(?:(?:us|us-gov|eu|apac|jp|au|ca|global)\.)?(?:databricks-|system\.ai\."
    r"|(?:anthropic|openai|amazon|google|mistral|meta|qwen|moonshot|moonshotai|zai|minimax|nvidia|cohere|ai21|writer)\.)?"
)
_DASHED: Final = re.compile(r"^(gpt-\d+)-(\d)(?!\d)")


@cache
def _file() -> dict[str, Any]:
    return msgspec.json.decode((files("ingate") / "data" / "model_facts.json").read_bytes())


@cache
def _rules(kind: str, name: str) -> tuple[tuple[re.Pattern[str], dict[str, Any]], ...]:
    """The rules of one family, format or provider."""
    found = _file()[kind].get(name, ())
    rules = found["rules"] if kind == "families" and found else found
    return tuple((re.compile(rule["match"]), rule["facts"]) for rule in rules)


def model_facts(section: str, model: str, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The facts about `model` by one family or format of the file, overridden by those in `given` that are not null."""
    rules = _rules("families", section) or _rules("formats", section)
    return _overridden(_matching(rules, model.lower()), given)


def facts_of(target: Target, wire_format: str) -> Mapping[str, Any]:
    """Everything known about a call's model: its family's facts, the format's, the provider's and the catalog's."""
    known = _known(target.provider, wire_format, target.model)
    return _overridden(known, target.facts) if target.facts else known


@lru_cache(maxsize=1024)
def _known(provider: str, wire_format: str, model: str) -> dict[str, Any]:
    name = plain_name(model)
    facts: dict[str, Any] = {}
    for family, entry in _file()["families"].items():
        if re.search(entry["match"], name):
            facts |= _matching(_rules("families", family), name)
    for kind, key in (("formats", "*"), ("formats", wire_format), ("providers", provider)):
        facts |= _matching(_rules(kind, key), name)
    return facts


def plain_name(model: str) -> str:
    """A model's name in lower case as its vendor writes it, without what hosting providers put before it."""
    return _DASHED.sub(r"\1.\2", _VENDOR.sub("", model.lower()))


def _matching(rules: Iterable[tuple[re.Pattern[str], dict[str, Any]]], name: str) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for pattern, found in rules:
        if pattern.search(name):
            facts.update(found)
    return {key: value for key, value in facts.items() if value is not None}


def _overridden(facts: dict[str, Any], given: Mapping[str, Any] | None) -> dict[str, Any]:
    made = dict(facts)
    for key, value in (given or {}).items():
        if value is not None:
            made[_CATALOG_NAMES.get(key, key)] = value
    return made


def nearest_effort(effort: str, levels: Iterable[str]) -> str | None:
    """The level of `levels` nearest to `effort`, the higher of two equally near ones; None if there is none."""
    if effort not in EFFORTS:
        return None
    at = EFFORTS.index(effort)
    known = [level for level in levels if level in EFFORTS]
    return min(known, key=lambda level: (abs(EFFORTS.index(level) - at), -EFFORTS.index(level)), default=None)


def effort_of_budget(tokens: int) -> str:
    """The lowest effort whose budget covers a number of reasoning tokens."""
    return next((effort for effort, budget in BUDGETS.items() if tokens <= budget), "max")
