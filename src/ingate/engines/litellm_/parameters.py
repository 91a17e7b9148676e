"""What litellm does not know of current models: efforts, parameters that a provider rejects, and where tools go."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ingate.wire.catalog_facts import EFFORTS
from ingate.wire.chat.fit import fit_temperature
from ingate.wire.chat.messages import REASONING, is_strict, messages_for, tools_for
from ingate.wire.chat.quirks import NEUTRAL, PROVIDERS, SAMPLING, UNKNOWN_TO_OPENAI, quirks_of
from ingate.wire.codec import Target
from ingate.wire.cohere.codec import chat_request
from ingate.wire.efforts import fitted_effort
from ingate.wire.facts import facts_of, reasons, takes_sampling, takes_stop, vendor_format
from ingate.wire.params import ParamTracker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.engines.base import CallReport, Route

# litellm passes these to providers that reject them.
_REJECTED: Final = frozenset(
    {"logprobs", "top_logprobs", "logit_bias", "frequency_penalty", "presence_penalty"}
    | {"top_k", "min_p", "repetition_penalty"}
)
_OPENAIS: Final = frozenset({"openai", "azure"})
# What Cohere has in common with OpenAI, though litellm says it has not.
_KEPT: Final = frozenset({"response_format", "tool_choice", "thinking", "logprobs"})
# Anthropic's temperatures end at 1, OpenAI's at 2: https://platform.claude.com/docs/en/api/messages
_CLAUDES: Final[Mapping[str, Any]] = {"max_temperature": 1}
_ANY: Final = ("low", "medium", "high")
_NONE: Final[frozenset[str]] = frozenset()
_CHAT: Final = frozenset({"chat", "azure", "copilot"})
_OPENAI_LIKE: Final = frozenset({"chat", "azure"})
# litellm's prefix for a model that is to be called through the Responses API.
_RESPONSES: Final = "responses/"


def fit(call: dict[str, Any], route: Route, report: CallReport) -> None:
    """Adapt a call's parameters to its model, in place.

    Raises:
        BadRequestError: The model does not accept a parameter, and the policy is `strict`.
    """
    facts = facts_of(_target(route), route.wire_format)
    params = ParamTracker(call, policy=route.drop_params, model=route.model)
    _fit_effort(call, params, facts)
    if route.wire_format in _CHAT:
        _drop_sampling(call, params, facts)
        fit_temperature(params, call, facts, route.provider)
        unknown = UNKNOWN_TO_OPENAI if route.provider in _OPENAIS else _NONE
        for name in sorted(_REJECTED & (quirks_of(route.provider).refused | unknown) & call.keys()):
            params.drop(name, f"{route.provider} rejects it")
            del call[name]
    elif vendor_format(route.model) == "messages":
        fit_temperature(params, call, _CLAUDES, route.provider)
        if facts.get("one_sampling") and {"temperature", "top_p"} <= call.keys():
            params.drop("top_p", "this model accepts temperature or top_p, not both")
            del call["top_p"]
    report.dropped += params.dropped
    report.warnings += params.warnings


def _fit_effort(call: dict[str, Any], params: ParamTracker, facts: Mapping[str, Any]) -> None:
    """Adapt the effort, and what is rejected at that effort, in place."""
    effort, levels = call.get("reasoning_effort"), facts.get("efforts")
    if effort not in EFFORTS:
        return
    knob, thinking = facts.get("effort_knob"), facts.get("thinking")
    if effort == "none":
        if knob:  # its default, for which litellm has no word
            del call["reasoning_effort"]
            return
        # litellm itself switches reasoning off where that is possible, in each provider's way.
        if not facts.get("always_reasons") and not (thinking == "budget" and not facts.get("thinking_off")):
            return
        levels = [level for level in levels or _ANY if level != "none"]
    elif thinking is False:
        params.drop("reasoning_effort", "this model does not reason")
        del call["reasoning_effort"]
        return
    levels = facts.get("bedrock_efforts", levels) if knob else levels
    if levels and effort not in levels:
        call["reasoning_effort"] = fitted_effort(params, effort, levels)
    for name in facts.get("refused_at", {}).get(call["reasoning_effort"], ()):
        if name in call:
            params.drop(name, "the model rejects it at this effort")
            del call[name]


def write_messages(call: dict[str, Any], route: Route) -> None:
    """Leave out of the messages what OpenAI-like providers reject, in place: litellm passes on the fields of other providers.

    What goes to the Responses API stays: litellm reads reasoning of earlier turns there.
    """
    messages = call.get("messages")
    if responses_prefix(call, route):
        return
    if route.wire_format not in _OPENAI_LIKE or route.provider not in PROVIDERS or not isinstance(messages, list):
        return
    facts, quirks = facts_of(_target(route), route.wire_format), quirks_of(route.provider)
    # Without a base URL litellm calls the provider itself.
    strict = is_strict(route.provider, route.api_base or "") or (route.provider == "openai" and not route.api_base)
    call["messages"] = messages_for(
        messages,
        replace(quirks, accepts=quirks.accepts | REASONING) if facts.get("reasoning_back") else quirks,
        strict=strict or facts.get("unknown_fields", True) is False,
        text_results=False,
    )
    if strict and isinstance(tools := call.get("tools"), list):
        call["tools"] = tools_for(tools)


def write_answer_form(call: dict[str, Any], route: Route) -> None:
    """Ask Claude on Vertex AI for an answer by schema through the API's own field, in place, where the model has it.

    litellm offers the answer as a tool unless its catalog lists the field for Vertex AI. A current Claude cannot be made to
    call that tool, and answers in prose.
    """
    form = call.get("response_format")
    if route.wire_format != "messages" or not route.provider.startswith("vertex") or not isinstance(form, dict):
        return
    wrapper = form.get("json_schema")
    schema = wrapper.get("schema") if isinstance(wrapper, dict) else None
    if isinstance(schema, dict) and facts_of(_target(route), "messages").get("structured") == "schema":
        del call["response_format"]
        call["output_format"] = {"type": "json_schema", "schema": schema}


def write_cohere(call: dict[str, Any], route: Route, report: CallReport) -> None:
    """Write a call's parameters as Cohere's API has them, in place, for litellm to hand over as they are.

    litellm sends OpenAI's request to Cohere, with four parameters under Cohere's names: tools that lack what Cohere requires,
    messages with what it does not know, and neither `response_format` nor `tool_choice`.

    Raises:
        BadRequestError: Cohere's API cannot express the request, or the model does not accept a parameter, and the policy
            is `strict`.
    """
    # Stays apart: among litellm's arguments an `api_base` in it would redirect the key.
    apart = {name: call.pop(name) for name in ("extra_body", "stream_options") if name in call}
    body, params = chat_request(call, _target(route))
    report.dropped += params.dropped
    report.warnings += params.warnings
    call.clear()
    call.update(body)
    call.update(apart)
    call["allowed_openai_params"] = sorted(_KEPT & body.keys())


def _drop_sampling(call: dict[str, Any], params: ParamTracker, facts: Mapping[str, Any]) -> None:
    """Leave out, in place, what the model does not accept while it reasons; litellm does so for OpenAI's models only."""
    effort = call.get("reasoning_effort")
    names = set() if takes_sampling(facts, effort) else set(SAMPLING)
    if not takes_stop(facts, effort):
        names.add("stop")
    for name in sorted(names & call.keys()):
        if not (name in NEUTRAL and call[name] == NEUTRAL[name]):
            params.drop(name, "the model rejects it")
        del call[name]


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
