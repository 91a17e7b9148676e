"""The litellm engine: calls through litellm, with answers as OpenAI's dicts."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from ingate.engines.litellm_ import answers, arguments, clients, errors, load
from ingate.engines.litellm_.observe import Observation
from ingate.engines.litellm_.reading import ProviderReading
from ingate.engines.litellm_.signatures import Signatures
from ingate.secret import detached

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from ingate.engines.base import CallReport, Route
    from ingate.errors import IngateError


class LitellmEngine:
    """Embedded LiteLLM. Imports litellm with the first call, or with `preload()`."""

    def __init__(self) -> None:
        self._signatures = Signatures()

    def preload(self) -> None:
        """Begin to import litellm in the background; returns at once. The first call raises any error."""
        load.preload()

    async def prepare(self) -> None:
        """Import litellm. Raises `MissingExtraError`."""
        await load.load()

    async def complete(self, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
        """Return one answer; see `ingate.engines.base.Engine`."""
        litellm = await _ready(self)
        observation = _observation(route)
        reading = ProviderReading(observation, route.provider, route.model)
        try:
            call = self._call(litellm, route, body, report, stream=False)
            try:
                with observation.watching():
                    answer = answers.plain(await litellm.acompletion(**call))
            except Exception:
                if not _succeeded(observation):
                    raise
                answer = reading.whole()  # a valid answer that litellm cannot process
                if answer is None:
                    raise
            result = answers.completion(answer, reading, call)
            if reading.error is not None:
                raise reading.error
            if reading.completion is None and not answers.has_answer(result):
                errors.check_body(observation, route)
        except Exception as error:  # noqa: BLE001 -- every exception of litellm becomes an IngateError
            failure = errors.final(error, route, observation, reading.error)
        except BaseException as error:  # noqa: BLE001 -- a cancellation has passed litellm's frames, too
            raise detached(error).with_traceback(None) from None
        else:
            report.headers.update(observation.kept_headers())
            self._signatures.note(choice["message"] for choice in result.get("choices") or () if choice.get("message"))
            return result
        del reading, observation  # what the provider sent may quote the key
        raise failure  # outside of `except`, so that it does not refer to litellm's exception, whose frames hold the key

    async def stream(self, route: Route, body: Mapping[str, Any], report: CallReport) -> AsyncIterator[dict[str, Any]]:
        """Yield the answer as chunks; see `ingate.engines.base.Engine`."""
        litellm = await _ready(self)
        observation = _observation(route)
        reading = ProviderReading(observation, route.provider, route.model)
        response: Any = None
        source: Any = None
        corrector: Any = None
        failure: IngateError | None = None
        held: list[dict[str, Any]] = []
        try:
            call = self._call(litellm, route, body, report, stream=True)
            corrector = answers.ChunkCorrector(reading)
            alone = provider_decides = answers.provider_decides(call)
            try:
                with observation.watching():
                    response = await litellm.acompletion(**call)
                report.headers.update(observation.kept_headers())
                source = aiter(response)
                while (chunk := await _next(source, observation)) is not None:
                    reading.catch_up()
                    if alone and reading.active:
                        break
                    alone = False
                    for out in corrector.correct(answers.plain(chunk)):
                        self._signatures.note(choice["delta"] for choice in out.get("choices") or ())
                        if observation.is_json:
                            held.append(out)
                        else:
                            yield out
                else:
                    alone = False
            except Exception:
                alone = not corrector.has_content and await _is_sound(reading, observation)
                if not alone:
                    reading.catch_up()
                    for chunk in (*held, *corrector.held_back()):
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
                    more = reading.error is None and await _read_on(pump, observation)
                    reading.catch_up()
            reading.close()
            if reading.error is not None:
                raise reading.error
            if observation.failure is not None:
                raise errors.interrupted(route)
            if not (reading.active or corrector.has_answer):
                errors.check_body(observation, route)
            # litellm may read JSON in reply to a request for a stream as no answer at all, or as several.
            alone = alone or (reading.completion is not None and (provider_decides or not corrector.has_answer))
            for chunk in reading.take_chunks() if alone else (*held, *corrector.last()):
                yield chunk
        except Exception as error:  # noqa: BLE001 -- every exception of litellm becomes an IngateError
            reading.catch_up()
            failure = errors.final(error, route, observation, reading.error)
        except BaseException as error:  # noqa: BLE001 -- a cancellation has passed litellm's frames, too
            raise detached(error).with_traceback(None) from None
        finally:
            await _close(response, observation)
        if failure is not None:
            del reading, observation, corrector, source, response, held  # as in `complete`
            raise failure

    async def embed(self, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
        """Return embeddings; see `ingate.engines.base.Engine`."""
        litellm = await _ready(self)
        observation = _observation(route)
        try:
            call = arguments.for_embedding(litellm, route, body, report)
            with observation.watching():
                answer = answers.plain(await litellm.aembedding(**call))
            if not answer.get("data"):
                errors.check_embeddings(observation, route)
        except Exception as error:  # noqa: BLE001 -- every exception of litellm becomes an IngateError
            failure = errors.final(error, route, observation, errors.no_embeddings(error, route))
        except BaseException as error:  # noqa: BLE001 -- a cancellation has passed litellm's frames, too
            raise detached(error).with_traceback(None) from None
        else:
            report.headers.update(observation.kept_headers())
            return answer
        raise failure

    async def aclose(self) -> None:
        """Close the connections of the running event loop, unless another engine still uses them."""
        await clients.leave_loop(self)

    def _call(
        self, litellm: Any, route: Route, body: Mapping[str, Any], report: CallReport, *, stream: bool
    ) -> dict[str, Any]:
        call = arguments.for_completion(litellm, route, body, report, stream=stream)
        if route.provider in arguments.GEMINI:
            call["messages"] = self._signatures.restored(call["messages"])
        return call


def _observation(route: Route) -> Observation:
    return Observation(route.timeouts.connect_s, route.provider, bearer=arguments.BEARER in route.credential.params)


async def _ready(engine: LitellmEngine) -> Any:
    litellm = await load.load()
    await clients.join_loop(engine)
    return litellm


async def _next(source: Any, observation: Observation) -> Any:
    """litellm's next chunk, None at the end. For some providers the first chunk triggers the request."""
    with observation.watching():
        return await anext(source, None)


async def _read_on(pump: Any, observation: Observation) -> bool:
    """Read the next piece of the response, through litellm (`pump`) if its callbacks need it; False at the end."""
    return await observation.read_on() if pump is None else await _next(pump, observation) is not None


def _has_listeners(litellm: Any, call: Mapping[str, Any]) -> bool:
    """Whether litellm's callbacks are configured, which require that litellm reads the stream."""
    names = ("callbacks", "success_callback", "failure_callback", "input_callback", "_async_success_callback")
    return any(getattr(litellm, name, None) for name in names) or bool(
        call.keys() & {"callbacks", "success_callback", "failure_callback", "logger_fn"}
    )


def _succeeded(observation: Observation) -> bool:
    return observation.status is not None and observation.status < 300 and observation.failure is None


async def _is_sound(reading: ProviderReading, observation: Observation) -> bool:
    """Whether a stream that litellm cannot process can be read without it."""
    if not _succeeded(observation):
        return False
    reading.catch_up()
    more = True
    while more and not reading.active and reading.error is None:
        more = await observation.read_on()
        reading.catch_up()
    return reading.active and reading.error is None


async def _close(response: Any, observation: Observation) -> None:
    await observation.aclose()
    if response is not None and hasattr(response, "aclose"):
        with contextlib.suppress(Exception):
            await asyncio.wait_for(response.aclose(), 0.5)
