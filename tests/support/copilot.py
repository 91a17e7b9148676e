"""GitHub Copilot on loopback: the exchange of a login for tokens, and the three endpoints, strict about headers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingate.engines import auth_copilot
from support.http import Conversation, Loopback, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    import pytest

LOGIN = "gho_canary0123456789"
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": USAGE,
}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-5",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "copilot_usage": {"total_nano_aiu": 1},
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "gpt-5.5",
    "output": [
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Hello", "annotations": []}],
        }
    ],
    "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    "copilot_field": {"kept": True},
}


@dataclass
class Copilot:
    """What the simulator answers, and what it was asked.

    Attributes:
        server: The loopback server.
        token_status: The status of the next exchanges.
        token_body: What they return instead of a token; None for a token.
        refresh_in: Seconds after which a token is to be replaced; None to leave it out.
        endpoints: Whether a token names the base URL it is for.
        gate: Exchanges wait for it.
        exchanges: How many have begun.
        good: The tokens that are accepted.
        answers: Path → the body, or a function of the request's body that returns it; bytes are sent as a stream.
        bodies: The requests that were accepted, with their paths.
        calls: Every request to an endpoint.
    """

    server: Loopback = field(default_factory=lambda: Loopback(""))
    token_status: int = 200
    token_body: Any = None
    refresh_in: int | None = 1500
    endpoints: bool = True
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    exchanges: int = 0
    good: set[str] = field(default_factory=set)
    answers: dict[str, Any] = field(
        default_factory=lambda: {
            "/chat/completions": CHAT,
            "/responses": RESPONSE,
            "/v1/messages": MESSAGE,
        }
    )
    bodies: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    calls: list[Conversation] = field(default_factory=list)

    @property
    def root(self) -> str:
        return self.server.base.removesuffix("/v1")

    @property
    def api(self) -> str:
        """The base URL that tokens are for."""
        return f"{self.root}/individual"

    async def handle(self, talk: Conversation) -> None:
        path = talk.head.split(" ", 2)[1]
        if path == "/copilot_internal/v2/token":
            await self._exchange(talk)
            return
        self.calls.append(talk)
        problem = self._problem(talk)
        if problem is not None:
            status, message = problem
            await talk.answer(message.encode(), status=status, kind="text/plain; charset=utf-8")
            return
        body = json.loads(talk.body) if talk.body else {}
        self.bodies.append((path, body))
        found = next((one for end, one in self.answers.items() if path.endswith(end)), None)
        answer = found(body) if callable(found) else found
        if answer is None:
            await talk.answer(b"404 page not found", status="404 Not Found", kind="text/plain")
        elif isinstance(answer, bytes):
            await talk.answer(answer, kind="text/event-stream")
        else:
            await talk.answer(json.dumps(answer).encode())

    async def _exchange(self, talk: Conversation) -> None:
        self.exchanges += 1
        number = self.exchanges
        await self.gate.wait()
        if talk.headers.get("authorization") != f"token {LOGIN}" or "editor-version" not in talk.headers:
            await talk.answer(b'{"message":"Bad credentials","status":"401"}', status="401 Unauthorized")
            return
        body = self.token_body
        if body is None:
            token = f"tid=canary{number};exp=1:mac0123456789"
            self.good.add(token)
            body = {"token": token, "expires_at": 1, "sku": "copilot_individual"}
            if self.refresh_in is not None:
                body["refresh_in"] = self.refresh_in
            if self.endpoints:
                body["endpoints"] = {"api": self.api, "telemetry": "https://copilot-telemetry.githubusercontent.com"}
        await talk.answer(json.dumps(body).encode(), status=f"{self.token_status} x")

    def _problem(self, talk: Conversation) -> tuple[str, str] | None:
        headers = talk.headers
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.good:
            return "401 Unauthorized", f"IDE token expired: unauthorized: token expired {token}\n"
        for name in ("editor-version", "editor-plugin-version", "copilot-integration-id", "openai-intent"):
            if not headers.get(name):
                return "400 Bad Request", f"bad request: missing {name} header for IDE auth\n"
        uuid.UUID(headers["x-request-id"])
        text = talk.body.decode()
        is_vision = any(f'"type":"{kind}"' in text for kind in ("image_url", "input_image", "image"))
        if is_vision and headers.get("copilot-vision-request") != "true":
            return "400 Bad Request", "missing required Copilot-Vision-Request header for vision requests\n"
        if not is_vision and "copilot-vision-request" in headers:
            return "400 Bad Request", "Copilot-Vision-Request without an image\n"
        if talk.body and headers.get("x-initiator") not in {"user", "agent"} and "/embeddings" not in talk.head:
            return "400 Bad Request", "missing X-Initiator\n"
        if "/v1/messages" in talk.head and not headers.get("anthropic-version"):
            return "400 Bad Request", "missing anthropic-version\n"
        return None


@contextlib.asynccontextmanager
async def copilot(monkeypatch: pytest.MonkeyPatch, home: Path, **more: Any) -> AsyncIterator[Copilot]:
    """A running simulator, and a stored login for it in `home`. Exchanges are answered at once."""
    told = Copilot(**more)
    told.gate.set()
    auth_copilot._tokens.clear()  # a simulator of an earlier test may have had the same port
    async with serving(told.handle) as server:
        told.server = server
        store_login(home)
        monkeypatch.setenv("GITHUB_COPILOT_API_KEY_URL", f"{told.root}/copilot_internal/v2/token")
        yield told


def store_login(home: Path, login: str = LOGIN) -> Path:
    """A login where litellm stores it."""
    file = home / ".config" / "litellm" / "github_copilot" / "access-token"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(login)
    return file


def sse(*events: dict[str, Any]) -> bytes:
    """Events of the Responses or Messages API."""
    return b"".join(b"event: %b\ndata: %b\n\n" % (one["type"].encode(), json.dumps(one).encode()) for one in events)


def chunks(*events: dict[str, Any]) -> bytes:
    """Chunks of chat completions."""
    return b"".join(b"data: %b\n\n" % json.dumps(one).encode() for one in events) + b"data: [DONE]\n\n"


def turn_by_turn(*answers: Any) -> Callable[[dict[str, Any]], Any]:
    """Answers in order."""
    left = list(answers)
    return lambda _: left.pop(0)
