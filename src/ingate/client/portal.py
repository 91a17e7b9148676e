"""An event loop in a thread, for synchronous callers.

Built on the standard library rather than on anyio's blocking portal, because the garbage collector may stop this one
from any thread, its own included, and must not block there.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import threading
import weakref
from concurrent.futures import CancelledError as FutureCancelledError
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

T = TypeVar("T")

EXIT_GRACE_S: Final = 5.0
"""How long the interpreter waits at exit for a portal that was not closed, in seconds."""


class PortalClosedError(Exception):
    """The portal's event loop has ended, or is about to."""


class Portal:
    """Runs coroutines in an event loop in a thread of its own. May be used from any thread, and inside a running loop.

    The thread starts with the first coroutine. It holds no reference to the portal's owner, so the owner's finalizer
    can `stop()` it. The interpreter stops it at exit.

    Args:
        at_end: Awaited in the loop at its end, after all other tasks were cancelled. Not called if no coroutine was
            ever run.
    """

    def __init__(self, at_end: Callable[[], Awaitable[None]] | None = None) -> None:
        self._at_end = at_end
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._process = 0
        self._closed = False
        self._failure: Exception | None = None

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run the coroutine that `work` returns, wait for it, and return its result.

        If the caller is interrupted while it waits (Ctrl-C), the coroutine is cancelled.

        Raises:
            PortalClosedError: The portal was closed before the call or during it.
            RuntimeError: Called in the portal's own thread, which would deadlock.
            Exception: Whatever the coroutine raised.
        """
        if self.inside():
            raise RuntimeError("a sync call inside ingate's own event loop would deadlock; use the async client")
        # Under the lock, so that a coroutine that is accepted is queued in the loop before a `stop()`.
        with self._lock:
            if self._closed:
                raise PortalClosedError("the client is closed")
            future = asyncio.run_coroutine_threadsafe(work(), self._running_loop())
        try:
            return future.result()
        except FutureCancelledError:
            raise PortalClosedError("the client was closed while the call was running") from None
        except BaseException:
            future.cancel()
            raise

    def inside(self) -> bool:
        """Whether the caller is running in the portal's own thread."""
        return self._thread is threading.current_thread()

    def stop(self) -> None:
        """Cancel all tasks, await `at_end` and end the thread, without waiting for any of it."""
        with self._lock:
            closed, self._closed = self._closed, True
            if closed or self._loop is None or self._stopping is None or self._process != os.getpid():
                return
            self._loop.call_soon_threadsafe(self._stopping.set)

    def close(self, *, timeout_s: float | None = None) -> None:
        """Like `stop()`, but wait until the thread has ended, for at most `timeout_s` seconds (None: no limit).

        Raises:
            Exception: Whatever `at_end` raised.
        """
        self.stop()
        if self._thread is None or self._process != os.getpid() or self.inside():
            return
        self._thread.join(timeout_s)
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        # A forked child process inherits the object but not the thread.
        if self._thread is None or self._process != os.getpid():
            ready = threading.Event()
            self._process = os.getpid()
            self._thread = threading.Thread(target=self._main, args=(ready,), name="ingate portal", daemon=True)
            self._thread.start()
            ready.wait()
            _running.add(self)
        assert self._loop is not None
        return self._loop

    def _main(self, ready: threading.Event) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._serve(ready))

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        ready.set()
        await self._stopping.wait()
        while remaining := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in remaining:
                task.cancel()
            # Repeated every second, in case a task suppresses the cancellation.
            ended, _ = await asyncio.wait(remaining, timeout=1.0)
            for task in ended:
                if not task.cancelled():
                    task.exception()  # marks it as retrieved
        if self._at_end is not None:
            try:
                await self._at_end()
            except Exception as error:  # noqa: BLE001 - raised again by close()
                self._failure = error


_running: weakref.WeakSet[Portal] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Close the portals that are still open, while threads can still run."""
    for portal in list(_running):
        with contextlib.suppress(Exception):  # the interpreter is exiting
            portal.close(timeout_s=EXIT_GRACE_S)
