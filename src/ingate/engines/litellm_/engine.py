"""The engine: one call through litellm, told as OpenAI's dicts."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from ingate.engines.litellm_ import answers, arguments, clients, errors, load
from ingate.engines.litellm_.observe import Observation
from ingate.engines.litellm_.reading import ProviderReading
from ingate.engines.litellm_.signatures import Signatures

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from ingate.engines.base import CallReport, Route


class LitellmEngine:
    """Embedded LiteLLM. Imports it with the first call, or when told to `preload`."""

    def __init__(self) -> None:
        self._signatures = Signatures()

    def preload(self) -> None:
        """Begin to import litellm in the background; returns at once. An error surfaces with the first call."""
        load.preload()

    async def complete(self, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
        """One answer; see `ingate.engines.base.Engine`."""
        litellm = await _ready(self)
        seen = Observation()
        reading = ProviderReading(seen, route.provider, route.model)
        try:
            call = self._call(litellm, route, body, report, stream=False)
            try:
                with seen.watching():
                    answer = answers.plain(await litellm.acompletion(**call))
            except Exception:
                if not _came_through(seen):
                    raise
                answer = reading.whole()  # a sound answer that litellm stumbles over
                if answer is None:
                    raise
            told = answers.completion(answer, reading, call)
            if reading.error is not None:
                raise reading.error
        except Exception as error:  # noqa: BLE001 -- whatever litellm raises becomes an error of the tree
            raise errors.completed(reading.error or errors.translate(error, route, seen), route) from None
        report.headers.update(seen.told_headers())
        self._signatures.note(choice["message"] for choice in told.get("choices") or () if choice.get("message"))
        return told

    async def stream(self, route: Route, body: Mapping[str, Any], report: CallReport) -> AsyncIterator[dict[str, Any]]:
        """The answer as it comes; see `ingate.engines.base.Engine`."""
        litellm = await _ready(self)
        seen = Observation()
        reading = ProviderReading(seen, route.provider, route.model)
        response: Any = None
        try:
            call = self._call(litellm, route, body, report, stream=True)
            mender = answers.ChunkMender(reading)
            alone = answers.provider_decides(call)
            source: Any = None
            try:
                with seen.watching():
                    response = await litellm.acompletion(**call)
                report.headers.update(seen.told_headers())
                source = aiter(response)
                while (chunk := await _next(source, seen)) is not None:
                    reading.catch_up()
                    if alone and reading.active:
                        break
                    alone = False
                    for told in mender.mend(answers.plain(chunk)):
                        self._signatures.note(choice["delta"] for choice in told.get("choices") or ())
                        yield told
                else:
                    alone = False
            except Exception:
                alone = not mender.told_anything and await _is_sound(reading, seen)
                if not alone:
                    reading.catch_up()
                    for chunk in mender.held_back():
                        yield chunk
                    raise
                source = None
            if alone:
                pump = source if source is not None and _has_listeners(litellm, call) else None
                more = True
                while more:
                    for chunk in reading.take_chunks():
                        self._signatures.note(choice["delta"] for choice in chunk.get("choices") or ())
                        yield chunk
                    more = reading.error is None and await _read_on(pump, seen)
                    reading.catch_up()
            reading.close()
            if reading.error is not None:
                raise reading.error
            if seen.failure is not None:
                raise errors.interrupted(route)
            for chunk in reading.take_chunks() if alone else mender.last():
                yield chunk
        except Exception as error:  # noqa: BLE001 -- whatever litellm raises becomes an error of the tree
            reading.catch_up()
            raise errors.completed(reading.error or errors.translate(error, route, seen), route) from None
        finally:
            await _close(response, seen)

    async def embed(self, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
        """Embeddings; see `ingate.engines.base.Engine`."""
        litellm = await _ready(self)
        seen = Observation()
        try:
            call = arguments.for_embedding(litellm, route, body, report)
            with seen.watching():
                answer = answers.plain(await litellm.aembedding(**call))
        except Exception as error:  # noqa: BLE001 -- whatever litellm raises becomes an error of the tree
            raise (errors.no_embeddings(error, route) or errors.translate(error, route, seen)) from None
        report.headers.update(seen.told_headers())
        return answer

    async def aclose(self) -> None:
        """Close the connections made on the running event loop, unless another engine still uses them."""
        await clients.leave_loop(self)

    def _call(
        self, litellm: Any, route: Route, body: Mapping[str, Any], report: CallReport, *, stream: bool
    ) -> dict[str, Any]:
        call = arguments.for_completion(litellm, route, body, report, stream=stream)
        if route.provider in arguments.GEMINI:
            call["messages"] = self._signatures.restored(call["messages"])
        return call


async def _ready(engine: LitellmEngine) -> Any:
    litellm = await load.load()
    await clients.join_loop(engine)
    return litellm


async def _next(source: Any, seen: Observation) -> Any:
    """litellm's next chunk, None at the end. Some providers are only asked when the first chunk is."""
    with seen.watching():
        return await anext(source, None)


async def _read_on(pump: Any, seen: Observation) -> bool:
    """Have the next piece of the answer come; through litellm (`pump`) where its callbacks want to hear of it."""
    return await seen.read_on() if pump is None else await _next(pump, seen) is not None


def _has_listeners(litellm: Any, call: Mapping[str, Any]) -> bool:
    """Whether someone set up litellm's callbacks, which need its own pass over the stream."""
    names = ("callbacks", "success_callback", "failure_callback", "input_callback", "_async_success_callback")
    return any(getattr(litellm, name, None) for name in names) or bool(
        call.keys() & {"callbacks", "success_callback", "failure_callback", "logger_fn"}
    )


def _came_through(seen: Observation) -> bool:
    return seen.status is not None and seen.status < 300 and seen.failure is None


async def _is_sound(reading: ProviderReading, seen: Observation) -> bool:
    """Whether a stream that litellm stumbled over can be read without it."""
    if not _came_through(seen):
        return False
    reading.catch_up()
    more = True
    while more and not reading.active and reading.error is None:
        more = await seen.read_on()
        reading.catch_up()
    return reading.active and reading.error is None


async def _close(response: Any, seen: Observation) -> None:
    await seen.aclose()
    if response is not None and hasattr(response, "aclose"):
        with contextlib.suppress(Exception):
            await asyncio.wait_for(response.aclose(), 0.5)
