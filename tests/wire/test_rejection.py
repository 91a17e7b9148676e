"""What a provider's rejection says about its model. The messages are worded as the providers word them."""

from __future__ import annotations

from typing import Any

import pytest

from ingate.errors import BadRequestError
from ingate.wire.rejection import read_rejection

TOOL = {"type": "function", "function": {"name": "a.b", "parameters": {}}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
CHAT: dict[str, Any] = {
    "messages": [],
    "temperature": 0.2,
    "top_p": 0.5,
    "stop": ["x"],
    "logprobs": True,
    "top_logprobs": 3,
    "presence_penalty": 1,
    "reasoning_effort": "none",
    "tool_choice": "required",
    "parallel_tool_calls": False,
    "response_format": SCHEMA,
    "tools": [TOOL],
    "seed": 4,
}


def _read(message: str, chat: dict[str, Any] = CHAT, **details: Any):
    return read_rejection(BadRequestError("rejected", provider_message=message, **details), chat)


@pytest.mark.parametrize(
    ("message", "facts"),
    [
        ("Unsupported parameter: 'temperature' is not supported with this model.", {"refused": ["temperature"]}),
        ("Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.", {"refused": ["temperature"]}),
        ("`temperature` is deprecated for this model.", {"refused": ["temperature"]}),
        ("`temperature` may only be set to 1 when thinking is enabled.", {"refused": ["temperature"]}),
        ("Argument not supported on this model: presencePenalty", {"refused": ["presence_penalty"]}),
        ("Model x does not support parameter stop_sequences.", {"refused": ["stop"]}),
        ("Unsupported parameter: 'stop' is not supported with this model.", {"refused": ["stop"]}),
        ("stop: Extra inputs are not permitted", {"refused": ["stop"]}),
        ("property 'seed' is unsupported", {"refused": ["seed"]}),
        ("logprobs are not supported with reasoning models", {"refused": ["logprobs", "top_logprobs"]}),
        ("Unknown name \"topP\" at 'generation_config': Cannot find field.", {"refused": ["top_p"]}),
        ("tool_choice: this model only supports 'auto'", {"forced_tools": False}),
        ("Thinking may not be enabled when tool_choice forces tool use.", {"forced_tools": False}),
        ("This response_format type is unavailable now: json_schema is not supported", {"structured": "json_object"}),
        ("parallel_tool_calls is not supported by this model", {"refused": ["parallel_tool_calls"]}),
        ('"thinking.type.disabled" is not supported for this model', {"thinking_always_on": True}),
        ("Reasoning is mandatory for this endpoint and cannot be disabled: 'reasoning'", {"thinking_always_on": True}),
        ("`reasoning_effort` must be one of `low`, `medium`, or `high`", {"efforts": ["low", "medium", "high"]}),
        ("Unsupported value: 'none' is not supported with this model. Supported values are: 'medium', 'high' for reasoning_effort.", {"efforts": ["medium", "high"]}),
        ("tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'", {"tool_name": {"chars": "a-zA-Z0-9_-", "max": 128}}),
        ("Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.", {"tool_name": {"chars": "a-zA-Z0-9_-", "max": 64}}),
        ("Function name must match ^[a-zA-Z_][a-zA-Z0-9_.-]{0,63}$ : invalid", {"tool_name": {"first": "a-zA-Z_", "chars": "a-zA-Z0-9_.-", "max": 64}}),
        ("Invalid tool name: at most 63 characters", {"tool_name": {"chars": "a-zA-Z0-9_-", "max": 63}}),
    ],
)  # fmt: skip
def test_the_parameter_that_a_message_names_becomes_a_fact(message: str, facts: dict[str, Any]):
    found = _read(message)
    assert found is not None
    assert found.facts == facts
    assert found.change


def test_the_field_that_the_api_names_apart_is_enough():
    found = _read("This value is not supported.", param="stop")
    assert found is not None
    assert found.facts == {"refused": ["stop"]}
    assert _read("This value is not supported.", param="input[0].content") is None


def test_thinking_is_refused_with_everything_it_is_made_from():
    chat = {"messages": [], "thinking": {"type": "disabled"}, "reasoning_effort": "none"}
    found = _read("'thinking' is not supported", chat)
    assert found is not None
    assert found.facts == {"refused": ["reasoning_effort", "thinking"]}


@pytest.mark.parametrize(
    "message",
    [
        "",
        "The server had an error",
        "messages[0].content is invalid",
        "The user must stop the conversation here",
        "Something about the temperature of the sun",
        "invalid image",
        "max_tokens must be at most 4096",
    ],
)
def test_other_messages_say_nothing(message: str):
    assert _read(message) is None


def test_a_parameter_that_the_request_does_not_have_says_nothing():
    assert _read("Unsupported parameter: 'temperature' is not supported", {"messages": []}) is None
    assert _read("tool_choice is not supported", {**CHAT, "tool_choice": None}) is None
    assert _read("Invalid tool name: at most 63 characters", {"messages": []}) is None
