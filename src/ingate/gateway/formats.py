"""The format in which a call reaches its model: passed through in the client's own API, or translated, and into which one.

A Route lists the formats in which its model can be reached, best first. Which of them serves a call depends on the API
that the client called and on the content of the request.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ingate.engines.base import Endpoint
from ingate.gateway.requests import target_of
from ingate.wire.adapt import is_accepted
from ingate.wire.facts import facts_of, known_facts, reasons, vendor_format
from ingate.wire.messages.providers import PROVIDERS as MESSAGES_PROVIDERS
from ingate.wire.messages.providers import messages_base
from ingate.wire.responses.providers import PROVIDERS as RESPONSES_PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingate.catalog import ModelRow
    from ingate.engines.base import Route
    from ingate.wire.passthrough import Api, ApiRequest

# A format → the client API that it is a variant of: `azure` is chat completions at Azure's URLs, `copilot` those of GitHub,
# and `bedrock_invoke` accepts Messages for Claude.
_VARIANTS: Final[Mapping[str, str]] = {"azure": "chat", "copilot": "chat", "bedrock_invoke": "messages"}


def endpoints(
    provider: str, wire_format: str, model: str, api_base: str | None, row: ModelRow | None, forced: str | None = None
) -> tuple[Endpoint, ...]:
    """Every way to reach a model at a provider, best first.

    Args:
        provider: The provider's name.
        wire_format: The provider's own format for the model.
        model: The model's name at the provider.
        api_base: The base URL of that format.
        row: The model's row in the catalog.
        forced: The only format to use, if the spec or the configuration names one.
    """
    own = Endpoint(wire_format, api_base)
    is_claude = vendor_format(model) == "messages"
    if is_claude and provider.startswith("vertex"):
        return (Endpoint("messages", api_base),)
    if is_claude and provider == "bedrock":
        return (own, Endpoint("bedrock_invoke", api_base))
    listed = frozenset(row.formats) if row is not None else frozenset[str]()
    found = {wire_format: own}
    if wire_format in {"chat", "azure", "copilot", "ollama"}:
        responses = RESPONSES_PROVIDERS.get(provider)
        if "responses" in listed or (responses is not None and responses.models == "all"):
            found["responses"] = Endpoint("responses", api_base)
        elif row is None and responses is not None and known_facts(provider, model, "responses").get("responses_only"):
            found = {"responses": Endpoint("responses", api_base)}
        messages = MESSAGES_PROVIDERS.get(provider)
        if messages is not None and (is_claude or not messages.claude_only):
            own_messages = Endpoint("messages", messages_base(provider, api_base or ""))
            if not messages.listed or not listed or "messages" in listed:
                found = (
                    {"messages": own_messages, **found} if messages.preferred else {**found, "messages": own_messages}
                )
        if "completions" in listed:
            found["completions"] = Endpoint("completions", api_base)
    if forced is not None:
        own = own if _VARIANTS.get(wire_format) == forced else Endpoint(forced, api_base)
        return (found.get(forced, own),)
    if listed and "chat" not in listed and wire_format != "ollama":
        # According to the catalog, chat completions do not serve the model. Ollama itself has a chat for every model.
        kept = tuple(one for name, one in found.items() if name in listed)
        return kept or (own,)
    return tuple(one for name, one in found.items() if name != "completions")


def passed_through(
    route: Route, request: ApiRequest, known: Callable[[Route], Route] = lambda route: route
) -> Route | None:
    """The Route on which `request` is passed through; None if it has to be translated.

    Args:
        route: Where calls of the model go.
        request: The client's request.
        known: Adds what earlier rejections said about a Route's model. A chat request that it refuses is not passed through.
    """
    if route.engine != "native":
        return None
    endpoint = _endpoint(route, request.api)
    if endpoint is None:
        return None
    if request.api == "chat":
        from ingate.wire.chat.passthrough import is_exact

        body = {**request.body, **route.params}
        target = target_of(known(_at(route, endpoint)))
        if _needs_responses(route, body) or not is_exact(target, endpoint.wire_format, body):
            return None
        if not is_accepted(body, target, endpoint.wire_format):
            return None
    return _at(route, endpoint)


def responses_route(route: Route) -> Route:
    """The Route at the model's Responses endpoint; the same one if it has none."""
    endpoint = _endpoint(route, "responses")
    return route if endpoint is None else _at(route, endpoint)


def translated_route(route: Route, chat: Mapping[str, Any], api: Api = "chat") -> Route:
    """The Route for a request that is not passed through: at the endpoint that can serve it.

    Args:
        route: Where calls of the model go.
        chat: The request as a chat request.
        api: The API that the client called. One that can carry a provider's reasoning from turn to turn is translated
            into Responses if the provider prefers that.
    """
    endpoint = _endpoint(route, "responses")
    if endpoint is None or route.wire_format not in {"chat", "azure", "copilot"}:
        return route
    row = RESPONSES_PROVIDERS.get(route.provider)
    prefers = api != "chat" and row is not None and row.preferred
    return _at(route, endpoint) if prefers or _needs_responses(route, chat) else route


def _needs_responses(route: Route, chat: Mapping[str, Any]) -> bool:
    """Whether the model rejects this request on chat completions, by its facts: tools, or tools together with reasoning."""
    if not (chat.get("tools") or chat.get("functions")) or _endpoint(route, "responses") is None:
        return False
    facts = facts_of(target_of(route), route.wire_format)
    tools = facts.get("chat_tools", "always")
    if tools == "without_reasoning":
        return reasons(facts, chat.get("reasoning_effort"))
    return tools == "never"


def _endpoint(route: Route, wire_format: str) -> Endpoint | None:
    """The route's endpoint of a format or of a variant of it."""
    return next(
        (one for one in route.endpoints if _VARIANTS.get(one.wire_format, one.wire_format) == wire_format), None
    )


def _at(route: Route, endpoint: Endpoint) -> Route:
    if endpoint == (route.wire_format, route.api_base):
        return route
    return replace(route, wire_format=endpoint.wire_format, api_base=endpoint.api_base)
