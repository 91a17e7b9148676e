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


async def test_the_first_of_two_interruptions_counts() -> None:
    watch = Watch()
    watch.interrupt(ClosedError("first"))
    watch.interrupt(ClosedError("second"))
    with pytest.raises(ClosedError, match="first"), watch.attempt(_route()):
        raise AssertionError("no attempt begins on a closed call")


async def test_closing_wins_over_a_limit_that_has_just_passed() -> None:
    watch = Watch()

    async def work() -> None:
        with watch.attempt(_route()):
            await _forever()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    watch._expire("first_token")
    watch.interrupt(ClosedError("closed"))
    watch._expire("first_token")
    with pytest.raises(ClosedError):
        await task
    with pytest.raises(ClosedError), watch.attempt(_route()):
        raise AssertionError("no attempt begins on a closed call")


async def test_a_cancellation_by_others_ends_a_stream_too() -> None:
    watch = Watch()
    async with aclosing(watch.tokens(_pieces("a", None), bool)) as tokens:
        with watch.attempt(_route()):
            await anext(tokens)
        task = asyncio.ensure_future(anext(tokens))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_limit_ends_an_attempt_of_a_task_that_was_cancelled_before() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(0)
    try:
        with pytest.raises(RequestTimeoutError), Watch().attempt(_route(first_token_s=0.01)):
            await _forever()
        assert task.cancelling() == 1
    finally:
        task.uncancel()


