"""What each model accepts, as data: `data/model_facts.json`, overridden by the caller's facts.

A model newer than the file is treated like the newest of its family. For a model of an unknown family nothing is left
out, and the provider reports what it does not accept.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
    "supports_assistant_prefill": "prefill",
    "supports_native_structured_output": "structured",
}


@cache
def _rules(wire: str) -> tuple[tuple[re.Pattern[str], dict[str, Any]], ...]:
    raw = msgspec.json.decode((files("ingate") / "data" / "model_facts.json").read_bytes())
    return tuple((re.compile(rule["match"]), rule["facts"]) for rule in raw.get(wire, ()))


def model_facts(wire: str, model: str, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The facts about `model` in the wire format `wire`: those of the file, overridden by those in `given` that are not null."""
    facts: dict[str, Any] = {}
    name = model.lower()
    for pattern, found in _rules(wire):
        if pattern.search(name):
            facts.update(found)
    facts = {key: value for key, value in facts.items() if value is not None}
    for key, value in (given or {}).items():
        if value is not None:
            facts[_CATALOG_NAMES.get(key, key)] = value
    return facts


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
