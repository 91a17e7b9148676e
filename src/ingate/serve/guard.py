"""What stands before the application on a socket: the bearer key, the Host check, CORS, and the access log."""

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
_OPEN: Final = frozenset({"/health"})  # tells nothing but that it runs, so that a load balancer needs no key
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
        key: What a caller must send as `Authorization: Bearer …` or `x-api-key`; compared in constant time. None for
            a server that only this machine reaches: then the `Host` header must name it, which keeps out web pages
            that point a name of their own at it.
        cors: Origins whose pages may call it (`"https://app.example"`, `"*"` for all); none by default.
        log: Whether each request is told to the logger `ingate.access`: who, method, path, status, time, model. Never
            a query, a header, a body.
    """

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        seen = _Seen()
        told_to = _telling(send, seen, _cors_headers(headers, cors))
        begun_s = time.monotonic()
        try:
            if cors and scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
                await _answer(told_to, 204, {}, b"")
            elif (error := _refusal(scope, headers, key)) is not None:
                await _refuse(told_to, endpoint(scope), error)
            else:
                await app(scope, receive, told_to)
        finally:
            if log and access.isEnabledFor(logging.INFO):
                access.info("%s", _line(scope, seen, time.monotonic() - begun_s))

    return guard


class _Seen:
    """What the log tells of an answer."""

    def __init__(self) -> None:
        self.status = 0
        self.spec = self.request_id = "-"
        self.whole = False


def _refusal(scope: Scope, headers: Mapping[bytes, bytes], key: Secret | None) -> IngateError | None:
    if key is None:
        host = headers.get(b"host", b"").decode("latin-1").strip().lower()
        name = host if host.startswith("[") and host.endswith("]") else host.rpartition(":")[0] or host
        if name in _LOCAL_HOSTS or not host:
            return None
        return PermissionDeniedError(
            f"this server is for this machine alone, and was called as {host!r}",
            fix="call it as http://127.0.0.1, or start it with --key-file",
        )
    if endpoint(scope) in _OPEN:
        return None
    given = _given(headers)
    if not given:
        return AuthenticationError(
            "this server needs its key, and the request has none",
            code="missing_api_key",
            fix="send the header `Authorization: Bearer KEY`; the key is in the server's key file",
        )
    if not hmac.compare_digest(given, key.reveal().encode()):
        return AuthenticationError(
            "the key is not this server's", fix="the key is in the file that `ingate serve` names when it starts"
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


def _telling(send: Send, seen: _Seen, extra: list[tuple[bytes, bytes]]) -> Send:
    """`send`, with headers added and what passes noted."""

    async def told_to(message: Message) -> None:
        if message["type"] == "http.response.start":
            seen.status = message["status"]
            for name, value in message["headers"]:
                if name == b"x-ingate-spec":
                    seen.spec = value.decode("latin-1")
                elif name == b"x-request-id":
                    seen.request_id = value.decode("latin-1")
            if extra:
                message = {**message, "headers": [*message["headers"], *extra]}
        elif message["type"] == "http.response.body" and not message.get("more_body"):
            seen.whole = True
        await send(message)

    return told_to


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


def _line(scope: Scope, seen: _Seen, seconds: float) -> str:
    who = (scope.get("client") or ("-",))[0]
    path = "".join(letter if letter.isprintable() else "?" for letter in scope["path"])[:200]
    status = f"{seen.status}" if seen.whole else f"{seen.status or '-'} left"
    return f"{who} {scope['method']} {path} {status} {seconds * 1000:.0f} ms {seen.spec} {seen.request_id}"
