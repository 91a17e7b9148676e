"""The limits of a call: which layer sets them, and what the error of each says."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from ingate import errors
from ingate.engines.base import Route
from ingate.engines.timeouts import DEFAULTS, Timeouts, call_limits, resolved, timeout_error, within_first_token
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


@pytest.mark.parametrize("limit", ["connect", "first_token", "between_tokens", "total"])
def test_the_error_names_the_limit_and_how_to_raise_it(limit: Any) -> None:
    error = timeout_error(limit, 1.5, "acme", provider="acme")
    assert (error.limit, error.timeout_s, error.status, error.retryable) == (limit, 1.5, 504, True)
    assert f"({limit}_timeout)" in str(error)
    assert "1.5 s" in str(error)
    assert f"?{limit}_timeout=SECONDS" in error.fix


async def test_a_request_that_is_not_a_model_call_is_limited_too() -> None:
    spec = parse_one("acme/m")
    route = Route(spec=spec, engine="native", provider="acme", model="m", timeouts=Timeouts(first_token_s=0.01))
    with pytest.raises(errors.RequestTimeoutError, match=r"acme sent no answer within 0\.01 s"):
        async with within_first_token(route):
            await asyncio.Event().wait()
