"""The clock of one call: interrupts the task that waits for a provider when a limit has passed or the gateway closes.

A stream has one timer, which is set again when it fires and not with every chunk, and no task of its own. Each chunk costs
two readings of the clock; at most once a second one is searched for a token.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import weakref
from typing import TYPE_CHECKING, Any, TypeVar

from ingate.engines.timeouts import timeout_error

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator

    from ingate.engines.base import Route
    from ingate.engines.timeouts import Limit
    from ingate.errors import IngateError

T = TypeVar("T")


class Watch:
    """Watches one call, over all its attempts.

    Attributes:
        loop: The event loop it runs in.
        task: The task that waits for the provider now; None while none does.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.task: asyncio.Task[Any] | None = None
        self._began_s = self.loop.time()
        self._route: Route | None = None
        self._error: IngateError | None = None
        self._expired = False  # whether `_error` is a limit of the present attempt
        # The task's cancellations before it began to wait, and how many of this watch it has not taken notice of.
        self._cancelling = self._cancels = 0
        # Of a stream: its timer, when the last token came, how long a gap may be, and when to look for a token again.
        self._timer: asyncio.TimerHandle | None = None
        self._progress_s = self._gap_s = self._slack_s = self._look_s = 0.0

    def remaining_s(self, route: Route) -> float:
        """Seconds until the call's total limit on `route`."""
        return self._began_s + route.timeouts.total_s - self.loop.time()

    def interrupt(self, error: IngateError) -> None:
        """End the call with `error`: at once if it waits for the provider, else when it does so next."""
        if self._error is None or self._expired:
            self._error, self._expired = error, False
            if self.task is not None:
                self._cancels += 1
                self.task.cancel()

    def close(self) -> None:
        """The call has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @contextlib.contextmanager
    def attempt(self, route: Route) -> Generator[None]:
        """One attempt: up to the first token of a stream, or to the end of a whole answer.

        Raises:
            RequestTimeoutError: A limit has passed.
            ClosedError: The gateway was closed meanwhile.
        """
        limits = route.timeouts
        self._gap_s = limits.between_tokens_s
        # A limit may pass this much late, so that not every chunk has to be searched for a token.
        self._slack_s = min(1.0, limits.between_tokens_s / 10)
        with self._limited(route, limits.first_token_s):
            yield
        self._progress_s = self.loop.time()

    @contextlib.contextmanager
    def preparation(self, route: Route) -> Generator[None]:
        """What an engine loads before its first call, which counts toward the total limit only. Raises as `attempt` does."""
        with self._limited(route, math.inf):
            yield

    @contextlib.contextmanager
    def _limited(self, route: Route, first_token_s: float) -> Generator[None]:
        self._route, left_s = route, self.remaining_s(route)
        limit: Limit = "total" if left_s <= first_token_s else "first_token"
        timer = self.loop.call_later(max(0.0, min(left_s, first_token_s)), self._expire, limit)
        try:
            with self._interruptible():
                yield
        finally:
            timer.cancel()

    async def sleep(self, seconds: float) -> None:
        """Wait between two attempts; closing the gateway interrupts it."""
        with self._interruptible():
            await asyncio.sleep(seconds)

    @contextlib.contextmanager
    def _interruptible(self) -> Generator[None]:
        self._begin_waiting()
        try:
            yield
        except asyncio.CancelledError:
            self._raise_interrupted()
            raise
        finally:
            if self._expired:  # the limit concerned this attempt only, and another may follow
                self._error, self._expired = None, False
            self._end_waiting()

    def _begin_waiting(self) -> None:
        if self._error is not None:
            raise self._error
        self.task = task = asyncio.current_task()
        assert task is not None
        self._cancelling = task.cancelling()

    def _end_waiting(self) -> None:
        while self._cancels and self.task is not None:
            self._cancels -= 1
            self.task.uncancel()
        self.task = None

    def _raise_interrupted(self) -> None:
        """Raise the error with which the waiting task was interrupted, unless something else has cancelled it too."""
        error, task = self._error, self.task
        if error is not None and task is not None and task.cancelling() - self._cancels <= self._cancelling:
            raise error from None

    async def tokens(
        self, pieces: AsyncGenerator[T, None] | AsyncIterator[T], is_token: Callable[[T], bool]
    ) -> AsyncGenerator[T, None]:
        """Yield the pieces of a stream. After its attempt, the limits between tokens and in total apply to it.

        The time that the reader takes between two pieces does not count as the provider's.

        Args:
            pieces: The stream, which is closed in any case.
            is_token: Whether a piece has a part of the answer.

        Raises:
            RequestTimeoutError: A limit has passed.
            ClosedError: The gateway was closed meanwhile.
        """
        now, next_piece = self.loop.time, pieces.__anext__
        try:
            while True:
                if in_attempt := self.task is not None:
                    piece = await next_piece()
                else:
                    self._begin_waiting()
                    if self._timer is None:
                        self._set_timer(self._gap_s + self._slack_s)
                    try:
                        piece = await next_piece()
                    except asyncio.CancelledError:
                        self._raise_interrupted()
                        raise
                    finally:
                        self._end_waiting()
                arrived_s = now()
                if arrived_s >= self._look_s and is_token(piece):
                    self._progress_s, self._look_s = arrived_s, arrived_s + self._slack_s
                yield piece
                if not in_attempt and (taken_s := now() - arrived_s) > self._slack_s:
                    self._progress_s += taken_s
        except StopAsyncIteration:
            return
        finally:
            self.close()
            if (close := getattr(pieces, "aclose", None)) is not None:
                await close()

    def _set_timer(self, seconds: float) -> None:
        assert self._route is not None
        seconds = max(0.0, min(seconds, self.remaining_s(self._route)))
        self._timer = self.loop.call_later(seconds, _tick, weakref.ref(self))

    def tick(self) -> None:
        """The stream's timer: interrupt the call if a limit has passed, else set the timer again."""
        assert self._route is not None
        left_s = self._progress_s + self._gap_s + self._slack_s - self.loop.time()
        if self.remaining_s(self._route) <= 0:
            self.interrupt(self._timeout("total"))
        elif self.task is None:  # the reader is busy
            self._set_timer(self._gap_s)
        elif left_s > 0:
            self._set_timer(left_s)
        else:
            self.interrupt(self._timeout("between_tokens"))

    def _expire(self, limit: Limit) -> None:
        if self._error is None:
            self.interrupt(self._timeout(limit))
            self._expired = True

    def _timeout(self, limit: Limit) -> IngateError:
        assert self._route is not None
        route = self._route
        seconds = getattr(route.timeouts, f"{limit}_s")
        return timeout_error(limit, seconds, route.provider, provider=route.provider, spec=str(route.spec))


def _tick(watch: weakref.ref[Watch]) -> None:
    if (found := watch()) is not None:
        found.tick()
