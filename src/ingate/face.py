"""The gateway as its ASGI face sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from ingate.gateway import Gateway


class Face:
    """The gateway behind the ASGI face: the client retries there, and one layer is enough."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    async def complete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return await self.gateway.complete(body, retries=0)

    def stream(self, body: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        return self.gateway.stream(body, retries=0)

    async def embed(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return await self.gateway.embed(body, retries=0)

    async def models(self) -> list[dict[str, Any]]:
        return await self.gateway.models()

    async def aclose(self) -> None:
        await self.gateway.aclose()
