"""The circuit breaker: when it opens, for how long, who may try again, and that it never refuses the only model."""

from __future__ import annotations

from typing import Any

import pytest

from ingate import errors
from ingate.engines.base import Route
from ingate.gateway.cooldown import Admission, Cooldowns
from ingate.providers.credential import Credential
from ingate.secret import Secret
from ingate.spec import parse_one

DOWN = errors.UnavailableError("down")


def route(model: str = "m", **more: Any) -> Route:
    return Route(spec=parse_one(f"acme/{model}"), engine="native", provider="acme", model=model, **more)


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cooldowns(clock: Clock) -> Cooldowns:
    return Cooldowns(clock)


def fail(cooldowns: Cooldowns, times: int, error: errors.IngateError = DOWN) -> None:
    for _ in range(times):
        cooldowns.failed(route(), error)


def test_it_opens_after_three_failures_in_a_row_and_says_why(cooldowns: Cooldowns) -> None:
    fail(cooldowns, 2)
    assert cooldowns.admit(route()) == Admission()
    cooldowns.succeeded(route())
    fail(cooldowns, 2)
    assert cooldowns.admit(route()) == Admission()
    fail(cooldowns, 1)
    assert cooldowns.admit(route()).skip == "skipped for 10 s more after 3 failures in a row; the last: down"


def test_one_call_tries_again_when_the_time_is_over(cooldowns: Cooldowns, clock: Clock) -> None:
    fail(cooldowns, 3)
    clock.now_s += 10.1
    assert cooldowns.admit(route()) == Admission(probe=True)
    assert cooldowns.admit(route()).skip
    cooldowns.succeeded(route())
    assert cooldowns.admit(route()) == Admission()


def test_every_failed_try_doubles_the_time_up_to_two_minutes(cooldowns: Cooldowns, clock: Clock) -> None:
    fail(cooldowns, 3)
    lengths = []
    for _ in range(6):
        length_s = 0.0
        while cooldowns.admit(route()).skip:
            clock.now_s += 1
            length_s += 1
        lengths.append(length_s)
        fail(cooldowns, 1)
    assert lengths == [10, 20, 40, 80, 120, 120]


def test_failures_of_calls_that_had_begun_earlier_do_not_prolong_it(cooldowns: Cooldowns) -> None:
    fail(cooldowns, 30)
    assert cooldowns.admit(route()).skip.startswith("skipped for 10 s")


def test_a_try_that_was_given_up_lets_another_call_try(cooldowns: Cooldowns, clock: Clock) -> None:
    fail(cooldowns, 3)
    clock.now_s += 11
    assert cooldowns.admit(route()).probe
    cooldowns.released(route())
    assert cooldowns.admit(route()).probe
    clock.now_s += 61  # a try whose result never came
    assert cooldowns.admit(route()).probe


def test_a_rate_limit_opens_it_for_as_long_as_the_provider_asks(cooldowns: Cooldowns) -> None:
    fail(cooldowns, 1, errors.RateLimitError("slow", retry_after_s=30.0))
    assert cooldowns.admit(route()).skip == "skipped for 30 s more after a failure; the last: slow"


def test_a_rate_limit_of_a_day_does_not_shut_a_deployment_out_for_a_day(cooldowns: Cooldowns, clock: Clock) -> None:
    fail(cooldowns, 1, errors.RateLimitError("slow", retry_after_s=86_400.0))
    clock.now_s += 121
    assert cooldowns.admit(route()).probe


@pytest.mark.parametrize(
    "error",
    [
        errors.BadRequestError("bad"),
        errors.AuthenticationError("no"),
        errors.ModelNotFoundError("none"),
        errors.UnavailableError("page", retryable=False),
        errors.RequestTimeoutError("total", limit="total"),
        errors.StreamInterruptedError("broke"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_says_nothing_about_the_deployments_health_does_not_count(
    cooldowns: Cooldowns, error: errors.IngateError
) -> None:
    fail(cooldowns, 9, error)
    assert cooldowns.admit(route()) == Admission()


def test_another_model_address_or_key_is_another_deployment(cooldowns: Cooldowns) -> None:
    fail(cooldowns, 3)
    assert cooldowns.admit(route()).skip
    for other in (
        route("n"),
        route(api_base="http://b"),
        route(credential=Credential(api_key=Secret("sk-another"))),
    ):
        assert cooldowns.admit(other) == Admission()


def test_memory_is_bounded(cooldowns: Cooldowns) -> None:
    for number in range(3000):
        cooldowns.failed(route(f"m{number}"), DOWN)
    assert len(cooldowns._states) <= 1025
