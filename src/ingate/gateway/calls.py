"""The gateway's calls: each has a watch, they share the cool-downs, and closing the gateway interrupts all of them."""

from __future__ import annotations

import contextlib
import threading
import weakref
from typing import TYPE_CHECKING, Final, TypeVar

from ingate.errors import ClosedError
from ingate.gateway.attempts import first_answer
from ingate.gateway.cooldown import Cooldowns

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Mapping

    from ingate.engines.base import CallReport, Route
    from ingate.engines.watch import Watch
    from ingate.spec import ModelSpec

T = TypeVar("T")

_GRACE_S: Final = 2.0  # how long closing waits for interrupted calls to end


class Calls:
    """The running calls of one gateway, in any number of event loops.

    Args:
        prepare: Begins what an engine needs before an attempt; see `first_answer`.
    """

    def __init__(self, prepare: Callable[[Route], Awaitable[None] | None] | None = None) -> None:
        self.closed = False
        self._prepare = prepare
        self._cooldowns = Cooldowns()
        self._watches: weakref.WeakSet[Watch] = weakref.WeakSet()
        self._lock = threading.Lock()

    def check(self) -> None:
        """Raise `ClosedError` if the gateway has been closed."""
        if self.closed:
            raise closed_error()

    def begin(self) -> Watch:
        """The watch of a new call, which its owner closes.

        Raises:
            ClosedError: The gateway has been closed.
        """
        from ingate.engines.watch import Watch

        watch = Watch()
        with self._lock:
            self.check()
            self._watches.add(watch)
        return watch

    @contextlib.contextmanager
    def watched(self) -> Generator[Watch]:
        """The watch of a new call that ends with this context; see `begin`."""
        watch = self.begin()
        try:
            yield watch
        finally:
            watch.close()

    async def first(
        self,
        specs: tuple[ModelSpec, ...],
        route_of: Callable[[ModelSpec], Awaitable[Route]],
        call: Callable[[Route, CallReport], Awaitable[T]],
        retries: int,
        watch: Watch,
        limits: Mapping[str, float | None],
    ) -> T:
        """The answer of the first of `specs` that returns one; `limits` are the call's own (see `first_answer`)."""

        async def limited(spec: ModelSpec) -> Route:
            route = await route_of(spec)
            return route.with_timeouts(route.timeouts.over(limits)) if limits else route

        return await first_answer(
            specs, limited, call, retries=retries, watch=watch, cooldowns=self._cooldowns, prepare=self._prepare
        )

    async def interrupt(self) -> None:
        """Let no new call begin, and end the running ones with `ClosedError`. May be called twice."""
        import asyncio

        with self._lock:
            self.closed = True
            watches = list(self._watches)
        here = asyncio.get_running_loop()
        for watch in watches:
            if watch.loop is here:
                watch.interrupt(closed_error())
            else:
                with contextlib.suppress(RuntimeError):  # that loop is closed
                    watch.loop.call_soon_threadsafe(watch.interrupt, closed_error())
        until_s = here.time() + _GRACE_S
        while here.time() < until_s and any(w.task is not None and not w.loop.is_closed() for w in watches):  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def closed_error() -> ClosedError:
    """The error of a call on a closed gateway."""
    return ClosedError(
        "the gateway has been closed", fix="make the calls inside `async with Gateway()`, or create a new Gateway"
    )
