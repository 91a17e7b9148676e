"""Prices of litellm's catalog: per million tokens, zeros that are free or unknown, tiers of long prompts."""

from __future__ import annotations

from typing import Any

import pytest

from ingate.catalog import PriceTier
from ingate.catalog.prices import is_free, prices

NONE = (None, None, None, None, None)


def test_every_price_is_per_million_tokens():
    entry = {
        "input_cost_per_token": 1.00000049e-06,  # rounded to six places
        "output_cost_per_token": 2.5e-06,
        "cache_read_input_token_cost": 1e-07,
        "cache_creation_input_token_cost": 1.25e-06,
        "output_cost_per_reasoning_token": 3e-06,
    }
    assert prices("openai", "m", entry) == ((1.0, 2.5, 0.1, 1.25, 3.0), ())


def test_a_reasoning_price_that_equals_the_outputs_is_left_out():
    entry = {"output_cost_per_token": 2e-06, "output_cost_per_reasoning_token": 2e-06}
    assert prices("openai", "m", entry)[0] == (None, 2.0, None, None, None)


@pytest.mark.parametrize(
    ("provider", "model", "free"),
    [
        ("ollama", "m", True),
        ("ollama_chat", "m", True),
        ("lm_studio", "m", True),
        ("llamafile", "m", True),
        ("lemonade", "m", True),
        ("docker_model_runner", "m", True),
        ("hosted_vllm", "m", True),
        ("xinference", "m", True),
        ("openrouter", "a/b:free", True),
        ("zai", "m-free", True),
        ("openrouter", "a/free", False),
        ("openrouter", "a:free-2", False),
        ("groq", "m", False),
    ],
)
def test_a_zero_is_free_only_on_the_users_own_servers_and_by_name(provider, model, free):
    assert is_free(provider, model) is free
    zero = 0.0 if free else None
    assert prices(provider, model, {"input_cost_per_token": 0})[0] == (zero, None, None, None, None)


@pytest.mark.parametrize("value", [0.001, 0.0032, 1, True, False, "1e-6", -1e-6, None, []])
def test_what_is_not_a_price_per_token_is_unknown(value):
    assert prices("openai", "m", {"input_cost_per_token": value})[0] == NONE
    assert prices("openai", "m", {"input_cost_per_token": 0.000999})[0][0] == 999.0


def test_prices_above_a_limit_are_tiers_shortest_first():
    entry = {
        "input_cost_per_token": 1e-06,
        "input_cost_per_token_above_200k_tokens": 3e-06,
        "input_cost_per_token_above_128k_tokens": 2e-06,
        "output_cost_per_token_above_128k_tokens": 4e-06,
        "cache_read_input_token_cost_above_200k_tokens": 5e-07,
        "input_cost_per_token_above_many_tokens": 9e-06,
        "input_cost_per_token_above_1k_tokens_batches": 9e-06,
    }
    base, tiers = prices("openai", "m", entry)
    assert base == (1.0, None, None, None, None)
    assert tiers == (PriceTier(128_000, 2.0, 4.0), PriceTier(200_000, 3.0, cache_read_usd_per_mtok=0.5))


LISTED: list[Any] = [
    {"range": [200_000, 400_000], "input_cost_per_token": 3e-06},
    {
        "range": [0, 200_000],
        "input_cost_per_token": 1e-06,
        "output_cost_per_token": 2e-06,
        "cache_read_input_token_cost": 1e-07,
        "cache_creation_input_token_cost": 2e-07,
        "output_cost_per_reasoning_token": 4e-06,
    },
]


def test_a_listed_tier_from_zero_is_the_base_price():
    assert prices("dashscope", "m", {"tiered_pricing": LISTED}) == (
        (1.0, 2.0, 0.1, 0.2, 4.0),
        (PriceTier(200_000, 3.0),),
    )


@pytest.mark.parametrize("own", ["input_cost_per_token", "output_cost_per_token"])
def test_a_base_price_of_its_own_stays(own):
    base, tiers = prices("dashscope", "m", {"tiered_pricing": LISTED, own: 9e-06})
    assert base == ((9.0, None, None, None, None) if own.startswith("input") else (None, 9.0, None, None, None))
    assert tiers == (PriceTier(200_000, 3.0),)


def test_listed_tiers_without_one_from_zero_are_all_tiers():
    entry = {"tiered_pricing": LISTED[:1], "input_cost_per_token_above_128k_tokens": 2e-06}
    assert prices("dashscope", "m", entry) == (NONE, (PriceTier(200_000, 3.0),))


@pytest.mark.parametrize(
    "listed",
    [
        [],
        "text",
        5,
        {},
        [None],
        ["text"],
        [{}],
        [{"range": []}],
        [{"range": "0-5"}],
        [{"range": ["0", 5]}],
        [{"range": [True, 5]}],
        [{"range": [-1, 5]}],
    ],
)
def test_a_malformed_list_gives_no_tiers(listed):
    assert prices("dashscope", "m", {"tiered_pricing": listed, "input_cost_per_token": 1e-06}) == (
        (1.0, None, None, None, None),
        (),
    )


@pytest.mark.parametrize("listed", [None, [], {}, "text", {"range": [0, 5]}, 5, True])
def test_what_is_no_list_of_tiers_leaves_the_prices_above_a_limit(listed):
    entry = {"tiered_pricing": listed, "input_cost_per_token_above_128k_tokens": 2e-06}
    assert prices("dashscope", "m", entry) == (NONE, (PriceTier(128_000, 2.0),))
