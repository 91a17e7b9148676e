from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingate.wire.usage import merge_usage, normalise_usage
from support.traffic import usage_of


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}, {"prompt": 3, "completion": 2, "total": 5}),
        ({"prompt_tokens": 3, "completion_tokens": 2}, {"prompt": 3, "completion": 2, "total": 5}),
        ({"input_tokens": 3, "output_tokens": 2}, {"prompt": 3, "completion": 2, "total": 5}),
        ({"prompt_tokens": 3, "total_tokens": 5}, {"prompt": 3, "completion": 2, "total": 5}),
        # reasoning counted apart from the completion: the total proves it
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 2,
                "total_tokens": 52,
                "completion_tokens_details": {"reasoning_tokens": 40},
            },
            {"prompt": 10, "completion": 42, "reasoning": 40, "total": 52},
        ),
        # reasoning within the completion
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 42,
                "total_tokens": 52,
                "completion_tokens_details": {"reasoning_tokens": 40},
            },
            {"prompt": 10, "completion": 42, "reasoning": 40, "total": 52},
        ),
        # a total that proves nothing is left alone
        (
            {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 99},
            {"prompt": 10, "completion": 2, "total": 99},
        ),
        # cache reads and writes counted apart from the prompt
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 2,
                "total_tokens": 112,
                "cache_read_input_tokens": 70,
                "cache_creation_input_tokens": 30,
            },
            {"prompt": 110, "completion": 2, "cached": 70, "cache_write": 30, "total": 112},
        ),
    ],
)
def test_counts_add_up(said: dict[str, Any], meant: dict[str, int]):
    assert usage_of(normalise_usage(said)) == meant
    assert normalise_usage(normalise_usage(said)) == normalise_usage(said)


@pytest.mark.parametrize(
    "place",
    [
        {"prompt_tokens_details": {"cached_tokens": 7}},
        {"input_tokens_details": {"cached_tokens": 7}},
        {"prompt_cache_hit_tokens": 7, "prompt_cache_miss_tokens": 3},
        {"cached_tokens": 7},
        {"num_cached_tokens": 7},
        {"cache_read_input_tokens": 7},
        {"prompt_tokens_details": {"cached_tokens": 0}, "cached_tokens": 7},
        {"prompt_tokens_details": None, "num_cached_tokens": 7},
    ],
)
def test_cached_tokens_are_found_wherever_they_are(place: dict[str, Any]):
    assert normalise_usage({"prompt_tokens": 10, **place})["prompt_tokens_details"]["cached_tokens"] == 7


@pytest.mark.parametrize(
    "place",
    [
        {"completion_tokens_details": {"reasoning_tokens": 7}},
        {"output_tokens_details": {"reasoning_tokens": 7}},
        {"reasoning_tokens": 7},
    ],
)
def test_reasoning_tokens_are_found_wherever_they_are(place: dict[str, Any]):
    assert normalise_usage({"completion_tokens": 10, **place})["completion_tokens_details"]["reasoning_tokens"] == 7


def test_what_else_is_said_is_kept_without_its_nulls():
    said = {
        "prompt_tokens": 1,
        "cost": 0.5,
        "queue_time": None,
        "prompt_tokens_details": {"audio_tokens": 1, "x": None},
    }
    usage = normalise_usage(said)
    assert usage["cost"] == 0.5
    assert "queue_time" not in usage
    assert usage["prompt_tokens_details"] == {"audio_tokens": 1}


def _openai(prompt: int, completion: int, total: int, **more: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total, **more}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({}, _openai(0, 0, 0)),
        ({"total_tokens": 5}, _openai(0, 5, 5)),
        ({"completion_tokens": 2, "total_tokens": 5}, _openai(3, 2, 5)),
        ({"completion_tokens": 7, "total_tokens": 5}, _openai(0, 7, 5)),
        ({"prompt_tokens": 7, "total_tokens": 5}, _openai(7, 0, 5)),
        ({"prompt_tokens": 7}, _openai(7, 0, 7)),
        ({"completion_tokens": 2}, _openai(0, 2, 2)),
        ({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 0}, _openai(1, 2, 3)),
        ({"prompt_tokens": 0, "input_tokens": 9, "completion_tokens": 1.9}, _openai(0, 1, 1)),
        ({"prompt_tokens": True, "input_tokens": 9, "output_tokens": "3"}, _openai(9, 0, 9)),
        ({"prompt_tokens": float("inf"), "input_tokens": -1}, _openai(0, 0, 0)),
        # one more than the parts counted, without a part of that size
        (_openai(1, 1, 3), _openai(1, 1, 3)),
        (_openai(1, 1, 3, cached_tokens=1), _openai(2, 1, 3, prompt_tokens_details={"cached_tokens": 1})),
        (_openai(1, 1, 3, cache_write_tokens=1), _openai(2, 1, 3, prompt_tokens_details={"cache_creation_tokens": 1})),
        (_openai(1, 1, 3, reasoning_tokens=1), _openai(1, 2, 3, completion_tokens_details={"reasoning_tokens": 1})),
        (_openai(1, 1, 4, reasoning_tokens=1), _openai(1, 1, 4, completion_tokens_details={"reasoning_tokens": 1})),
        (
            {"thoughts_token_count": 4, "output_token_details": {"x": 1}},
            _openai(0, 0, 0, completion_tokens_details={"reasoning_tokens": 4}, thoughts_token_count=4, output_token_details={"x": 1}),
        ),
    ],
)  # fmt: skip
def test_what_is_missing_is_worked_out_and_nothing_is_invented(said: dict[str, Any], meant: dict[str, Any]):
    kept = {name: value for name, value in said.items() if name not in meant and not name.endswith("put_tokens")}
    assert normalise_usage(said) == {**kept, **meant}


def test_later_usage_without_counts_changes_nothing():
    first = _openai(3, 1, 4)
    assert merge_usage(first, {"cost": 1}) == first
    assert merge_usage(first, {}) == first
    assert merge_usage({}, {"cost": 1}) == {"cost": 1}
    merged = merge_usage(first, {"output_tokens": 2, "prompt_tokens": None})
    assert merged == {**first, "output_tokens": 2}
    assert first == _openai(3, 1, 4)


def test_later_details_do_not_erase_earlier_ones():
    first = {"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 2}}
    later = {"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": None, "audio_tokens": 1}, "x": {"y": None}}
    assert merge_usage(first, later) == {
        "prompt_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 2, "audio_tokens": 1},
        "x": {"y": None},
    }


def test_later_counts_win_and_details_add_up():
    first = {"prompt_tokens": 3, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2}}
    second = {"prompt_tokens": 3, "completion_tokens": 4, "prompt_tokens_details": {"audio_tokens": 0}}
    merged = merge_usage(first, second)
    assert merged["completion_tokens"] == 4
    assert merged["prompt_tokens_details"] == {"cached_tokens": 2, "audio_tokens": 0}
    assert merge_usage(first, {"prompt_tokens": 0, "completion_tokens": 0}) == first
    assert merge_usage(None, second) == second


@given(
    st.dictionaries(
        st.sampled_from(["prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens"]),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(),
            st.text(max_size=3),
            st.lists(st.integers(), max_size=1),
        ),
    )
)
def test_no_usage_object_breaks_the_answer(said: dict[str, Any]):
    usage = normalise_usage(said)
    assert all(usage[name] >= 0 for name in ("prompt_tokens", "completion_tokens", "total_tokens"))
