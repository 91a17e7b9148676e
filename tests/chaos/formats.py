"""A correct answer in every format, whole and as the events of a stream, with the text `TEXT` in two pieces."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ingate.wire.bedrock.eventstream import encode_message

TEXT = "Hello there."


@dataclass(frozen=True)
class Sample:
    """An answer.

    Attributes:
        body: The whole answer.
        events: The events of the stream.
        begun: How many events there are up to the one with the first piece of the text.
        kind: The stream's content type.
        ping: An event that keeps the connection alive.
    """

    body: bytes
    events: tuple[bytes, ...]
    begun: int
    kind: str = "text/event-stream"
    ping: bytes = b": ping\n\n"


def _sse(*values: Any, named: bool = False, done: bool = False) -> tuple[bytes, ...]:
    events = []
    for value in values:
        name = f"event: {value['type']}\n".encode() if named else b""
        events.append(name + b"data: " + json.dumps(value).encode() + b"\n\n")
    return (*events, b"data: [DONE]\n\n") if done else tuple(events)


def _body(value: Any) -> bytes:
    return json.dumps(value).encode()


def _chat(one: str, two: str) -> Sample:
    text = one + two
    head = {"id": "c", "created": 1, "model": "m"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {**head, "object": "chat.completion.chunk", "choices": [choice]}

    message = {"role": "assistant", "content": text}
    whole = {**head, "object": "chat.completion", "usage": usage}
    whole["choices"] = [{"index": 0, "finish_reason": "stop", "message": message}]
    last = {**chunk({}), "choices": [], "usage": usage}
    events = (chunk({"role": "assistant", "content": ""}), chunk({"content": one}), chunk({"content": two}))
    return Sample(_body(whole), _sse(*events, chunk({}, "stop"), last, done=True), 2)


def _completions(one: str, two: str) -> Sample:
    text = one + two
    head = {"id": "c", "object": "text_completion", "created": 1, "model": "m"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}

    def choice(part: str, finish: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": 0, "text": part, "finish_reason": finish, "logprobs": None}]}

    last = {**head, "choices": [], "usage": usage}
    whole = {**choice(text, "stop"), "usage": usage}
    return Sample(_body(whole), _sse(choice(one), choice(two), choice("", "stop"), last, done=True), 1)


def _responses(one: str, two: str) -> Sample:
    text = one + two
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [part]}
    usage = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    whole = {"id": "r", "object": "response", "created_at": 1, "model": "m", "status": "completed", "output": [item]}
    whole["usage"] = usage
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    at = {"output_index": 0, "content_index": 0, "item_id": "m"}
    events = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "status": "in_progress", "content": []}},
        {"type": "response.content_part.added", **at, "part": {**part, "text": ""}},
        {"type": "response.output_text.delta", **at, "delta": one},
        {"type": "response.output_text.delta", **at, "delta": two},
        {"type": "response.output_text.done", **at, "text": text},
        {"type": "response.content_part.done", **at, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]  # fmt: skip
    numbered = [{**event, "sequence_number": number} for number, event in enumerate(events)]
    return Sample(_body(whole), _sse(*numbered, named=True), 4)


def _messages(one: str, two: str) -> Sample:
    text = one + two
    message = {"id": "msg", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None}
    whole = {**message, "content": [{"type": "text", "text": text}], "stop_reason": "end_turn"}
    whole["usage"] = {"input_tokens": 3, "output_tokens": 2}
    start = {**message, "content": [], "stop_reason": None, "usage": {"input_tokens": 3, "output_tokens": 1}}

    def delta(part: str) -> dict[str, Any]:
        return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": part}}

    events = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        delta(one),
        delta(two),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]  # fmt: skip
    return Sample(_body(whole), _sse(*events, named=True), 3, ping=b'event: ping\ndata: {"type": "ping"}\n\n')


def _gemini(one: str, two: str) -> Sample:
    text = one + two
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}

    def made(part: str, **more: Any) -> dict[str, Any]:
        content = {"role": "model", "parts": [{"text": part}]}
        return {"candidates": [{"index": 0, "content": content, **more}], "usageMetadata": usage, "modelVersion": "m"}

    return Sample(_body(made(text, finishReason="STOP")), _sse(made(one), made(two, finishReason="STOP")), 1)


def _bedrock(one: str, two: str) -> Sample:
    text = one + two
    usage = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}
    message = {"role": "assistant", "content": [{"text": text}]}
    metrics = {"latencyMs": 1}
    whole = {"output": {"message": message}, "stopReason": "end_turn", "usage": usage, "metrics": metrics}

    def event(kind: str, value: dict[str, Any]) -> bytes:
        headers = {":message-type": "event", ":event-type": kind, ":content-type": "application/json"}
        return encode_message(headers, _body(value))

    events = (
        event("messageStart", {"role": "assistant"}),
        event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": one}}),
        event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": two}}),
        event("contentBlockStop", {"contentBlockIndex": 0}),
        event("messageStop", {"stopReason": "end_turn"}),
        event("metadata", {"usage": usage, "metrics": metrics}),
    )
    return Sample(_body(whole), events, 2, "application/vnd.amazon.eventstream", event("ping", {}))


def _cohere(one: str, two: str) -> Sample:
    text = one + two
    usage = {"billed_units": {"input_tokens": 3, "output_tokens": 2}, "tokens": {"input_tokens": 3, "output_tokens": 2}}
    message = {"role": "assistant", "content": [{"type": "text", "text": text}]}
    whole = {"id": "r", "finish_reason": "COMPLETE", "message": message, "usage": usage}

    def delta(part: str) -> dict[str, Any]:
        return {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": part}}}}

    events = [
        {"type": "message-start", "id": "r", "delta": {"message": {"role": "assistant"}}},
        {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
        delta(one),
        delta(two),
        {"type": "content-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}},
    ]
    return Sample(_body(whole), _sse(*events, named=True), 3)


def _ollama(one: str, two: str) -> Sample:
    text = one + two

    def line(part: str, **more: Any) -> dict[str, Any]:
        message = {"role": "assistant", "content": part}
        return {"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": False, **more}

    end = {"done": True, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 2}
    events = tuple(_body(each) + b"\n" for each in (line(one), line(two), line("", **end)))
    return Sample(_body(line(text, **end)), events, 1, "application/x-ndjson", b"\n")


_MAKERS = {
    "chat": _chat,
    "completions": _completions,
    "responses": _responses,
    "messages": _messages,
    "gemini": _gemini,
    "bedrock": _bedrock,
    "cohere": _cohere,
    "ollama": _ollama,
}
_PATHS = (
    ("/chat/completions", "chat"),
    ("/completions", "completions"),
    ("/responses", "responses"),
    ("/messages", "messages"),
    ("enerateContent", "gemini"),
    ("/converse", "bedrock"),
    ("/v2/chat", "cohere"),
    ("/api/chat", "ollama"),
)


def format_of(path: str) -> str:
    """The format that a request's path belongs to."""
    return next((name for part, name in _PATHS if part in path), "chat")


def sample(format_: str, text: str = TEXT) -> Sample:
    """A correct answer with a text of at least two words."""
    one, _, two = text.partition(" ")
    return _MAKERS[format_](f"{one} ", two)
