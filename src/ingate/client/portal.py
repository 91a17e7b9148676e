"""An event loop in a thread, for callers that are not async.

The standard library's pieces rather than a ready-made portal: the garbage collector may close this one from any
thread, its own included, and must neither wait for itself nor hold up the thread it happens to run in.
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
"""How long the interpreter's end waits for a portal that nobody closed, in seconds."""


class PortalClosedError(Exception):
    """The event loop is gone, and with it what ran in it."""


class Portal:
    """Runs coroutines in an event loop of its own, from any thread, inside a running event loop too.

    The thread starts with the first coroutine. It knows nothing of who uses the portal, so a user that is garbage
    collected can `stop()` it; the interpreter's end stops it as well.

    Args:
        at_end: Awaited in the loop as the last thing, after everything still running was cancelled. Never called
            where no coroutine ever ran.
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
        """What the coroutine that `work` makes returns or raises.

        If the caller is interrupted while it waits (Ctrl-C), the coroutine is cancelled.

        Raises:
            PortalClosedError: The portal was closed, before or meanwhile.
            RuntimeError: Called in the portal's own thread, which would wait for itself.
        """
        if self.inside():
            raise RuntimeError("a sync call inside ingate's own event loop would wait for itself; use the async client")
        # In the lock, so that whatever gets in is in the loop's queue before `stop()` is.
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
        """Whether the caller runs in the portal's own thread."""
        return self._thread is threading.current_thread()

    def stop(self) -> None:
        """Have everything cancelled, `at_end` awaited and the thread ended, without waiting for it."""
        with self._lock:
            closed, self._closed = self._closed, True
            if closed or self._loop is None or self._stopping is None or self._process != os.getpid():
                return
            self._loop.call_soon_threadsafe(self._stopping.set)

    def close(self, *, timeout_s: float | None = None) -> None:
        """`stop()`, and wait until the thread has ended, at most `timeout_s` seconds (None: as long as it takes).

        Raises:
            Exception: What `at_end` raised.
        """
        self.stop()
        if self._thread is None or self._process != os.getpid() or self.inside():
            return
        self._thread.join(timeout_s)
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        # A forked child has the object, and not the thread.
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
        while rest := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in rest:
                task.cancel()
            # Again every second, for code that swallows a cancellation.
            ended, _ = await asyncio.wait(rest, timeout=1.0)
            for task in ended:
                if not task.cancelled():
                    task.exception()  # marks it as seen; it was going to be cancelled
        if self._at_end is not None:
            try:
                await self._at_end()
            except Exception as error:  # noqa: BLE001 - told to whoever closes
                self._failure = error


_running: weakref.WeakSet[Portal] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Stop the portals that nobody closed, while a thread can still end in order."""
    for portal in list(_running):
        with contextlib.suppress(Exception):  # nobody is left to tell
            portal.close(timeout_s=EXIT_GRACE_S)
