"""The ASGI application: three client APIs over a gateway, on a socket, in another application, or in-process."""

from __future__ import annotations

import contextlib
import logging
import uuid
from typing import TYPE_CHECKING

from ingate.errors import IngateError, InternalError
from ingate.serve.call import CANCELS, LIMITS, Call, ClientDisconnectedError, decode_body, read_body, until_disconnect
from ingate.serve.endpoints import Handler, api_of, endpoint, handler, takes_no_body

if TYPE_CHECKING:
    from ingate.serve.call import ASGIApp, GatewayLike, Receive, Scope, Send

logger = logging.getLogger("ingate.serve")


def create_app(gateway: GatewayLike) -> ASGIApp:
    """An ASGI application that speaks OpenAI's Chat Completions and Responses and Anthropic's Messages.

    It can be mounted in Starlette or FastAPI (`app.mount("/v1", create_app(gateway))`), served at the root of a
    socket with or without `/v1` in the paths, or called in-process. Unsupported endpoints respond with 501 and a body that
    names the endpoint. When a server that runs it at the root shuts down, it closes the gateway; a mounted application
    receives no shutdown event, so the gateway's owner has to close it.

    It checks neither keys nor `Host` nor `Origin`: that is the policy of the application that mounts it, and of `guarded`
    for a server of its own. It does require JSON's content type, which a page of another origin can send only after a
    preflight request.

    Args:
        gateway: The gateway. Its `IngateError`s become the statuses and error JSON of the API that was called.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            with contextlib.suppress(ClientDisconnectedError):
                await _answer(gateway, scope, receive, send)
        elif kind == "lifespan":
            await _live(gateway, receive, send)
        elif kind == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000, "reason": "ingate has no websocket endpoint"})
        else:
            raise ValueError(f"an ASGI scope of type {kind!r} is unknown")

    return app


async def _answer(gateway: GatewayLike, scope: Scope, receive: Receive, send: Send) -> None:
    path = endpoint(scope)
    extensions = scope.get("extensions") or {}
    call = Call(
        gateway=gateway,
        method=scope["method"],
        endpoint=path,
        api=api_of(path, dict(scope["headers"])),
        send=send,
        request_id=f"req_{uuid.uuid4().hex}",
        headers=dict(scope["headers"]),
        query=scope.get("query_string", b""),
        limits=extensions.get(LIMITS) or {},
        in_process=CANCELS in extensions,
    )
    try:
        found = handler(call.method, call.endpoint)
        if call.method == "POST":
            call.content = await read_body(receive, call.headers)
            if call.content or not takes_no_body(path):
                call.body = decode_body(call.content)
    except IngateError as error:
        await call.refuse(error)
        return
    work = _handle(found, call)
    if call.in_process:
        await work
    else:
        await until_disconnect(receive, work)


async def _handle(found: Handler, call: Call) -> None:
    """Run an endpoint; an exception before its response begins becomes an error response."""
    try:
        await found(call)
    except IngateError as error:
        if call.started:
            raise
        await call.refuse(error)
    except ClientDisconnectedError:
        raise
    except Exception as error:
        if call.started:
            raise
        # Only the class: the text of an unexpected error may contain anything, including a key.
        logger.exception("request %s failed", call.request_id)
        fault = InternalError(
            f"ingate failed on this request ({type(error).__name__}); its log has the traceback",
            fix=f"search the log of `ingate.serve` for {call.request_id}, and report it",
        )
        await call.refuse(fault)


async def _live(gateway: GatewayLike, receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            try:
                await gateway.aclose()
            except Exception as error:
                logger.exception("closing the gateway failed")
                await send({"type": "lifespan.shutdown.failed", "message": type(error).__name__})
            else:
                await send({"type": "lifespan.shutdown.complete"})
            return
