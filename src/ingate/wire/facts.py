"""What each model accepts, as data: `data/model_facts.json`, combined with what litellm's catalog says.

Facts come from four places, later ones overriding earlier ones: the model's family (`claude-…`, wherever it is hosted), the
wire format, the provider, and the catalog's row of the model at that provider. The file lists the catalog's errors as
`corrections`; one that the catalog has changed since is newer than the file, and applies again. A model newer than the
file is treated like the newest of its family. For a model of an unknown family nothing is left out, and the provider
reports what it does not accept.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.wire.catalog_facts import EFFORTS, add_statements, statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.wire.codec import Target

# Tokens of reasoning for each effort, for models that accept a token budget.
BUDGETS: Final[Mapping[str, int]] = {
    "minimal": 1024,
    "low": 2048,
    "medium": 8192,
    "high": 16384,
    "xhigh": 24576,
    "max": 32768,
}
# What a Route's facts hold beside a model's facts: the catalog's text, see `wire/catalog_facts.py`.
CATALOG: Final = "catalog"
# Formats that are chat completions at other addresses.
_VARIANTS: Final[Mapping[str, str]] = {"azure": "chat", "copilot": "chat"}
# What a Route knows from the catalog; other facts come from whoever made the Target.
_ROUTES: Final = frozenset({CATALOG, "caps", "max_output_tokens"})

Rule = tuple[re.Pattern[str], "dict[str, Any]"]


@cache
def facts_file() -> Mapping[str, Any]:
    """The content of `data/model_facts.json`."""
    return msgspec.json.decode((files("ingate") / "data" / "model_facts.json").read_bytes())


@cache
def _families() -> tuple[tuple[re.Pattern[str], tuple[Rule, ...]], ...]:
    entries = facts_file()["families"].values()
    return tuple((re.compile(entry["match"]), _compiled(entry["rules"])) for entry in entries)


@cache
def _rules(kind: str, name: str) -> tuple[Rule, ...]:
    """The rules of one format or provider."""
    return _compiled(facts_file()[kind].get(name, ()))


def _compiled(rules: Iterable[Mapping[str, Any]]) -> tuple[Rule, ...]:
    return tuple((re.compile(rule["match"]), rule["facts"]) for rule in rules)


def facts_of(target: Target, wire_format: str) -> Mapping[str, Any]:
    """Everything known about a call's model: its family's facts, the format's, the provider's and the catalog's.

    Args:
        target: Where the call goes. Its own `facts` override what is known; `catalog` among them is the catalog's text.
        wire_format: The format in which the model is called (`"chat"`, `"azure"`, `"messages"`, …).
    """
    given = target.facts
    catalog, most = given.get(CATALOG) or "", given.get("max_output_tokens")
    known = known_facts(target.provider, target.model, wire_format, catalog, most)
    if given.keys() <= _ROUTES:
        return known
    made = dict(known)
    own = {name: value for name, value in given.items() if value is not None and name not in _ROUTES}
    add_statements(made, own, wire_format)
    return made


@lru_cache(maxsize=1024)
def known_facts(
    provider: str, model: str, wire_format: str, catalog: str = "", max_output_tokens: int | None = None
) -> Mapping[str, Any]:
    """The facts about a model at a provider, given what the catalog says of it. The result must not be changed."""
    name = plain_name(model)
    facts = _family_facts(name)
    for kind, key in (("formats", "*"), ("formats", _VARIANTS.get(wire_format, wire_format)), ("providers", provider)):
        _add(facts, _rules(kind, key), name)
    said = {key: value for key, value in statements(catalog).items() if not is_corrected(provider, name, key, value)}
    add_statements(facts, {**said, "max_output_tokens": max_output_tokens}, wire_format)
    return {key: value for key, value in facts.items() if value is not None}


def is_corrected(provider: str, name: str, field: str, value: Any) -> bool:
    """Whether the file lists this statement of the catalog about a model, by its plain name, as an error."""
    return any(
        field in row["catalog"]
        and row["catalog"][field] == value
        and provider in row.get("providers", (provider,))
        and re.search(row["match"], name) is not None
        for row in facts_file()["corrections"]
    )


def vendor_format(model: str) -> str:
    """The format that the model's vendor made for it, which hosting providers offer too; empty for none."""
    return str(_family_facts(plain_name(model)).get("vendor_format", ""))


def plain_name(model: str) -> str:
    """A model's name in lower case as its vendor writes it, without what hosting providers put before it."""
    name = model.lower()
    for pattern, written in _spellings():
        name = pattern.sub(written, name)
    return name


@cache
def _spellings() -> tuple[tuple[re.Pattern[str], str], ...]:
    """How hosting providers write names, and what replaces it."""
    return tuple((re.compile(row["match"]), row["with"]) for row in facts_file()["names"])


def _family_facts(name: str) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for match, rules in _families():
        if match.search(name):
            _add(facts, rules, name)
    return facts


def _add(facts: dict[str, Any], rules: Iterable[Rule], name: str) -> None:
    for pattern, found in rules:
        if pattern.search(name):
            facts.update(found)


def takes_sampling(facts: Mapping[str, Any], effort: str | None) -> bool:
    """Whether the model accepts `temperature` and its like at this effort, None if the request asks for none."""
    return _holds(facts.get("sampling", True), facts, effort)


def takes_stop(facts: Mapping[str, Any], effort: str | None) -> bool:
    """Whether the model accepts stop sequences at this effort."""
    return _holds(facts.get("stop", True), facts, effort)


def _holds(fact: Any, facts: Mapping[str, Any], effort: str | None) -> bool:
    return not reasons(facts, effort) if fact == "without_reasoning" else bool(fact)


def reasons(facts: Mapping[str, Any], effort: str | None) -> bool:
    """Whether the model reasons at this effort, None if the request asks for none."""
    if facts.get("always_reasons"):
        return True
    return bool(facts.get("reasons_by_default")) if effort is None else effort != "none"


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
