"""A route with other limits, and what of it has to be masked."""

from __future__ import annotations

import pytest

from ingate.engines.base import CallReport, Forwarded, Route
from ingate.engines.timeouts import DEFAULTS, Timeouts
from ingate.providers.credential import Credential
from ingate.secret import Secret
from ingate.spec import parse_one


def _route(**more: object) -> Route:
    return Route(spec=parse_one("acme/m"), engine="native", provider="acme", model="m", **more)  # ty: ignore[invalid-argument-type]


@pytest.mark.parametrize(("first_s", "between_s", "longest_s"), [(3, 7, 7), (7, 3, 7)])
def test_the_engines_own_timer_is_the_longer_of_both_waits(first_s: float, between_s: float, longest_s: float) -> None:
    limits = Timeouts(first_token_s=first_s, between_tokens_s=between_s)
    changed = _route().with_timeouts(limits)
    assert (changed.timeouts, changed.timeout_s, changed.model) == (limits, longest_s, "m")
    assert changed.with_timeouts(Timeouts(first_token_s=first_s, between_tokens_s=between_s)) is changed


def test_a_route_has_the_default_limits_and_nothing_secret() -> None:
    route = _route()
    assert (route.timeouts, route.timeout_s, route.drop_params) == (DEFAULTS, 600.0, "warn")
    assert (route.secrets(), route.header_values(), route.endpoints) == ((), {}, ())


def test_keys_and_secret_headers_are_masked_and_regions_are_not() -> None:
    key, token, header = Secret("sk-1234567"), Secret("tok-1234567"), Secret("hush-12345")
    params = {"aws_session_token": token, "aws_region_name": Secret("eu-west-1")}
    route = _route(credential=Credential(key, params, "env X"), headers={"x-a": "open", "x-b": header})
    assert route.secrets() == (key, token, header)
    assert route.header_values() == {"x-a": "open", "x-b": "hush-12345"}
    assert "hush" not in repr(route.header_values())


def test_a_report_and_a_forwarded_response_begin_empty() -> None:
    assert CallReport() == CallReport(headers={}, dropped=[], warnings=[], usage=None)
    assert Forwarded() == Forwarded(
        content=None, pieces=None, content_type="application/json", usage=None, response=None
    )
