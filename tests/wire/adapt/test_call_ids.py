"""Ids of tool calls as a provider accepts them: the same for a call and its result, in every turn."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingate.wire.adapt import adapt, is_accepted
from ingate.wire.codec import Target

PATTERNS = {
    ("mistral", "chat"): r"[a-zA-Z0-9]{9}",
    ("openai", "chat"): r"[!-~]{1,40}",
    ("anthropic", "messages"): r"[a-zA-Z0-9_-]{1,256}",
}


def _target(provider: str) -> Target:
    return Target(model="m", api_base="", provider=provider)


def _body(*ids: str) -> dict[str, Any]:
    calls = [{"id": one, "type": "function", "function": {"name": "f", "arguments": "{}"}} for one in ids]
    results = [{"role": "tool", "tool_call_id": one, "content": "1"} for one in ids]
    return {"messages": [{"role": "user", "content": "go"}, {"role": "assistant", "tool_calls": calls}, *results]}


def _ids(body: dict[str, Any]) -> tuple[list[str], list[str]]:
    messages = body["messages"]
    return [call["id"] for call in messages[1]["tool_calls"]], [message["tool_call_id"] for message in messages[2:]]


def test_an_id_of_another_provider_is_replaced_in_the_call_and_in_its_result():
    body = _body("call_abc123", "toolu_01")
    before = copy.deepcopy(body)
    made = adapt(body, _target("mistral"), "chat")
    calls, results = _ids(made.body)
    assert body == before
    assert calls == results
    assert len(set(calls)) == 2
    assert made.warnings == [], "an id is not visible to anyone"


def test_ids_that_are_accepted_stay_and_so_does_the_request():
    body = _body("abcDEF123", "000000000")
    assert adapt(body, _target("mistral"), "chat").body["messages"] is body["messages"]
    assert is_accepted(body, _target("mistral"), "chat")


def test_the_replacement_depends_on_the_id_alone():
    first, _ = _ids(adapt(_body("call_1"), _target("mistral"), "chat").body)
    later, _ = _ids(adapt(_body("other", "call_1"), _target("mistral"), "chat").body)
    assert first[0] == later[1]


def test_long_ids_that_begin_alike_stay_apart():
    calls, _ = _ids(adapt(_body("x" * 60 + "1", "x" * 60 + "2"), _target("openai"), "chat").body)
    assert calls[0] != calls[1]
    assert all(len(one) == 40 and one.startswith("xxx") for one in calls)


def test_kimis_ids_keep_their_form_where_no_rule_is_known():
    body = _body("functions.get_weather:0")
    assert _ids(adapt(body, _target("moonshot"), "chat").body) == _ids(body)


@pytest.mark.parametrize("value", [None, 3, ""])
def test_malformed_ids_are_left_to_the_codec(value: Any):
    body = {
        "messages": [{"role": "tool", "tool_call_id": value}, {"role": "assistant", "tool_calls": [{"id": value}, 1]}]
    }
    assert adapt(body, _target("mistral"), "chat").body["messages"] is body["messages"]


@given(
    st.lists(st.text(min_size=1, max_size=150), min_size=1, max_size=5, unique=True), st.sampled_from(sorted(PATTERNS))
)
def test_any_ids_become_accepted_and_distinct(ids: list[str], where: tuple[str, str]):
    calls, results = _ids(adapt(_body(*ids), _target(where[0]), where[1]).body)
    assert calls == results
    assert all(re.fullmatch(PATTERNS[where], one) for one in calls)
    assert len(set(calls)) == len(ids)


def test_an_id_that_comes_again_is_replaced_where_ids_must_be_unique():
    turn = _body("call_0", "call_1")["messages"][1:]
    body = {"messages": [{"role": "user", "content": "go"}, *turn, *turn]}
    before = copy.deepcopy(body)
    made = adapt(body, _target("anthropic"), "messages").body["messages"]
    assert body == before
    assert made[:4] == body["messages"][:4]
    calls = [call["id"] for message in made for call in message.get("tool_calls", ())]
    results = [message["tool_call_id"] for message in made if message["role"] == "tool"]
    assert calls == results
    assert len(set(calls)) == 4
    longer = adapt({"messages": [*body["messages"], *turn]}, _target("anthropic"), "messages").body["messages"]
    assert longer[: len(made)] == made, "it is the same in later turns"


def test_one_id_for_two_parallel_calls_becomes_two():
    made = adapt(_body("a", "a"), _target("bedrock"), "bedrock").body
    calls, results = _ids(made)
    assert calls == results
    assert len(set(calls)) == 2


def test_ids_that_are_unique_stay():
    body = _body("a", "b")
    assert adapt(body, _target("anthropic"), "messages").body["messages"] is body["messages"]
