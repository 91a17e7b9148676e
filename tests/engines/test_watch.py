"""The clock of a call: what it interrupts, with which error, and what it leaves alone."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

import pytest

from ingate.engines.base import Route
from ingate.engines.timeouts import Timeouts
from ingate.engines.watch import Watch
from ingate.errors import ClosedError, RequestTimeoutError, UnavailableError
from ingate.spec import parse_one

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


def _route(**limits: float) -> Route:
    return Route(spec=parse_one("acme/m"), engine="native", provider="acme", model="m", timeouts=Timeouts(**limits))


async def _forever() -> None:
    await asyncio.Event().wait()


async def _pieces(*pieces: Any, closed: list[str] | None = None) -> AsyncGenerator[Any, None]:
    """Yield texts, wait for numbers of seconds, and hang at None."""
    try:
        for piece in pieces:
            if isinstance(piece, float):
                await asyncio.sleep(piece)
            elif piece is None:
                await _forever()
            else:
                yield piece
    finally:
        if closed is not None:
            closed.append("closed")


async def _read(watch: Watch, route: Route, source: Any, *, reader_s: float = 0.0) -> list[str]:
    """Read a stream as the gateway does: its first piece in an attempt."""
    got = []
    async with aclosing(watch.tokens(source, lambda piece: piece != "ping")) as tokens:
        with watch.attempt(route):
            got.append(await anext(tokens))
        async for piece in tokens:
            got.append(piece)
            await asyncio.sleep(reader_s)
    return got


@pytest.mark.parametrize(
    ("limits", "limit"),
    [({"first_token_s": 0.02}, "first_token"), ({"total_s": 0.02}, "total")],
)
async def test_an_attempt_ends_at_its_limit_and_says_which(limits: dict[str, float], limit: str) -> None:
    watch = Watch()
    with pytest.raises(RequestTimeoutError) as caught, watch.attempt(_route(**limits)):
        await _forever()
    assert (caught.value.limit, caught.value.timeout_s) == (limit, 0.02)
    assert (caught.value.provider, caught.value.spec) == ("acme", "acme/m")
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_after_an_attempt_that_was_too_slow_another_may_follow() -> None:
    watch = Watch()
    route = _route(first_token_s=0.02)
    with pytest.raises(RequestTimeoutError), watch.attempt(route):
        await _forever()
    with watch.attempt(route):
        pass
    with pytest.raises(RequestTimeoutError), watch.attempt(route):
        await _forever()


async def test_an_error_of_the_provider_passes() -> None:
    with pytest.raises(UnavailableError), Watch().attempt(_route()):
        raise UnavailableError("down")


async def test_a_cancellation_by_others_stays_one() -> None:
    watch = Watch()

    async def work() -> None:
        with watch.attempt(_route()):
            await _forever()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_by_others_at_the_same_time_wins() -> None:
    watch = Watch()

    async def work() -> None:
        with watch.attempt(_route()):
            await _forever()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    watch.interrupt(ClosedError("closed"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_swallowed_interruption_does_not_count_as_a_cancellation_later() -> None:
    watch = Watch()
    with watch.attempt(_route(first_token_s=0.01)), suppress(asyncio.CancelledError):
        await _forever()
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()
    async with asyncio.timeout(5):
        await asyncio.sleep(0.001)


async def test_a_gap_ends_a_stream_and_closes_it() -> None:
    closed: list[str] = []
    route = _route(between_tokens_s=0.03)
    with pytest.raises(RequestTimeoutError) as caught:
        await _read(Watch(), route, _pieces("a", "b", None, closed=closed))
    assert caught.value.limit == "between_tokens"
    assert closed == ["closed"]


async def test_pings_do_not_hold_off_the_gap() -> None:
    with pytest.raises(RequestTimeoutError) as caught:
        async with asyncio.timeout(20):
            await _read(Watch(), _route(between_tokens_s=0.05), _pieces("a", *[0.01, "ping"] * 2000))
    assert caught.value.limit == "between_tokens"


async def test_tokens_hold_off_the_gap() -> None:
    got = await _read(Watch(), _route(between_tokens_s=0.3), _pieces("a", *[0.1, "b"] * 8))
    assert got == ["a", *"bbbbbbbb"]


async def test_the_readers_own_time_is_not_the_providers() -> None:
    got = await _read(Watch(), _route(between_tokens_s=0.1), _pieces("a", "b", 0.03, "c", 0.03, "d"), reader_s=0.25)
    assert got == ["a", "b", "c", "d"]


async def test_the_total_ends_a_stream_that_never_stops() -> None:
    with pytest.raises(RequestTimeoutError) as caught:
        async with asyncio.timeout(20):
            await _read(Watch(), _route(total_s=0.1), _pieces("a", *[0.005, "b"] * 4000))
    assert caught.value.limit == "total"


async def test_the_total_counts_while_the_reader_is_busy() -> None:
    with pytest.raises(RequestTimeoutError) as caught:
        await _read(Watch(), _route(total_s=0.1), _pieces("a", "b", "c", "d", None), reader_s=0.2)
    assert caught.value.limit == "total"


async def test_an_interruption_reaches_a_stream_that_is_not_waiting() -> None:
    watch = Watch()
    async with aclosing(watch.tokens(_pieces("a", "b", "c"), bool)) as tokens:
        with watch.attempt(_route()):
            await anext(tokens)
        watch.interrupt(ClosedError("closed"))
        with pytest.raises(ClosedError):
            await anext(tokens)


async def test_a_sleep_between_attempts_is_interrupted() -> None:
    watch = Watch()
    asyncio.get_running_loop().call_later(0.01, watch.interrupt, ClosedError("closed"))
    with pytest.raises(ClosedError):
        await watch.sleep(60)
    with pytest.raises(ClosedError), watch.attempt(_route()):
        raise AssertionError("no attempt begins on a closed call")


async def test_a_stream_that_is_dropped_leaves_no_watch_behind() -> None:
    watch = Watch()
    tokens = watch.tokens(_pieces("a", "b"), bool)
    with watch.attempt(_route()):
        await anext(tokens)
    await anext(tokens)
    dropped = weakref.ref(watch)
    del watch, tokens
    async with asyncio.timeout(5):
        while dropped() is not None:
            gc.collect()
            await asyncio.sleep(0)
