"""Fallbacks and retries: the models of a list are tried in order, each as often as its errors allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from ingate.engines.base import CallReport
from ingate.errors import (
    BadRequestError,
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
    from ingate.spec import ModelSpec

T = TypeVar("T")

# Errors that the next model in the list would raise too…
_NO_FALLBACK: Final = (BadRequestError, NotSupportedError, ConfigError)
# …except for these, which depend on the model.
_YET_FALLBACK: Final = (ContextTooLongError, ContentFilterError)


async def first_answer(
    specs: Iterable[ModelSpec],
    route_of: Callable[[ModelSpec], Awaitable[Route]],
    call: Callable[[Route, CallReport], Awaitable[T]],
    *,
    retries: int,
) -> T:
    """The answer of the first of `specs` that returns one.

    Args:
        specs: The models, in order.
        route_of: Where calls of a model go.
        call: One attempt. It may raise only before any part of an answer was shown.
        retries: How often a call of one model is repeated, if its error is retryable.

    Raises:
        IngateError: The last model's error; those of the others are in its `__notes__`.
    """
    notes: list[str] = []
    wanted = tuple(specs)
    for place, spec in enumerate(wanted):
        report = CallReport(warnings=list(notes))
        try:
            return await _tried(await route_of(spec), report, call, retries)
        except IngateError as error:
            error.spec = error.spec or str(spec)
            refused = isinstance(error, _NO_FALLBACK) and not isinstance(error, _YET_FALLBACK)
            if refused or place == len(wanted) - 1:
                for note in notes:
                    error.add_note(note)
                raise
            notes.append(f"{spec.target}: {error}")
    raise SpecError("the model spec is empty")


async def _tried(
    route: Route, report: CallReport, call: Callable[[Route, CallReport], Awaitable[T]], retries: int
) -> T:
    if not retries:
        return await call(route, report)
    import asyncio

    from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

    async for attempt in AsyncRetrying(
        stop=stop_after_attempt(1 + retries),
        retry=retry_if_exception(lambda error: isinstance(error, IngateError) and error.retryable),
        wait=_wait_s,
        sleep=asyncio.sleep,
        reraise=True,
    ):
        with attempt:
            return await call(route, report)
    raise AssertionError("tenacity ends with an answer or an error")


def _wait_s(state: Any) -> float:
    """Seconds before the next attempt: as the provider requests (at most a minute), else 0.5, 1, 2… with jitter."""
    from tenacity import wait_random_exponential

    error = state.outcome.exception() if state.outcome is not None else None
    requested_s = getattr(error, "retry_after_s", None)
    if requested_s is not None:
        return min(requested_s, 60.0)
    return wait_random_exponential(multiplier=0.5, min=0.25 * 2 ** (state.attempt_number - 1), max=30.0)(state)