class Clock:
    """An event loop's clock that a test sets, with the timers that were asked of it."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now_s

    def call_later(self, delay_s: float, call: Any, *args: Any) -> Timer:
        self.timers.append(Timer(delay_s, call, args))
        return self.timers[-1]

    @property
    def running(self) -> list[float]:
        """The delays of the timers that were not cancelled."""
        return [timer.delay_s for timer in self.timers if not timer.cancelled]


class Timer:
    def __init__(self, delay_s: float, call: Any, args: Any) -> None:
        self.delay_s = delay_s
        self.cancelled = False
        self._call, self._args = call, args

    def cancel(self) -> None:
        self.cancelled = True

    def fire(self) -> None:
        self._call(*self._args)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _watch(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Watch:
    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "get_running_loop", lambda: clock)
        return Watch()


_LIMITS = _route(first_token_s=5, between_tokens_s=20, total_s=60)


@pytest.mark.parametrize(
    ("now_s", "delay_s", "limit"),
    [
        (0, 5, "first_token"),
        (54, 5, "first_token"),
        (55, 5, "total"),
        (57, 3, "total"),
        (60, 0, "total"),
        (70, 0, "total"),
    ],
)
async def test_an_attempt_has_a_timer_for_the_limit_that_passes_first(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, now_s: float, delay_s: float, limit: str
) -> None:
    watch = _watch(clock, monkeypatch)
    clock.now_s = now_s
    assert watch.remaining_s(_LIMITS) == 60 - now_s

    async def attempt() -> None:
        with watch.attempt(_LIMITS):
            [timer] = clock.timers
            assert timer.delay_s == delay_s
            timer.fire()
            await _forever()

    with pytest.raises(RequestTimeoutError) as caught:
        await attempt()
    assert (caught.value.limit, caught.value.timeout_s) == (limit, 5 if limit == "first_token" else 60)
    assert clock.running == []


class Reader:
    """Reads a watched stream piece by piece, as the test sends them."""

    def __init__(self, clock: Clock, watch: Watch) -> None:
        self.clock, self.watch = clock, watch
        self.looked: list[str] = []
        self._sent: asyncio.Queue[str] = asyncio.Queue()
        self.tokens = watch.tokens(self._source(), self._is_token)
        self.task: asyncio.Task[str] | None = None

    async def _source(self) -> AsyncGenerator[str, None]:
        while (piece := await self._sent.get()) != "end":
            yield piece

    def _is_token(self, piece: str) -> bool:
        self.looked.append(piece)
        return piece != "ping"

    async def wait(self) -> asyncio.Task[str]:
        """Begin to wait for the next piece."""
        self.task = asyncio.ensure_future(anext(self.tokens))
        await asyncio.sleep(0)
        return self.task

    async def get(self, piece: str, at_s: float) -> str:
        """The next piece, which arrives at `at_s`."""
        task = self.task or await self.wait()
        self.task = None
        self.clock.now_s = at_s
        self._sent.put_nowait(piece)
        return await task


async def _begun(clock: Clock, monkeypatch: pytest.MonkeyPatch, route: Route = _LIMITS) -> tuple[Watch, Reader]:
    """A stream whose first token came at 2 s, in its attempt."""
    watch = _watch(clock, monkeypatch)
    reader = Reader(clock, watch)

    async def first() -> None:
        with watch.attempt(route):
            reader._sent.put_nowait("a")
            clock.now_s = 2.0
            assert await anext(reader.tokens) == "a"

    await first()
    assert clock.running == []
    return watch, reader


async def test_a_stream_has_one_timer_which_is_set_again_when_it_fires(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, reader = await _begun(clock, monkeypatch)
    await reader.wait()
    assert clock.running == [21.0]  # the limit, and the second that it may be late
    assert await reader.get("b", 10.0) == "b"
    await reader.wait()
    assert len(clock.running) == 1
    clock.now_s = 23.0
    watch.tick()
    assert clock.timers[-1].delay_s == 10.0 + 20 + 1 - 23
    clock.timers[-1].cancel()
    clock.now_s = 31.0
    watch.tick()
    with pytest.raises(RequestTimeoutError) as caught:
        await (reader.task or await reader.wait())
    assert (caught.value.limit, caught.value.timeout_s) == ("between_tokens", 20)
    assert (caught.value.provider, caught.value.spec) == ("acme", "acme/m")


async def test_the_timer_waits_for_a_busy_reader(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    watch, reader = await _begun(clock, monkeypatch)
    assert await reader.get("b", 3.0) == "b"
    clock.now_s = 30.0
    watch.tick()
    assert clock.timers[-1].delay_s == 20
    clock.now_s = 55.0
    watch.tick()
    assert clock.timers[-1].delay_s == 5  # no later than the limit in total
    clock.now_s = 59.5
    watch.tick()
    assert clock.timers[-1].delay_s == 0.5
    clock.now_s = 60.0
    watch.tick()
    with pytest.raises(RequestTimeoutError) as caught:
        await (await reader.wait())
    assert caught.value.limit == "total"


async def test_only_once_a_second_a_piece_is_searched_for_a_token(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, reader = await _begun(clock, monkeypatch)
    for piece, at_s in (("b", 2.5), ("c", 3.0), ("d", 3.9), ("ping", 4.0), ("e", 4.1), ("f", 4.2), ("g", 5.1)):
        assert await reader.get(piece, at_s) == piece
    assert reader.looked == ["a", "c", "ping", "e", "g"]
    await reader.wait()
    clock.now_s = 26.0
    watch.tick()
    assert clock.timers[-1].delay_s == pytest.approx(5.1 + 21 - 26)
    clock.now_s = 26.1
    watch.tick()
    with pytest.raises(RequestTimeoutError):
        await (reader.task or await reader.wait())


@pytest.mark.parametrize(("busy_s", "counted_s"), [(0.5, 0.0), (1.0, 0.0), (7.0, 7.0)])
async def test_the_time_that_the_reader_takes_is_not_the_providers(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, busy_s: float, counted_s: float
) -> None:
    watch, reader = await _begun(clock, monkeypatch)
    assert await reader.get("b", 10.0) == "b"
    clock.now_s = 10.0 + busy_s
    await reader.wait()
    watch.tick()
    assert clock.timers[-1].delay_s == 10.0 + counted_s + 21 - (10.0 + busy_s)


async def test_short_limits_are_hardly_late(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    _, reader = await _begun(clock, monkeypatch, _route(between_tokens_s=2))
    await reader.wait()
    assert clock.running == [2.2]


async def test_the_end_of_a_stream_ends_its_timer(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    watch, reader = await _begun(clock, monkeypatch)
    with pytest.raises(StopAsyncIteration):
        await reader.get("end", 3.0)
    assert len(clock.timers) == 2
    assert clock.running == []
    watch.close()


async def test_an_iterator_that_cannot_be_closed_is_read_too() -> None:
    class Plain:
        def __init__(self) -> None:
            self.left = ["a", "b"]

        def __aiter__(self) -> Plain:
            return self

        async def __anext__(self) -> str:
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop(0)

    assert await _read(Watch(), _route(), Plain()) == ["a", "b"]
