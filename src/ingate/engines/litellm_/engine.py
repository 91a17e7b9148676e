"""The engine: one call through `litellm.acompletion`, told as OpenAI's dicts."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from ingate.engines.litellm_ import answers, arguments, clients, errors, load
from ingate.engines.litellm_.observe import Observation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from ingate.engines.base import CallReport, Route


class LitellmEngine:
    """Embedded LiteLLM. Holds nothing until the first call."""

    def preload(self) -> None:
        """Begin to import litellm in the background; returns at once. Errors surface with the first call."""
        load.preload()

    async def complete(self, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
        litellm = await load.load()
        await clients.join_loop()
        seen = Observation()
        try:
            with seen.watching():
                call = arguments.for_completion(litellm, route, body, report, stream=False)
                answer = await litellm.acompletion(**call)
        except Exception as error:
            raise errors.translate(error, route, seen) from None
        return answers.plain(answer)

    async def stream(
        self, route: Route, body: Mapping[str, Any], report: CallReport
    ) -> AsyncIterator[dict[str, Any]]:
        litellm = await load.load()
        await clients.join_loop()
        seen = Observation()
        response: Any = None
        try:
            with seen.watching():
                call = arguments.for_completion(litellm, route, body, report, stream=True)
                response = await litellm.acompletion(**call)
            source = aiter(response)
            while True:
                with seen.watching():
                    chunk = await anext(source, None)
                if chunk is None:
                    break
                yield answers.plain(chunk)
        except Exception as error:
            raise errors.translate(error, route, seen) from None
        finally:
            await _close(response, seen)

    async def aclose(self) -> None:
        await clients.close_loop()


async def _close(response: Any, seen: Observation) -> None:
    if not seen.ended:
        await seen.aclose()
    if response is not None and hasattr(response, "aclose"):
        with contextlib.suppress(Exception):
            await asyncio.wait_for(response.aclose(), 0.5)
