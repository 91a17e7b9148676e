"""Opening a stream: read up to its first token, normalised, with the partial answer kept if it breaks."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from ingate.errors import ClosedError, IngateError, RequestTimeoutError, StreamInterruptedError, UnavailableError
from ingate.wire.normaliser import StreamNormaliser
from ingate.wire.progress import has_substance
from ingate.wire.tool_calls import offered_names

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from ingate.engines.base import CallReport, Engine, Route
    from ingate.engines.watch import Watch
    from ingate.wire.adapt import Adapted


async def open_stream(
    engine: Engine,
    route: Route,
    body: Mapping[str, Any],
    report: CallReport,
    adapted: Adapted | None = None,
    watch: Watch | None = None,
) -> AsyncGenerator[dict[str, Any], None]:
    """The engine's stream through the normaliser, returned once its first token has arrived.

    An error before that is raised unchanged, so that the caller may try again elsewhere: nothing was shown yet.

    Args:
        engine: What serves the call.
        route: Where it goes.
        body: The chat request.
        report: Filled in by the engine.
        adapted: Puts back into every chunk, and into the partial answer of an error, what was changed in the request.
        watch: Holds the stream to the route's time limits.
    """
    pieces = engine.stream(route, body, report)
    if watch is not None:
        pieces = watch.tokens(pieces, has_substance)
    normaliser = StreamNormaliser(route.model, names=offered_names(body))
    chunks = _normalised(pieces, normaliser, route, report, adapted)
    held: list[dict[str, Any]] = []
    try:
        async for chunk in chunks:
            held.append(chunk)
            if has_substance(chunk):
                break
    except BaseException:
        await chunks.aclose()
        raise
    return _resumed(held, chunks)


async def _resumed(
    held: list[dict[str, Any]], chunks: AsyncGenerator[dict[str, Any], None]
) -> AsyncGenerator[dict[str, Any], None]:
    async with aclosing(chunks):
        for chunk in held:
            yield chunk
        async for chunk in chunks:
            yield chunk


async def _normalised(
    pieces: AsyncIterator[dict[str, Any]],
    normaliser: StreamNormaliser,
    route: Route,
    report: CallReport,
    adapted: Adapted | None,
) -> AsyncGenerator[dict[str, Any], None]:
    begun = False
    try:
        async with aclosing(pieces) as raw:  # ty: ignore[invalid-argument-type]
            async for piece in raw:
                for made in normaliser.feed(piece):
                    for chunk in (made,) if adapted is None else adapted.chunks(made):
                        if not begun:
                            begun, report.usage = has_substance(chunk), normaliser.usage
                        yield chunk
        for made in normaliser.finish():
            for chunk in (made,) if adapted is None else adapted.chunks(made):
                yield chunk
    except IngateError as error:
        error = _with_partial(error, normaliser, route, begun)
        if adapted is not None and error.partial is not None:
            adapted.restore(error.partial)
            error.partial_text = str(error.partial["choices"][0]["message"].get("content") or "")
        raise error from None


def _with_partial(error: IngateError, normaliser: StreamNormaliser, route: Route, begun: bool) -> IngateError:
    """The error with the partial answer; a connection lost in the middle becomes `StreamInterruptedError`."""
    if (
        begun
        and isinstance(error, UnavailableError | RequestTimeoutError)
        and error.status in {UnavailableError.status, RequestTimeoutError.status}
    ):
        error = StreamInterruptedError(
            f"the stream from {route.provider} was interrupted: {error}",
            provider=route.provider,
            spec=str(route.spec),
            fix=f"the partial answer is kept; {error.fix}",
            provider_message=error.provider_message,
        )
    if begun or isinstance(error, StreamInterruptedError | ClosedError):
        error.partial_text = normaliser.text
        error.partial = normaliser.partial()
    return error
