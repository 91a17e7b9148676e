"""Names of tools as a provider accepts them, and the caller's names in the answer."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingate.errors import BadRequestError
from ingate.wire.adapt import adapt, is_accepted
from ingate.wire.codec import Target

PATTERNS = {
    "messages": r"[a-zA-Z0-9_-]{1,128}",
    "gemini": r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}",
    "chat": r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}",
}
DOTTED = "mcp.server/get weather"


def _target(provider: str = "groq", model: str = "llama-4", **more: Any) -> Target:
    return Target(model=model, api_base="http://localhost", provider=provider, **more)


def _tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}


def _body(*names: str) -> dict[str, Any]:
    calls = [
        {"id": f"c{at}", "type": "function", "function": {"name": name, "arguments": "{}"}}
        for at, name in enumerate(names)
    ]
    results = [
        {"role": "tool", "tool_call_id": f"c{at}", "name": name, "content": "1"} for at, name in enumerate(names)
    ]
    return {
        "messages": [{"role": "user", "content": "go"}, {"role": "assistant", "tool_calls": calls}, *results],
        "tools": [_tool(name) for name in names],
        "tool_choice": {"type": "function", "function": {"name": names[0]}},
    }


def _sent_names(body: dict[str, Any]) -> list[str]:
    return [tool["function"]["name"] for tool in body["tools"]]


def test_a_name_is_replaced_everywhere_in_the_request_and_restored_in_the_answer():
    body = _body(DOTTED, "plain")
    before = copy.deepcopy(body)
    made = adapt(body, _target(), "chat")
    sent = "mcp_server_get_weather"
    assert body == before, "the caller's request is unchanged"
    assert _sent_names(made.body) == [sent, "plain"]
    assert made.body["tool_choice"] == {"type": "function", "function": {"name": sent}}
    assert [call["function"]["name"] for call in made.body["messages"][1]["tool_calls"]] == [sent, "plain"]
    assert [message["name"] for message in made.body["messages"][2:]] == [sent, "plain"]
    assert made.dropped == []
    assert len(made.warnings) == 1
    assert repr(DOTTED) in made.warnings[0]
    for part, restore in (("message", made.restore), ("delta", made.chunks)):
        answer = {"choices": [{part: {"tool_calls": [{"function": {"name": sent, "arguments": "{}"}}]}}]}
        restore(answer)
        assert answer["choices"][0][part]["tool_calls"][0]["function"]["name"] == DOTTED


def test_what_needs_no_change_is_the_callers_own():
    body = _body("plain", "other-tool_2")
    made = adapt(body, _target(), "chat")
    assert all(made.body[key] is value for key, value in body.items())
    assert is_accepted(body, _target(), "chat")
    assert not is_accepted(_body(DOTTED), _target(), "chat")


def test_a_name_that_loses_nothing_is_replaced_under_the_strict_policy_too():
    made = adapt(_body(DOTTED), _target(drop_params="strict"), "chat")
    assert _sent_names(made.body) == ["mcp_server_get_weather"]


def test_names_that_would_collide_differ_and_keep_their_owner():
    made = adapt(_body("a.b", "a b", "a_b"), _target(), "chat")
    first, second, third = _sent_names(made.body)
    assert third == "a_b"
    assert len({first, second, third}) == 3
    answer = {
        "choices": [{"message": {"tool_calls": [{"function": {"name": name}} for name in (second, first, third)]}}]
    }
    made.restore(answer)
    assert [call["function"]["name"] for call in answer["choices"][0]["message"]["tool_calls"]] == ["a b", "a.b", "a_b"]


@pytest.mark.parametrize("choice", ["auto", "required", None])
def test_other_tool_choices_are_as_they_were(choice: str | None):
    assert adapt({**_body(DOTTED), "tool_choice": choice}, _target(), "chat").body["tool_choice"] == choice


def test_allowed_tools_and_custom_tools_and_the_old_functions_are_renamed():
    named = {"type": "function", "function": {"name": DOTTED}}
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [named]}}
    custom = {"type": "custom", "custom": {"name": "run it"}}
    body = {
        **_body(DOTTED),
        "tool_choice": allowed,
        "functions": [{"name": "old.one"}],
        "function_call": {"name": "old.one"},
    }
    body["tools"].append(custom)
    body["messages"].append({"role": "assistant", "function_call": {"name": "old.one", "arguments": "{}"}})
    made = adapt(body, _target(), "chat").body
    assert made["tool_choice"]["allowed_tools"]["tools"] == [
        {"type": "function", "function": {"name": "mcp_server_get_weather"}}
    ]
    assert made["tools"][1] == {"type": "custom", "custom": {"name": "run_it"}}
    assert made["functions"] == [{"name": "old_one"}]
    assert made["function_call"] == {"name": "old_one"}
    assert made["messages"][-1]["function_call"]["name"] == "old_one"


def test_an_unknown_or_malformed_name_in_the_answer_stays():
    made = adapt(_body(DOTTED), _target(), "chat")
    answer: dict[str, Any] = {
        "choices": [{"delta": {"tool_calls": [{"function": {"name": "other"}}, {"function": {"name": [1]}}, "x", {}]}}]
    }
    before = copy.deepcopy(answer)
    made.chunks(answer)
    assert answer == before


@pytest.mark.parametrize(
    "bad",
    [{"tools": "x"}, {"tools": [1, {"function": 2}, {"function": {"name": 3}}]}, {"messages": [1]}, {"messages": None}],
)
def test_malformed_tools_and_messages_are_left_to_the_codec(bad: dict[str, Any]):
    assert adapt(bad, _target(), "chat").body == bad


@given(
    st.lists(st.text(min_size=1, max_size=200), min_size=1, max_size=6, unique=True), st.sampled_from(sorted(PATTERNS))
)
def test_any_names_become_accepted_distinct_and_stable_and_come_back(names: list[str], wire_format: str):
    body = _body(*names)
    made = adapt(body, _target(), wire_format)
    sent = _sent_names(made.body)
    assert all(re.fullmatch(PATTERNS[wire_format], name) for name in sent)
    assert len(set(sent)) == len(names)
    again = adapt(body, _target(), wire_format)
    assert _sent_names(again.body) == sent
    answer = {"choices": [{"delta": {"tool_calls": [{"function": {"name": name}} for name in sent]}}]}
    made.chunks(answer)
    assert [call["function"]["name"] for call in answer["choices"][0]["delta"]["tool_calls"]] == names


def test_a_policy_of_strict_still_refuses_what_loses_something():
    union = {"type": "function", "function": {"name": "f", "parameters": {"anyOf": [{"type": "object"}]}}}
    with pytest.raises(BadRequestError):
        adapt({"messages": [], "tools": [union]}, _target(drop_params="strict"), "chat")


def test_the_name_of_a_speaker_is_not_that_of_a_tool():
    speaker = {"role": "assistant", "name": "Dr. No", "content": "x", "function_call": {"name": "f", "arguments": "{}"}}
    body = {"messages": [{"role": "user", "name": "Mr. X", "content": "go"}, speaker]}
    assert is_accepted(body, _target(), "chat")
