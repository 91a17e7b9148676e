"""The endpoints, and which paths they serve."""

from __future__ import annotations

import base64
import sys
from array import array
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote

from ingate._version import __version__
from ingate.errors import (
    ContextTooLongError,
    InvalidRequestError,
    MethodNotAllowedError,
    ModelNotFoundError,
    NotSupportedError,
)
from ingate.serve import stored
from ingate.serve.call import Call, metadata_headers
from ingate.wire.chat.downstream import check_embeddings
from ingate.wire.events import encode_events
from ingate.wire.responses.downstream_request import refused

if TYPE_CHECKING:
    from ingate.serve.call import Scope
    from ingate.wire.passthrough import Api

Handler = Callable[[Call], Awaitable[None]]
_MOST_MODELS: Final = 1000


async def chat_completions(call: Call) -> None:
    """`POST /v1/chat/completions`: OpenAI's chat completions."""
    await _respond(call, "chat")


async def responses(call: Call) -> None:
    """`POST /v1/responses`: OpenAI's Responses."""
    await _respond(call, "responses")


async def compact(call: Call) -> None:
    """`POST /v1/responses/compact`: only OpenAI compacts a conversation; clients do it themselves on a 404.

    Raises:
        NotSupportedError: Always, as a 404.
    """
    raise NotSupportedError(
        f"ingate has no /v1{call.endpoint}: it does not compact conversations",
        status=404,
        fix="ask the model for a summary, and send it as the new conversation's first message",
    )


async def messages(call: Call) -> None:
    """`POST /v1/messages`: Anthropic's Messages."""
    await _respond(call, "messages")


async def _respond(call: Call, api: Api) -> None:
    try:
        # The client retries, and one layer that does is enough.
        reply = await call.gateway.respond(call.request(api), retries=0, request_id=call.request_id)
    except ContextTooLongError as error:
        if api != "responses" or not call.body.get("stream") or error.response is not None:
            raise
        events = encode_events(api, refused(call.body, error, call.request_id))
        await call.reply_bytes(events, headers={"content-type": "text/event-stream; charset=utf-8"})
        return
    content = reply.content()
    if content is None:
        await call.stream(reply)
    else:
        headers = {"content-type": reply.content_type, **metadata_headers(reply.metadata())}
        await call.reply_bytes(content, headers=headers)


async def embeddings(call: Call) -> None:
    """`POST /v1/embeddings`, in the requested encoding, whichever the provider uses."""
    check_embeddings(call.body)
    answer = await call.gateway.embed(call.body, retries=0, timeout=call.limits)
    convert = _to_base64 if call.body.get("encoding_format") == "base64" else _to_floats
    data = [{**row, "embedding": convert(row.get("embedding"))} for row in answer.get("data") or ()]
    await call.reply({**answer, "data": data})


def _to_base64(vector: Any) -> Any:
    """32-bit floats, little-endian, as OpenAI encodes them; SDKs request this by default."""
    if not isinstance(vector, list):
        return vector
    return base64.b64encode(_little_endian(array("f", vector)).tobytes()).decode("ascii")


def _to_floats(vector: Any) -> Any:
    if not isinstance(vector, str):
        return vector
    return _little_endian(array("f", base64.b64decode(vector))).tolist()


def _little_endian(values: array[float]) -> array[float]:
    if sys.byteorder == "big":
        values.byteswap()
    return values


async def health(call: Call) -> None:
    """`GET /health`: whether the application runs, and its version. No provider is called."""
    await call.reply({"status": "ok", "version": __version__})


async def root(call: Call) -> None:
    """`GET` and `HEAD /`: what this server is. Claude Code uses it to check that the server runs."""
    await call.reply(
        {"name": "ingate", "version": __version__, "apis": ["/v1/chat/completions", "/v1/responses", "/v1/messages"]}
    )


async def count_tokens(call: Call) -> None:
    """`POST /v1/messages/count_tokens`: the provider's count, else an estimate marked as one."""
    await call.reply(await call.gateway.count_tokens(call.request("messages")))


async def input_tokens(call: Call) -> None:
    """`POST /v1/responses/input_tokens`: the provider's count, else an estimate marked as one."""
    await call.reply(await call.gateway.count_tokens(call.request("responses")))


async def list_models(call: Call) -> None:
    """`GET /v1/models`: every model that would answer now; in Anthropic's format for Anthropic's clients."""
    models = await call.gateway.models()
    if not _is_anthropic(call):
        await call.reply({"object": "list", "data": models})
        return
    query = {name: values[-1] for name, values in parse_qs(call.query.decode("latin-1")).items()}
    await call.reply(_anthropic_page([_anthropic_model(model) for model in models], query))


