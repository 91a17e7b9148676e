"""Request parameters: read, dropped with a reason, or passed on; and how extra parameters are merged."""

from __future__ import annotations

from typing import Any

import pytest

from ingate.errors import BadRequestError
from ingate.wire.params import ParamTracker, deep_merge, stops_of


def tracker(policy: Any = "warn", **body: Any) -> ParamTracker:
    return ParamTracker(body, policy=policy, model="m")


@pytest.mark.parametrize(
    ("base", "over", "merged"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 3, "z": 4}}, {"a": {"x": 1, "y": 3, "z": 4}}),
        ({"a": {"x": 1}}, {"a": [1]}, {"a": [1]}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": 1}, {"a": {"x": 1}}, {"a": {"x": 1}}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": None}}, {"a": {"y": 2}}),
        ({}, {"a": None}, {}),
        ({}, {"schema": {"default": None}}, {"schema": {"default": None}}),
        ({"a": 1}, {}, {"a": 1}),
    ],
)
def test_objects_merge_by_key_and_a_null_removes_the_key(base: Any, over: Any, merged: Any) -> None:
    assert deep_merge(base, over) == merged


def test_merging_changes_neither_side() -> None:
    base, over = {"a": {"x": 1}}, {"a": {"y": 2}, "b": {"z": 3}}
    merged = deep_merge(base, over)
    merged["a"]["x"] = 9
    assert base == {"a": {"x": 1}}
    assert over == {"a": {"y": 2}, "b": {"z": 3}}


def test_a_parameter_under_several_names_is_read_once() -> None:
    params = tracker(max_tokens=5, max_completion_tokens=None)
    assert params.take("max_completion_tokens", "max_tokens") == 5
    assert params.rest() == {}
    assert params.dropped == []


@pytest.mark.parametrize("value", ["1", True, [], {}])
def test_a_number_that_is_not_one_is_refused(value: Any) -> None:
    with pytest.raises(BadRequestError, match="temperature"):
        tracker(temperature=value).number("temperature")


def test_a_number_may_be_zero_or_absent() -> None:
    params = tracker(temperature=0, top_p=None)
    assert params.number("temperature") == 0
    assert params.number("top_p") is None
    assert params.number("seed") is None


def test_what_is_not_read_is_dropped_if_it_is_openais_and_passed_on_if_not() -> None:
    params = tracker(logit_bias={"1": 2}, top_a=3, seed=None, user="u", messages=[])
    assert params.rest("it has no place") == {"top_a": 3}
    assert params.dropped == ["logit_bias"]
    assert params.warnings == ["logit_bias was left out: it has no place"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 1),
        ("frequency_penalty", 0),
        ("presence_penalty", 0.0),
        ("logprobs", False),
        ("top_logprobs", 0),
        ("logit_bias", {}),
        ("parallel_tool_calls", True),
        ("modalities", ["text"]),
        ("service_tier", "auto"),
        ("service_tier", "default"),
        ("tools", []),
        ("stop", []),
        ("stop", ""),
        ("verbosity", "medium"),
    ],
)
def test_a_parameter_at_its_default_is_left_out_silently(name: str, value: Any) -> None:
    params = tracker("strict", **{name: value})
    assert params.rest() == {}
    assert params.dropped == params.warnings == []
    with pytest.raises(BadRequestError):
        tracker("strict", **{name: "something else"}).rest()


def test_the_policy_decides_what_dropping_means() -> None:
    silent = tracker("drop", seed=1)
    silent.drop("seed", "why")
    silent.drop("seed", "why")
    assert (silent.dropped, silent.warnings) == (["seed"], [])
    with pytest.raises(BadRequestError) as caught:
        tracker("strict", seed=1).drop("seed", "there is no seed")
    assert caught.value.code == "unsupported_parameter"
    assert "there is no seed" in str(caught.value)


def test_a_warning_is_independent_of_the_policy() -> None:
    params = tracker("drop")
    params.warn("Something else.")
    assert params.warnings == ["Something else."]
    assert params.dropped == []


def test_a_dropped_parameter_is_not_passed_on() -> None:
    params = tracker(top_a=1)
    params.drop("top_a", "why")
    assert params.rest() == {}


def test_extra_body_is_an_object_or_nothing() -> None:
    assert tracker(extra_body={"a": 1}).extra_body == {"a": 1}
    assert tracker(extra_body=[1]).extra_body == {}
    assert tracker().extra_body == {}


def test_stop_sequences_are_a_list_of_those_the_provider_accepts() -> None:
    assert stops_of(tracker(stop="x"), blank=False) == ["x"]
    assert stops_of(tracker(stop=["x", "\n"]), blank=True) == ["x", "\n"]
    assert stops_of(tracker(), blank=False) == []
    assert stops_of(tracker(stop=3), blank=False) == []
    params = tracker(stop=["x", "\n", "", 4])
    assert stops_of(params, blank=False) == ["x"]
    assert params.dropped == ["stop"]
    fine = tracker(stop=["x"])
    stops_of(fine, blank=False)
    assert fine.dropped == []
