"""Tools that a model does not take: two of one name, or any."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ingate.errors import BadRequestError
from ingate.wire.adapt import adapt, is_accepted
from ingate.wire.codec import Target

USER = {"role": "user", "content": "go"}


def _tool(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}, **more}}


def _target(policy: Any = "warn", **facts: Any) -> Target:
    return Target(model="m", api_base="", drop_params=policy, facts=facts)


def test_the_same_tool_twice_is_offered_once_under_every_policy():
    made = adapt({"messages": [USER], "tools": [_tool("f"), _tool("g"), _tool("f")]}, _target("strict"), "chat")
    assert made.body["tools"] == [_tool("f"), _tool("g")]
    assert made.warnings == []


def test_of_two_tools_with_one_name_the_first_is_offered():
    body = {"messages": [USER], "tools": [_tool("f", description="a"), _tool("f", description="b")]}
    made = adapt(body, _target(), "chat")
    assert made.body["tools"] == body["tools"][:1]
    assert "'f'" in made.warnings[0]
    with pytest.raises(BadRequestError, match="only the first"):
        adapt(body, _target("strict"), "chat")


def test_providers_own_tools_may_come_again():
    body = {"messages": [USER], "tools": [{"type": "web_search"}, {"type": "web_search"}, _tool("f"), 5]}
    assert is_accepted(body, _target(), "chat")


def test_without_tools_calls_and_results_are_text():
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"q": 1}'}}
    body = {
        "messages": [
            USER,
            {"role": "assistant", "content": "Look.", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "42"}]},
            {"role": "assistant", "function_call": {"name": "g", "arguments": ""}},
            {"role": "function", "name": "g", "content": "43"},
        ],
        "tools": [_tool("f")],
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "temperature": 1,
    }
    before = copy.deepcopy(body)
    made = adapt(body, _target(tools=False), "chat")
    assert body == before
    assert made.body.keys() == {"messages", "temperature"}
    assert [message["content"] for message in made.body["messages"]] == [
        "go",
        'Look.\n[Called f (a) with {"q": 1}]',
        "[Result of a]\n42",
        "[Called g (no id) with no arguments]",
        "[Result of g]\n43",
    ]
    assert {message["role"] for message in made.body["messages"]} == {"user", "assistant"}
    assert made.dropped == ["tools"]


def test_strict_refuses_tools_that_the_model_has_not():
    with pytest.raises(BadRequestError, match="tools"):
        adapt({"messages": [USER], "tools": [_tool("f")]}, _target("strict", tools=False), "chat")
