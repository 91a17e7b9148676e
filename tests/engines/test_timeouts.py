"""The limits of a call: which layer sets them, and what the error of each says."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from ingate import errors
from ingate.engines.base import Route
from ingate.engines.timeouts import (
    DEFAULTS,
    Timeouts,
    call_limits,
    is_limit,
    resolved,
    timeout_error,
    within_first_token,
)
from ingate.spec import parse_one


def test_a_timeout_is_short_for_every_wait_but_not_for_the_whole() -> None:
    assert resolved({"timeout": 30}) == Timeouts(first_token_s=30, between_tokens_s=30)
    assert resolved({"timeout": 2}) == Timeouts(first_token_s=2, between_tokens_s=2, connect_s=2)
    assert resolved({"timeout": 2, "between_tokens_timeout": 7}).between_tokens_s == 7
    assert resolved({"timeout": None}) == DEFAULTS


def test_the_stronger_layer_wins_also_with_the_short_form() -> None:
    weak = {"first_token_timeout": 5, "connect_timeout": 3, "total_timeout": 50}
    assert resolved(weak, {"timeout": 60}) == Timeouts(connect_s=3, first_token_s=60, between_tokens_s=60, total_s=50)
    assert resolved({"timeout": 60}, weak).first_token_s == 5
    assert resolved(weak, {"total_timeout": 9}).total_s == 9


def test_a_call_overrides_its_route_limit_by_limit() -> None:
    assert DEFAULTS.over(call_limits(4)) == Timeouts(first_token_s=4, between_tokens_s=4, connect_s=4)
    assert DEFAULTS.over(call_limits({"total_timeout": 8})) == Timeouts(total_s=8)
    assert DEFAULTS.over(call_limits(None)) is DEFAULTS


@pytest.mark.parametrize(
    "given", [0, -1, math.inf, math.nan, True, {"timeout": "3"}, {"total": 3}, {"total_timeout": 0}]
)
def test_what_is_not_a_limit_is_refused(given: Any) -> None:
    with pytest.raises(errors.InvalidRequestError) as caught:
        call_limits(given)
    assert caught.value.param == "timeout"
    assert caught.value.fix


def test_the_limits_have_their_names_in_a_configuration() -> None:
    limits = Timeouts(connect_s=1, first_token_s=2, between_tokens_s=3, total_s=4)
    assert limits.by_name() == {
        "connect_timeout": 1,
        "first_token_timeout": 2,
        "between_tokens_timeout": 3,
        "total_timeout": 4,
    }


def test_a_value_of_none_sets_nothing() -> None:
    given = {"timeout": 4, "connect_timeout": None, "total_timeout": 9}
    assert call_limits(given) == given
    assert DEFAULTS.over(given) == Timeouts(first_token_s=4, between_tokens_s=4, connect_s=4, total_s=9)
    assert resolved({"total_timeout": 9, "connect_timeout": 2}, {"total_timeout": None}) == Timeouts(
        connect_s=2, total_s=9
    )
    assert resolved({"timeout": 5}, {"timeout": None}) == resolved({"timeout": 5})


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        (1, True),
        (0.5, True),
        (0, False),
        (-1.0, False),
        (True, False),
        ("1", False),
        (math.inf, False),
        (math.nan, False),
    ],
)
def test_a_limit_is_a_positive_finite_number(value: object, valid: bool) -> None:
    assert is_limit(value) is valid


def test_a_limit_of_zero_names_the_limit_and_an_unknown_name_the_known_ones() -> None:
    with pytest.raises(errors.InvalidRequestError, match=r"total_timeout=0 is not a positive number"):
        call_limits({"timeout": 3, "total_timeout": 0})
    with pytest.raises(errors.InvalidRequestError, match=r"'total' is not a time limit") as caught:
        call_limits({"total": 3})
    assert caught.value.fix == (
        "use timeout, connect_timeout, first_token_timeout, between_tokens_timeout or total_timeout"
    )


_SENTENCES = {
    "connect": "no connection to acme within 1.5 s (connect_timeout)",
    "first_token": "acme sent no answer within 1.5 s (first_token_timeout)",
    "between_tokens": "acme sent nothing more for 1.5 s in the middle of its answer (between_tokens_timeout)",
    "total": "the call took longer than 1.5 s in total (total_timeout)",
}


@pytest.mark.parametrize("limit", ["connect", "first_token", "between_tokens", "total"])
def test_the_error_names_the_limit_and_how_to_raise_it(limit: Any) -> None:
    error = timeout_error(limit, 1.5, "acme", provider="acme")
    assert (error.limit, error.timeout_s, error.status, error.retryable) == (limit, 1.5, 504, True)
    assert error.message == _SENTENCES[limit]
    assert error.provider == "acme"
    assert f"?{limit}_timeout=SECONDS" in error.fix
    assert timeout_error(limit, 1.5, "acme", fix="wait").fix == "wait"


@pytest.mark.parametrize("limits", [{"first_token_s": 0.01}, {"total_s": 0.01}])
async def test_a_request_that_is_not_a_model_call_is_limited_too(limits: dict[str, float]) -> None:
    spec = parse_one("acme/m")
    route = Route(spec=spec, engine="native", provider="acme", model="m", timeouts=Timeouts(**limits))
    with pytest.raises(errors.RequestTimeoutError, match=r"acme sent no answer within 0\.01 s") as caught:
        async with within_first_token(route):
            await asyncio.Event().wait()
    error = caught.value
    assert (error.limit, error.timeout_s, error.provider, error.spec) == ("first_token", 0.01, "acme", "acme/m")
