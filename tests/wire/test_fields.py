"""The unified fields of messages and deltas, whatever a provider calls them."""

from __future__ import annotations

from typing import Any

import pytest

from ingate.wire.fields import (
    FINISH_REASONS,
    arguments_text,
    finish_reason,
    is_json,
    is_provider_tool,
    split_parts,
    text_of,
    unify,
)


@pytest.mark.parametrize(
    ("raw", "has_calls", "meant"),
    [
        ("stop", False, "stop"),
        ("stop", True, "tool_calls"),
        ("STOP", True, "tool_calls"),
        ("length", True, "length"),
        ("tool_use", False, "tool_calls"),
        ("sensitive", True, "content_filter"),
        ("error", True, "error"),
        ("insufficient_system_resource", False, "length"),
        ("never heard of", False, "stop"),
        ("never heard of", True, "tool_calls"),
        (None, False, "stop"),
        ("", True, "tool_calls"),
        (7, False, "stop"),
    ],
)
def test_finish_reasons_are_openais(raw: Any, has_calls: bool, meant: str) -> None:
    assert finish_reason(raw, has_calls=has_calls) == meant


def test_every_known_finish_reason_means_what_it_says() -> None:
    meant = {
        "stop": "stop eos eos_token end_turn stop_sequence complete completed finished done",
        "length": "length max_tokens max_length max_output_tokens model_length model_context_window_exceeded "
        "insufficient_system_resource",
        "tool_calls": "tool_calls function_call function_calls tool_use tool_call tool-calls",
        "content_filter": "content_filter content-filter content_filtered filtered safety recitation blocklist "
        "prohibited_content spii refusal sensitive guardrail_intervened",
        "error": "error",
    }
    assert {word: reason for reason, words in meant.items() for word in words.split()} == FINISH_REASONS


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        ({"text": "a"}, "a"),
        ({"thinking": [{"text": "a"}, "b"]}, "ab"),
        ({"content": {"text": "a"}}, "a"),
        ({"summary": "a"}, "a"),
        ({"text": "a", "content": "b"}, "a"),
        ({"other": "a"}, ""),
        ([{"text": "a"}, "b", 3, None], "ab"),
        (None, ""),
        (3, ""),
    ],
)
def test_text_is_found_in_strings_objects_and_lists(value: Any, text: str) -> None:
    assert text_of(value) == text


def test_content_parts_are_split_by_kind() -> None:
    parts = [
        "a",
        {"type": "text", "text": "b"},
        {"text": "c"},
        {"type": "output_text", "text": "d"},
        {"type": "input_text", "text": None},
        {"type": "thinking", "thinking": "t"},
        {"type": "reasoning", "summary": "u"},
        {"type": "reasoning_text", "text": "v"},
        {"type": "refusal", "refusal": "no"},
        {"type": "refusal", "refusal": "!"},
        {"type": "image"},
        3,
    ]
    assert split_parts(parts) == ("abcd", "tuv", [{"type": "image"}], "no!")


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"content": None, "a": 1}, {"a": 1}),
        ({"content": ["x", {"type": "thinking", "thinking": "t"}]}, {"content": "x", "reasoning_content": "t"}),
        ({"content": [{"type": "image"}]}, {"content": "", "content_parts": [{"type": "image"}]}),
        ({"content": [{"type": "refusal", "refusal": "no"}]}, {"content": "", "refusal": "no"}),
        ({"content": {"text": "x"}}, {"content": "x"}),
        ({"content": 3}, {"content": ""}),
        ({"reasoning": "a", "thinking": "b"}, {"reasoning_content": "a"}),
        ({"reasoning_content": "", "reasoning": "b"}, {"reasoning_content": "b"}),
        ({"thinking_content": {"text": "b"}}, {"reasoning_content": "b"}),
        ({"reasoning": "", "content": "x"}, {"content": "x"}),
        (
            {"reasoning": "a", "content": [{"type": "thinking", "thinking": "b"}]},
            {"content": "", "reasoning_content": "a"},
        ),
        ({"refusal": ""}, {}),
        ({"refusal": "no"}, {"refusal": "no"}),
        ({"tool_calls": []}, {}),
        ({"tool_calls": "x"}, {}),
        ({"tool_calls": [{"id": "a"}, "x"]}, {"tool_calls": [{"id": "a"}]}),
        (
            {"function_call": {"name": "f"}},
            {"tool_calls": [{"index": 0, "type": "function", "function": {"name": "f"}}]},
        ),
        ({"function_call": {"name": "f"}, "tool_calls": [{"id": "a"}]}, {"tool_calls": [{"id": "a"}]}),
        ({"function_call": "x"}, {}),
        (
            {"tool_calls": [{"type": "web_search_call", "id": "w"}, {"type": "custom", "id": "c"}]},
            {"tool_calls": [{"type": "custom", "id": "c"}], "provider_tool_calls": [{"type": "web_search_call", "id": "w"}]},
        ),
        (
            {"executed_tools": [{"id": "e"}], "server_tool_calls": {"id": "s"}, "provider_tool_calls": [{"id": "p"}]},
            {"provider_tool_calls": [{"id": "p"}, {"id": "e"}, {"id": "s"}]},
        ),
    ],
)  # fmt: skip
def test_fields_have_one_name(given: dict[str, Any], made: dict[str, Any]) -> None:
    before = str(given)
    assert unify(given) == made
    assert str(given) == before


@pytest.mark.parametrize("kind", ["function", "custom", "builtin_function", "tool_use", "function_call", None, ""])
def test_calls_of_the_clients_tools_are_not_the_providers(kind: Any) -> None:
    assert not is_provider_tool({"type": kind})
    assert is_provider_tool({"type": f"{kind}_x"})


@pytest.mark.parametrize(("arguments", "text"), [("{", "{"), (None, ""), ({"a": 1}, '{"a":1}'), ([], "[]"), (0, "0")])
def test_arguments_are_text(arguments: Any, text: str) -> None:
    assert arguments_text(arguments) == text


@pytest.mark.parametrize(
    ("text", "meant"), [("{}", True), ("1", True), ("{", False), ("", False), ("{}{}", False), ("[" * 100_000, False)]
)
def test_whole_json_is_recognised(text: str, meant: bool) -> None:
    assert is_json(text) is meant
