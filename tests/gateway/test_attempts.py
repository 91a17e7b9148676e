"""Fallbacks and retries: which error moves on to the next model, which is repeated, and after how long."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from ingate import errors
from ingate.engines.base import CallReport, Route
from ingate.engines.timeouts import Timeouts
from ingate.engines.watch import Watch
from ingate.gateway.attempts import _wait_s, first_answer
from ingate.gateway.cooldown import Cooldowns
from ingate.spec import parse

if TYPE_CHECKING:
    from ingate.spec import ModelSpec


async def _route_of(spec: ModelSpec) -> Route:
    return Route(spec=spec, engine="scripted", provider="acme", model=spec.model)


class Attempts:
    """Raises what it is given by model, in order, and answers with the model's name and its warnings afterwards."""

    def __init__(self, **failures: list[Exception]) -> None:
        self.failures = failures
        self.models: list[str] = []

    async def __call__(self, route: Route, report: CallReport) -> tuple[str, list[str]]:
        self.models.append(route.model)
        if waiting := self.failures.get(route.model):
            raise waiting.pop(0)
        return route.model, report.warnings


async def _first(
    attempts: Attempts, text: str = "acme/a, acme/b", retries: int = 0, cooldowns: Cooldowns | None = None
) -> Any:
    return await first_answer(
        parse(text), _route_of, attempts, retries=retries, watch=Watch(), cooldowns=cooldowns or Cooldowns()
    )


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingate.gateway.attempts._wait_s", lambda state: 0.0)


