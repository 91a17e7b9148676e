"""uvicorn's server with its own accept loop, a watch over connections, and an end that always comes.

Only `server.py` imports this module, because it needs uvicorn.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from ingate.serve.connection import Connection
from ingate.serve.listener import Listener

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Generator
    from types import FrameType

    from ingate.serve.limits import Limits

logger = logging.getLogger("ingate.serve")

_CHECK_S: Final = 1.0
_POLL_S: Final = 0.05
_CUT_S: Final = 2.0
_CLOSE_S: Final = 5.0
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Server(uvicorn.Server):
    """Serves until the first signal, then lets requests finish for `grace_s`; at the second signal it cuts them.

    Args:
        config: uvicorn's.
        limits: The limits.
        most_connections: How many connections may be open.
        grace_s: How long running requests may take after the first signal, in seconds.
        ready: Called once requests are accepted.
        stopping: Called in the event loop at each signal, with the number of running requests and whether they are cut.
        signalled: Called in the signal handler itself, with how many signals there have been; it must not block.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        limits: Limits,
        most_connections: int,
        grace_s: float,
        ready: Callable[[], None] | None,
        stopping: Callable[[int, bool], None] | None,
        signalled: Callable[[int], None] | None,
    ) -> None:
        super().__init__(config)
        self._limits = limits
        self._most_connections = most_connections
        self._grace_s = grace_s
        self._ready = ready
        self._stopping = stopping
        self._signalled = signalled
        self._signals = 0
        self._listeners: list[Listener] = []
        self._watch: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        # Python's own handlers run even while the event loop does not, and uvicorn's would raise the signal again at the
        # end, which would kill the process after a clean shutdown.
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()

        def on_signal(number: int, frame: FrameType | None) -> None:
            del number, frame
            self._signals += 1
            if self._signalled is not None:
                self._signalled(self._signals)
            loop.call_soon_threadsafe(self.stop)

        before = {number: signal.signal(number, on_signal) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def stop(self) -> None:
        """Finish running requests and end; when called again, cut them."""
        cut, self.should_exit = self.should_exit, True
        self.force_exit = self.force_exit or cut
        if self._stopping is not None:
            with contextlib.suppress(OSError):
                self._stopping(len(self.server_state.tasks), cut)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(1)
        loop = asyncio.get_running_loop()
        self.servers = []

        def connect() -> Connection:
            return Connection(
                limits=self._limits,
                config=self.config,
                server_state=self.server_state,
                app_state=self.lifespan.state,
                _loop=loop,
            )

        connections: Any = self.server_state.connections
        self._listeners = [Listener(bound, connect, connections, self._most_connections) for bound in sockets or ()]
        self._watch = loop.create_task(self._check_connections(), name="ingate connection watch")
        self.started = True
        if self._ready is not None:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in self._listeners:
            await listener.aclose()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if not await self._ended_within(self._grace_s):
            await self._cut()
        if self._watch is not None:
            self._watch.cancel()
        try:
            await asyncio.wait_for(self.lifespan.shutdown(), _CLOSE_S)
        except TimeoutError:
            logger.warning("closing the gateway took more than %d s", _CLOSE_S)

    async def _ended_within(self, seconds: float) -> bool:
        """Wait until no connection and no request is left; False if time is up, or at a second signal."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + seconds
        while self.server_state.connections or self.server_state.tasks:
            if self.force_exit or loop.time() >= until_s:
                return False
            await asyncio.sleep(_POLL_S)
        return True

    async def _cut(self) -> None:
        # The application sees its clients leave, and ends by itself; a task that does not is cancelled.
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        tasks = set(self.server_state.tasks)
        if not tasks:
            return
        _, left = await asyncio.wait(tasks, timeout=_CUT_S)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_CUT_S)

    async def _check_connections(self) -> None:
        loop = asyncio.get_running_loop()
        shortest_s = min(
            self._limits.header_timeout_s, self._limits.idle_timeout_s, self._limits.send_timeout_s, _CHECK_S * 4
        )
        while True:
            await asyncio.sleep(shortest_s / 4)
            now_s = loop.time()
            connections: Any = list(self.server_state.connections)
            for connection in connections:
                connection.check(now_s)
