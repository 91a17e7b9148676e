"""Cost: what a usage object comes to."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingate.catalog import ModelRow, PriceTier, cost_usd

ROW = ModelRow(
    "anthropic",
    "claude",
    input_usd_per_mtok=2.0,
    output_usd_per_mtok=10.0,
    cache_read_usd_per_mtok=0.2,
    cache_write_usd_per_mtok=2.5,
)
M = 1_000_000


def usage(prompt=0, completion=0, *, cached=0, written=0, reasoning=0, audio=0) -> dict:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "cache_creation_tokens": written, "audio_tokens": audio},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }


def test_input_and_output_have_their_prices():
    assert cost_usd(ROW, {"prompt_tokens": M, "completion_tokens": M}) == pytest.approx(12.0)


def test_cached_tokens_are_part_of_the_prompt_and_cheaper():
    assert cost_usd(ROW, usage(M, cached=M // 2)) == pytest.approx(1.0 + 0.1)


def test_written_tokens_are_part_of_the_prompt_and_dearer():
    assert cost_usd(ROW, usage(M, written=M // 2)) == pytest.approx(1.0 + 1.25)


def test_an_unknown_cache_price_is_the_input_price():
    row = ModelRow("a", "b", input_usd_per_mtok=2.0, output_usd_per_mtok=10.0)
    assert cost_usd(row, usage(M, cached=M // 2, written=M // 4)) == pytest.approx(2.0)


def test_reasoning_tokens_have_a_price_of_their_own_where_the_catalog_says_so():
    row = ModelRow("a", "b", input_usd_per_mtok=1.0, output_usd_per_mtok=1.0, reasoning_usd_per_mtok=4.0)
    assert cost_usd(row, usage(0, M, reasoning=M // 2)) == pytest.approx(0.5 + 2.0)
    assert cost_usd(ROW, usage(0, M, reasoning=M // 2)) == pytest.approx(10.0)


def test_a_long_prompt_has_its_tiers_prices_throughout():
    row = ModelRow(
        "a",
        "b",
        input_usd_per_mtok=1.0,
        output_usd_per_mtok=2.0,
        cache_read_usd_per_mtok=0.1,
        tiers=(PriceTier(200_000, 2.0, 4.0), PriceTier(500_000, 3.0, None)),
    )
    assert cost_usd(row, usage(200_000, 100_000)) == pytest.approx(0.2 + 0.2)
    assert cost_usd(row, usage(200_001, 100_000)) == pytest.approx(0.400002 + 0.4)
    assert cost_usd(row, usage(M, 100_000, cached=M // 2)) == pytest.approx(1.5 + 0.05 + 0.4)


FULL = ModelRow(
    "a",
    "b",
    input_usd_per_mtok=1.0,
    output_usd_per_mtok=10.0,
    cache_read_usd_per_mtok=0.1,
    cache_write_usd_per_mtok=2.0,
    reasoning_usd_per_mtok=20.0,
    tiers=(PriceTier(1_000, 3.0, 30.0, 0.3, 6.0, 60.0),),
)


@pytest.mark.parametrize(
    ("asked", "micro_usd"),
    [
        ({"prompt_tokens": 100}, 100),
        ({"completion_tokens": 100}, 1000),
        (usage(100, 10, cached=30, written=20, reasoning=4), 50 * 1 + 30 * 0.1 + 20 * 2 + 6 * 10 + 4 * 20),
        (usage(2000, 10, cached=300, written=200, reasoning=4), 1500 * 3 + 300 * 0.3 + 200 * 6 + 6 * 30 + 4 * 60),
        (usage(100, cached=150, written=150), 100 * 0.1),  # no more can be cached than was sent
        (usage(100, cached=70, written=150), 70 * 0.1 + 30 * 2),
        (usage(0, 10, reasoning=15), 10 * 20),
        (usage(1, 1), 1 + 10),
        ({"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": [], "completion_tokens_details": 5}, 11),
    ],
)
def test_each_token_is_billed_once_at_its_own_price(asked, micro_usd):
    assert cost_usd(FULL, asked) == pytest.approx(micro_usd / M)


@pytest.mark.parametrize(
    ("row", "asked"),
    [
        (ModelRow("a", "b"), usage(1, 1)),
        (ModelRow("a", "b", input_usd_per_mtok=1.0), usage(1, 1)),
        (ModelRow("a", "b", output_usd_per_mtok=1.0), usage(1, 1)),
        (ROW, {}),
        (ROW, {"prompt_tokens": None, "completion_tokens": "many"}),
        (ROW, usage(10, 10, audio=5)),
        (ROW, {"prompt_tokens": 1, "completion_tokens": 1, "completion_tokens_details": {"audio_tokens": 1}}),
    ],
)
def test_what_is_not_known_is_none(row, asked):
    assert cost_usd(row, asked) is None


def test_a_price_that_is_not_needed_may_be_unknown():
    assert cost_usd(ModelRow("a", "b", input_usd_per_mtok=1.0), usage(M, 0)) == pytest.approx(1.0)
    assert cost_usd(ModelRow("a", "b"), usage(0, 0)) == 0


def test_free_is_zero_and_not_unknown():
    assert cost_usd(ModelRow("ollama", "b", input_usd_per_mtok=0.0, output_usd_per_mtok=0.0), usage(5, 5)) == 0


COUNTS = st.one_of(st.none(), st.integers(-5, 10**9), st.booleans(), st.sampled_from(["", "many", "5"]))
DETAILS = st.one_of(
    st.none(),
    st.sampled_from(["", "many", "5"]),
    st.dictionaries(st.sampled_from(["cached_tokens", "cache_creation_tokens", "reasoning_tokens"]), COUNTS),
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "prompt_tokens": COUNTS,
            "completion_tokens": COUNTS,
            "prompt_tokens_details": DETAILS,
            "completion_tokens_details": DETAILS,
        },
    )
)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_usage_is_an_error_and_no_cost_is_negative(asked):
    cost = cost_usd(ROW, asked)
    assert cost is None or cost >= 0
