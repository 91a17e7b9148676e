"""One connection of a server: uvicorn's HTTP/1.1 protocol, with the time limits that it lacks.

Only `server.py` imports this module, because it needs uvicorn. h11 is used even if a faster parser is installed, so that
what is accepted as HTTP does not depend on it.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from typing import TYPE_CHECKING, Any, Final

import h11
import msgspec
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from ingate.serve.limits import Limits

# A client that vanished without closing its connection is noticed after two minutes, also while a model thinks.
_KEEPALIVE_AFTER_S: Final = 60
_KEEPALIVE_EVERY_S: Final = 15
_KEEPALIVE_PROBES: Final = 4
_READ_BYTES: Final = 64 * 1024  # at a time; asyncio's 256 kB of small chunks would block the loop for seconds
_MOST_CHUNKS: Final = 4096
_LEAST_CHUNK_BYTES: Final = 32
_REASONS: Final = {
    400: "Bad Request",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}


def bare_response(status: int, code: str, message: str, *, fix: str, retry_after_s: int | None = None) -> bytes:
    """A whole HTTP response, for a connection that has no valid request to answer; it closes the connection."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    error = {"message": message, "type": kind, "param": None, "code": code, "fix": fix}
    body = msgspec.json.encode({"error": error})
    lines = [f"HTTP/1.1 {status} {_REASONS[status]}", "content-type: application/json", f"content-length: {len(body)}"]
    if retry_after_s is not None:
        lines += [f"retry-after: {retry_after_s}", "x-should-retry: true"]
    return "\r\n".join([*lines, "connection: close", "", ""]).encode() + body


class _Parser(h11.Connection):
    """h11, without requests whose bodies come in very many very small chunks: each chunk costs as much as a large one."""

    _chunks = 0
    _bytes = 0

    def next_event(self) -> Any:
        """The next event; see h11."""
        event = super().next_event()
        if isinstance(event, h11.Data):
            self._chunks += 1
            self._bytes += len(event.data)
            if self._chunks > _MOST_CHUNKS and self._bytes < self._chunks * _LEAST_CHUNK_BYTES:
                raise h11.RemoteProtocolError("the chunks of the body are too small")
        elif isinstance(event, h11.Request):
            self._chunks = self._bytes = 0
        return event


class Connection(H11Protocol):
    """A connection that is closed if its client takes too long.

    A watch calls `check` about once per second; a timer for each phase of each request would cost more.

    Args:
        limits: The limits.
        arguments: uvicorn's own.
    """

    def __init__(self, *, limits: Limits, **arguments: Any) -> None:
        super().__init__(**arguments)
        most = self.config.h11_max_incomplete_event_size
        self.conn = _Parser(h11.SERVER, **({} if most is None else {"max_incomplete_event_size": most}))
        self.limits = limits
        self._since_s = self.loop.time()  # the last end of a response, or the first byte of a request after that
        self._is_new = True
        self._stalled_since_s: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        with contextlib.suppress(AttributeError):  # asyncio's own transports have it, uvloop's do not
            transport.max_size = _READ_BYTES  # ty: ignore[missing-attribute]
        if (peer := transport.get_extra_info("socket")) is not None:
            _keep_alive(peer)

    def data_received(self, data: bytes) -> None:
        if self.conn.their_state is h11.IDLE and not self._is_new and not self.conn.trailing_data[0]:
            self._since_s = self.loop.time()
        super().data_received(data)
        if self._is_new and self.conn.their_state is not h11.IDLE:
            self._is_new = False

    def on_response_complete(self) -> None:
        self._since_s = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        self._stalled_since_s = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._stalled_since_s = None
        super().resume_writing()

    def idle_since_s(self) -> float | None:
        """Since when, by the loop's clock, it has had no complete request to answer; None if it has one."""
        if self.cycle is not None and not self.cycle.response_complete:
            return None
        return self._since_s

    def check(self, now_s: float) -> None:
        """Close the connection if its client is overdue."""
        if self._stalled_since_s is not None and now_s - self._stalled_since_s > self.limits.send_timeout_s:
            self.transport.abort()
            return
        since_s = self.idle_since_s()
        if since_s is None or self.transport.is_closing():
            return
        waited_s = now_s - since_s
        if self.conn.their_state is h11.SEND_BODY:  # answered before its body was complete
            if waited_s > self.limits.body_timeout_s:
                self.transport.abort()
        elif self.conn.trailing_data[0]:
            if waited_s > self.limits.header_timeout_s:
                self._refuse(408, "request_timeout", "the request's headers were not received in time")
        elif waited_s > (self.limits.header_timeout_s if self._is_new else self.limits.idle_timeout_s):
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not valid HTTP. uvicorn calls this in the handler of h11's exception."""
        error = sys.exception()
        status = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        reason = f"{msg.rstrip('.')}: {error}" if error else msg
        self._refuse(status if status in _REASONS else 400, "invalid_http", reason)

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: the request is answered without the upgrade, and uvicorn would advise to install a library."""

    def shutdown(self) -> None:
        with contextlib.suppress(h11.LocalProtocolError):  # an invalid request has been answered already
            super().shutdown()

    def _refuse(self, status: int, code: str, message: str) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # the application must not write after this response
            self.cycle.message_event.set()
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            fix = "send a complete HTTP/1.1 request with valid headers"
            self.transport.write(bare_response(status, code, message, fix=fix))
        self.transport.close()


def _keep_alive(peer: socket.socket) -> None:
    with contextlib.suppress(OSError):
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (
            ("TCP_KEEPIDLE", _KEEPALIVE_AFTER_S),
            ("TCP_KEEPINTVL", _KEEPALIVE_EVERY_S),
            ("TCP_KEEPCNT", _KEEPALIVE_PROBES),
        ):
            if (option := getattr(socket, name, None)) is not None:
                peer.setsockopt(socket.IPPROTO_TCP, option, value)
