"""In which format a call reaches its model: passed through in the client's own API, or translated, and into which one.

A Route lists the formats in which its model can be reached, best first. Which of them serves a call depends on the API
that the client called and on what the request asks for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ingate.engines.base import Endpoint
from ingate.wire.facts import model_facts
from ingate.wire.messages.providers import PROVIDERS as MESSAGES_PROVIDERS
from ingate.wire.messages.providers import messages_base
from ingate.wire.responses.providers import PROVIDERS as RESPONSES_PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.catalog import ModelRow
    from ingate.engines.base import Route
    from ingate.wire.passthrough import ApiRequest

# A format's name as a client's API has it; `azure` is chat completions at Azure's addresses.
_VARIANTS: Final[Mapping[str, str]] = {"azure": "chat"}


def endpoints(
    provider: str, wire_format: str, api_base: str | None, row: ModelRow | None, forced: str | None = None
) -> tuple[Endpoint, ...]:
    """Every way to reach a model at a provider, best first.

    Args:
        provider: The provider's name.
        wire_format: The provider's own format for the model.
        api_base: The base URL of that format.
        row: What the catalog knows of the model.
        forced: The only format to use, if the spec or the configuration names one.
    """
    own = Endpoint(wire_format, api_base)
    if api_base is None:
        return (own,)
    listed = frozenset(row.formats) if row is not None else frozenset[str]()
    found = {wire_format: own}
    if wire_format in {"chat", "azure", "ollama"} or not wire_format:
        responses = RESPONSES_PROVIDERS.get(provider)
        if responses is not None and ("responses" in listed if responses.models == "listed" else True):
            found["responses"] = Endpoint("responses", api_base)
        messages = MESSAGES_PROVIDERS.get(provider)
        if messages is not None and ("messages" in listed if messages.models == "listed" else True):
            base = messages_base(provider, api_base)
            if base is not None:
                found["messages"] = Endpoint("messages", base)
        if "completions" in listed and "chat" not in listed:
            found["completions"] = Endpoint("completions", api_base)
    if forced is not None:
        return (
            found.get(forced)
            or next((one for name, one in found.items() if _VARIANTS.get(name) == forced), None)
            or Endpoint(forced, api_base),
        )
    if listed and "chat" not in listed and wire_format in {"chat", "azure"}:
        # The catalog says that chat completions do not serve this model.
        kept = {name: one for name, one in found.items() if name in listed}
        if kept:
            return tuple(kept.values())
    return tuple(found.values())


def passed_through(route: Route, request: ApiRequest) -> Route | None:
    """The Route on which `request` is passed through; None if it has to be translated."""
    if route.engine != "native":
        return None
    endpoint = _endpoint(route, request.api)
    if endpoint is None:
        return None
    if request.api == "chat":
        from ingate.wire.chat.passthrough import is_exact

        body = {**request.body, **route.params}
        if _needs_responses(route, body) or not is_exact(route.provider, route.model, body):
            return None
    return _at(route, endpoint)


def translated_route(route: Route, chat: Mapping[str, Any]) -> Route:
    """The Route for a chat request that is not passed through: at the endpoint that can serve what it asks for."""
    if len(route.endpoints) > 1 and route.wire_format != "responses" and _needs_responses(route, chat):
        endpoint = _endpoint(route, "responses")
        if endpoint is not None:
            return _at(route, endpoint)
    return route


def _needs_responses(route: Route, chat: Mapping[str, Any]) -> bool:
    """Whether the model refuses this request on chat completions: tools together with reasoning, by its facts."""
    if not (chat.get("tools") or chat.get("functions")) or _endpoint(route, "responses") is None:
        return False
    rules = model_facts("openai", route.model.rpartition("/")[2].lower())
    refuses = rules.get("chat_tools")
    if refuses is None:
        return False
    effort = chat.get("reasoning_effort")
    if refuses == "never":
        return True
    return effort != "none" if rules.get("reasons_by_default") else effort not in {None, "none"}


def _endpoint(route: Route, wire_format: str) -> Endpoint | None:
    """The route's endpoint of a format; an address of its own counts as the format it is a variant of."""
    return next(
        (one for one in route.endpoints if _VARIANTS.get(one.wire_format, one.wire_format) == wire_format), None
    )


def _at(route: Route, endpoint: Endpoint) -> Route:
    if endpoint == (route.wire_format, route.api_base):
        return route
    return replace(route, wire_format=endpoint.wire_format, api_base=endpoint.api_base)
