"""Providers that think before each tool call, one for each wire format, and how they expect their reasoning back."""

from __future__ import annotations

import base64
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ingate.wire.bedrock.eventstream import encode_message
from support.http import Conversation, serving
from support.simulators import KEY, sse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@dataclass(frozen=True)
class Thinker:
    """One provider.

    Attributes:
        spec: A model of it.
        section: Its configuration, without the base URL.
        path: What its base URL has after the address.
        whole: Turn → a whole answer: reasoning, and a call of the tool `look` with the id `call_<turn>`.
        events: Turn → the same as a stream.
        sent: Turn → the reasoning as it must come back.
        found: Request → the reasoning in its history, in order.
        kind: The stream's content type.
    """

    spec: str
    section: dict[str, str]
    path: str
    whole: Callable[[int], Any]
    events: Callable[[int], bytes]
    sent: Callable[[int], Any]
    found: Callable[[Any], list[Any]]
    kind: str = "text/event-stream"

    @property
    def provider(self) -> str:
        return self.spec.partition("/")[0]


@dataclass
class Thinking:
    """A provider that runs.

    Attributes:
        config: A configuration that reaches it.
        requests: The requests that came, each with who answered it: many providers have another API's endpoint too.
    """

    config: dict[str, Any]
    requests: list[tuple[Thinker, Any]] = field(default_factory=list)


@asynccontextmanager
async def thinking(*thinkers: Thinker) -> AsyncIterator[Thinking]:
    """Providers on loopback; the answer to the n-th request is the n-th turn's, whoever is asked."""
    running = Thinking({})
    by_path = {f"/{number}": thinker for number, thinker in enumerate(thinkers)}

    async def answer(conversation: Conversation) -> None:
        target = conversation.head.split(" ")[1]
        thinker = _at_endpoint(target) or by_path[target[:2]]
        body = json.loads(conversation.body)
        turn = len(running.requests)
        running.requests.append((thinker, body))
        if not (body.get("stream") or "tream" in target):
            await conversation.answer(json.dumps(thinker.whole(turn)).encode())
            return
        await conversation.begin(thinker.kind)
        data = thinker.events(turn)
        for at in range(0, len(data), 50):
            await conversation.piece(data[at : at + 50])
        await conversation.piece(b"")

    async with serving(answer) as far:
        for prefix, thinker in by_path.items():
            base = f"{far.base.removesuffix('/v1')}{prefix}{thinker.path}"
            running.config[thinker.provider] = {"base_url": base, **thinker.section}
        yield running


def _at_endpoint(target: str) -> Thinker | None:
    """Who answers at the endpoint of a client's API; None at the provider's own."""
    if "/invoke" in target:
        return INVOKED
    return (
        THINKERS["messages" if target.endswith("/messages") else "responses"] if target.endswith(_CLIENT_APIS) else None
    )


_CLIENT_APIS = ("/messages", "/responses")


def _arguments(turn: int) -> str:
    return json.dumps({"q": turn})


# Chat completions: the text of the reasoning.


def _chat_whole(turn: int) -> Any:
    call = {"id": f"call_{turn}", "type": "function", "function": {"name": "look", "arguments": _arguments(turn)}}
    message = {"role": "assistant", "content": None, "reasoning": f"thought {turn}", "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


def _chat_events(turn: int) -> bytes:
    whole = _chat_whole(turn)
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    (call,) = whole["choices"][0]["message"]["tool_calls"]
    deltas = [
        {"role": "assistant", "reasoning": "thought "},
        {"reasoning": str(turn)},
        {"tool_calls": [{**call, "index": 0}]},
    ]
    chunks = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    end = {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    return sse(*chunks, end, {**head, "choices": [], "usage": whole["usage"]}, done=True)


def _chat_found(body: Any) -> list[Any]:
    return [
        one.get("reasoning") or one.get("reasoning_content") for one in body["messages"] if one["role"] == "assistant"
    ]


# Responses: an encrypted item.


def _item(turn: int) -> dict[str, Any]:
    return {
        "id": f"rs_{turn}",
        "type": "reasoning",
        "content": [],
        "encrypted_content": f"gAAAA{turn}+/=",
        "summary": [{"type": "summary_text", "text": f"thought {turn}"}],
    }


def _response(turn: int, **more: Any) -> dict[str, Any]:
    call = {
        "id": f"fc_{turn}",
        "type": "function_call",
        "status": "completed",
        "arguments": _arguments(turn),
        "call_id": f"call_{turn}",
        "name": "look",
    }
    usage = {
        "input_tokens": 3,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 5,
    }
    return {
        "id": f"resp_{turn}", "object": "response", "created_at": 1, "status": "completed", "error": None, "model": "m",
        "incomplete_details": None, "output": [_item(turn), call], "usage": usage, "tools": [], "tool_choice": "auto",
        "parallel_tool_calls": True, **more,
    }  # fmt: skip


def _responses_events(turn: int) -> bytes:
    whole = _response(turn)
    item, call = whole["output"]
    begun = _response(turn, status="in_progress", output=[], usage=None)
    at = {"item_id": item["id"], "output_index": 0, "summary_index": 0}
    part = item["summary"][0]
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "summary": []}},
        {"type": "response.reasoning_summary_part.added", **at, "part": {**part, "text": ""}},
        {"type": "response.reasoning_summary_text.delta", **at, "delta": part["text"]},
        {"type": "response.reasoning_summary_text.done", **at, "text": part["text"]},
        {"type": "response.reasoning_summary_part.done", **at, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.output_item.added", "output_index": 1, "item": {**call, "arguments": ""}},
        {"type": "response.function_call_arguments.delta", "output_index": 1, "item_id": call["id"], "delta": call["arguments"]},
        {"type": "response.function_call_arguments.done", "output_index": 1, "item_id": call["id"], "arguments": call["arguments"]},
        {"type": "response.output_item.done", "output_index": 1, "item": call},
        {"type": "response.completed", "response": whole},
    ]  # fmt: skip
    return sse(*({**event, "sequence_number": number} for number, event in enumerate(events)), named=True)


