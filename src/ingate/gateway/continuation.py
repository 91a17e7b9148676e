"""Requests of the Responses API that refer to stored items: references are resolved first, and answers stored afterwards.

References to items that the provider stores itself are left alone; all others are replaced by the items.
"""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ingate.errors import InvalidRequestError
from ingate.gateway.stored import ResponseStore
from ingate.wire.responses.providers import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ingate.engines.base import Route
    from ingate.wire.passthrough import ApiRequest

logger = logging.getLogger("ingate")

_CONTINUES = ("previous_response_id", "conversation")


class Continuations:
    """A gateway's stored responses, and the requests that continue them.

    Args:
        path: The file of the store; None for memory.
        enabled: Whether anything is stored.
    """

    def __init__(self, path: Path | None = None, *, enabled: bool = True) -> None:
        self._path = path
        self._enabled = enabled
        self._opened: ResponseStore | None = None

    @property
    def store(self) -> ResponseStore | None:
        """The store, opened when first needed; None if nothing is stored or it cannot be opened."""
        if self._opened is None and self._enabled:
            try:
                self._opened = ResponseStore(self._path)
            except (sqlite3.Error, OSError) as error:
                logger.warning("responses are not stored: %s cannot be opened (%s)", self._path, error)
                self._enabled = False
        return self._opened

    def close(self) -> None:
        """Close the store. May be called twice."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def resolve(self, request: ApiRequest, route: Route, *, passed_through: bool) -> ApiRequest:
        """The request with every reference replaced that its provider cannot resolve.

        Args:
            request: The client's request.
            route: Where it goes.
            passed_through: Whether it is passed through.

        Raises:
            InvalidRequestError: It refers to something that is not stored; names the field.
        """
        if request.api != "responses":
            return request
        keeper = route.provider if passed_through and _stores(route.provider) else ""
        given = request.body.get("input")
        refers = isinstance(given, list) and any(_reference(item) for item in given)
        if not refers and not any(request.body.get(name) for name in _CONTINUES):
            return request
        history = self._history(request.body, keeper)
        items = [self._item(item, place, keeper) for place, item in enumerate(given)] if refers else None
        if items == given:  # the provider has all of them: the request keeps its bytes
            items = None
        if history is None and items is None:
            return request
        body = dict(request.body)
        if items is not None:
            body["input"] = items
        if history is None:
            return replace(request, body=body, content=None)
        if passed_through:
            own = body.get("input")
            own = [{"role": "user", "content": own}] if isinstance(own, str) else own or []
            body["input"] = [*history, *own]
            for name in _CONTINUES:
                body.pop(name, None)
            return replace(request, body=body, content=None)
        return replace(request, body=body, content=None, history=tuple(history))

    def keep(self, request: ApiRequest, response: Mapping[str, Any], route: Route, *, passed_through: bool) -> None:
        """Store an answer, unless the caller sent `store: false`.

        Args:
            request: The request as the client sent it.
            response: The complete response object.
            route: The route that served it.
            passed_through: Whether the provider answered in its own Responses API.
        """
        if request.body.get("store") is False or (store := self.store) is None:
            return
        given = request.body.get("input")
        items = [given] if isinstance(given, str) else given if isinstance(given, list) else []
        keeper = route.provider if passed_through and _stores(route.provider) else ""
        previous = request.body.get("previous_response_id")
        try:
            store.keep(
                response,
                items,
                spec=str(route.spec),
                provider=keeper,
                previous=previous if isinstance(previous, str) else None,
            )
            conversation = _conversation_id(request.body)
            if conversation and store.conversation(conversation) is not None:
                store.extend(conversation, [*items, *(response.get("output") or ())])
        except sqlite3.Error as error:
            logger.warning("a response was not stored: %s", error)

    def _history(self, body: Mapping[str, Any], keeper: str) -> list[dict[str, Any]] | None:
        """The items that a request continues; None if there are none to add."""
        store = self.store
        conversation = _conversation_id(body)
        if conversation and body.get("previous_response_id"):
            raise InvalidRequestError(
                "'previous_response_id' and 'conversation' exclude each other",
                param="previous_response_id",
                code="mutually_exclusive_parameters",
            )
        if conversation:
            if store is not None and store.conversation(conversation) is not None:
                return [_sendable(item) for item in store.conversation_items(conversation)]
            if keeper:
                return None
            raise InvalidRequestError(
                f"Conversation with id {conversation!r} not found.",
                param="conversation",
                status=404,
                code="conversation_not_found",
                fix="create it with POST /v1/conversations, or send the whole conversation as 'input'",
            )
        previous = body.get("previous_response_id")
        if not previous:
            return None
        turn = store.turn(str(previous)) if store is not None else None
        if keeper and (turn is None or turn.provider == keeper):
            return None
        history = store.history(str(previous)) if store is not None and turn is not None else None
        if history is None:
            raise InvalidRequestError(
                f"Previous response with id {previous!r} not found.",
                param="previous_response_id",
                code="previous_response_not_found",
                fix="send the whole conversation as 'input', with the output items of earlier responses in it",
            )
        return [_sendable(item) for item in history]

    def _item(self, item: Any, place: int, keeper: str) -> Any:
        wanted = _reference(item)
        if not wanted:
            return item
        found = self.store.item(wanted) if self.store is not None else None
        if keeper and (found is None or found[1] == keeper):
            return item
        if found is None:
            raise InvalidRequestError(
                f"Item with id {wanted!r} not found.",
                param=f"input[{place}]",
                status=404,
                code="item_not_found",
                fix="send the item itself, or leave store on for the response that it came from",
            )
        return _sendable(found[0])


def _stores(provider: str) -> bool:
    row = PROVIDERS.get(provider)
    return row is not None and row.stores


def _reference(item: Any) -> str:
    """The id that an `item_reference` names. Its type may be omitted."""
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        return ""
    kind = item.get("type")
    return item["id"] if kind == "item_reference" or (kind is None and item.keys() <= {"id", "type"}) else ""


def _conversation_id(body: Mapping[str, Any]) -> str:
    value = body.get("conversation")
    if isinstance(value, dict):
        value = value.get("id")
    return value if isinstance(value, str) else ""


def _sendable(item: dict[str, Any]) -> dict[str, Any]:
    """An item without the id that ingate created for listing it."""
    if "_ingate" in str(item.get("id", "")):
        return {name: value for name, value in item.items() if name != "id"}
    return item
