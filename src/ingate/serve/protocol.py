"""What this room needs of a gateway, and the ASGI types it speaks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Protocol

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

CANCELS = "ingate.cancels"
"""The ASGI extension of a caller that cancels the application's task when its client leaves.

ingate's own in-process transport sets it, which saves a watching task on every request. A server on a socket does
not: there the application watches for `http.disconnect`.
"""


class GatewayLike(Protocol):
    """The gateway as the ASGI application uses it. Every method raises `IngateError` and nothing else on purpose."""

    async def complete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """One answer to an OpenAI chat-completions request, as a `chat.completion` dict."""
        ...

    def stream(self, body: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """The answer as normalised `chat.completion.chunk` dicts; the last one carries the usage. Closing cancels."""
        ...

    async def embed(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Embeddings as an OpenAI `list` dict."""
        ...

    async def models(self) -> list[dict[str, Any]]:
        """The models that would answer now, as OpenAI model objects."""
        ...

    async def aclose(self) -> None:
        """Let go of everything. May be called twice."""
        ...
