"""Envelopes in a conversation that moves from a translated model to one whose API is the client's own."""

from __future__ import annotations

from typing import Any

import pytest

from ingate.wire.codec import Target
from ingate.wire.passthrough import ApiRequest, pass_through
from ingate.wire.thinking import seal

ITEM = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA", "novel": [1]}
TARGET = Target(model="m", api_base="https://x.example/v1", provider="openai")


def changes(api: Any, **body: Any) -> tuple[dict[str, Any], list[str]]:
    request = ApiRequest(api=api, body={"model": "openai/m", **body})
    return pass_through(api).history(request, TARGET)


def reasoning(origin: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {"type": "reasoning", "id": "rs_9", "summary": [], "encrypted_content": seal(origin, payload)}


def test_a_responses_provider_gets_its_own_items_back_and_no_others() -> None:
    said = {"role": "assistant", "content": "x"}
    claudes = reasoning("anthropic", {"thinking_blocks": [{"type": "thinking", "thinking": "h", "signature": "s"}]})
    altered = {**ITEM, "encrypted_content": "ingate.1.?"}
    items = ["odd", said, reasoning("openai", {"reasoning_items": [ITEM, ITEM]}), claudes, claudes, altered, ITEM]
    made, warnings = changes("responses", input=items)
    assert made == {"input": ["odd", said, ITEM, ITEM, ITEM]}
    assert warnings == ["reasoning of an earlier turn was left out: only anthropic can read it"]
    foreign, warnings = changes("responses", input=[said, reasoning("xai", {"reasoning_items": [ITEM]})])
    assert foreign == {"input": [said]}
    assert warnings == ["reasoning of an earlier turn was left out: only xai can read it"]


def test_a_messages_provider_gets_no_envelopes() -> None:
    signed = {"type": "thinking", "thinking": "h", "signature": "EqQB"}
    text = {"type": "text", "text": "x"}
    sealed = {"type": "thinking", "thinking": "h", "signature": seal("openai", {"reasoning_items": [ITEM]})}
    hidden = {"type": "redacted_thinking", "data": seal("openai", {"reasoning_items": [ITEM]})}
    plain = {"type": "thinking", "thinking": "h", "signature": seal("deepseek", {})}
    turns = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [sealed, signed, hidden, text]},
        {"role": "user", "content": [text]},
        {"role": "assistant", "content": [plain]},
        "odd",
    ]
    made, warnings = changes("messages", messages=turns)
    assert made == {
        "messages": [
            turns[0],
            {"role": "assistant", "content": [signed, text]},
            {"role": "user", "content": [text]},
            "odd",
        ]
    }
    assert warnings == ["reasoning of an earlier turn was left out: only openai can read it"]


@pytest.mark.parametrize(
    ("api", "body"),
    [
        ("responses", {"input": [ITEM, {"role": "user", "content": "hi"}]}),
        ("responses", {"input": "hi"}),
        ("messages", {"messages": [{"role": "assistant", "content": [{"type": "thinking", "signature": "EqQB"}]}]}),
        ("messages", {"messages": "hi"}),
        ("chat", {"messages": [{"role": "user", "content": "hi"}]}),
    ],
)
def test_a_conversation_without_envelopes_is_sent_as_it_is(api: str, body: dict[str, Any]) -> None:
    assert changes(api, **body) == ({}, [])
