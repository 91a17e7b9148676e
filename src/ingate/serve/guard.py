"""Middleware for the application on a socket: the bearer key, the Host check, CORS, and the access log."""

from __future__ import annotations

import hmac
import logging
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.errors import AuthenticationError, IngateError, PermissionDeniedError
from ingate.serve.endpoints import api_of, endpoint
from ingate.wire.downstream import error_body
from ingate.wire.errors import error_to_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.secret import Secret
    from ingate.serve.call import ASGIApp, Message, Receive, Scope, Send

access = logging.getLogger("ingate.access")

_LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
_OPEN: Final = frozenset({"/health"})  # reveals only that the server runs, so that a load balancer needs no key
_KEY_HEADERS: Final = (b"x-api-key", b"api-key")  # Anthropic's SDK sends the first, Azure's the second
_CORS: Final = {
    "access-control-allow-methods": "GET, POST, OPTIONS",
    "access-control-allow-headers": "*, authorization, content-type, x-api-key",
    "access-control-expose-headers": "*",
    "access-control-max-age": "600",
}


def guarded(app: ASGIApp, *, key: Secret | None, cors: tuple[str, ...] = (), log: bool = True) -> ASGIApp:
    """`app` behind a guard.

    Args:
        app: The application.
        key: The key that a caller must send as `Authorization: Bearer …` or `x-api-key`; compared in constant time. None
            for a server that only this machine can reach: then the `Host` header must name this machine, which excludes web
            pages whose own host name resolves to it.
        cors: Origins whose pages may call it (`"https://app.example"`, `"*"` for all); none by default.
        log: Whether each request is logged to `ingate.access`: client, method, path, status, time, model. Queries, headers
            and bodies are never logged.
    """

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        outcome = _Outcome()
        observed = _observed(send, outcome, _cors_headers(headers, cors))
        begun_s = time.monotonic()
        try:
            if cors and scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
                await _answer(observed, 204, {}, b"")
            elif (error := _refusal(scope, headers, key)) is not None:
                await _refuse(observed, endpoint(scope), error)
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


def _refusal(scope: Scope, headers: Mapping[bytes, bytes], key: Secret | None) -> IngateError | None:
    if key is None:
        host = headers.get(b"host", b"").decode("latin-1").strip().lower()
        name = host if host.startswith("[") and host.endswith("]") else host.rpartition(":")[0] or host
        if name in _LOCAL_HOSTS or not host:
            return None
        return PermissionDeniedError(
            f"this server accepts only requests for this machine, but the Host header is {host!r}",
            fix="call it as http://127.0.0.1, or start it with --key-file",
        )
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


def _cors_headers(headers: Mapping[bytes, bytes], cors: tuple[str, ...]) -> list[tuple[bytes, bytes]]:
    origin = headers.get(b"origin", b"").decode("latin-1")
    if not cors or not origin or not ("*" in cors or origin in cors):
        return []
    allowed = {"access-control-allow-origin": "*" if "*" in cors else origin, "vary": "Origin", **_CORS}
    return [(name.encode(), value.encode("latin-1")) for name, value in allowed.items()]


def _observed(send: Send, outcome: _Outcome, extra: list[tuple[bytes, bytes]]) -> Send:
    """`send`, with headers added to the response and its details recorded in `outcome`."""

    async def observed(message: Message) -> None:
        if message["type"] == "http.response.start":
            outcome.status = message["status"]
            for name, value in message["headers"]:
                if name == b"x-ingate-spec":
                    outcome.spec = value.decode("latin-1")
                elif name == b"x-request-id":
                    outcome.request_id = value.decode("latin-1")
            if extra:
                message = {**message, "headers": [*message["headers"], *extra]}
        elif message["type"] == "http.response.body" and not message.get("more_body"):
            outcome.complete = True
        await send(message)

    return observed


async def _refuse(send: Send, path: str, error: IngateError) -> None:
    status, headers, _ = error_to_response(error)
    answer = error_body(api_of(path), error, "")
    await _answer(send, status, {**headers, "www-authenticate": "Bearer"}, msgspec.json.encode(answer))


async def _answer(send: Send, status: int, headers: Mapping[str, str], body: bytes) -> None:
    pairs: list[Any] = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    if status != 204:
        pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


def _line(scope: Scope, outcome: _Outcome, seconds: float) -> str:
    client = (scope.get("client") or ("-",))[0]
    path = "".join(letter if letter.isprintable() else "?" for letter in scope["path"])[:200]
    status = f"{outcome.status}" if outcome.complete else f"{outcome.status or '-'} left"
    return f"{client} {scope['method']} {path} {status} {seconds * 1000:.0f} ms {outcome.spec} {outcome.request_id}"
