"""A provider on loopback that says what a test tells it to, and Routes to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingate.engines.base import Route
from ingate.providers.credential import Credential
from ingate.secret import Secret
from ingate.spec import parse_one

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "sk-loopback-0123456789"
BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}
ANSWER: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


def piece(text: str, finish: str | None = None) -> bytes:
    """One OpenAI chunk as an event."""
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def route(base: str, provider: str = "groq", model: str = "m", *, key: str | None = KEY, **changes: Any) -> Route:
    """A Route to the loopback provider."""
    details: dict[str, Any] = {
        "spec": parse_one(f"litellm.{provider}/{model}"),
        "engine": "litellm",
        "provider": provider,
        "model": model,
        "api_base": base,
        "credential": Credential(api_key=Secret(key) if key else None, source="env A_KEY"),
        "timeout_s": 10.0,
    }
    return Route(**{**details, **changes})


@dataclass
class Provider:
    """What the loopback provider answers, and what it was asked.

    Attributes:
        status, headers, body: A whole answer.
        events: The events of a stream, sent instead of `body` where not None.
        then: After the events: `end` closes the body as it should, `cut` drops the connection, `wait` leaves it open.
        pause_s: Between two events; 0 lets several arrive in one piece.
        asked: The requests, as `{"path", "headers", "json"}`.
        dropped: Set when a client closes a connection that waits.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    events: list[bytes] | None = None
    then: str = "end"
    pause_s: float = 0.0
    asked: list[dict[str, Any]] = field(default_factory=list)
    dropped: threading.Event = field(default_factory=threading.Event)
    base: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        sent = await reader.readexactly(int(headers.get("content-length", 0)))
        self.asked.append({"path": first.split()[1], "headers": headers, "json": json.loads(sent or b"null")})
        if self.events is None:
            extra = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
            body = self.body or json.dumps(ANSWER).encode()
            start = f"HTTP/1.1 {self.status} .\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
            writer.write(f"{start}{extra}\r\n".encode() + body)
            await writer.drain()
            return True
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for event in self.events:
            writer.write(b"%x\r\n%s\r\n" % (len(event), event))
            await writer.drain()
            await asyncio.sleep(self.pause_s)
        if self.then == "wait":
            await reader.read(1)
            self.dropped.set()
            return False
        if self.then == "end":
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        return self.then == "end"


@contextlib.contextmanager
def providing() -> Iterator[Provider]:
    """A provider in a thread of its own, so that the test's event loop may come and go."""
    provider = Provider()
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(provider.serve, "127.0.0.1", 0))
    provider.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def stop() -> None:
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    try:
        yield provider
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
