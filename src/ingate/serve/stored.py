"""The endpoints of stored responses and conversations: `/v1/responses/{id}` and `/v1/conversations`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from ingate.errors import AuthenticationError, IngateError, InvalidRequestError, NotSupportedError

if TYPE_CHECKING:
    from ingate.gateway.stored import ResponseStore, Turn
    from ingate.serve.call import Call

_MOST: int = 100  # items of one page, as in OpenAI's API


async def responses(call: Call) -> None:
    """`GET` and `DELETE /v1/responses/{id}`, `GET …/input_items`, `POST …/cancel`."""
    wanted, _, rest = call.endpoint.removeprefix("/responses/").partition("/")
    if rest not in {"", "input_items", "cancel"} or (rest == "cancel") != (call.method == "POST"):
        raise NotSupportedError(f"ingate does not serve {call.method} /v1{call.endpoint}")
    turn = _store(call).turn(wanted)
    if turn is None:
        raise InvalidRequestError(
            f"Response with id {wanted!r} not found.",
            param="response_id",
            status=404,
            code="not_found",
            fix="responses are kept for 30 days, and only if store is not false",
        )
    if turn.provider and (rest == "cancel" or turn.response.get("status") in {"queued", "in_progress"}):
        await _relayed(call, turn, rest)
    elif rest == "cancel":
        raise InvalidRequestError("Only responses made in the background can be cancelled.", param="response_id")
    elif rest:
        await call.reply(_page(call, turn.input))
    elif call.method == "DELETE":
        if turn.provider:
            await _delete_upstream(call, turn)
        _store(call).forget(wanted)
        await call.reply({"id": wanted, "object": "response", "deleted": True})
    else:
        await call.reply(turn.response)


async def create_conversation(call: Call) -> None:
    """`POST /v1/conversations`."""
    items, metadata = call.body.get("items") or [], call.body.get("metadata") or {}
    await call.reply(_store(call).open_conversation(_items(items), metadata))


async def conversations(call: Call) -> None:
    """`GET`, `POST` and `DELETE /v1/conversations/{id}`, and its `items`."""
    wanted, _, rest = call.endpoint.removeprefix("/conversations/").partition("/")
    store = _store(call)
    found = store.conversation(wanted)
    if found is None:
        raise InvalidRequestError(
            f"Conversation with id {wanted!r} not found.", param="conversation_id", status=404, code="not_found"
        )
    if rest == "items" and call.method == "POST":
        await call.reply(_list(store.extend(wanted, _items(call.body.get("items"))), has_more=False))
    elif rest == "items" and call.method == "GET":
        await call.reply(_page(call, store.conversation_items(wanted)))
    elif rest.startswith("items/") and call.method in {"GET", "DELETE"}:
        await _item(call, store, found, rest.removeprefix("items/"))
    elif not rest and call.method == "GET":
        await call.reply(found)
    elif not rest and call.method == "POST":
        metadata = call.body.get("metadata")
        if not isinstance(metadata, dict):
            raise InvalidRequestError("'metadata' must be an object", param="metadata", code="invalid_type")
        store.describe_conversation(wanted, metadata)
        await call.reply({**found, "metadata": metadata})
    elif not rest and call.method == "DELETE":
        store.close_conversation(wanted)
        await call.reply({"id": wanted, "object": "conversation.deleted", "deleted": True})
    else:
        raise NotSupportedError(f"ingate does not serve {call.method} /v1{call.endpoint}")


async def _item(call: Call, store: ResponseStore, conversation: dict[str, Any], wanted: str) -> None:
    """`GET` and `DELETE /v1/conversations/{id}/items/{item}`; the latter answers with the conversation, as OpenAI's."""
    found = next((item for item in store.conversation_items(conversation["id"]) if item.get("id") == wanted), None)
    if found is None:
        raise InvalidRequestError(f"Item with id {wanted!r} not found.", param="item_id", status=404, code="not_found")
    if call.method == "DELETE":
        store.remove_item(conversation["id"], wanted)
        await call.reply(conversation)
    else:
        await call.reply(_listed(found))


def _store(call: Call) -> ResponseStore:
    store = call.gateway.continuations.store
    if store is None:
        raise NotSupportedError(
            "this server stores no responses", fix="start it without --no-store, or send the whole conversation"
        )
    return store


def _items(items: Any) -> list[Any]:
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise InvalidRequestError("'items' must be an array of objects", param="items", code="invalid_type")
    return items


async def _relayed(call: Call, turn: Turn, rest: str) -> None:
    """Forward a request to the provider that stores the response."""
    path = f"/{turn.id}" + (f"/{rest}" if rest else "")
    answer = await call.gateway.relay(turn.spec, path, method=call.method)
    if answer.status == 401:
        raise AuthenticationError(
            f"{turn.provider} rejected the key", provider=turn.provider, spec=turn.spec,
            fix=f"check the key of {turn.provider} with `ingate doctor`",
        )  # fmt: skip
    await call.reply_bytes(answer.content, status=answer.status, headers={"content-type": answer.content_type})


async def _delete_upstream(call: Call, turn: Turn) -> None:
    answer = await call.gateway.relay(turn.spec, f"/{turn.id}", method="DELETE")
    if answer.status >= 400 and answer.status != 404:
        raise IngateError(f"{turn.provider} did not delete the response ({answer.status})", status=answer.status)


def _page(call: Call, items: list[dict[str, Any]]) -> dict[str, Any]:
    """One page of a list, newest first unless `order=asc`, by the query's `limit` and `after`."""
    query = {name: values[-1] for name, values in parse_qs(call.query.decode("latin-1")).items()}
    try:
        limit = int(query.get("limit", 20))
    except ValueError:
        limit = 0
    if not 1 <= limit <= _MOST:
        raise InvalidRequestError(f"'limit' must be a number from 1 to {_MOST}", param="limit")
    ordered = items if query.get("order") == "asc" else items[::-1]
    if after := query.get("after"):
        places = [place for place, item in enumerate(ordered) if item.get("id") == after]
        ordered = ordered[places[0] + 1 :] if places else []
    return _list(ordered[:limit], has_more=len(ordered) > limit)


def _listed(item: dict[str, Any]) -> dict[str, Any]:
    """An item as the API lists it: a message has a status, and its content is a list of parts."""
    if item.get("type") != "message":
        return item
    content = item.get("content")
    if isinstance(content, str):
        part = {"type": "input_text", "text": content}
        if item.get("role") == "assistant":
            part = {"type": "output_text", "text": content, "annotations": [], "logprobs": []}
        content = [part]
    return {"status": "completed", **item, "content": content}


def _list(items: list[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    return {
        "object": "list",
        "data": [_listed(item) for item in items],
        "first_id": items[0]["id"] if items else None,
        "last_id": items[-1]["id"] if items else None,
        "has_more": has_more,
    }
