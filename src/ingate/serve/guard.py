"""Middleware for the application on a socket: the bearer key, which web pages may call, and the access log."""

from __future__ import annotations

import hmac
import logging
import time
from typing import TYPE_CHECKING, Final

from ingate.errors import AuthenticationError, IngateError, InvalidRequestError
from ingate.secret import RevealedBytes
from ingate.serve.endpoints import endpoint
from ingate.serve.origin import OriginPolicy
from ingate.serve.refusal import refuse, respond

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.secret import Secret
    from ingate.serve.call import ASGIApp, Message, Receive, Scope, Send

access = logging.getLogger("ingate.access")

_OPEN: Final = frozenset({"/health"})  # reveals only that the server runs, so that a load balancer needs no key
_KEY_HEADERS: Final = (b"x-api-key", b"api-key")  # Anthropic's SDK sends the first, Azure's the second
_MOST_HEADERS: Final = 256
# What is decided by one of these must not depend on which of two is read; no client sends one twice.
_ONCE: Final = frozenset(
    {b"authorization", b"content-length", b"content-type", b"host", b"origin", b"sec-fetch-site", *_KEY_HEADERS}
)
_SECRET_HEADERS: Final = frozenset({*_KEY_HEADERS, b"authorization", b"proxy-authorization", b"cookie"})
# For browsers that send no Sec-Fetch-Site: a page can neither run a response as a script nor embed it.
_HARDENING: Final = [(b"x-content-type-options", b"nosniff"), (b"cross-origin-resource-policy", b"same-origin")]


def guarded(app: ASGIApp, *, key: Secret | None, cors: tuple[str, ...] = (), log: bool = True) -> ASGIApp:
    """`app` behind a guard.

    Args:
        app: The application.
        key: The key that a caller must send as `Authorization: Bearer …` or `x-api-key`; compared in constant time. None
            for a server that only this machine can reach: then the `Host` header must name this machine, which excludes web
            pages whose own host name resolves to it.
        cors: Origins whose pages may call it (`"https://app.example"`, `"*"` for all), from `read_origins`. Requests of
            all other pages are answered with 403, on every path; so are those that a page makes without an `Origin`.
        log: Whether each request is logged to `ingate.access`: client, method, path, status, time, model. Queries, headers
            and bodies are never logged.
    """

    policy = OriginPolicy(cors, local_only=key is None)

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        # For whatever prints the frames of an error: uvicorn's, a tracer's, ours.
        scope["headers"] = [
            (name, RevealedBytes(value) if name in _SECRET_HEADERS else value) for name, value in scope["headers"]
        ]
        headers = dict(scope["headers"])
        outcome = _Outcome()
        extra = policy.cors_headers(headers)
        observed = _observed(send, outcome, [*_HARDENING, *extra])
        begun_s = time.monotonic()
        try:
            if (error := _shape_refusal(scope, headers)) is not None:
                await refuse(observed, scope, error, {"connection": "close"})
            elif (error := policy.refusal(headers)) is not None:
                await refuse(observed, scope, error)
            elif extra and scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
                await respond(observed, 204, {}, b"")
            elif key is not None and (error := _key_refusal(scope, headers, key)) is not None:
                await refuse(observed, scope, error)
            else:
                await app(scope, receive, observed)
        finally:
            if log and access.isEnabledFor(logging.INFO):
                access.info("%s", _line(scope, outcome, time.monotonic() - begun_s))

    return guard


class _Outcome:
    """The details of a response for the log."""

    def __init__(self) -> None:
        self.status = 0
        self.spec = self.request_id = "-"
        self.complete = False


def _shape_refusal(scope: Scope, headers: Mapping[bytes, bytes]) -> IngateError | None:
    """Why a request is not answered because of its form: what two programs could read in two ways."""
    count = len(scope["headers"])
    if count > _MOST_HEADERS:
        message = f"the request has {count} headers"
        fix = f"send at most {_MOST_HEADERS} headers"
        return InvalidRequestError(message, status=431, code="too_many_headers", fix=fix)
    if count > len(headers):
        names = [name for name, _ in scope["headers"] if name in _ONCE]
        if len(names) > len(set(names)):
            twice = next(name for name in names if names.count(name) > 1).decode("latin-1")
            return InvalidRequestError(f"the header {twice} occurs twice", code="invalid_http", fix="send it once")
    if b"transfer-encoding" in headers and b"content-length" in headers:
        message = "the request has both a content-length and a transfer-encoding"
        return InvalidRequestError(message, code="invalid_http", fix="send one of them")
    if not scope["path"].startswith("/"):
        # As a proxy is called (`GET http://other.example/`): then the address, not the Host header, names the server.
        message = "the request line contains a whole address instead of a path"
        return InvalidRequestError(message, code="invalid_http", fix="call the server directly, not as a proxy")
    return None


def _key_refusal(scope: Scope, headers: Mapping[bytes, bytes], key: Secret) -> IngateError | None:
    if endpoint(scope) in _OPEN:
        return None
    given = _given(headers)
    if not given:
        return AuthenticationError(
            "this server requires its key, but the request has none",
            code="missing_api_key",
            fix="send the header `Authorization: Bearer KEY`; the key is in the server's key file",
        )
    if not hmac.compare_digest(given, key.reveal().encode()):
        return AuthenticationError(
            "this is not the server's key", fix="the key is in the file that `ingate serve` names when it starts"
        )
    return None


def _given(headers: Mapping[bytes, bytes]) -> bytes:
    scheme, _, value = headers.get(b"authorization", b"").strip().partition(b" ")
    if scheme.lower() == b"bearer" and value.strip():
        return value.strip()
    return next((headers[name].strip() for name in _KEY_HEADERS if headers.get(name)), b"")


def _observed(send: Send, outcome: _Outcome, extra: list[tuple[bytes, bytes]]) -> Send:
    """`send`, with `extra` headers on the response and its details recorded in `outcome`."""

    async def observed(message: Message) -> None:
        if message["type"] == "http.response.start":
            outcome.status = message["status"]
            for name, value in message["headers"]:
                if name == b"x-ingate-spec":
                    outcome.spec = value.decode("latin-1")
                elif name == b"x-request-id":
                    outcome.request_id = value.decode("latin-1")
            message = {**message, "headers": [*message["headers"], *extra]}
        elif message["type"] == "http.response.body" and not message.get("more_body"):
            outcome.complete = True
        await send(message)

    return observed


def _line(scope: Scope, outcome: _Outcome, seconds: float) -> str:
    client = (scope.get("client") or ("-",))[0]
    path = "".join(letter if letter.isprintable() else "?" for letter in scope["path"])[:200]
    status = f"{outcome.status}" if outcome.complete else f"{outcome.status or '-'} left"
    return f"{client} {scope['method']} {path} {status} {seconds * 1000:.0f} ms {outcome.spec} {outcome.request_id}"
