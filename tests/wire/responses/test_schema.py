"""The requests built here, held against OpenAI's own types: `openai.types.responses.ResponseCreateParams`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingate.wire.codec import Target, codec_for
from ingate.wire.responses.providers import PROVIDERS
from support.conversations import CONVERSATIONS

openai = pytest.importorskip("openai")
pydantic = pytest.importorskip("pydantic")

IMAGE = "data:image/png;base64,aGk="
CUSTOM = {
    "type": "custom",
    "custom": {
        "name": "sql",
        "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: x"}},
    },
}
SEALED = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA", "provider": "openai"}
MORE: dict[str, dict[str, Any]] = {
    "custom tools and their calls": {
        "messages": [
            {"role": "user", "content": "Go."},
            {
                "role": "assistant",
                "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "sql", "input": "x"}}],
            },
            {"role": "tool", "tool_call_id": "c", "content": "1"},
        ],
        "tools": [CUSTOM],
        "tool_choice": {"type": "custom", "custom": {"name": "sql"}},
    },
    "allowed tools": {
        "messages": [{"role": "user", "content": "Go."}],
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": {
            "type": "allowed_tools",
            "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
        },
    },
    "reasoning goes back": {
        "messages": [
            {"role": "user", "content": "Go."},
            {
                "role": "assistant",
                "content": "Hm",
                "phase": "commentary",
                "reasoning_items": [SEALED],
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "c", "content": [{"type": "image_url", "image_url": {"url": IMAGE}}]},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "reasoning_effort": "high",
        "reasoning_summary": "auto",
        "verbosity": "low",
    },
    "a refusal in the history": {
        "messages": [
            {"role": "user", "content": "Go."},
            {"role": "assistant", "content": "Well,", "refusal": "No."},
            {"role": "user", "content": "Why?"},
        ]
    },
    "files by id and address, and a picture's detail": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "file", "file": {"file_id": "file-1"}},
                    {"type": "input_file", "file_url": "https://e.org/a.pdf"},
                    {"type": "image_url", "image_url": {"url": IMAGE, "detail": "low"}},
                    {"type": "input_image", "file_id": "file-2"},
                ],
            }
        ]
    },
    "everything both APIs have": {
        "messages": [{"role": "user", "content": "Go."}],
        "metadata": {"a": "b"},
        "safety_identifier": "s",
        "prompt_cache_key": "k",
        "service_tier": "flex",
        "logprobs": True,
        "top_logprobs": 2,
        "truncation": "auto",
        "max_tool_calls": 2,
        "tools": [{"type": "web_search"}, {"type": "code_interpreter", "container": {"type": "auto"}}],
    },
}
ALL = {**CONVERSATIONS, **MORE}


def request_types() -> tuple[Any, frozenset[str]]:
    from openai.types.responses import response_create_params as params

    keys: set[str] = set()
    for kind in (params.ResponseCreateParamsNonStreaming, params.ResponseCreateParamsStreaming):
        keys |= kind.__required_keys__ | kind.__optional_keys__
    return pydantic.TypeAdapter(params.ResponseCreateParams), frozenset(keys)


ADAPTER, KEYS = request_types()


def check(body: dict[str, Any]) -> None:
    """Validate a request; raises `pydantic.ValidationError`."""
    read = ADAPTER.validate_python({**body, "input": [as_typed(item) for item in body["input"]]})
    assert len(list(read["input"])) == len(body["input"])  # iterables are validated as they are read
    assert len(list(read.get("tools", ()))) == len(body.get("tools", ()))


def as_typed(item: dict[str, Any]) -> dict[str, Any]:
    """The item with what the types ask for and the server does not: an id and a status of an assistant's message."""
    if item.get("role") == "assistant" and isinstance(item.get("content"), list):
        return {"id": "msg_1", "status": "completed", **item}
    return item


@pytest.mark.parametrize("model", ["gpt-5.4", "gpt-4o", "a-deployment"])
@pytest.mark.parametrize("name", ALL)
def test_openais_types_accept_the_request(name: str, model: str) -> None:
    for stream in (False, True):
        at = Target(model=model, api_base="https://api.openai.com/v1", provider="openai", stream=stream)
        body = json.loads(codec_for("responses").request(ALL[name], at).body)
        assert body.keys() <= KEYS
        check(body)


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
@pytest.mark.parametrize("name", ALL)
def test_the_request_for_every_provider_is_of_openais_types(name: str, provider: str) -> None:
    at = Target(model="m", api_base="https://api.example/v1", provider=provider, facts={"caps": ("reasoning",)})
    made = codec_for("responses").request(ALL[name], at)
    body = json.loads(made.body)
    check(body)
    row = PROVIDERS[provider]
    assert not row.refused & body.keys()
    assert row.store == ("store" in body)
    assert row.encrypted == ("reasoning.encrypted_content" in body.get("include", []))


def test_the_types_would_refuse_a_chat_message() -> None:
    with pytest.raises(pydantic.ValidationError):
        check({"model": "m", "input": [{"role": "tool", "tool_call_id": "c", "content": "x"}]})
    with pytest.raises(pydantic.ValidationError):
        check({"model": "m", "input": [], "tools": [{"type": "function", "function": {"name": "f"}}]})