def _anthropic_page(models: list[dict[str, Any]], query: Mapping[str, str]) -> dict[str, Any]:
    """One page of a list, by `limit`, `after_id` and `before_id`: https://platform.claude.com/docs/en/api/models-list."""
    try:
        limit = int(query.get("limit", 20))
    except ValueError:
        limit = 0
    if not 1 <= limit <= _MOST_MODELS:
        raise InvalidRequestError(f"limit must be a number from 1 to {_MOST_MODELS}", param="limit")
    ids = [model["id"] for model in models]
    before, after = query.get("before_id"), query.get("after_id")
    if before in ids:
        end = ids.index(before)
        page, has_more = models[max(0, end - limit) : end], end > limit
    else:
        start = ids.index(after) + 1 if after in ids else 0
        page, has_more = models[start : start + limit], len(models) > start + limit
    return {
        "data": page,
        "has_more": has_more,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
    }


def _anthropic_model(model: Mapping[str, Any]) -> dict[str, Any]:
    created = datetime.fromtimestamp(model.get("created") or 0, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    name = model.get("display_name") or model["id"]
    return {"type": "model", "id": model["id"], "display_name": name, "created_at": created}


def _is_anthropic(call: Call) -> bool:
    """Whether the client uses Anthropic's API, which shares this path with OpenAI's."""
    return b"anthropic-version" in call.headers


async def retrieve_model(call: Call) -> None:
    """`GET /v1/models/{id}`; ids contain slashes."""
    wanted = unquote(call.endpoint.removeprefix("/models/"))
    models = await call.gateway.models()
    for model in models:
        if model.get("id") == wanted:
            await call.reply(_anthropic_model(model) if _is_anthropic(call) else model)
            return
    raise ModelNotFoundError(f"no model {wanted!r} is ready", fix="`ingate models --ready` lists the models that are")


# Paths are without the mount point and `/v1`. One that ends in a slash takes everything below it.
ENDPOINTS: Final[Mapping[str, Mapping[str, Handler]]] = {
    "/": {"GET": root},
    "/chat/completions": {"POST": chat_completions},
    "/embeddings": {"POST": embeddings},
    "/health": {"GET": health},
    "/conversations": {"POST": stored.create_conversation},
    "/conversations/": {"GET": stored.conversations, "POST": stored.conversations, "DELETE": stored.conversations},
    "/messages": {"POST": messages},
    "/messages/count_tokens": {"POST": count_tokens},
    "/models": {"GET": list_models},
    "/models/": {"GET": retrieve_model},
    "/responses": {"POST": responses},
    "/responses/compact": {"POST": compact},
    "/responses/input_tokens": {"POST": input_tokens},
    "/responses/": {"GET": stored.responses, "POST": stored.responses, "DELETE": stored.responses},
}


def endpoint(scope: Scope) -> str:
    """The request's path without the application's mount point and without `/v1`."""
    path, root = scope["path"], scope.get("root_path", "").rstrip("/")
    # Some servers leave the mount point in the path, as the specification requires; others remove it.
    for prefix in (root, "/v1"):
        if prefix and (path == prefix or path.startswith(prefix + "/")):
            path = path[len(prefix) :]
    return path.rstrip("/") or "/"


def api_of(path: str, headers: Mapping[bytes, bytes] | None = None) -> Api:
    """The API whose error format a client of this endpoint expects."""
    if path == "/messages" or path.startswith("/messages/") or (headers and b"anthropic-version" in headers):
        return "messages"
    return "responses" if path == "/responses" or path.startswith("/responses/") else "chat"


def takes_no_body(path: str) -> bool:
    """Whether a POST to this endpoint needs no body."""
    return path.startswith("/responses/") and path.endswith("/cancel")


def handler(method: str, path: str) -> Handler:
    """The handler of `method` on an endpoint.

    Raises:
        NotSupportedError: ingate does not have the endpoint (501). Clients do not retry that.
        MethodNotAllowedError: The endpoint does not have the method (405).
    """
    methods = ENDPOINTS.get(path) or _below(path)
    if methods is None:
        served = ", ".join(f"/v1{name}" for name in ENDPOINTS if name[-1] != "/")
        raise NotSupportedError(
            f"ingate does not serve {method} /v1{path}", fix=f"it serves {served}; call a provider's own API instead"
        )
    found = methods.get("GET" if method == "HEAD" else method)
    if found is None:
        raise MethodNotAllowedError(f"/v1{path} accepts {' or '.join(methods)}, not {method}", allowed=tuple(methods))
    return found


def _below(path: str) -> Mapping[str, Any] | None:
    return next(
        (found for name, found in ENDPOINTS.items() if len(name) > 1 and name[-1] == "/" and path.startswith(name)),
        None,
    )
