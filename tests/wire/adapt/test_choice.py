"""The tool choice as a model accepts it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingate.errors import BadRequestError
from ingate.wire.adapt import adapt
from ingate.wire.codec import Target

NAMED = {"type": "function", "function": {"name": "f"}}
ALLOWED = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [NAMED]}}
FORCED = ["required", "any", NAMED, ALLOWED, {"type": "tool", "name": "f"}, {"type": "any"}]
FREE = ["auto", "none", {"type": "auto"}, {**ALLOWED, "allowed_tools": {"mode": "auto", "tools": [NAMED]}}]


def _tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}


def _body(choice: Any, **more: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "go"}]
    return {"messages": messages, "tools": [_tool("f"), _tool("g")], "tool_choice": choice, **more}


def _target(allowed: Any, policy: Any = "warn", **facts: Any) -> Target:
    return Target(model="m", api_base="", drop_params=policy, facts={"forced_tools": allowed, **facts})


@pytest.mark.parametrize("choice", FORCED)
def test_a_forced_choice_becomes_an_instruction_where_no_call_can_be_required(choice: Any):
    body = _body(choice)
    before = copy.deepcopy(body)
    made = adapt(body, _target(False), "chat")
    assert body == before
    assert made.body.get("tool_choice") in (None, {**ALLOWED, "allowed_tools": {"mode": "auto", "tools": [NAMED]}})
    assert made.body["messages"][:1] == body["messages"][:1]
    assert made.body["messages"][1]["content"].startswith("go\n\nCall ")
    assert made.warnings == ["tool_choice was lowered to auto: the model cannot be required to call a tool"]


def test_the_instruction_names_the_tool():
    assert "the tool f" in adapt(_body(NAMED), _target(False), "chat").body["messages"][-1]["content"]


def test_after_a_result_the_instruction_is_in_the_system_prompt():
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    history = [
        *_body("required")["messages"],
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "1"},
    ]
    made = adapt(_body("required", messages=history), _target(False), "chat").body["messages"]
    assert made[1:] == history[1:]
    assert "Call one of the tools" in made[0]["content"]


@pytest.mark.parametrize("choice", FREE)
@pytest.mark.parametrize("allowed", [False, "any", "without_reasoning"])
def test_a_choice_that_forces_nothing_stays(choice: Any, allowed: Any):
    body = _body(choice)
    assert adapt(body, _target(allowed), "chat").body == body


def test_a_named_tool_is_required_by_offering_it_alone():
    made = adapt(_body(NAMED), _target("any", "strict"), "chat")
    assert made.body["tool_choice"] == "required"
    assert made.body["tools"] == [_tool("f")]
    assert made.warnings == []
    assert adapt(_body("required"), _target("any"), "chat").body["tool_choice"] == "required"


@pytest.mark.parametrize(
    ("more", "facts", "stays"),
    [
        ({}, {}, False),
        ({}, {"reasons_by_default": True}, False),
        ({}, {"reasons_by_default": False}, True),
        ({"reasoning_effort": "none"}, {}, True),
        ({"reasoning": {"effort": "none"}}, {}, True),
        ({"thinking": {"type": "disabled"}}, {}, True),
        ({"thinking": {"type": "disabled"}}, {"always_reasons": True}, False),
        ({"reasoning_effort": "none"}, {"efforts": ["low", "high"]}, False),
        ({"reasoning_effort": "none"}, {"efforts": ["none", "high"]}, True),
        ({"reasoning_effort": "none"}, {"efforts": ["high"], "reasoning_off": {"think": False}}, True),
        ({"thinking": {"type": "enabled"}, "reasoning_effort": "none"}, {}, False),
        ({"reasoning_effort": "high"}, {"reasons_by_default": False}, False),
    ],
)
def test_a_call_can_be_required_only_without_reasoning(more: Any, facts: Any, stays: bool):
    made = adapt(_body("required", **more), _target("without_reasoning", **facts), "chat")
    assert ("tool_choice" in made.body) is stays


def test_strict_refuses_to_lower_it():
    with pytest.raises(BadRequestError, match="tool_choice"):
        adapt(_body("required"), _target(False, "strict"), "chat")


@given(
    st.one_of(
        st.sampled_from(FORCED + FREE), st.none(), st.integers(), st.dictionaries(st.text(max_size=9), st.text())
    ),
    st.sampled_from([True, False, "any", "without_reasoning"]),
)
def test_any_choice_becomes_one_that_forces_no_more_than_is_allowed(choice: Any, allowed: Any):
    made = adapt(_body(choice), _target(allowed), "chat").body.get("tool_choice")
    if allowed in (False, "without_reasoning"):
        assert made not in FORCED
    elif allowed == "any":
        assert made != NAMED
    else:
        assert made == choice
