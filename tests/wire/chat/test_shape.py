"""A nested field of a wrong type is refused by name, whoever calls, and nothing is sent."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingate import Gateway
from ingate.errors import IngateError, InvalidRequestError
from ingate.wire.adapt import adapt
from ingate.wire.chat.shape import check_shape
from ingate.wire.codec import Target, codec_for

CALL = {"id": "c1", "type": "function", "function": {"name": "a.b", "arguments": "{}"}}
GOOD: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "s"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "r"},
        {"role": "user", "content": [{"type": "text", "text": "t"}]},
    ],
    "tools": [{"type": "function", "function": {"name": "a.b", "parameters": {"anyOf": [{"type": "object"}]}}}],
    "tool_choice": {"type": "function", "function": {"name": "a.b"}},
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}},
    "reasoning_effort": "low",
    "thinking": {"type": "enabled", "budget_tokens": 2000},
}


def _with(path: list[Any], value: Any) -> dict[str, Any]:
    body = copy.deepcopy(GOOD)
    node: Any = body
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return body


@pytest.mark.parametrize(
    ("path", "value", "param"),
    [
        (["messages"], {}, "messages"),
        (["messages", 0], "x", "messages[0]"),
        (["messages", 0, "role"], ["system"], "messages[0].role"),
        (["messages", 0, "content"], {"type": "text"}, "messages[0].content"),
        (["messages", 3, "content", 0, "type"], [], "messages[3].content[0].type"),
        (["messages", 3, "content", 0], 5, "messages[3].content[0]"),
        (["messages", 1, "tool_calls"], {"a": 1}, "messages[1].tool_calls"),
        (["messages", 1, "tool_calls", 0, "function", "name"], ["x"], "messages[1].tool_calls[0].function.name"),
        (["messages", 2, "tool_call_id"], {}, "messages[2].tool_call_id"),
        (["tools"], 3, "tools"),
        (["tools", 0, "function"], "x", "tools[0].function"),
        (["tools", 0, "function", "name"], {}, "tools[0].function.name"),
        (["tools", 0, "function", "parameters"], [], "tools[0].function.parameters"),
        (["tool_choice"], 1, "tool_choice"),
        (["tool_choice", "type"], {}, "tool_choice.type"),
        (["tool_choice", "function", "name"], [], "tool_choice.function.name"),
        (["tool_choice"], {"type": "allowed_tools", "allowed_tools": {"mode": []}}, "tool_choice.allowed_tools.mode"),
        (["response_format"], "json", "response_format"),
        (["response_format", "type"], [], "response_format.type"),
        (["response_format", "json_schema", "schema"], "x", "response_format.json_schema.schema"),
        (["reasoning_effort"], 3, "reasoning_effort"),
        (["reasoning_effort"], {"effort": {}}, "reasoning_effort.effort"),
        (["thinking", "type"], [], "thinking.type"),
    ],
)
async def test_the_field_is_named(path: list[Any], value: Any, param: str) -> None:
    body = _with(path, value)
    with pytest.raises(InvalidRequestError, match="must be") as caught:
        check_shape(body)
    assert caught.value.param == param
    async with Gateway({"groq": {"api_key": "k" * 20, "base_url": "http://127.0.0.1:9"}}, retries=0) as gateway:
        with pytest.raises(InvalidRequestError):
            await gateway.complete({**body, "model": "groq/m"})


def test_what_may_be_absent_or_null_passes() -> None:
    check_shape(GOOD)
    check_shape({})
    check_shape(dict.fromkeys(GOOD))
    check_shape(
        {"messages": [{"role": "user", "content": ["text", {"type": "text", "text": "t"}]}], "tool_choice": "auto"}
    )


_JUNK = st.sampled_from(
    [None, 1, -1, 0.5, "x", "", [], {}, [1], [None], {"a": 1}, True, [[]], [{}], {"type": "x"}, "\ud800"]
)


def _paths(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        found += _paths(value, (*path, key))
    return found


@settings(max_examples=300)
@given(
    st.sampled_from(_paths(GOOD)),
    _JUNK,
    st.sampled_from(
        [
            ("groq", "chat"),
            ("anthropic", "messages"),
            ("gemini", "gemini"),
            ("openai", "responses"),
            ("bedrock", "bedrock"),
        ]
    ),
)
def test_any_value_in_any_place_is_a_request_or_a_typed_error(
    path: tuple[Any, ...], value: Any, where: tuple[str, str]
) -> None:
    provider, wire_format = where
    body = _with(list(path), value)
    target = Target(
        model="claude-opus-5-5" if provider in {"anthropic", "bedrock"} else "m",
        api_base="http://localhost",
        provider=provider,
    )
    with contextlib.suppress(IngateError):
        check_shape(body)
        codec_for(wire_format).request(adapt(body, target, wire_format).body, target)


@pytest.mark.parametrize("wire_format", ["messages", "gemini", "responses", "bedrock", "chat"])
def test_half_of_a_surrogate_pair_in_a_calls_arguments_is_a_typed_error(wire_format: str) -> None:
    body = _with(["messages", 1, "tool_calls", 0, "function", "arguments"], "\ud800")
    target = Target(model="m", api_base="http://localhost", provider="openai")
    with pytest.raises(IngateError, match="cannot be written as JSON"):
        codec_for(wire_format).request(adapt(body, target, wire_format).body, target)
