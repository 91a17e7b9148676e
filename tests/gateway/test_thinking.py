"""Thoughts and their signatures survive a tool turn: provider → gateway → SDK → back, on every native lane."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from ingate.wire.bedrock.eventstream import encode_message
from support.http import Conversation, serving
from support.simulators import sse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytest.importorskip("openai")

KEY = "sk-for-thinking-0123456789"
AWS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": KEY, "aws_region_name": "us-east-1"}
LOOK = {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"], "additionalProperties": False}
TOOL = {"type": "function", "function": {"name": "look", "description": "Looks.", "strict": True, "parameters": LOOK}}
ASKED = [{"role": "user", "content": "What is there?"}]
USED = {"input_tokens": 3, "output_tokens": 2}

ANTHROPIC = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use", "usage": USED,
    "content": [
        {"type": "thinking", "thinking": "I must look.", "signature": "c2lnbmVk"},
        {"type": "redacted_thinking", "data": "c2VjcmV0"},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "it"}},
    ],
}  # fmt: skip
ANTHROPIC_EVENTS = sse(
    {"type": "message_start", "message": {**ANTHROPIC, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "I must "}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "look."}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2lnbmVk"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "redacted_thinking", "data": "c2VjcmV0"}},
    {"type": "content_block_stop", "index": 1},
    {"type": "content_block_start", "index": 2, "content_block": {**ANTHROPIC["content"][2], "input": {}}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"at": "it"}'}},
    {"type": "content_block_stop", "index": 2},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 2}},
    {"type": "message_stop"},
    named=True,
)
THOUGHT = {"reasoningContent": {"reasoningText": {"text": "I must look.", "signature": "c2lnbmVk"}}}
REDACTED = {"reasoningContent": {"redactedContent": "c2VjcmV0"}}
CONVERSE = {
    "output": {"message": {"role": "assistant", "content": [THOUGHT, REDACTED, {"toolUse": {"toolUseId": "t1", "name": "look", "input": {"at": "it"}}}]}},
    "stopReason": "tool_use",
    "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5},
}  # fmt: skip
CONVERSE_EVENTS = b"".join(
    encode_message({":message-type": "event", ":event-type": kind}, json.dumps(one).encode())
    for kind, one in [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "I must look."}}}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "c2lnbmVk"}}}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"reasoningContent": {"redactedContent": "c2VjcmV0"}}}),
        ("contentBlockStop", {"contentBlockIndex": 1}),
        ("contentBlockStart", {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t1", "name": "look"}}}),
        ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '{"at": "it"}'}}}),
        ("contentBlockStop", {"contentBlockIndex": 2}),
        ("messageStop", {"stopReason": "tool_use"}),
        ("metadata", {"usage": CONVERSE["usage"]}),
    ]
)
GEMINI = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"text": "I must look.", "thought": True},
                    {"functionCall": {"name": "look", "args": {"at": "it"}}, "thoughtSignature": "c2lnbmVk"},
                ],
            },
            "finishReason": "STOP",
        }
    ],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
}
OPENROUTER_DETAILS = [{"type": "reasoning.encrypted", "data": "c2lnbmVk", "index": 0}]
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at": "it"}'}}
OPENROUTER = {
    "id": "1", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
        "role": "assistant", "content": None, "tool_calls": [CALL], "reasoning": "I must look.", "reasoning_details": OPENROUTER_DETAILS,
    }}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}  # fmt: skip
OPENROUTER_EVENTS = sse(
    {**OPENROUTER, "object": "chat.completion.chunk", "usage": None, "choices": [{"index": 0, "delta": {
        "role": "assistant", "reasoning": "I must look.", "reasoning_details": OPENROUTER_DETAILS, "tool_calls": [{**CALL, "index": 0}],
    }, "finish_reason": "tool_calls"}]},
    {**OPENROUTER, "object": "chat.completion.chunk", "choices": []},
    done=True,
)  # fmt: skip

# Lane → (spec, section, whole answer, stream, its content type, the thoughts that must come back).
LANES: dict[str, Any] = {
    "anthropic": (
        "anthropic/claude-opus-4-6", {"api_key": KEY}, ANTHROPIC, ANTHROPIC_EVENTS, "text/event-stream", ANTHROPIC["content"][:2],
    ),
    "vertex": (
        "vertex_ai/claude-opus-4-6", {"api_key": KEY, "vertex_project": "p"}, ANTHROPIC, ANTHROPIC_EVENTS, "text/event-stream",
        ANTHROPIC["content"][:2],
    ),
    "foundry": (
        "azure_ai/claude-opus-4-6", {"api_key": KEY}, ANTHROPIC, ANTHROPIC_EVENTS, "text/event-stream", ANTHROPIC["content"][:2],
    ),
    "bedrock": (
        "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", AWS, CONVERSE, CONVERSE_EVENTS, "application/vnd.amazon.eventstream",
        [THOUGHT, REDACTED],
    ),
    "gemini": (
        "gemini/gemini-3-pro-preview", {"api_key": KEY}, GEMINI, sse(GEMINI), "text/event-stream",
        [{"functionCall": {"name": "look", "args": {"at": "it"}}, "thoughtSignature": "c2lnbmVk"}],
    ),
    "openrouter": (
        "openrouter/anthropic/claude-opus-4.6", {"api_key": KEY}, OPENROUTER, OPENROUTER_EVENTS, "text/event-stream", OPENROUTER_DETAILS,
    ),
}  # fmt: skip


@asynccontextmanager
async def provider(whole: Any, events: bytes, kind: str) -> AsyncIterator[Any]:
    async def answer(conversation: Conversation) -> None:
        target = conversation.head.split(" ")[1]
        if json.loads(conversation.body).get("stream") or "stream" in target:
            await conversation.begin(kind)
            await conversation.piece(events)
            await conversation.piece(b"")
        else:
            await conversation.answer(json.dumps(whole).encode())

    async with serving(answer) as far:
        yield far


def strip_block_indexes(body: dict[str, Any]) -> list[Any]:
    """What the assistant's turn of a provider's request holds."""
    turns = body.get("contents") or body["messages"]
    (turn,) = [one for one in turns if one["role"] in {"assistant", "model"}]
    parts = turn.get("parts") or turn.get("content")
    return parts if isinstance(parts, list) else turn.get("reasoning_details") or []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", LANES)
async def test_signed_thoughts_go_back_to_the_provider_through_the_sdk(name: str, stream: bool) -> None:
    from ingate import AsyncIngate

    spec, section, whole, events, kind, thoughts = LANES[name]
    async with provider(whole, events, kind) as far:
        config = {spec.partition("/")[0]: {**section, "base_url": far.base.removesuffix("/v1")}}
        async with AsyncIngate(config) as client:
            asked: dict[str, Any] = {"model": spec, "tools": [TOOL], "reasoning_effort": "high"}
            if stream:
                async with client.chat.completions.stream(messages=ASKED, **asked) as running:
                    message = (await running.get_final_completion()).choices[0].message
            else:
                message = (await client.chat.completions.create(messages=ASKED, **asked)).choices[0].message
            assert message.reasoning_content == "I must look."
            (call,) = message.tool_calls
            assert (call.function.name, json.loads(call.function.arguments)) == ("look", {"at": "it"})
            result = {"role": "tool", "tool_call_id": call.id, "content": "a cat"}
            back = [*ASKED, message.model_dump(exclude_none=True), result]
            await client.chat.completions.create(messages=back, **asked)
    sent = strip_block_indexes(json.loads(far.asked[-1].body))
    for thought in thoughts:
        assert any(thought.items() <= part.items() for part in sent), (thought, sent)
