"""Every conversation, put into each provider's words, is one that the provider takes."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from ingate.errors import BadRequestError
from ingate.wire.codec import codec_for
from support.conversations import CONVERSATIONS
from support.native import target
from support.schemas import check_anthropic, check_gemini
from support.schemas_other import check_cohere, check_converse, check_ollama

CLAUDES = ("claude-opus-4-8", "claude-opus-4-6", "claude-sonnet-4-5", "claude-sonnet-4-20250514", "claude-fable-5")
OLD_CLAUDE = "claude-3-5-sonnet-20241022"
GEMINIS = ("gemini-3-pro-preview", "gemini-3.8-flash", "gemini-2.5-flash", "gemini-2.5-pro", "gemini-2.0-flash")


def request(wire: str, model: str, body: dict[str, Any], **more: Any) -> Any:
    return codec_for(wire).request(body, target(model, **more))


@pytest.mark.parametrize("model", [*CLAUDES, OLD_CLAUDE])
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_anthropic_takes_the_request(name: str, model: str) -> None:
    for stream in (False, True):
        check_anthropic(json.loads(request("messages", model, CONVERSATIONS[name], stream=stream).body))


@pytest.mark.parametrize("model", [*GEMINIS, "gemma-3-27b-it"])
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_gemini_takes_the_request(name: str, model: str) -> None:
    made = json.loads(request("gemini", model, CONVERSATIONS[name]).body)
    check_gemini(made, signatures=model.startswith("gemini-3"))


@pytest.mark.parametrize(("wire", "model"), [("messages", CLAUDES[0]), ("gemini", GEMINIS[0])])
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_the_openai_request_is_left_as_it_is(name: str, wire: str, model: str) -> None:
    body = copy.deepcopy(CONVERSATIONS[name])
    request(wire, model, body)
    assert body == CONVERSATIONS[name]


TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
_BOUNDED = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^x"}}, "required": ["a"]}
BOUNDED = {"type": "json_schema", "json_schema": {"name": "x", "schema": _BOUNDED}}
BOUNDED_TOOL = {"type": "function", "function": {"name": "f", "strict": True, "parameters": _BOUNDED}}
CALLED = [
    {"role": "user", "content": "Hi"},
    {
        "role": "assistant",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "c", "content": "r"},
]


@pytest.mark.parametrize(
    ("wire", "model", "changed", "name"),
    [
        ("gemini", GEMINIS[2], {"stop": list("abcdef")}, "stop"),
        ("cohere", "command-a-03-2025", {"stop": list("abcdef")}, "stop"),
        ("messages", CLAUDES[2], {"temperature": 1.5}, "temperature"),
        (
            "messages",
            CLAUDES[2],
            {"max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 4000}},
            "thinking",
        ),
        ("messages", CLAUDES[0], {"thinking": {"type": "enabled", "budget_tokens": 4000}}, "thinking"),
        ("messages", CLAUDES[2], {"thinking": {"type": "adaptive"}}, "thinking"),
        (
            "bedrock",
            "amazon.nova-pro-v1:0",
            {"messages": CALLED, "tools": TOOLS, "tool_choice": "none"},
            "tool_choice",
        ),
        ("responses", "gpt-5.2", {"max_tokens": 1}, "max_tokens"),
        ("messages", CLAUDES[0], {"response_format": BOUNDED}, "response_format"),
        ("gemini", GEMINIS[1], {"response_format": BOUNDED}, "response_format"),
        ("messages", CLAUDES[0], {"tools": [BOUNDED_TOOL]}, "tools"),
        ("gemini", GEMINIS[1], {"tools": [BOUNDED_TOOL]}, "tools"),
    ],
)
def test_a_value_that_a_codec_changes_is_reported_and_under_strict_refused(
    wire: str, model: str, changed: dict[str, Any], name: str
) -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}], **changed}
    provider = "openai" if wire == "responses" else ""
    assert request(wire, model, body, provider=provider).warnings
    with pytest.raises(BadRequestError) as caught:
        request(wire, model, body, provider=provider, drop_params="strict")
    assert caught.value.fix == f"change {name}, or set drop_params to warn or drop"


@pytest.mark.parametrize(("wire", "model"), [("messages", CLAUDES[0]), ("gemini", GEMINIS[0])])
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": []},
        {"messages": "Hi"},
        {"messages": ["Hi"]},
        {"messages": [{"role": "wizard", "content": "Hi"}]},
        {"messages": [{"role": "user", "content": 7}]},
        {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "cat.png"}}]}]},
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,é"}}]}
            ]
        },
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "hologram"}]}]},
        {"messages": [{"role": "tool", "content": "Hi"}]},
        {"messages": [{"role": "user", "content": "Hi"}], "tools": [{"type": "function", "function": {}}]},
        {"messages": [{"role": "user", "content": "Hi"}], "tools": "all"},
        {"messages": [{"role": "user", "content": "Hi"}], "tool_choice": 7},
        {"messages": [{"role": "user", "content": "Hi"}], "response_format": {"type": "xml"}},
        {"messages": [{"role": "user", "content": "Hi"}], "response_format": {"type": "json_schema"}},
        {"messages": [{"role": "user", "content": "Hi"}], "temperature": "hot"},
        {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": "many"},
        {"messages": [{"role": "user", "content": "Hi"}], "reasoning_effort": "heroic"},
    ],
)
def test_a_request_that_cannot_be_read_is_refused_before_it_leaves(wire: str, model: str, body: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError):
        request(wire, model, body)


@pytest.mark.parametrize(("wire", "model"), [("messages", CLAUDES[2]), ("gemini", GEMINIS[2])])
def test_the_drop_policy_refuses_tells_or_keeps_silent(wire: str, model: str) -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}], "logit_bias": {"1": 2}}
    with pytest.raises(BadRequestError, match="logit_bias"):
        request(wire, model, body, drop_params="strict")
    told = request(wire, model, body, drop_params="warn")
    assert told.dropped == ["logit_bias"]
    assert "logit_bias" in told.warnings[0]
    silent = request(wire, model, body, drop_params="drop")
    assert (silent.dropped, silent.warnings) == (["logit_bias"], [])


@pytest.mark.parametrize(("wire", "model"), [("messages", CLAUDES[2]), ("gemini", GEMINIS[2])])
def test_what_is_not_openais_goes_to_the_provider_and_extra_body_wins(wire: str, model: str) -> None:
    body = {
        "messages": [{"role": "user", "content": "Hi"}],
        "labels": {"team": "a"},
        "extra_body": {"labels": {"tier": "b"}, "contents": None, "messages": None},
    }
    made = json.loads(request(wire, model, body, drop_params="strict").body)
    assert made["labels"] == {"team": "a", "tier": "b"}
    assert not made.keys() & {"contents", "messages"}
    assert body["extra_body"]["labels"] == {"tier": "b"}


OTHERS = [
    ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", check_converse),
    ("bedrock", "us.anthropic.claude-opus-4-8", check_converse),
    ("bedrock", "amazon.nova-2-lite-v1:0", check_converse),
    ("bedrock", "meta.llama3-3-70b-instruct-v1:0", check_converse),
    ("bedrock", "openai.gpt-oss-120b-1:0", check_converse),
    ("cohere", "command-a-03-2025", check_cohere),
    ("cohere", "command-a-reasoning-08-2025", check_cohere),
    ("ollama", "llama3.2:1b", check_ollama),
    ("ollama", "gpt-oss:20b", check_ollama),
]
# What a format has no place for is refused with a sentence, never left out in silence.
REFUSED = {
    ("bedrock", "an image by address"),
    ("ollama", "an image by address"),
    ("cohere", "a PDF"),
    ("ollama", "a PDF"),
}


@pytest.mark.parametrize(("wire", "model", "check"), OTHERS)
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_the_other_formats_take_the_request(name: str, wire: str, model: str, check: Any) -> None:
    if (wire, name) in REFUSED:
        with pytest.raises(BadRequestError):
            request(wire, model, CONVERSATIONS[name])
        return
    body = copy.deepcopy(CONVERSATIONS[name])
    check(json.loads(request(wire, model, body).body))
    assert body == CONVERSATIONS[name]


def test_invoke_sends_claudes_own_request_and_novas() -> None:
    claude = request("bedrock_invoke", "us.anthropic.claude-opus-4-6-v1", CONVERSATIONS["tools on offer"], stream=True)
    assert claude.url == "https://far/model/us.anthropic.claude-opus-4-6-v1/invoke-with-response-stream"
    body = json.loads(claude.body)
    assert body.pop("anthropic_version") == "bedrock-2023-05-31"
    check_anthropic({"model": "m", **body})
    nova = request("bedrock_invoke", "amazon.nova-micro-v1:0", CONVERSATIONS["tools on offer"])
    body = json.loads(nova.body)
    assert nova.url == "https://far/model/amazon.nova-micro-v1%3A0/invoke"
    assert body.pop("schemaVersion") == "messages-v1"
    check_converse(body)