def _responses_found(body: Any) -> list[Any]:
    return [item for item in body["input"] if item.get("type") == "reasoning"]


# Messages and Claude on Bedrock: a signed block.


def _block(turn: int) -> dict[str, Any]:
    return {"type": "thinking", "thinking": f"thought {turn}", "signature": f"EqQB{turn}+/="}


def _messages_whole(turn: int) -> Any:
    call = {"type": "tool_use", "id": f"call_{turn}", "name": "look", "input": {"q": turn}}
    return {
        "id": f"msg_{turn}", "type": "message", "role": "assistant", "model": "m", "content": [_block(turn), call],
        "stop_reason": "tool_use", "stop_sequence": None, "usage": {"input_tokens": 3, "output_tokens": 2},
    }  # fmt: skip


def _messages_events(turn: int) -> bytes:
    whole = _messages_whole(turn)
    block, call = whole["content"]
    deltas = [
        (0, {"type": "thinking_delta", "thinking": block["thinking"]}),
        (0, {"type": "signature_delta", "signature": block["signature"]}),
        (1, {"type": "input_json_delta", "partial_json": _arguments(turn)}),
    ]
    started = [{**block, "thinking": "", "signature": ""}, {**call, "input": {}}]
    events: list[dict[str, Any]] = [{"type": "message_start", "message": {**whole, "content": [], "stop_reason": None}}]
    for index, empty in enumerate(started):
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        events += [{"type": "content_block_delta", "index": at, "delta": delta} for at, delta in deltas if at == index]
        events.append({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": "tool_use", "stop_sequence": None}
    events += [{"type": "message_delta", "delta": delta, "usage": {"output_tokens": 2}}, {"type": "message_stop"}]
    return sse(*events, named=True)


def _messages_found(body: Any) -> list[Any]:
    contents = [turn["content"] for turn in body["messages"] if isinstance(turn["content"], list)]
    return [block for content in contents for block in content if block["type"] == "thinking"]


def _converse_block(turn: int) -> dict[str, Any]:
    return {"reasoningText": {"text": f"thought {turn}", "signature": f"EqQB{turn}+/="}}


def _converse_whole(turn: int) -> Any:
    call = {"toolUse": {"toolUseId": f"call_{turn}", "name": "look", "input": {"q": turn}}}
    return {
        "output": {"message": {"role": "assistant", "content": [{"reasoningContent": _converse_block(turn)}, call]}},
        "stopReason": "tool_use",
        "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5},
    }


def _converse_events(turn: int) -> bytes:
    text = _converse_block(turn)["reasoningText"]
    events: list[tuple[str, dict[str, Any]]] = [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": text["text"]}}}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": text["signature"]}}}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("contentBlockStart", {"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": f"call_{turn}", "name": "look"}}}),
        ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": _arguments(turn)}}}),
        ("contentBlockStop", {"contentBlockIndex": 1}),
        ("messageStop", {"stopReason": "tool_use"}),
        ("metadata", {"usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}, "metrics": {"latencyMs": 1}}),
    ]  # fmt: skip
    return b"".join(
        encode_message(
            {":message-type": "event", ":event-type": kind, ":content-type": "application/json"},
            json.dumps(event).encode(),
        )
        for kind, event in events
    )


def _converse_found(body: Any) -> list[Any]:
    return [
        part["reasoningContent"] for turn in body["messages"] for part in turn["content"] if "reasoningContent" in part
    ]


# Gemini: a signature on the call.


def _gemini_whole(turn: int) -> Any:
    parts = [
        {"text": f"thought {turn}", "thought": True},
        {
            "functionCall": {"id": f"call_{turn}", "name": "look", "args": {"q": turn}},
            "thoughtSignature": f"CiQ{turn}+/=",
        },
    ]
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}
    return {"candidates": [candidate], "usageMetadata": usage}


