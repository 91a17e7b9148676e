"""Cohere's chat and Ollama's."""

from __future__ import annotations

import json
from typing import Any

from support.schemas_other import check_cohere, check_ollama
from support.simulators.base import KEY, Provider, Reply, sse


def cohere_whole(reply: Reply) -> dict[str, Any]:
    """A response."""
    call = {
        "id": reply.call_id or "call_9",
        "type": "function",
        "function": {"name": reply.tool, "arguments": json.dumps(reply.arguments)},
    }
    content = [{"type": "thinking", "thinking": reply.thought}] if reply.thought else []
    said: dict[str, Any] = (
        {"tool_plan": "I will.", "tool_calls": [call], **({"content": content} if content else {})}
        if reply.tool
        else {"content": [*content, {"type": "text", "text": reply.text}]}
    )
    return {
        "id": "r", "message": {"role": "assistant", **said}, "finish_reason": "TOOL_CALL" if reply.tool else "COMPLETE",
        "usage": {"billed_units": {"input_tokens": 3, "output_tokens": 2}, "tokens": {"input_tokens": 3, "output_tokens": 2}},
    }  # fmt: skip


def cohere_events(reply: Reply) -> bytes:
    """The same as a stream."""
    made = cohere_whole(reply)
    middle: list[dict[str, Any]] = []
    if reply.thought:
        begun = {"message": {"content": {"type": "thinking", "thinking": ""}}}
        middle = [
            {"type": "content-start", "index": 0, "delta": begun},
            {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"thinking": reply.thought}}}},
            {"type": "content-end", "index": 0},
        ]
    if reply.tool:
        call = {"id": reply.call_id or "call_9", "type": "function", "function": {"name": reply.tool, "arguments": ""}}
        said = {"function": {"arguments": json.dumps(reply.arguments)}}
        middle += [
            {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": call}}},
            {"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": said}}},
            {"type": "tool-call-end", "index": 0},
        ]
    else:
        at = len(middle) // 3
        middle += [
            {"type": "content-start", "index": at, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
            {"type": "content-delta", "index": at, "delta": {"message": {"content": {"text": reply.text}}}},
            {"type": "content-end", "index": at},
        ]
    end = {"finish_reason": made["finish_reason"], "usage": made["usage"]}
    first = {"type": "message-start", "id": "r", "delta": {"message": {"role": "assistant"}}}
    return sse(first, *middle, {"type": "message-end", "delta": end}, named=True)


def ollama_whole(reply: Reply) -> dict[str, Any]:
    """A response."""
    call = {"function": {"name": reply.tool, "arguments": reply.arguments}}
    if reply.call_id:
        call["id"] = reply.call_id
    message: dict[str, Any] = {"role": "assistant", "content": reply.text}
    if reply.thought:
        message["thinking"] = reply.thought
    if reply.tool:
        message["tool_calls"] = [call]
    return {
        "model": "m", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": True, "done_reason": "stop",
        "prompt_eval_count": 3, "eval_count": 2,
    }  # fmt: skip


def ollama_events(reply: Reply) -> bytes:
    """The same as JSON lines."""
    made = ollama_whole(reply)
    first = {**made, "done": False}
    for name in ("done_reason", "prompt_eval_count", "eval_count"):
        del first[name]
    last = {**made, "message": {"role": "assistant", "content": ""}}
    return b"".join(json.dumps(one).encode() + b"\n" for one in (first, last))


def _ollama_check(body: Any) -> None:
    """The server streams where nothing is said, takes empty lists for none, and passes over what it does not know."""
    unknown = {"id", "index", "strict", "cache_control", "tool_call_id"}

    def known(one: dict[str, Any]) -> dict[str, Any]:
        made = {key: item for key, item in one.items() if key not in unknown and not (key == "images" and item == [])}
        if "arguments" in one.get("function", {}):
            made.pop("type", None)
        return {"parameters": {}, **made} if "description" in one and "name" in one else made

    check_ollama({"stream": True, **json.loads(json.dumps(body), object_hook=known)})


def _asks_last(body: Any) -> bool:
    return body["messages"][-1]["role"] == "user"


def _offers(body: Any) -> list[str]:
    return [] if body.get("tool_choice") == "NONE" else [tool["function"]["name"] for tool in body.get("tools", ())]


def cohere(model: str) -> Provider:
    """A model at Cohere."""
    return Provider(
        "cohere_chat", model, {"api_key": KEY}, "/v2/chat", "authorization", f"Bearer {KEY}",
        lambda body: check_cohere({"stream": False, **body}), _offers,
        lambda body: "response_format" in body, _asks_last, cohere_whole, cohere_events,
        error=lambda message: {"id": "r", "message": message}, wire="cohere",
    )  # fmt: skip


def ollama(model: str) -> Provider:
    """A model of a local Ollama."""
    return Provider(
        "ollama_chat", model, {}, "/api/chat", "host", "127.0.0.1", _ollama_check, _offers,
        lambda body: "format" in body, _asks_last, ollama_whole, ollama_events, kind="application/x-ndjson",
        any_type=True, error=lambda message: {"error": message}, wire="ollama",
    )  # fmt: skip
