"""A gateway that returns what a test tells it to, and calls of the ASGI application without a client."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from ingate.gateway.continuation import Continuations
from ingate.gateway.reply import translated
from ingate.serve.app import create_app
from ingate.serve.call import CANCELS

ABOUT = {
    "spec": "scripted/echo",
    "engine": "scripted",
    "provider": "scripted",
    "dropped": ["top_k", "seed"],
    "warnings": [],
    "headers": {"x-ratelimit-remaining-requests": "41", "x-request-id": "up-1", "set-cookie": "no"},
    "cost_usd": 0.0,
}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def completion(text: str | None = "hello there", **message: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "echo",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, **message},
                "finish_reason": "tool_calls" if "tool_calls" in message else "stop",
            }
        ],
        "usage": USAGE,
        "ingate": ABOUT,
    }


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "echo",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


def text_chunks(*words: str) -> list[dict[str, Any]]:
    return [
        chunk(role="assistant", content=""),
        *(chunk(content=word) for word in words),
        chunk("stop"),
        {**chunk(), "choices": [], "usage": USAGE, "ingate": ABOUT},
    ]


def tool_chunks(*calls: tuple[str, str]) -> list[dict[str, Any]]:
    """Chunks of parallel tool calls, each call's arguments in two pieces."""
    found = [chunk(role="assistant", content=None)]
    for index, (name, arguments) in enumerate(calls):
        head = {"index": index, "id": f"call_{index}", "type": "function"}
        half = len(arguments) // 2
        found.append(chunk(tool_calls=[{**head, "function": {"name": name, "arguments": arguments[:half]}}]))
        found.append(chunk(tool_calls=[{"index": index, "function": {"arguments": arguments[half:]}}]))
    return [*found, chunk("tool_calls"), {**chunk(), "choices": [], "usage": USAGE, "ingate": ABOUT}]


def tool_call(index: int, name: str, arguments: str) -> dict[str, Any]:
    return {"id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": arguments}}


class FakeGateway:
    """Answers every call with `answer` and `chunks`; an exception in either is raised where it stands.

    Attributes:
        bodies: The requests that came.
        hang: Whether the stream waits for ever after its last chunk, and a whole answer before it comes.
        waiting: Set while something hangs.
        stopped: Set when a hanging call was cancelled or closed.
        closed: How often it was closed.
    """

    def __init__(self, answer: Any = None, chunks: list[Any] | None = None, *, hang: bool = False) -> None:
        self.answer = completion() if answer is None else answer
        self.chunks = text_chunks("hel", "lo") if chunks is None else chunks
        self.hang = hang
        self.waiting = asyncio.Event()
        self.stopped = asyncio.Event()
        self.bodies: list[dict[str, Any]] = []
        self.sent = 0
        self.closed = 0
        self.open = 0

    @property
    def asgi(self) -> Any:
        return create_app(self)

    async def complete(self, body: Any) -> dict[str, Any]:
        self.bodies.append(body)
        if self.hang:
            await self._hang()
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    async def stream(self, body: Any) -> Any:
        self.bodies.append(body)
        self.open += 1
        try:
            for piece in self.chunks:
                if isinstance(piece, BaseException):
                    raise piece
                self.sent += 1
                yield piece
            if self.hang:
                await self._hang()
        finally:
            self.open -= 1
            self.stopped.set()

    @property
    def continuations(self) -> Any:
        return Continuations()

    async def respond(self, request: Any, *, retries: int | None = None, request_id: str = "") -> Any:
        return await translated(request, self.complete, self.stream, request_id=request_id)

    async def embed(self, body: Any, *, retries: int | None = None, timeout: Any = None) -> dict[str, Any]:
        self.bodies.append(body)
        if isinstance(self.answer, BaseException):
            raise self.answer
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        return {
            "object": "list",
            "model": "echo",
            "data": [{"object": "embedding", "index": i, "embedding": [0.5, -0.25]} for i, _ in enumerate(texts)],
            "usage": {"prompt_tokens": 3, "total_tokens": 3},
            "ingate": ABOUT,
        }

    async def models(self) -> list[dict[str, Any]]:
        return [
            {"id": name, "object": "model", "created": 1, "owned_by": "scripted"}
            for name in ("scripted/echo", "litellm.bedrock/global.anthropic.claude-sonnet-5-5:1")
        ]

    async def aclose(self) -> None:
        self.closed += 1

    async def _hang(self) -> None:
        self.waiting.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.stopped.set()


class Answer:
    """What an ASGI application sent."""

    def __init__(self, messages: list[Any]) -> None:
        self.status: int = messages[0]["status"]
        self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in messages[0]["headers"]}
        self.pieces = [message.get("body", b"") for message in messages[1:]]
        self.body = b"".join(self.pieces)

    def json(self) -> Any:
        return json.loads(self.body)

    def events(self) -> list[Any]:
        """The data of each server-sent event, parsed where it is JSON."""
        found = [event.removeprefix("data: ") for event in self.body.decode().split("\n\n") if event]
        return [event if event == "[DONE]" else json.loads(event) for event in found]


async def ask(
    app: Any,
    method: str,
    path: str,
    body: Any = None,
    *,
    headers: dict[str, str] | None = None,
    root_path: str = "",
    in_process: bool = False,
) -> Answer:
    """Call an ASGI application as a server would whose client stays to the end, or as a client in this process does."""
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    pairs = {"content-type": "application/json"} if headers is None and data else headers or {}
    incoming = [{"type": "http.request", "body": data, "more_body": False}]
    sent: list[Any] = []

    async def receive() -> Any:
        if incoming:
            return incoming.pop()
        return await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": root_path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in pairs.items()],
        **({"extensions": {CANCELS: {}}} if in_process else {}),
    }
    await app(scope, receive, send)
    return Answer(sent)
