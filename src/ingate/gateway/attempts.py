"""Fallbacks and retries: the models of a list are tried in order, each as often as its errors allow."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ingate.engines.base import CallReport
from ingate.errors import (
    BadRequestError,
    ClosedError,
    ConfigError,
    ContentFilterError,
    ContextTooLongError,
    IngateError,
    NotSupportedError,
    SpecError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from ingate.engines.base import Route
    from ingate.engines.watch import Watch
    from ingate.gateway.cooldown import Cooldowns
    from ingate.spec import ModelSpec

T = TypeVar("T")

# Errors that the next model in the list would raise too…
_NO_FALLBACK: Final = (BadRequestError, ClosedError, NotSupportedError, ConfigError)
# …except for these, which depend on the model.
_YET_FALLBACK: Final = (ContextTooLongError, ContentFilterError)
# The longest wait before a retry, in seconds, and the longest if another model follows in the list.
_MOST_WAIT_S: Final = 60.0
_MOST_WAIT_WITH_FALLBACK_S: Final = 3.0


async def first_answer(
    specs: Iterable[ModelSpec],
    route_of: Callable[[ModelSpec], Awaitable[Route]],
    call: Callable[[Route, CallReport], Awaitable[T]],
    *,
    retries: int,
    watch: Watch,
    cooldowns: Cooldowns,
    prepare: Callable[[Route], Awaitable[None] | None] | None = None,
) -> T:
    """The answer of the first of `specs` that returns one.

    Args:
        specs: The models, in order.
        route_of: Where calls of a model go.
        call: One attempt. It may raise only before any part of an answer was shown.
        retries: How often a call of one model is repeated, if its error is retryable.
        watch: Holds the call to its time limits.
        cooldowns: The deployments to skip as long as another model answers.
        prepare: Begins what an engine needs before an attempt, if anything; only the total limit applies to it.

    Raises:
        IngateError: The last model's error; those of the others are in its `__notes__`.
    """
    attempts = _Attempts(call, watch, cooldowns, prepare)
    notes: list[str] = []
    wanted = tuple(specs)
    skipped: list[tuple[ModelSpec, Route]] = []
    failure: IngateError | None = None
    for place, spec in enumerate(wanted):
        report = CallReport(warnings=list(notes))
        is_last = place == len(wanted) - 1
        try:
            route = await route_of(spec)
            admission = attempts.cooldowns.admit(route)
            if admission.skip and not is_last:
                notes.append(f"{spec.target}: {admission.skip}")
                skipped.append((spec, route))
                continue
            probe = admission.probe and not is_last
            return await attempts.tried(route, report, 0 if probe else retries, has_fallback=not is_last)
        except IngateError as error:
            error.spec = error.spec or str(spec)
            failure = error
            if _ends_the_list(error):
                skipped.clear()
                break
            if not is_last:
                notes.append(f"{spec.target}: {error}")
    for spec, route in skipped:  # no other model has answered
        try:
            return await attempts.tried(route, CallReport(warnings=list(notes)), 0, has_fallback=True)
        except IngateError as error:
            notes.append(f"{spec.target}, tried nevertheless: {error}")
    if failure is None:
        raise SpecError("the model spec is empty")
    for note in notes:
        failure.add_note(note)
    raise failure


def _ends_the_list(error: IngateError) -> bool:
    return isinstance(error, _NO_FALLBACK) and not isinstance(error, _YET_FALLBACK)


class _Attempts:
    """The attempts of one call."""

    def __init__(
        self,
        call: Callable[[Route, CallReport], Awaitable[Any]],
        watch: Watch,
        cooldowns: Cooldowns,
        prepare: Callable[[Route], Awaitable[None] | None] | None,
    ) -> None:
        self._call = call
        self._prepare = prepare
        self._watch = watch
        self.cooldowns = cooldowns

    async def tried(self, route: Route, report: CallReport, retries: int, *, has_fallback: bool) -> Any:
        """The answer of one model, with retries."""
        if not retries:
            return await self._once(route, report)
        from tenacity import AsyncRetrying, retry_if_exception

        most_s = _MOST_WAIT_WITH_FALLBACK_S if has_fallback else _MOST_WAIT_S

        def too_long(state: Any) -> bool:
            return _requested_s(state) > most_s or state.upcoming_sleep > min(most_s, self._watch.remaining_s(route))

        async for attempt in AsyncRetrying(
            stop=lambda state: state.attempt_number > retries or too_long(state),
            retry=retry_if_exception(lambda error: isinstance(error, IngateError) and error.retryable),
            wait=_wait_s,
            sleep=self._watch.sleep,
            reraise=True,
        ):
            with attempt:
                return await self._once(route, report)
        raise AssertionError("tenacity ends with an answer or an error")

    async def _once(self, route: Route, report: CallReport) -> Any:
        dropped, warnings = list(report.dropped), list(report.warnings)
        try:
            if self._prepare is not None and (preparation := self._prepare(route)) is not None:
                with self._watch.preparation(route):
                    await preparation
            with self._watch.attempt(route):
                answer = await self._call(route, report)
        except IngateError as error:
            self.cooldowns.failed(route, error)
            report.dropped[:], report.warnings[:] = dropped, warnings  # the next attempt reports the same again
            raise
        except BaseException:
            self.cooldowns.released(route)
            raise
        self.cooldowns.succeeded(route)
        return answer


def _wait_s(state: Any) -> float:
    """Seconds before the next attempt: as the provider requests, else 0.5, 1, 2…; with jitter, so that callers spread."""
    from tenacity import wait_random_exponential

    requested_s = _requested_s(state)
    if requested_s > 0:
        return requested_s + random.uniform(0.0, min(1.0, 0.05 + requested_s / 10))
    return wait_random_exponential(multiplier=0.5, min=0.25 * 2 ** (state.attempt_number - 1), max=30.0)(state)


def _requested_s(state: Any) -> float:
    """How long the provider asks to wait, in seconds; 0 if it does not."""
    error = state.outcome.exception() if state.outcome is not None else None
    return getattr(error, "retry_after_s", None) or 0.0
