"""Clients that no SDK would be: raw bytes to a real `ingate serve` process, and a provider that counts what it is asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from support.proxy import Process, address, serve_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BODY: dict[str, Any] = {"model": "mine/m", "messages": [{"role": "user", "content": "hi"}]}
JSON = "Content-Type: application/json\r\n"
CLOSE = "Connection: close\r\n"


@contextlib.contextmanager
def serving(home: Path, *arguments: str, upstream: str = "http://127.0.0.1:9/v1") -> Iterator[Process]:
    """A running `ingate serve` whose models `mine/…` are at `upstream`."""
    process = serve_process(home, *arguments, config=f"servers:\n  mine:\n    base_url: {upstream}\n").start()
    try:
        yield process.wait()
    finally:
        process.stop()


def port_of(process: Process) -> int:
    return int(address(process).rpartition(":")[2])


def pid_of(process: Process) -> int:
    assert process.running is not None
    return process.running.pid


def request(method: str, path: str, headers: str = "", body: bytes = b"", *, host: str | None = "127.0.0.1") -> bytes:
    """An HTTP/1.1 request as bytes; header lines end in CRLF, and a body's length is added unless they say otherwise."""
    named = "" if host is None else f"Host: {host}\r\n"
    if body and "transfer-encoding" not in headers.lower() and "content-length" not in headers.lower():
        headers += f"Content-Length: {len(body)}\r\n"
    return f"{method} {path} HTTP/1.1\r\n{named}{headers}\r\n".encode("latin-1") + body


def chat(headers: str = JSON, **changes: Any) -> bytes:
    """A chat request as bytes."""
    return request("POST", "/v1/chat/completions", headers, json.dumps({**BODY, **changes}).encode())


@dataclass
class Received:
    """What came back on a connection.

    Attributes:
        content: All bytes until the end.
        end: How it ended: `"closed"`, `"reset"` or `"timeout"`.
        seconds: How long that took.
    """

    content: bytes
    end: str
    seconds: float

    @property
    def statuses(self) -> list[int]:
        return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", self.content)]

    @property
    def status(self) -> int:
        return self.statuses[-1] if self.statuses else 0

    @property
    def head(self) -> str:
        return self.content.partition(b"\r\n\r\n")[0].decode("latin-1").lower()

    def json(self) -> Any:
        return json.loads(self.content.rpartition(b"\r\n\r\n")[2])


def exchange(port: int, data: bytes, *, timeout_s: float = 20.0) -> Received:
    """Send bytes, and read until the server closes the connection."""
    begun_s = time.monotonic()
    content = b""
    end = "closed"
    with socket.create_connection(("127.0.0.1", port), timeout_s) as one:
        try:
            one.sendall(data)
            while piece := one.recv(65536):
                content += piece
        except TimeoutError:
            end = "timeout"
        except ConnectionError:
            end = "reset"
    return Received(content, end, time.monotonic() - begun_s)


def is_well(port: int, *, timeout_s: float = 20.0) -> bool:
    """Whether the server answers its health check."""
    with contextlib.suppress(OSError):
        return exchange(port, request("GET", "/health", CLOSE), timeout_s=timeout_s).status == 200
    return False


def until(condition: Callable[[], bool], *, timeout_s: float = 20.0) -> bool:
    """Wait until it holds; whether it did in time."""
    until_s = time.monotonic() + timeout_s
    while time.monotonic() < until_s:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


@dataclass
class EndlessProvider:
    """A provider whose streams never end, and which notices a client that leaves.

    Attributes:
        url: Its base URL.
        open: How many streams are open now.
        begun: How many there have been.
        sent_bytes: How much it could send.
    """

    url: str = ""
    open: int = 0
    begun: int = 0
    sent_bytes: int = 0
    pause_s: float = 0.0
    ready: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def endless_provider(*, pause_s: float = 0.05) -> Iterator[EndlessProvider]:
    """A provider in a thread of its own; between two pieces of a stream it waits for `pause_s`."""
    told = EndlessProvider(pause_s=pause_s)
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        choice = {"index": 0, "delta": {"content": "x" * 1000}, "finish_reason": None}
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        piece = b"data: " + json.dumps(chunk).encode() + b"\n\n"
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            found = re.search(rb"content-length: (\d+)", head.lower())
            await reader.readexactly(int(found[1]) if found else 0)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            told.open += 1
            told.begun += 1
            gone = asyncio.ensure_future(reader.read(1))
            try:
                while not gone.done():
                    writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                    drained = asyncio.ensure_future(writer.drain())
                    await asyncio.wait({gone, drained}, return_when=asyncio.FIRST_COMPLETED)
                    if not drained.done():
                        drained.cancel()
                        break
                    told.sent_bytes += len(piece)
                    await asyncio.wait({gone}, timeout=told.pause_s)
            finally:
                told.open -= 1
                gone.cancel()
                await asyncio.gather(gone, return_exceptions=True)
        writer.transport.abort()

    async def main() -> None:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        told.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        told.ready.set()
        await stop.wait()
        server.close()

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()), daemon=True)
    thread.start()
    assert told.ready.wait(20)
    try:
        yield told
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()
