"""A history in chat completions as one provider takes it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingate.wire.chat.codec import CODEC
from support.native import target

USER = {"role": "user", "content": "go"}
# An answer of OpenAI's as its client returns it.
SAID = {"role": "assistant", "content": "x", "refusal": None, "audio": None, "function_call": None, "annotations": []}
REFUSED = {"role": "assistant", "content": None, "refusal": "I cannot."}


def _sent(message: dict[str, Any], provider: str, model: str = "m") -> dict[str, Any]:
    body = {"messages": [USER, message, USER]}
    return json.loads(CODEC.request(body, target(model, api_base="http://x/v1", provider=provider)).body)["messages"][1]


@pytest.mark.parametrize("provider", ["mistral", "groq", "openrouter", ""])
def test_fields_that_are_null_are_left_out(provider: str):
    assert _sent(SAID, provider) == {"role": "assistant", "content": "x"}


@pytest.mark.parametrize("provider", ["mistral", "deepseek", ""])
def test_a_refusal_is_text_where_only_openai_has_the_field(provider: str):
    assert _sent(REFUSED, provider) == {"role": "assistant", "content": "I cannot."}
    both = {**REFUSED, "content": [{"type": "text", "text": "Hm."}]}
    assert _sent(both, provider)["content"] == [{"type": "text", "text": "Hm."}, {"type": "text", "text": "I cannot."}]


def test_openai_has_the_field():
    assert _sent(REFUSED, "openai") == REFUSED


@pytest.mark.parametrize(
    ("provider", "model", "field"),
    [
        ("deepseek", "deepseek-v4-pro", "reasoning_content"),
        ("openrouter", "deepseek/deepseek-v4-pro", "reasoning"),
        ("together_ai", "moonshotai/Kimi-K3", "reasoning"),
        ("openrouter", "openai/gpt-6", None),
        ("together_ai", "meta-llama/Llama-3.3-70B", None),
    ],
)
def test_reasoning_goes_back_to_models_that_want_it(provider: str, model: str, field: str | None):
    sent = _sent({"role": "assistant", "content": "x", "reasoning_content": "r"}, provider, model)
    assert sent == {"role": "assistant", "content": "x", **({field: "r"} if field else {})}


def test_marks_on_calls_are_left_out_where_unknown_fields_are_refused():
    call = {"id": "abcdefghi", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [{**call, "extra_content": {"google": {}}}]}
    assert _sent(message, "mistral")["tool_calls"] == [call]
    assert _sent(message, "groq")["tool_calls"] == message["tool_calls"]
