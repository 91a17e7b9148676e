"""One HTTP exchange with an ASGI application in the same event loop, streaming both ways of time.

No HTTP library here: the transports wrap this for whichever one an SDK uses.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from ingate.serve.call import CANCELS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingate.serve.call import ASGIApp, Message, Scope

AHEAD: Final = 16
"""How many pieces of an answer may wait for the reader before the application has to: a socket's buffer, in small.

A model that is faster than its reader is read several pieces at a time, which saves a change of task, or of thread,
for each of them; one that is slower is read piece by piece as it speaks.
"""

HeaderPairs = list[tuple[bytes, bytes]]


# An event loop holds its tasks weakly. Without this, an answer that is dropped unread could be collected together with
# the task behind it, before that task is cancelled in order. A loop's end cancels its tasks, which empties this too.
_running: set[asyncio.Task[None]] = set()


class ResponseTimeoutError(Exception):
    """The application said nothing for as long as the caller would wait."""


class BrokenExchangeError(Exception):
    """The application ended without an answer, or was cancelled from elsewhere."""


class Exchange:
    """A request that the application is answering, in a task of its own.

    The application runs at most `AHEAD` pieces ahead of the reader. `aclose()` ends its task and waits for that, so
    that nothing is left in the event loop; every way out of an exchange goes through it.

    Args:
        app: The application. Its task is cancelled when the reader leaves, which the scope tells it.
        scope: The request, as from `http_scope`.
        body: The request's body.
    """

    def __init__(self, app: ASGIApp, scope: Scope, body: bytes) -> None:
        self.status: int | None = None
        self.headers: HeaderPairs = []
        self.loop = asyncio.get_running_loop()
        self._body: bytes | None = body
        self._pieces: list[bytes] = []
        self._ended = False
        self._reader: asyncio.Future[bool] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._left = asyncio.Event()
        self._task = self.loop.create_task(_run(app, scope, self._receive, self._send), name="ingate request")
        _running.add(self._task)
        self._task.add_done_callback(self._end)

    @property
    def done(self) -> bool:
        """Whether the application's task has ended."""
        return self._task.done()

    async def start(self, timeout_s: float | None) -> None:
        """Wait until the application has sent a status; `status` and `headers` hold it then.

        Raises:
            ResponseTimeoutError: It did not within `timeout_s` seconds (None waits for ever).
            BrokenExchangeError: It ended without one.
            Exception: Whatever the application raised.
        """
        while self.status is None:
            if self._task.done():
                self._raise_failure()
                raise BrokenExchangeError("the application ended without an answer")
            await self._wait(timeout_s)

    async def read(self, timeout_s: float | None) -> bytes | None:
        """What has come of the answer's body, as soon as anything has; None after the end.

        Raises:
            ResponseTimeoutError: There was none within `timeout_s` seconds.
            Exception: Whatever the application raised in the middle of its answer.
        """
        while not self._pieces:
            if self._ended:
                return None
            if self._task.done():
                self._raise_failure()
                raise BrokenExchangeError("the application ended in the middle of its answer")
            await self._wait(timeout_s)
        if self._writer is not None:
            _settle(self._writer, None)
        return self._taken()

    def whole(self) -> bytes | None:
        """The body, where all of it has come and the application is done; None where there is more to wait for."""
        if not self._ended or not self._task.done() or self._task.cancelled() or self._task.exception() is not None:
            return None
        return self._taken()

    async def aclose(self) -> None:
        """End the application's task, and return when it has ended. May be called twice."""
        self._left.set()
        if self._task.done():
            return
        from anyio import CancelScope  # every httpx brings it

        cancelled: asyncio.CancelledError | None = None
        self._task.cancel()
        # A caller in a cancelled anyio scope would be woken on every turn of the loop instead of waiting.
        with CancelScope(shield=True):
            while not self._task.done():
                try:
                    ended, _ = await asyncio.wait({self._task}, timeout=1.0)
                except asyncio.CancelledError as error:
                    cancelled = error
                else:
                    if not ended:  # for code that swallows a cancellation
                        self._task.cancel()
        if cancelled is not None:
            raise cancelled

    def cancel_soon(self) -> None:
        """Have the application's task end, without waiting. From any thread."""
        if not self._task.done() and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._task.cancel)

    def _raise_failure(self) -> None:
        if self._task.cancelled():
            # Not ours: the caller was not cancelled and must not look as though it had been.
            raise BrokenExchangeError("the request was cancelled inside the application")
        if (error := self._task.exception()) is not None:
            raise error

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", ()))
        elif message["type"] == "http.response.body" and not self._ended:
            while len(self._pieces) >= AHEAD:
                self._writer = self.loop.create_future()
                await self._writer
            if body := message.get("body", b""):
                self._pieces.append(body)
            self._ended = not message.get("more_body", False)
        self._wake_reader()

    async def _wait(self, timeout_s: float | None) -> None:
        """Until something happened, or `timeout_s` seconds are over."""
        self._reader = reader = self.loop.create_future()
        timer = None if timeout_s is None else self.loop.call_later(timeout_s, _settle, reader, False)
        try:
            if not await reader:
                raise ResponseTimeoutError
        finally:
            self._reader = None
            if timer is not None:
                timer.cancel()

    def _end(self, task: asyncio.Task[None]) -> None:
        _running.discard(task)
        if not task.cancelled():
            task.exception()  # marks it as seen: who reads to the end is told, who closes early does not want to know
        self._wake_reader()

    def _wake_reader(self) -> None:
        if self._reader is not None:
            _settle(self._reader, True)

    def _taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def http_scope(method: str, path: str, raw_path: bytes, query: bytes, headers: Iterable[tuple[bytes, bytes]]) -> Scope:
    """The ASGI scope of a request that never was on a network."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": raw_path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in headers],
        "client": None,
        "server": ("ingate", None),
        "extensions": {CANCELS: {}},
    }


async def _run(app: ASGIApp, scope: Scope, receive: Any, send: Any) -> None:
    await app(scope, receive, send)


def _settle(future: asyncio.Future[Any], result: object) -> None:
    if not future.done():
        future.set_result(result)
