"""One request on its way through the application, and the answers it can be given."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.serve.body import ClientDisconnectedError
from ingate.wire.errors import error_to_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ingate.errors import IngateError
    from ingate.serve.protocol import GatewayLike, Message, Send

_PASSED_ON: Final = ("x-ratelimit-", "x-litellm-")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f]+")
_JSON: Final = msgspec.json.Encoder()
_SSE_HEADERS: Final = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",  # nginx holds a stream back without it
}


@dataclass(slots=True)
class Call:
    """A request, and the ways to answer it.

    Attributes:
        gateway: What answers.
        method: In capitals.
        endpoint: The path without mount point and `/v1` (`"/chat/completions"`).
        send: The ASGI `send`; awaiting it is what holds a fast model to a slow client's pace.
        request_id: Told as `x-request-id`.
        body: The JSON body of a POST, empty otherwise.
        tell: How the endpoint's API tells an error: status, headers and body, from the error and the request's id.
        started: Whether the answer's status has been sent, so that it can no longer be another.
    """

    gateway: GatewayLike
    method: str
    endpoint: str
    send: Send
    request_id: str
    body: dict[str, Any] = field(default_factory=dict)
    tell: Callable[[IngateError, str], tuple[int, dict[str, str], dict[str, Any]]] | None = None
    started: bool = False

    async def reply(
        self, answer: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer with JSON; the headers tell of the answer's metadata where it has any."""
        data = _JSON.encode(answer)
        await self._start(
            status,
            {
                "content-type": "application/json",
                "content-length": str(len(data)),
                **metadata_headers(answer.get("ingate")),
                **(headers or {}),
            },
        )
        await self._send({"type": "http.response.body", "body": b"" if self.method == "HEAD" else data})

    async def refuse(self, error: IngateError) -> None:
        """Answer with an error: its status, its headers, and the error JSON of OpenAI or of the endpoint's own API."""
        status, headers, answer = error_to_response(error) if self.tell is None else self.tell(error, self.request_id)
        await self.reply(answer, status=status, headers=headers)

    async def start_events(self, metadata: Mapping[str, Any] | None) -> None:
        """Begin an answer of server-sent events."""
        await self._start(200, {**_SSE_HEADERS, **metadata_headers(metadata)})

    async def send_event(self, data: bytes, *, last: bool = False) -> None:
        """Send an encoded event, as soon as the client takes it."""
        await self._send({"type": "http.response.body", "body": data, "more_body": not last})

    async def _start(self, status: int, headers: Mapping[str, str]) -> None:
        self.started = True
        pairs = _header_pairs({"x-request-id": self.request_id, **headers}.items())
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def _send(self, message: Message) -> None:
        try:
            await self.send(message)
        except OSError:  # how some servers say that the client has left
            raise ClientDisconnectedError from None


def metadata_headers(metadata: Mapping[str, Any] | None) -> dict[str, str]:
    """Response headers that tell what served an answer, and the provider's own on limits and cost."""
    if not metadata:
        return {}
    headers = {}
    for name in ("spec", "engine", "provider"):
        if value := metadata.get(name):
            headers[f"x-ingate-{name}"] = str(value)
    if dropped := metadata.get("dropped"):
        headers["x-ingate-dropped"] = ", ".join(map(str, dropped))
    for name, value in (metadata.get("headers") or {}).items():
        name = name.lower()
        if name.startswith(_PASSED_ON):
            headers[name] = str(value)
        elif name == "x-request-id":
            headers["x-ingate-provider-request-id"] = str(value)
    return headers


def _header_pairs(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    # A provider's word must not end the header and begin another.
    return [
        (name.encode("latin-1", "replace"), _UNPRINTABLE.sub(" ", value).strip().encode("latin-1", "replace"))
        for name, value in headers
    ]
