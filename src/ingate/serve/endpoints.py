"""Which endpoint answers which path, and what each does."""

from __future__ import annotations

import base64
import sys
from array import array
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from ingate._version import __version__
from ingate.errors import ContextTooLongError, MethodNotAllowedError, ModelNotFoundError, NotSupportedError
from ingate.serve.call import Call, metadata_headers
from ingate.wire.chat.downstream import check_embeddings
from ingate.wire.downstream import encode_events
from ingate.wire.responses.downstream_stream import refused

if TYPE_CHECKING:
    from ingate.serve.call import Scope
    from ingate.wire.passthrough import Api

Handler = Callable[[Call], Awaitable[None]]


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
    """`POST /v1/embeddings`, in the encoding that was asked for, whichever the provider uses."""
    check_embeddings(call.body)
    answer = await call.gateway.embed(call.body, retries=0)
    convert = _to_base64 if call.body.get("encoding_format") == "base64" else _to_floats
    data = [{**row, "embedding": convert(row.get("embedding"))} for row in answer.get("data") or ()]
    await call.reply({**answer, "data": data})


def _to_base64(vector: Any) -> Any:
    """32-bit floats, little-endian, as OpenAI packs them; SDKs ask for it by default."""
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
    """`GET /health`: whether the application runs, and its version. No provider is asked."""
    await call.reply({"status": "ok", "version": __version__})


async def list_models(call: Call) -> None:
    """`GET /v1/models`: every model that would answer now."""
    await call.reply({"object": "list", "data": await call.gateway.models()})


async def retrieve_model(call: Call) -> None:
    """`GET /v1/models/{id}`; ids contain slashes."""
    wanted = call.endpoint.removeprefix("/models/")
    models = await call.gateway.models()
    for model in models:
        if model.get("id") == wanted:
            await call.reply(model)
            return
    raise ModelNotFoundError(f"no model {wanted!r} is ready", fix="ingate models --ready lists those that are")


# Paths are without the mount point and `/v1`. One that ends in a slash takes everything below it.
ENDPOINTS: Final[Mapping[str, Mapping[str, Handler]]] = {
    "/chat/completions": {"POST": chat_completions},
    "/embeddings": {"POST": embeddings},
    "/health": {"GET": health},
    "/messages": {"POST": messages},
    "/models": {"GET": list_models},
    "/models/": {"GET": retrieve_model},
    "/responses": {"POST": responses},
    "/responses/compact": {"POST": compact},
}


def endpoint(scope: Scope) -> str:
    """The request's path without the place the application is mounted at, and without `/v1`."""
    path, root = scope["path"], scope.get("root_path", "").rstrip("/")
    # Some servers leave the mount point in the path, as the specification asks; some take it out.
    for prefix in (root, "/v1"):
        if prefix and (path == prefix or path.startswith(prefix + "/")):
            path = path[len(prefix) :]
    return path.rstrip("/") or "/"


def api_of(path: str) -> Api:
    """The API whose errors a client of an endpoint understands."""
    return "messages" if path == "/messages" or path.startswith("/messages/") else "chat"


def handler(method: str, path: str) -> Handler:
    """What answers `method` on an endpoint.

    Raises:
        NotSupportedError: ingate does not have the endpoint (501). Clients do not retry that.
        MethodNotAllowedError: It has the endpoint, but not that method (405).
    """
    methods = ENDPOINTS.get(path) or _below(path)
    if methods is None:
        served = ", ".join(f"/v1{name}" for name in ENDPOINTS if not name.endswith("/"))
        raise NotSupportedError(
            f"ingate does not serve {method} /v1{path}", fix=f"it serves {served}; call a provider's own API instead"
        )
    found = methods.get("GET" if method == "HEAD" else method)
    if found is None:
        raise MethodNotAllowedError(f"/v1{path} takes {' or '.join(methods)}, not {method}", allowed=tuple(methods))
    return found


def _below(path: str) -> Mapping[str, Any] | None:
    return next((found for name, found in ENDPOINTS.items() if name.endswith("/") and path.startswith(name)), None)
