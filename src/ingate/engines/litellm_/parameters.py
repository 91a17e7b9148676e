"""What litellm does not know of current models: efforts, parameters that a provider rejects, and where tools go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.wire.catalog_facts import EFFORTS
from ingate.wire.chat.fit import fit_temperature
from ingate.wire.chat.quirks import UNKNOWN_TO_OPENAI, quirks_of
from ingate.wire.codec import Target
from ingate.wire.efforts import fitted_effort
from ingate.wire.facts import facts_of, reasons
from ingate.wire.params import ParamTracker

if TYPE_CHECKING:
    from ingate.engines.base import CallReport, Route

# litellm passes these to providers that reject them.
_REJECTED: Final = frozenset(
    {"logprobs", "top_logprobs", "logit_bias", "frequency_penalty", "presence_penalty"}
    | {"top_k", "min_p", "repetition_penalty"}
)
_OPENAIS: Final = frozenset({"openai", "azure"})
_NONE: Final[frozenset[str]] = frozenset()
_CHAT: Final = frozenset({"chat", "azure", "copilot"})
# litellm's prefix for a model that is to be called through the Responses API.
_RESPONSES: Final = "responses/"


def fit(call: dict[str, Any], route: Route, report: CallReport) -> None:
    """Adapt a call's parameters to its model, in place.

    Raises:
        BadRequestError: The model does not accept a parameter, and the policy is `strict`.
    """
    facts = facts_of(_target(route), route.wire_format)
    params = ParamTracker(call, policy=route.drop_params, model=route.model)
    effort, levels = call.get("reasoning_effort"), facts.get("efforts")
    # litellm itself switches reasoning off where that is possible, in each provider's way.
    is_level = effort in EFFORTS and (effort != "none" or bool(facts.get("always_reasons")))
    if is_level and levels and effort not in levels:
        call["reasoning_effort"] = fitted_effort(params, effort, levels)
    if route.wire_format in _CHAT:
        fit_temperature(params, call, facts, route.provider)
        unknown = UNKNOWN_TO_OPENAI if route.provider in _OPENAIS else _NONE
        for name in sorted(_REJECTED & (quirks_of(route.provider).refused | unknown) & call.keys()):
            params.drop(name, f"{route.provider} rejects it")
            del call[name]
    report.dropped += params.dropped
    report.warnings += params.warnings


def responses_prefix(call: dict[str, Any], route: Route) -> str:
    """What precedes the model's name in a call that chat completions would refuse: its tools need Responses."""
    if route.provider != "openai" or not (call.get("tools") or call.get("functions")):
        return ""
    facts = facts_of(_target(route), "chat")
    tools = facts.get("chat_tools", "always")
    refused = tools == "never" or (tools == "without_reasoning" and reasons(facts, call.get("reasoning_effort")))
    return _RESPONSES if refused else ""


def _target(route: Route) -> Target:
    return Target(
        model=route.model,
        api_base=route.api_base or "",
        provider=route.provider,
        facts=route.facts,
        drop_params=route.drop_params,
    )
