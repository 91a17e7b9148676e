"""Accepts connections: up to a limit, and without a storm of log lines when file descriptors run out.

asyncio's own accept loop tries again for every place in the backlog when no descriptor is left, and logs each time.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections import deque
from typing import TYPE_CHECKING, Final

from ingate.serve.connection import Connection, bare_response

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

logger = logging.getLogger("ingate.serve")

_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 1.0
_EVICT_AFTER_S: Final = 1.0  # a connection that is younger is about to send its request
_EVICT_SHORT_AFTER_S: Final = 0.1  # the same, if there is no descriptor left at all
_EVICTED_PART: Final = 8  # an eighth of the connections at once, so that the search for idle ones is rare
_EVICTED_LEAST: Final = 8
_REPORT_EVERY_S: Final = 60.0
_AT_ONCE: Final = 32  # connections in one turn of the event loop
_LINGER_S: Final = 0.5
_MOST_LINGERING: Final = 32
_RETRY_AFTER_S: Final = 1


class Listener:
    """Accepts the connections of one listening socket.

    Args:
        bound: The listening socket, not blocking.
        connect: Makes the protocol of a connection.
        connections: The open connections, kept by uvicorn.
        most: How many there may be.
    """

    def __init__(
        self,
        bound: socket.socket,
        connect: Callable[[], Connection],
        connections: Collection[Connection],
        most: int,
    ) -> None:
        self._bound = bound
        self._connect = connect
        self._connections = connections
        self._most = most
        self._lingering: deque[socket.socket] = deque()
        self._reported_s: float | None = None
        self._opening: set[asyncio.Task[None]] = set()
        self._task = asyncio.get_running_loop().create_task(self._run(), name="ingate accept")

    async def aclose(self) -> None:
        """Accept no more connections."""
        self._task.cancel()
        await asyncio.gather(self._task, *self._opening, return_exceptions=True)
        self._bound.close()
        while self._lingering:
            self._lingering.popleft().close()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        pause_s = _FIRST_PAUSE_S
        accepted = 0
        while True:
            try:
                client, _ = await loop.sock_accept(self._bound)
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._report_shortage(error)
                    if self._evict(_EVICT_SHORT_AFTER_S):
                        pause_s = _FIRST_PAUSE_S
                elif error.errno in {errno.EBADF, errno.EINVAL, errno.ENOTSOCK}:
                    return  # the socket is closed
                await asyncio.sleep(pause_s)  # the clients wait in the backlog
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
                continue
            pause_s = _FIRST_PAUSE_S
            accepted += 1
            if accepted % _AT_ONCE == 0:
                await asyncio.sleep(0)  # sock_accept itself does not yield while clients wait
            if self._count() >= self._most:
                self._evict(_EVICT_AFTER_S)
                await asyncio.sleep(0)  # the evicted ones leave the set
                if self._count() >= self._most:
                    logger.warning("a connection was refused: %d are open (--max-connections)", self._count())
                    self._turn_away(client)
                    continue
            # Not awaited: that takes turns of the loop, and while others keep it busy, clients would wait to be accepted.
            task = loop.create_task(self._open(client))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, client: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(self._connect, client)
        except OSError:
            client.close()

    def _count(self) -> int:
        return len(self._connections) + len(self._opening)

    def _report_shortage(self, error: OSError) -> None:
        now_s = asyncio.get_running_loop().time()
        if self._reported_s is None or now_s - self._reported_s > _REPORT_EVERY_S:
            self._reported_s = now_s
            logger.error(
                "no connection can be accepted: %s; new clients wait (raise the limit with `ulimit -n`)", error.strerror
            )

    def _evict(self, least_s: float) -> int:
        """Close the connections that have been idle for longest, and for `least_s` at least; how many."""
        until_s = asyncio.get_running_loop().time() - least_s
        idle = [
            (since_s, number, connection)
            for number, connection in enumerate(self._connections)
            if (since_s := connection.idle_since_s()) is not None and since_s < until_s
        ]
        evicted = sorted(idle)[: max(_EVICTED_LEAST, len(self._connections) // _EVICTED_PART)]
        for _, _, connection in evicted:
            connection.transport.abort()
        return len(evicted)

    def _turn_away(self, client: socket.socket) -> None:
        answer = bare_response(
            503, "server_busy", "this server has as many connections as it accepts", retry_after_s=_RETRY_AFTER_S,
            fix="try again after the time in Retry-After",
        )  # fmt: skip
        with contextlib.suppress(OSError):
            client.send(answer)
            client.shutdown(socket.SHUT_WR)
        # Closing a socket at once, whose request has not been read, would reset the connection before the client reads.
        self._lingering.append(client)
        if len(self._lingering) > _MOST_LINGERING:
            self._lingering.popleft().close()
        asyncio.get_running_loop().call_later(_LINGER_S, client.close)
