"""What current models reject beyond the published schemas, as data (`model_rules.json`) and mechanisms.

The file is independent of `src/ingate/data/model_facts.json`: each has its own sources, so that they check each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.rules.broken import RuleBroken, error_body
from support.rules.history import HISTORY
from support.rules.kinds import PARAMETERS, holds
from support.rules.load import Rule, all_rules, rules_for
from support.rules.view import view_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["BOUND", "KINDS", "Rule", "RuleBroken", "all_rules", "check_rules", "error_body", "rules_for"]

KINDS = {**PARAMETERS, **HISTORY}
# The kinds that recognise what a provider itself made.
BOUND = frozenset({"signed_thinking", "thought_signature", "encrypted_items"})


def check_rules(
    provider: str,
    model: str,
    wire: str,
    body: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
    *,
    without: Collection[str] = (),
) -> None:
    """Raises `RuleBroken` where a model would reject the request.

    Args:
        provider: Who serves the model.
        model: Its name there.
        wire: The request's format.
        body: The request.
        headers: Its headers, names in lower case.
        without: Rules that are not asked, by their kinds or names.
    """
    try:
        view = view_of(wire, provider, model, body, headers or {})
    except (KeyError, TypeError, AttributeError):
        return  # not a request of this format: the schema says why
    for rule in rules_for(provider, model, wire):
        if rule["kind"] not in without and rule.id not in without and holds(rule, view):
            KINDS[rule["kind"]](rule, view)
