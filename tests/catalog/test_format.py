"""Prices, token counts and costs as text."""

from __future__ import annotations

import pytest

from ingate.catalog import ModelRow
from ingate.catalog.format import features, price, tokens, usd


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