@pytest.mark.parametrize(
    "error",
    [
        errors.UnavailableError("down"),
        errors.RateLimitError("slow"),
        errors.AuthenticationError("no"),
        errors.ModelNotFoundError("none"),
        errors.ContextTooLongError("long"),
        errors.ContentFilterError("no"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_the_next_model_answers_and_says_why(error: errors.IngateError) -> None:
    attempts = Attempts(a=[error])
    assert await _first(attempts) == ("b", [f"acme/a: {error}"])
    assert attempts.models == ["a", "b"]
    assert error.spec == "acme/a"


@pytest.mark.parametrize(
    "error",
    [errors.BadRequestError("bad"), errors.NotSupportedError("no"), errors.ConfigError("wrong")],
    ids=lambda error: type(error).__name__,
)
async def test_an_error_that_every_model_would_raise_ends_the_list(error: errors.IngateError) -> None:
    attempts = Attempts(a=[error])
    with pytest.raises(type(error)) as caught:
        await _first(attempts)
    assert caught.value is error
    assert attempts.models == ["a"]


async def test_the_last_error_names_the_earlier_ones() -> None:
    attempts = Attempts(a=[errors.UnavailableError("down")], b=[errors.RateLimitError("slow")])
    with pytest.raises(errors.RateLimitError) as caught:
        await _first(attempts)
    assert caught.value.spec == "acme/b"
    assert caught.value.__notes__ == ["acme/a: down"]


async def test_a_retryable_error_is_repeated_as_often_as_allowed() -> None:
    attempts = Attempts(a=[errors.UnavailableError("down"), errors.UnavailableError("down")])
    assert await _first(attempts, retries=2) == ("a", [])
    assert attempts.models == ["a", "a", "a"]
    attempts = Attempts(a=[errors.UnavailableError("down") for _ in range(3)])
    assert (await _first(attempts, retries=2))[0] == "b"
    assert attempts.models == ["a", "a", "a", "b"]


@pytest.mark.parametrize("error", [errors.AuthenticationError("no"), ValueError("fault")])
async def test_other_errors_are_not_repeated(error: Exception) -> None:
    attempts = Attempts(a=[error])
    with pytest.raises(type(error)):
        await _first(attempts, "acme/a", retries=2)
    assert attempts.models == ["a"]


async def test_no_retries_means_one_attempt() -> None:
    attempts = Attempts(a=[errors.UnavailableError("down")])
    assert (await _first(attempts))[0] == "b"
    assert attempts.models == ["a", "b"]


async def test_the_first_model_is_not_waited_for_if_another_follows() -> None:
    attempts = Attempts(a=[errors.RateLimitError("slow", retry_after_s=5.0)])
    assert await _first(attempts, retries=2) == ("b", ["acme/a: slow"])
    assert attempts.models == ["a", "b"]


async def test_a_short_wait_for_the_first_model_is_kept_to() -> None:
    attempts = Attempts(a=[errors.RateLimitError("slow", retry_after_s=2.0)])
    assert await _first(attempts, retries=2) == ("a", [])


@pytest.mark.parametrize("requested_s", [61.0, 3600.0, 2.6e6])
async def test_a_wait_that_no_one_has_time_for_ends_the_call_at_once(requested_s: float) -> None:
    attempts = Attempts(a=[errors.RateLimitError("slow", retry_after_s=requested_s)])
    with pytest.raises(errors.RateLimitError) as caught:
        await _first(attempts, "acme/a", retries=2)
    assert caught.value.retry_after_s == requested_s
    assert attempts.models == ["a"]


async def test_no_retry_begins_that_the_total_limit_would_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingate.gateway.attempts._wait_s", lambda state: 30.0)
    attempts = Attempts(a=[errors.UnavailableError("down")])

    async def route_of(spec: ModelSpec) -> Route:
        return (await _route_of(spec)).with_timeouts(Timeouts(total_s=20.0))

    with pytest.raises(errors.UnavailableError):
        await first_answer(parse("acme/a"), route_of, attempts, retries=2, watch=Watch(), cooldowns=Cooldowns())
    assert attempts.models == ["a"]


async def test_a_model_that_keeps_failing_is_skipped_and_the_answer_says_so() -> None:
    cooldowns = Cooldowns(lambda: 0.0)
    attempts = Attempts(a=[errors.UnavailableError("down") for _ in range(3)])
    await _first(attempts, retries=2, cooldowns=cooldowns)
    attempts.models.clear()
    model, warnings = await _first(attempts, retries=2, cooldowns=cooldowns)
    assert (model, attempts.models) == ("b", ["b"])
    assert warnings == ["acme/a: skipped for 10 s more after 3 failures in a row; the last: down"]


async def test_the_only_model_is_never_skipped_and_neither_is_the_last() -> None:
    cooldowns = Cooldowns()
    attempts = Attempts(a=[errors.UnavailableError("down") for _ in range(3)])
    with pytest.raises(errors.UnavailableError):
        await _first(attempts, "acme/a", retries=2, cooldowns=cooldowns)
    assert await _first(attempts, "acme/a", cooldowns=cooldowns) == ("a", [])


async def test_a_skipped_model_is_tried_when_no_other_answers() -> None:
    cooldowns = Cooldowns()
    attempts = Attempts(a=[errors.UnavailableError("down") for _ in range(3)])
    await _first(attempts, retries=2, cooldowns=cooldowns)
    attempts.failures["b"] = [errors.AuthenticationError("no")]
    attempts.models.clear()
    assert (await _first(attempts, cooldowns=cooldowns))[0] == "a"
    assert attempts.models == ["b", "a"]


async def test_if_a_skipped_model_fails_too_the_last_models_error_tells_both() -> None:
    cooldowns = Cooldowns()
    attempts = Attempts(a=[errors.UnavailableError("down") for _ in range(4)], b=[errors.AuthenticationError("no")])
    with pytest.raises(errors.AuthenticationError):
        await _first(attempts, retries=2, cooldowns=cooldowns)
    attempts.failures["b"] = [errors.AuthenticationError("no")]
    with pytest.raises(errors.AuthenticationError) as caught:
        await _first(attempts, retries=2, cooldowns=cooldowns)
    assert "acme/a, tried nevertheless: down" in caught.value.__notes__


async def test_a_wrong_request_is_not_sent_to_a_skipped_model() -> None:
    cooldowns = Cooldowns()
    attempts = Attempts(a=[errors.UnavailableError("down") for _ in range(3)])
    await _first(attempts, retries=2, cooldowns=cooldowns)
    attempts.failures["b"] = [errors.BadRequestError("bad")]
    attempts.models.clear()
    with pytest.raises(errors.BadRequestError):
        await _first(attempts, cooldowns=cooldowns)
    assert attempts.models == ["b"]


def _state(error: Exception | None, number: int = 1) -> Any:
    outcome = SimpleNamespace(exception=lambda: error)
    return SimpleNamespace(outcome=outcome, attempt_number=number)


@pytest.mark.parametrize("requested_s", [0.2, 3.0, 60.0])
def test_the_wait_is_never_shorter_than_the_provider_requests_and_has_jitter(requested_s: float) -> None:
    waits = {_wait_s(_state(errors.RateLimitError("slow", retry_after_s=requested_s))) for _ in range(50)}
    assert all(requested_s <= waited <= requested_s + 1 for waited in waits)
    assert len(waits) > 10


def test_a_provider_that_requests_no_wait_is_not_asked_at_once() -> None:
    assert _wait_s(_state(errors.RateLimitError("slow", retry_after_s=0.0))) >= 0.25


@pytest.mark.parametrize(
    ("number", "least", "most"), [(1, 0.25, 0.5), (2, 0.5, 1.0), (4, 2.0, 4.0), (20, 0.0, 131_072)]
)
def test_the_wait_doubles_with_jitter_otherwise(number: int, least: float, most: float) -> None:
    waits = {_wait_s(_state(errors.UnavailableError("down"), number)) for _ in range(50)}
    assert all(least <= waited <= most for waited in waits)
    if number < 5:
        assert len(waits) > 10
