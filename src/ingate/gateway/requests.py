"""Preparing a caller's request: a chat request for an engine, or a request in another API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, get_args

from ingate.errors import BadRequestError
from ingate.providers import providers
from ingate.wire.adapt import Adapted, adapt
from ingate.wire.chat.quirks import quirks_of
from ingate.wire.chat.shape import check_shape
from ingate.wire.codec import Target
from ingate.wire.facts import facts_of
from ingate.wire.params import ParamTracker
from ingate.wire.passthrough import Api, ApiRequest
from ingate.wire.reasoning_state import own_state
from ingate.wire.thinking import strip_block_indexes

if TYPE_CHECKING:
    from ingate.engines.base import CallReport, Route

# The engines that call a provider. The local one accepts what llama.cpp does, and tests script their own.
ADAPTED_ENGINES: Final = frozenset({"native", "litellm"})
CHAT_FORMATS: Final = frozenset({"chat", "azure", "copilot"})
_LENGTHS: Final = frozenset({"max_tokens", "max_completion_tokens"})


def chat_request(route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
    """The request for an engine: without `model` and `stream`, which the Route covers, and with the spec's parameters."""
    own = {"model", "stream"}
    # Two names of one limit: the spec's value wins, under either name.
    if not _LENGTHS.isdisjoint(route.params):
        own |= _LENGTHS
    made = {**{name: value for name, value in body.items() if name not in own}, **route.params}
    check_shape(made)
    if isinstance(messages := made.get("messages"), list):
        made["messages"] = [strip_block_indexes(message) for message in messages]
    most = route.facts.get("max_output_tokens")
    for name in _LENGTHS:
        limit = made.get(name)
        if isinstance(most, int) and isinstance(limit, int) and limit > most > 0:
            made[name] = most
            report.warnings.append(f"{name} was lowered from {limit} to {most}, the most that {route.model} returns")
    return made


def with_own_reasoning(route: Route, chat: dict[str, Any], report: CallReport) -> dict[str, Any]:
    """The request without reasoning that only another provider can read; each kind left out is a warning."""
    messages = chat.get("messages")
    if not isinstance(messages, list):
        return chat
    wire_format = route.wire_format if route.engine == "native" else ""
    own, warnings = own_state(messages, route.provider, wire_format)
    if not warnings:
        return chat
    report.warnings += warnings
    return {**chat, "messages": own}


def with_own_search(route: Route, chat: dict[str, Any], report: CallReport, api: Api) -> dict[str, Any]:
    """The request without a web search that the model's chat completions do not have, which is reported.

    A client of chat completions that asks for a search itself gets the provider's own answer; Responses and Messages
    clients send the tool whichever model they call.

    Raises:
        BadRequestError: The drop policy is `strict`.
    """
    is_chat = route.engine == "native" and route.wire_format in CHAT_FORMATS
    if api == "chat" or not is_chat or not isinstance(chat.get("web_search_options"), dict) or _searches(route):
        return chat
    tracker = ParamTracker(chat, policy=route.drop_params, model=route.model)
    tracker.drop("web_search", f"{route.provider} has no web search for this model")
    report.dropped += tracker.dropped
    report.warnings += tracker.warnings
    return {name: value for name, value in chat.items() if name != "web_search_options"}


def _searches(route: Route) -> bool:
    """Whether a model's chat completions take `web_search_options`; a server that nobody has described may."""
    if route.provider in providers():
        return quirks_of(route.provider).web_search or bool(facts_of(target_of(route), "chat").get("web_search"))
    return True


def accepted_request(route: Route, chat: dict[str, Any], report: CallReport, *, stream: bool = False) -> Adapted:
    """The closest request that the route's model accepts; each change that loses something is reported.

    An answer that does not conform to its schema is reported, too, when it comes.

    Raises:
        BadRequestError: The model does not accept something in the request, and `drop_params` is `strict`.
    """
    if route.engine not in ADAPTED_ENGINES:
        return Adapted(chat)
    made = adapt(
        chat,
        target_of(route, stream=stream),
        route.wire_format,
        report.warnings,
        by_litellm=route.engine == "litellm",
    )
    report.dropped += made.dropped
    report.warnings += made.warnings
    return made


def target_of(route: Route, *, stream: bool = False) -> Target:
    """What the facts about a route's model depend on."""
    return Target(
        model=route.model,
        api_base=route.api_base or "",
        provider=route.provider,
        stream=stream,
        facts=route.facts,
        drop_params=route.drop_params,
    )


def api_request(
    api: Api,
    body: Mapping[str, Any],
    headers: Mapping[str, str] | None,
    *,
    stream: bool,
    limits: Mapping[str, float | None] | None = None,
) -> ApiRequest:
    if not isinstance(body, Mapping):
        raise not_a_mapping(body)
    if api not in get_args(Api):
        raise BadRequestError(f"api={api!r} is not one of {', '.join(get_args(Api))}")
    made = {**body, "stream": True} if stream else {name: value for name, value in body.items() if name != "stream"}
    lowered = {name.lower(): value for name, value in (headers or {}).items()}
    return ApiRequest(api=api, body=made, headers=lowered, limits=limits or {})


def not_a_mapping(body: object) -> BadRequestError:
    return BadRequestError(
        f"a request must be a mapping, but this is {type(body).__name__}", fix="pass {'model': …, 'messages': […]}"
    )
