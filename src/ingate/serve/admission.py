"""Middleware that bounds what running requests use: how many there are, their bodies' memory, and their bodies' time."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from ingate.errors import InvalidRequestError, UnavailableError
from ingate.serve.endpoints import endpoint
from ingate.serve.limits import MIN_BODY_BYTES_PER_S
from ingate.serve.refusal import refuse

if TYPE_CHECKING:
    from ingate.serve.call import ASGIApp, Message, Receive, Scope, Send
    from ingate.serve.limits import Limits

logger = logging.getLogger("ingate.serve")

_RETRY_AFTER_S: Final = 1.0
_MB: Final = 1024 * 1024


def admitted(app: ASGIApp, limits: Limits) -> ASGIApp:
    """`app`, called for at most `limits.max_requests` requests at a time.

    A request beyond that, or whose body would exceed `limits.max_buffered_bytes` together with those of the other running
    requests, is answered with 503, `Retry-After` and the code `server_busy`; one whose body takes too long, with 408.
    `/health` is always answered.
    """
    usage = _Usage(limits)

    async def admission(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or endpoint(scope) == "/health":
            await app(scope, receive, send)
            return
        if usage.requests >= limits.max_requests:
            logger.warning("a request was refused: %d are running (--max-requests)", usage.requests)
            await refuse(send, scope, _busy(f"{usage.requests} requests are running, which is its limit"))
            return
        body = _Body(receive, usage)
        usage.requests += 1
        try:
            length = dict(scope["headers"]).get(b"content-length", b"")
            if length.isdigit() and (error := usage.refusal(int(length[:20]))) is not None:
                await refuse(send, scope, error)
                return
            await app(scope, body.receive, send)
        finally:
            usage.requests -= 1
            usage.buffered_bytes -= body.size

    return admission


class _Usage:
    """What the running requests use at the moment."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.requests = 0
        self.buffered_bytes = 0

    def refusal(self, more: int) -> UnavailableError | None:
        """Why `more` bytes cannot be buffered; None if they can. One request alone always may, up to its own limit."""
        if not self.buffered_bytes or self.buffered_bytes + more <= self.limits.max_buffered_bytes:
            return None
        logger.warning("a request was refused: %d MB of bodies are buffered (--max-buffer)", self.buffered_bytes // _MB)
        return _busy(f"the bodies of the running requests use {self.buffered_bytes // _MB} MB, close to its limit")


class _Body:
    """`receive`, with a deadline for the body and its size counted."""

    def __init__(self, receive: Receive, usage: _Usage) -> None:
        self.size = 0
        self._receive = receive
        self._usage = usage
        self._complete = False
        self._deadline_s: float | None = None

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()
        if self._deadline_s is None:
            self._deadline_s = asyncio.get_running_loop().time() + self._usage.limits.body_timeout_s
        try:
            async with asyncio.timeout_at(self._deadline_s):
                message = await self._receive()
        except TimeoutError:
            self._complete = True
            raise InvalidRequestError(
                f"the body was not received in time ({self.size} bytes so far)",
                status=408,
                code="request_timeout",
                fix="send the body faster; --body-timeout of `ingate serve` is the limit",
            ) from None
        self._complete = message["type"] != "http.request" or not message.get("more_body", False)
        if more := len(message.get("body", b"")):
            if (error := self._usage.refusal(more)) is not None:
                self._complete = True
                raise error
            self.size += more
            self._usage.buffered_bytes += more
            self._deadline_s += more / MIN_BODY_BYTES_PER_S
        return message


def _busy(why: str) -> UnavailableError:
    return UnavailableError(
        f"this server is busy: {why}",
        code="server_busy",
        retry_after_s=_RETRY_AFTER_S,
        fix="try again after the time in Retry-After",
    )
