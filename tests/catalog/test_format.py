"""Prices, token counts and costs as text."""

from __future__ import annotations

import pytest

from ingate.catalog import ModelRow
from ingate.catalog.format import features, from_price, price, price_pair, tokens, usd
from ingate.catalog.schema import PriceTier


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "?"),
        (0, "free"),
        (0.0, "free"),
        (0.0004, "<0.001"),
        (0.075, "0.075"),
        (0.15, "0.15"),
        (0.1, "0.1"),
        (1.0, "1"),
        (1.375, "1.38"),
        (2.5, "2.5"),
        (10, "10"),
        (12.5, "12.5"),
        (600.0, "600"),
    ],
)
def test_a_price_is_as_short_as_it_can_be(value, text):
    assert price(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "?"),
        (0, "0"),
        (512, "512"),
        (1000, "1k"),
        (8192, "8.2k"),
        (9_949, "9.9k"),
        (9_950, "10k"),
        (16_385, "16k"),
        (128_000, "128k"),
        (131_072, "131k"),
        (200_000, "200k"),
        (922_000, "922k"),
        (999_500, "1M"),
        (1_000_000, "1M"),
        (1_048_576, "1.05M"),
        (10_000_000, "10M"),
    ],
)
def test_a_token_count_is_as_short_as_it_can_be(value, text):
    assert tokens(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "$0"),
        (0.00002, "$0.000020"),
        (0.0001, "$0.0001"),
        (0.0042, "$0.0042"),
        (0.123, "$0.1230"),
        (1, "$1.00"),
        (1.25, "$1.25"),
        (1234.5, "$1,234.50"),
    ],
)
def test_a_cost_shows_what_matters(value, text):
    assert usd(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "?"), (0, "free"), (0.0001, "<$0.001"), (0.15, "$0.15"), (2, "$2"), (600, "$600")]
)
def test_a_price_can_have_a_dollar_sign(value, text):
    assert price(value, sign="$") == text


def test_a_models_features_begin_with_what_it_is_if_it_does_not_chat():
    assert features(ModelRow("a", "b", caps=("tools", "vision"))) == "tools vision"
    assert features(ModelRow("a", "b", mode="responses")) == ""
    assert features(ModelRow("a", "b", mode="completion", caps=("cache",))) == "text completion cache"


def test_a_price_that_rises_with_the_prompt_says_from():
    row = ModelRow(
        "gemini",
        "gemini-pro",
        input_usd_per_mtok=1.25,
        output_usd_per_mtok=10.0,
        cache_read_usd_per_mtok=0.1,
        tiers=(PriceTier(200_000, 2.5, None, 0.1), PriceTier(400_000, None, 10.0)),
    )
    assert from_price(row, "input_usd_per_mtok") == "from 1.25"
    assert from_price(row, "input_usd_per_mtok", sign="$") == "from $1.25"
    assert from_price(row, "output_usd_per_mtok") == "10"  # the same in every tier
    assert from_price(row, "cache_read_usd_per_mtok") == "0.1"
    assert price_pair(row) == "1.25+/10"
    assert price_pair(ModelRow("a", "b")) == "?/?"
    unknown = ModelRow("a", "b", output_usd_per_mtok=3.0, tiers=(PriceTier(1000, 2.0, 6.0),))
    assert from_price(unknown, "input_usd_per_mtok") == "?"
    assert price_pair(unknown) == "?/3+"