def _gemini_events(turn: int) -> bytes:
    whole = _gemini_whole(turn)
    thought, call = whole["candidates"][0]["content"]["parts"]
    return sse(
        {"candidates": [{"content": {"role": "model", "parts": [thought]}}]},
        {**whole, "candidates": [{"content": {"role": "model", "parts": [call]}, "finishReason": "STOP"}]},
    )


def _gemini_found(body: Any) -> list[Any]:
    return [
        part.get("thoughtSignature")
        for content in body["contents"]
        for part in content["parts"]
        if "functionCall" in part
    ]


# Cohere and Ollama: the text of the reasoning.


def _cohere_whole(turn: int) -> Any:
    call = {"id": f"call_{turn}", "type": "function", "function": {"name": "look", "arguments": _arguments(turn)}}
    content = [{"type": "thinking", "thinking": f"thought {turn}"}]
    return {
        "id": "r",
        "message": {"role": "assistant", "content": content, "tool_calls": [call]},
        "finish_reason": "TOOL_CALL",
        "usage": {"tokens": {"input_tokens": 3, "output_tokens": 2}},
    }


def _cohere_events(turn: int) -> bytes:
    call = {"id": f"call_{turn}", "type": "function", "function": {"name": "look", "arguments": ""}}
    thought = {"type": "thinking", "thinking": f"thought {turn}"}
    middle: list[dict[str, Any]] = [
        {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "thinking", "thinking": ""}}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"thinking": thought["thinking"]}}}},
        {"type": "content-end", "index": 0},
        {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": call}}},
        {"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": {"function": {"arguments": _arguments(turn)}}}}},
        {"type": "tool-call-end", "index": 0},
    ]  # fmt: skip
    end = {"finish_reason": "TOOL_CALL", "usage": {"tokens": {"input_tokens": 3, "output_tokens": 2}}}
    first = {"type": "message-start", "id": "r", "delta": {"message": {"role": "assistant"}}}
    return sse(first, *middle, {"type": "message-end", "delta": end}, named=True)


def _ollama_whole(turn: int) -> Any:
    call = {"id": f"call_{turn}", "function": {"name": "look", "arguments": {"q": turn}}}
    message = {"role": "assistant", "content": "", "thinking": f"thought {turn}", "tool_calls": [call]}
    return {
        "model": "m", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": True, "done_reason": "stop",
        "prompt_eval_count": 3, "eval_count": 2,
    }  # fmt: skip


def _ollama_events(turn: int) -> bytes:
    whole = _ollama_whole(turn)
    message = whole["message"]
    head = {"model": "m", "created_at": "2026-01-01T00:00:00Z", "done": False}
    lines = [
        {**head, "message": {"role": "assistant", "content": "", "thinking": message["thinking"]}},
        {**head, "message": {"role": "assistant", "content": "", "tool_calls": message["tool_calls"]}},
        {**whole, "message": {"role": "assistant", "content": ""}},
    ]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _text(turn: int) -> str:
    return f"thought {turn}"


_AWS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": KEY, "aws_region_name": "us-east-1"}
THINKERS: dict[str, Thinker] = {
    "chat": Thinker(
        "cerebras/gpt-oss-120b", {"api_key": KEY}, "/v1", _chat_whole, _chat_events, _text, _chat_found
    ),
    "responses": Thinker(
        "openai/gpt-5.4-pro", {"api_key": KEY}, "/v1", _response, _responses_events, _item, _responses_found
    ),
    "messages": Thinker(
        "anthropic/claude-opus-4-6", {"api_key": KEY}, "", _messages_whole, _messages_events, _block, _messages_found
    ),
    "gemini": Thinker(
        "gemini/gemini-3-pro-preview", {"api_key": KEY}, "/v1beta", _gemini_whole, _gemini_events,
        lambda turn: f"CiQ{turn}+/=", _gemini_found,
    ),
    "bedrock": Thinker(
        "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", _AWS, "", _converse_whole, _converse_events,
        _converse_block, _converse_found, "application/vnd.amazon.eventstream",
    ),
    # Nothing of Cohere's reasoning has to come back.
    "cohere": Thinker(
        "cohere_chat/command-a-reasoning-08-2025", {"api_key": KEY}, "", _cohere_whole, _cohere_events,
        lambda turn: None, lambda body: [None for one in body["messages"] if one["role"] == "assistant"],
    ),
    "ollama": Thinker(
        "ollama_chat/qwen3", {}, "", _ollama_whole, _ollama_events, _text,
        lambda body: [one.get("thinking") for one in body["messages"] if one["role"] == "assistant"], "application/x-ndjson",
    ),
}  # fmt: skip

# Claude on Bedrock's invoke endpoint: Anthropic's Messages, each event of a stream in base64.
INVOKED = replace(
    THINKERS["messages"],
    kind="application/vnd.amazon.eventstream",
    events=lambda turn: b"".join(
        encode_message(
            {":message-type": "event", ":event-type": "chunk", ":content-type": "application/json"},
            json.dumps({"bytes": base64.b64encode(event.partition(b"data: ")[2]).decode()}).encode(),
        )
        for event in _messages_events(turn).split(b"\n\n")
        if event
    ),
)
