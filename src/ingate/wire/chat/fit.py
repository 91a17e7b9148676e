"""The parameters of a chat request as its model and provider take them, by `quirks.py` and `data/model_facts.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.wire.chat.quirks import NEUTRAL, SAMPLING, UNKNOWN_TO_OPENAI, quirks_of
from ingate.wire.efforts import fitted_effort
from ingate.wire.facts import facts_of, reasons, takes_sampling, takes_stop
from ingate.wire.params import ParamTracker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.codec import Target

_OFF: Final = frozenset({"none", "disable", "disabled"})
_ANY: Final = ("low", "medium", "high")
_LIMITS: Final = ("max_tokens", "max_completion_tokens")
_REASONING: Final = frozenset({"reasoning_effort", "thinking", "tools"})


def fit(wire: dict[str, Any], target: Target, wire_format: str, *, strict: bool) -> ParamTracker:
    """Rename parameters to the provider's names, adapt the effort, and drop what the model rejects.

    Args:
        wire: The request body; changed in place.
        target: Where it goes.
        wire_format: `"chat"` or `"azure"`.
        strict: Whether the server is one that rejects parameters it does not know, as OpenAI's does.

    Returns:
        What was dropped and changed.

    Raises:
        BadRequestError: The model does not accept a parameter, and the policy is `strict`.
    """
    facts, quirks = facts_of(target, wire_format), quirks_of(target.provider)
    params = ParamTracker(wire, policy=target.drop_params, model=target.model)
    renamed = quirks.renamed
    if (limit := facts.get("max_tokens_name")) and limit not in renamed:
        renamed = {**renamed, **{name: limit for name in _LIMITS if name != limit and name in wire}}
    for name, other in renamed.items():
        if name in wire:
            value = wire.pop(name)
            if wire.get(other) is None:
                wire[other] = value
    effort, efforts = None, None
    if not _REASONING.isdisjoint(wire):
        efforts = ParamTracker(wire, policy=target.drop_params, model=target.model)
        effort = _reasoning(efforts, wire, facts)
    refused = [*facts.get("refused", ()), *(() if takes_stop(facts, effort) else ("stop",))]
    if facts.get("efforts") == []:
        refused.append("reasoning_effort")
    sets = (quirks.refused, UNKNOWN_TO_OPENAI if strict else (), () if takes_sampling(facts, effort) else SAMPLING)
    for name in sorted(name for name in wire if name in refused or any(name in one for one in sets)):
        value = wire[name]
        if value is not None and not (name in NEUTRAL and value == NEUTRAL[name]):
            params.drop(name, f"{target.provider} rejects it for this model")
        del wire[name]
    fit_temperature(params, wire, facts, target.provider)
    if facts.get("one_sampling") and {"temperature", "top_p"} <= wire.keys():
        params.drop("top_p", "this model accepts temperature or top_p, not both")
        del wire["top_p"]
    if efforts is not None:
        params.dropped += efforts.dropped
        params.warnings += efforts.warnings
    return params


def fit_temperature(params: ParamTracker, body: dict[str, Any], facts: Mapping[str, Any], provider: str) -> None:
    """Move a temperature into the provider's range, in place.

    Raises:
        BadRequestError: It is outside, and the policy is `strict`.
    """
    given = body.get("temperature")
    if not isinstance(given, int | float) or isinstance(given, bool):
        return
    fitted = min(max(given, facts.get("min_temperature", given)), facts.get("max_temperature", given))
    if fitted != given:
        params.adapt("temperature", f"temperature is {fitted}: {provider} does not accept {given}")
        body["temperature"] = fitted


def _reasoning(params: ParamTracker, wire: dict[str, Any], facts: Mapping[str, Any]) -> str | None:
    """Set how much the model reasons. Returns the effort, None if that is left to the model."""
    effort, levels = wire.get("reasoning_effort"), facts.get("efforts")
    if effort is not None and not isinstance(effort, str):
        return "high"  # litellm's form, {"effort": …}, is meant for the provider
    if effort in _OFF:
        effort = "none"
        always = facts.get("always_reasons")
        if (off := facts.get("reasoning_off")) is not None:
            del wire["reasoning_effort"]
            wire.update((name, value) for name, value in off.items() if name not in wire)
            return effort
        if levels is None and always:
            levels = _ANY
        elif always is False and levels != [] and "none" not in (levels or ()):
            levels = ["none", *(levels or _ANY)]
    if effort is not None and effort != "none" and (on := facts.get("reasoning_on")) is not None:
        del wire["reasoning_effort"]
        wire.update((name, value) for name, value in on.items() if name not in wire)
        return effort
    if effort is not None and levels != []:
        wire["reasoning_effort"] = effort = fitted_effort(params, effort, levels)
    elif isinstance(given := wire.get("thinking"), dict) and given.get("type") == "disabled":
        return "none"
    needs_none = facts.get("chat_tools") in {"without_reasoning", "never"} and bool(wire.get("tools"))
    if needs_none and reasons(facts, effort) and "none" in (levels or ()):
        params.adapt(
            "reasoning_effort", f"reasoning_effort is none: {params.model} takes tools only so on chat completions"
        )
        wire["reasoning_effort"] = effort = "none"
    return effort
