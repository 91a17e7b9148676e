"""How much of the machine a server's clients may use."""

from __future__ import annotations

from dataclasses import dataclass

MIN_BODY_BYTES_PER_S: int = 10_000
"""The slowest upload that is waited for, once `body_timeout_s` has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a server on a socket.

    Attributes:
        header_timeout_s: How long a client may take to send a request's headers, and a new connection to send anything.
        body_timeout_s: How long it may take to send the body; every 10 kB received allow one second more.
        idle_timeout_s: How long an idle connection is kept open for the client's next request.
        send_timeout_s: How long a client may read nothing of a response that waits for it.
        max_connections: Open connections. Beyond it, the longest idle ones are closed, and if none is idle, the new
            connection is answered with 503.
        max_requests: Requests that run at the same time. Others are answered with 503 and `Retry-After`.
        max_buffered_bytes: The sum of the bodies of all running requests. A request that would exceed it is answered with
            503 and `Retry-After`.
    """

    header_timeout_s: float = 10.0
    body_timeout_s: float = 30.0
    idle_timeout_s: float = 60.0
    send_timeout_s: float = 60.0
    max_connections: int = 2048
    max_requests: int = 512
    max_buffered_bytes: int = 512 * 1024 * 1024
