"""One HTTP exchange with an ASGI application in the same event loop, with a streamed response.

It knows no HTTP library: the transports adapt it to httpx and httpx2.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from ingate.serve.call import CANCELS, LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.serve.call import ASGIApp, Message, Scope

MAX_BUFFERED: Final = 16
"""How many pieces of a body are buffered before the application has to wait for the reader.

With a buffer, a reader that is slower than the model gets several pieces at a time, which saves a switch of tasks, or
of threads, for each of them. A faster reader gets each piece as it comes.
"""

HeaderPairs = list[tuple[bytes, bytes]]


# Strong references, because an event loop holds only weak ones: a response that is dropped unread could otherwise be
# garbage collected together with its task, before the task is cancelled. A task removes itself when it ends.
_running: set[asyncio.Task[None]] = set()


class ResponseTimeoutError(Exception):
    """The application sent nothing within the caller's time limit."""


class BrokenExchangeError(Exception):
    """The application ended without a complete response, or something else cancelled it."""


class Exchange:
    """A request that the application answers in a task of its own.

    The application may be up to `MAX_BUFFERED` pieces ahead of the reader. `aclose()` ends its task and waits for that,
    so that nothing is left in the event loop; every exchange must be closed or read to its end.

    Args:
        app: The application. Its task is cancelled if the reader leaves, as the scope announces.
        scope: The request, from `http_scope`.
        body: The body of the request.

    Attributes:
        status: The response's HTTP status; None until `start()` has returned.
        headers: The response's headers, as pairs of bytes.
        loop: The event loop the exchange runs in.
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
        self._disconnected = asyncio.Event()
        self._task = self.loop.create_task(_run(app, scope, self._receive, self._send), name="ingate request")
        _running.add(self._task)
        self._task.add_done_callback(self._on_end)

    @property
    def done(self) -> bool:
        """Whether the application's task has ended."""
        return self._task.done()

    async def start(self, timeout_s: float | None) -> None:
        """Wait until the application has sent its status and headers.

        Raises:
            ResponseTimeoutError: It did not within `timeout_s` seconds (None: no limit).
            BrokenExchangeError: It ended without sending them.
            Exception: Whatever the application raised.
        """
        while self.status is None:
            if self._task.done():
                self._raise_failure()
                raise BrokenExchangeError("the application ended without a response")
            await self._wait(timeout_s)

    async def read(self, timeout_s: float | None) -> bytes | None:
        """The part of the body that has arrived, as soon as there is any; None after the end.

        Raises:
            ResponseTimeoutError: Nothing arrived within `timeout_s` seconds (None: no limit).
            BrokenExchangeError: The application ended before the body was complete.
            Exception: Whatever the application raised.
        """
        while not self._pieces:
            if self._ended:
                return None
            if self._task.done():
                self._raise_failure()
                raise BrokenExchangeError("the application ended in the middle of its response")
            await self._wait(timeout_s)
        if self._writer is not None:
            _set_result(self._writer, None)
        return self._take()

    def whole(self) -> bytes | None:
        """The complete body if the application has ended, None if there is more to wait for."""
        if not self._ended or not self._task.done() or self._task.cancelled() or self._task.exception() is not None:
            return None
        return self._take()

    async def aclose(self) -> None:
        """Cancel the application's task and wait for its end. May be called twice."""
        self._disconnected.set()
        if self._task.done():
            return
        from anyio import CancelScope  # a dependency of httpx and httpx2

        cancelled: asyncio.CancelledError | None = None
        self._task.cancel()
        # Without the shield, a cancelled anyio scope of the caller would interrupt the wait at every turn of the loop.
        with CancelScope(shield=True):
            while not self._task.done():
                try:
                    ended, _ = await asyncio.wait({self._task}, timeout=1.0)
                except asyncio.CancelledError as error:
                    cancelled = error
                else:
                    if not ended:  # the application suppressed the cancellation
                        self._task.cancel()
        if cancelled is not None:
            raise cancelled

    def cancel_soon(self) -> None:
        """Cancel the application's task without waiting for its end. May be called from any thread."""
        if not self._task.done() and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._task.cancel)

    def _raise_failure(self) -> None:
        if self._task.cancelled():
            # The caller itself was not cancelled, so it must not see a CancelledError.
            raise BrokenExchangeError("the request was cancelled inside the application")
        if (error := self._task.exception()) is not None:
            raise error

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._disconnected.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", ()))
        elif message["type"] == "http.response.body" and not self._ended:
            while len(self._pieces) >= MAX_BUFFERED:
                self._writer = self.loop.create_future()
                await self._writer
            if body := message.get("body", b""):
                self._pieces.append(body)
            self._ended = not message.get("more_body", False)
        self._wake_reader()

    async def _wait(self, timeout_s: float | None) -> None:
        """Wait for a message from the application, or for its end, for at most `timeout_s` seconds."""
        self._reader = reader = self.loop.create_future()
        timer = None if timeout_s is None else self.loop.call_later(timeout_s, _set_result, reader, False)
        try:
            if not await reader:
                raise ResponseTimeoutError
        finally:
            self._reader = None
            if timer is not None:
                timer.cancel()

    def _on_end(self, task: asyncio.Task[None]) -> None:
        _running.discard(task)
        if not task.cancelled():
            task.exception()  # marks it as retrieved: a reader gets it from read(), and after aclose() nobody wants it
        self._wake_reader()

    def _wake_reader(self) -> None:
        if self._reader is not None:
            _set_result(self._reader, True)

    def _take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def http_scope(
    method: str,
    path: str,
    raw_path: bytes,
    query: bytes,
    headers: Iterable[tuple[bytes, bytes]],
    limits: Mapping[str, float | None] | None = None,
) -> Scope:
    """The ASGI scope of an in-process request; `limits` are the caller's own time limits."""
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
        "extensions": {CANCELS: {}, LIMITS: limits or {}},
    }


async def _run(app: ASGIApp, scope: Scope, receive: Any, send: Any) -> None:
    await app(scope, receive, send)


def _set_result(future: asyncio.Future[Any], result: object) -> None:
    if not future.done():
        future.set_result(result)
