"""Which reasoning of an earlier turn a provider gets back."""

from __future__ import annotations

from typing import Any

import pytest

from ingate.wire.reasoning_state import own_state

SIGNED = {"type": "thinking", "thinking": "h", "signature": "EqQB"}
ITEM = {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "gAAA"}
SIGNATURE = {"google": {"thought_signature": "CiQ"}}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def assistant(**fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": "x", **fields}


def left_out(by: str) -> str:
    return f"reasoning of an earlier turn was left out: only {by} can read it"


@pytest.mark.parametrize(
    ("message", "provider", "wire_format"),
    [
        (assistant(thinking_blocks=[{**SIGNED, "provider": "anthropic"}]), "anthropic", "messages"),
        (assistant(thinking_blocks=[{**SIGNED, "provider": "anthropic"}]), "bedrock", "bedrock"),
        (assistant(thinking_blocks=[{**SIGNED, "provider": "vertex_ai"}]), "anthropic", "messages"),
        (assistant(thinking_blocks=[SIGNED]), "anthropic", "messages"),
        (assistant(thinking_blocks=[{**SIGNED, "provider": "litellm_proxy"}]), "litellm_proxy", "chat"),
        (assistant(reasoning_items=[{**ITEM, "provider": "openai"}]), "openai", "responses"),
        (assistant(reasoning_details=[{"data": "x"}]), "openrouter", "chat"),
        (assistant(extra_content=SIGNATURE, tool_calls=[{**CALL, "extra_content": SIGNATURE}]), "gemini", "gemini"),
        (assistant(tool_calls=[CALL], reasoning_content="h"), "cohere_chat", "cohere"),
        ({"role": "user", "content": "x", "thinking_blocks": 5}, "openai", "responses"),
        (assistant(thinking_blocks="odd", tool_calls="odd"), "openai", "responses"),
        ("odd", "openai", "responses"),
    ],
)
def test_a_provider_gets_its_own_state_and_messages_without_any_as_they_are(
    message: Any, provider: str, wire_format: str
) -> None:
    (own,), warnings = own_state([message], provider, wire_format)
    assert own is message
    assert warnings == []


@pytest.mark.parametrize(
    ("fields", "provider", "wire_format", "warning"),
    [
        ({"thinking_blocks": [{**SIGNED, "provider": "deepseek"}]}, "anthropic", "messages", left_out("deepseek")),
        ({"thinking_blocks": [{**SIGNED, "provider": "anthropic"}]}, "deepseek", "messages", left_out("anthropic")),
        ({"thinking_blocks": [{**SIGNED, "provider": "anthropic"}]}, "openai", "responses", left_out("anthropic")),
        ({"thinking_blocks": [SIGNED]}, "gemini", "gemini", left_out("its provider")),
        ({"reasoning_items": [{**ITEM, "provider": "xai"}]}, "openai", "responses", left_out("xai")),
        ({"reasoning_items": [{**ITEM, "provider": "openai"}]}, "openai", "chat", left_out("openai")),
        ({"reasoning_items": [{**ITEM, "provider": "openai"}]}, "openai", "", left_out("openai")),
        (
            {"reasoning_details": [{"data": "x"}]}, "anthropic", "messages",
            "reasoning of an earlier turn was left out: anthropic cannot read it",
        ),
        (
            {"extra_content": SIGNATURE}, "openai", "responses",
            "reasoning of an earlier turn was left out: openai cannot read it",
        ),
    ],
)  # fmt: skip
def test_what_another_provider_made_is_left_out(
    fields: dict[str, Any], provider: str, wire_format: str, warning: str
) -> None:
    message = assistant(**fields)
    made, warnings = own_state([message, message], provider, wire_format)
    assert made == [assistant(), assistant()]
    assert warnings == [warning]
    assert message == assistant(**fields)


def test_one_message_may_hold_both() -> None:
    own, other = {**SIGNED, "provider": "anthropic"}, {**SIGNED, "provider": "minimax"}
    made, warnings = own_state([assistant(thinking_blocks=[other, own])], "anthropic", "messages")
    assert made == [assistant(thinking_blocks=[own])]
    assert warnings == [left_out("minimax")]


def test_signatures_on_calls_are_left_out_for_other_formats() -> None:
    made, warnings = own_state(
        [assistant(tool_calls=[{**CALL, "extra_content": SIGNATURE}, CALL])], "anthropic", "messages"
    )
    assert made == [assistant(tool_calls=[CALL, CALL])]
    assert warnings == ["reasoning of an earlier turn was left out: anthropic cannot read it"]


def test_reasoning_without_a_signature_is_left_out_without_a_warning() -> None:
    unsigned = {"type": "thinking", "thinking": "h", "provider": "deepseek"}
    assert own_state([assistant(thinking_blocks=[unsigned])], "openai", "responses") == ([assistant()], [])
