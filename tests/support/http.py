"""A loopback server that writes raw bytes, so that a test says exactly what goes over the network."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Answer = Callable[["Conversation"], Awaitable[None]]


@dataclass
class Conversation:
    """One connection's request and the way to answer it."""

    head: str
    body: bytes
    writer: asyncio.StreamWriter
    reader: asyncio.StreamReader

    @property
    def headers(self) -> dict[str, str]:
        """The request's headers, names in lower case."""
        lines = (line.split(": ", 1) for line in self.head.split("\r\n")[1:] if line)
        return {name.lower(): value for name, value in lines}

    async def send(self, data: bytes) -> None:
        """Raw bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def answer(
        self, body: bytes, *, status: str = "200 OK", kind: str = "application/json", more: str = ""
    ) -> None:
        """A whole answer with its length."""
        head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n{more}\r\n"
        await self.send(head.encode() + body)

    async def begin(self, kind: str = "text/event-stream") -> None:
        """The head of a chunked answer."""
        await self.send(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n".encode())

    async def piece(self, data: bytes) -> None:
        """One piece of a chunked answer; an empty one ends it."""
        await self.send(b"%x\r\n%b\r\n" % (len(data), data))

    async def gone(self) -> None:
        """Wait until the client has closed the connection."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(1024):
                pass


@dataclass
class Loopback:
    """The server's address and what it was asked."""

    base: str
    asked: list[Conversation] = field(default_factory=list)
    closed: int = 0


@contextlib.asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[Loopback]:
    """A server that handles each request with `answer`, and keeps connections open in between."""
    told = Loopback("")
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                talk = Conversation(head, b"", writer, reader)
                talk.body = await reader.readexactly(int(talk.headers.get("content-length", 0)))
                told.asked.append(talk)
                await answer(talk)
                if writer.is_closing():
                    return
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            told.closed += 1
            tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=2**20)
    told.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield told
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
