"""The engine: one call through `litellm.acompletion`, told as OpenAI's dicts."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from ingate.engines.litellm_ import answers, arguments, clients, errors, load
from ingate.engines.litellm_.observe import Observation
from ingate.engines.litellm_.reading import Reading

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from ingate.engines.base import CallReport, Route


class LitellmEngine:
    """Embedded LiteLLM. Holds nothing until the first call."""

    def preload(self) -> None:
        """Begin to import litellm in the background; returns at once. Errors surface with the first call."""
        load.preload()

    async def complete(self, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
        """One answer; see `ingate.engines.base.Engine`."""
        litellm = await self._ready()
        seen = Observation()
        reading = Reading(seen, route.backing, route.model)
        try:
            call = arguments.for_completion(litellm, route, body, report, stream=False)
            with seen.watching(), _quiet():
                answer = answers.plain(await litellm.acompletion(**call))
        except Exception as error:
            answer = _own_reading(reading, seen)
            if answer is None:
                raise (reading.error or errors.translate(error, route, seen)) from None
        report.headers.update(seen.told_headers())
        told = answers.completion(answer, reading)
        if reading.error is not None:
            raise errors.completed(reading.error, route)
        return told

    async def stream(
        self, route: Route, body: Mapping[str, Any], report: CallReport
    ) -> AsyncIterator[dict[str, Any]]:
        """The answer as it comes; see `ingate.engines.base.Engine`."""
        litellm = await self._ready()
        seen = Observation()
        reading = Reading(seen, route.backing, route.model)
        mender = answers.ChunkMender(reading)
        response: Any = None
        try:
            call = arguments.for_completion(litellm, route, body, report, stream=True)
            try:
                with seen.watching(), _quiet():
                    response = await litellm.acompletion(**call)
                report.headers.update(seen.told_headers())
                source = aiter(response)
                while True:
                    with seen.watching(), _quiet():
                        chunk = await anext(source, None)
                    reading.catch_up()
                    if chunk is None:
                        break
                    for told in mender.mend(answers.plain(chunk)):
                        yield told
            except Exception as error:
                if mender.told_anything or not await _is_sound(reading, seen):
                    raise
                async for told in _read_alone(reading, seen):
                    yield told
                return
            reading.close()
            if reading.error is not None:
                raise errors.completed(reading.error, route)
            if seen.failure is not None:
                raise errors.interrupted(route)
            for told in mender.last():
                yield told
        except Exception as error:
            reading.catch_up()
            raise errors.completed(reading.error or errors.translate(error, route, seen), route) from None
        finally:
            await _close(response, seen)

    async def embed(self, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
        """Embeddings; see `ingate.engines.base.Engine`."""
        litellm = await self._ready()
        seen = Observation()
        try:
            call = arguments.for_embedding(litellm, route, body, report)
            with seen.watching(), _quiet():
                answer = answers.plain(await litellm.aembedding(**call))
        except Exception as error:
            raise errors.no_embeddings(error, route) or errors.translate(error, route, seen) from None
        report.headers.update(seen.told_headers())
        return answer

    async def aclose(self) -> None:
        """Close the connections made on the running event loop."""
        await clients.close_loop()

    async def _ready(self) -> Any:
        litellm = await load.load()
        await clients.join_loop()
        return litellm


def _quiet() -> contextlib.AbstractContextManager[Any]:
    """litellm's pydantic models complain of providers' fields through `warnings`; nobody can act on it."""
    return contextlib.nullcontext()


def _own_reading(reading: Reading, seen: Observation) -> dict[str, Any] | None:
    """The answer by our own codec, where the provider answered soundly and litellm stumbled over it."""
    if seen.status is None or seen.status >= 300 or seen.failure is not None:
        return None
    return reading.whole()


async def _is_sound(reading: Reading, seen: Observation) -> bool:
    """Whether the stream can be read without litellm."""
    if seen.status is None or seen.status >= 300 or seen.failure is not None:
        return False
    reading.catch_up()
    while not reading.active and reading.error is None and await seen.read_on():
        reading.catch_up()
    return reading.active and reading.error is None


async def _read_alone(reading: Reading, seen: Observation) -> AsyncIterator[dict[str, Any]]:
    """The rest of the stream by our own codec: litellm could not read it."""
    told = 0
    more = True
    while more:
        more = await seen.read_on()
        if more:
            reading.catch_up()
        else:
            reading.close()
        for chunk in reading.chunks[told:]:
            yield chunk
        told = len(reading.chunks)
    if reading.error is not None:
        raise reading.error


async def _close(response: Any, seen: Observation) -> None:
    await seen.aclose()
    if response is not None and hasattr(response, "aclose"):
        with contextlib.suppress(Exception):
            await asyncio.wait_for(response.aclose(), 0.5)
