"""The fault server: raw sockets on loopback; a request's text says which fault its answer has."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import struct
from collections import Counter
from typing import TYPE_CHECKING, Any

from chaos.faults import CLOSE, FAULTS, HANG, RESET, Good, Repeat, correct
from chaos.formats import TEXT, format_of, sample

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_ASKED = re.compile(rb"fault:([a-z0-9-]+):(\d+)")
_QUESTION = re.compile(rb"q(\d+-\d+);")
_NAMES = {re.sub(r"[^a-z0-9]+", "-", name.lower()): name for name in FAULTS}
assert len(_NAMES) == len(FAULTS)


def question(fault: str, number: int) -> str:
    """What a call says to meet a fault; `number` tells calls apart."""
    return f"fault:{re.sub(r'[^a-z0-9]+', '-', fault.lower())}:{number}"


def answer_to(body: bytes) -> str:
    """What a model says: in a conversation of numbered questions, which one is answered, and how many there were."""
    asked = _QUESTION.findall(body)
    return f"a{asked[-1].decode()}; of {len(asked)} questions." if asked else TEXT


def good_answer(path: str, body: bytes) -> Good:
    """The correct answer to a request."""
    made = sample(format_of(path), answer_to(body))
    try:
        asked = json.loads(body or b"{}")
    except ValueError:
        asked = {}
    if asked.get("stream") or "stream" in path.rpartition("/")[2].lower():
        return Good(made.kind, made.events, made.begun, made.ping, stream=True)
    size = len(made.body) // 3
    pieces = (made.body[:size], made.body[size : 2 * size], made.body[2 * size :])
    return Good("application/json", pieces, 1, b" ", stream=False)


class FaultServer:
    """Answers every request with the fault that it names.

    Attributes:
        addresses: Fault of an address → its base URL; `""` → that of the other faults.
        requests: How many requests each call has made, by its number.
    """

    def __init__(self) -> None:
        self.addresses: dict[str, str] = {}
        self.requests: Counter[int] = Counter()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            size = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(size.group(1))) if size else b""
            path = head.split(b" ", 2)[1].decode()
            asked = _ASKED.search(body)
            good = good_answer(path, body)
            steps = correct(good)
            if asked is not None:
                fault, number = FAULTS[_NAMES[asked.group(1).decode()]], int(asked.group(2))
                self.requests[number] += 1
                if not (fault.once and self.requests[number] > 1) and fault.only in {"", good.stream and "stream"}:
                    steps = fault.steps(good)
            if not await play(steps, reader, writer):
                return

    async def _serve(self, handle: Any) -> tuple[asyncio.Server, str]:
        async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            try:
                await handle(reader, writer)
            except (OSError, EOFError, asyncio.CancelledError, asyncio.LimitOverrunError):
                pass
            finally:
                self._tasks.discard(task)
                writer.close()

        server = await asyncio.start_server(run, "127.0.0.1", 0, limit=2**20)
        return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[FaultServer]:
        """The server with all its addresses."""
        servers = []
        async with contextlib.AsyncExitStack() as stack:
            server, self.addresses[""] = await self._serve(self.answer)
            servers.append(server)
            for name, fault in FAULTS.items():
                if fault.address in ("refused", "full"):
                    self.addresses[name] = stack.enter_context(_unreachable(full=fault.address == "full"))
                elif fault.address is not None:
                    steps = fault.address

                    async def accept(reader: Any, writer: Any, steps: Any = steps) -> None:
                        await play(steps, reader, writer)

                    server, self.addresses[name] = await self._serve(accept)
                    servers.append(server)
            try:
                yield self
            finally:
                for server in servers:
                    server.close()
                for task in list(self._tasks):
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.contextmanager
def _unreachable(*, full: bool) -> Any:
    """An address that refuses connections, or one whose queue of connections is full, so that the kernel drops more."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        if full:
            listening.listen(0)
            for _ in range(4):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


async def play(steps: list[Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Send an answer step by step; returns whether the connection stays open for another request."""
    for step in steps:
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        elif isinstance(step, float):
            await asyncio.sleep(step)
        elif isinstance(step, Repeat):
            while not writer.is_closing():
                writer.write(step.data)
                await writer.drain()
                await asyncio.sleep(step.pause_s)
        elif step == HANG:
            while await reader.read(1024):
                pass
            return False
        elif step == RESET:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return False
        elif step == CLOSE:
            return False
    return True
