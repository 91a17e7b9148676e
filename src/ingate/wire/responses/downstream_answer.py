"""Answers and streams in the words of OpenAI's Responses API."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any, Final

from ingate.wire.downstream import with_warnings
from ingate.wire.responses.downstream_request import sealed

if TYPE_CHECKING:
    from collections.abc import Mapping

# What a response says again of its request, and what it says where the request was silent.
_ECHOED: Final[Mapping[str, Any]] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": None,
    "service_tier": None,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}


def new_id(kind: str) -> str:
    """An id nobody else has (`"resp_…"`, `"msg_…"`)."""
    return f"{kind}_{uuid.uuid4().hex}"


def envelope(body: Mapping[str, Any], model: str) -> dict[str, Any]:
    """A response that has only begun."""
    echoed = {name: empty if body.get(name) is None else body[name] for name, empty in _ECHOED.items()}
    return {
        "id": new_id("resp"),
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": [],
        "store": False,
        "usage": None,
        **echoed,
    }


def response_of(
    completion: Mapping[str, Any], body: Mapping[str, Any], warnings: list[str] | None = None
) -> dict[str, Any]:
    """A `chat.completion` as a response; ingate's own metadata stays beside it under `ingate`."""
    response = envelope(body, str(completion.get("model") or body["model"]))
    choice = completion["choices"][0]
    message = choice["message"]
    output = response["output"]
    if message.get("reasoning_content") or message.get("thinking_blocks"):
        output.append(reasoning_item(message.get("reasoning_content") or "", message.get("thinking_blocks") or []))
    content = []
    if message.get("content") or not (message.get("tool_calls") or message.get("refusal")):
        content.append(text_part(message.get("content") or "", message.get("annotations") or ()))
    if message.get("refusal"):
        content.append({"type": "refusal", "refusal": message["refusal"]})
    if content:
        output.append(message_item(content))
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        output.append(call_item(str(call.get("id") or ""), function.get("name") or "", function.get("arguments") or ""))
    metadata = with_warnings(completion.get("ingate"), warnings or [])
    end(response, str(choice.get("finish_reason") or "stop"), completion.get("usage"), metadata)
    return response


def end(
    response: dict[str, Any], finish: str, usage: Mapping[str, Any] | None, about: Mapping[str, Any] | None
) -> None:
    """Close a response: its status by the finish reason, its usage, and ingate's metadata."""
    why = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(finish)
    response["status"] = "incomplete" if why else "completed"
    response["incomplete_details"] = {"reason": why} if why else None
    response["usage"] = usage_of(usage)
    if about is not None:
        response["ingate"] = about


def usage_of(usage: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The counts by this API's names; None where nobody counted."""
    if not usage:
        return None
    inputs, outputs = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    counted = {"input_tokens": usage.get("prompt_tokens") or 0, "output_tokens": usage.get("completion_tokens") or 0}
    return {
        **counted,
        "input_tokens_details": {
            "cached_tokens": inputs.get("cached_tokens") or 0,
            "cache_write_tokens": inputs.get("cache_creation_tokens") or 0,
        },
        "output_tokens_details": {"reasoning_tokens": outputs.get("reasoning_tokens") or 0},
        "total_tokens": usage.get("total_tokens") or sum(counted.values()),
    }


def text_part(text: str, annotations: Any = ()) -> dict[str, Any]:
    """Text of an answer, with its citations flattened as this API has them."""
    flat = [
        {"type": "url_citation", **note["url_citation"]}
        for note in annotations
        if isinstance(note, dict) and isinstance(note.get("url_citation"), dict)
    ]
    return {"type": "output_text", "text": text, "annotations": flat, "logprobs": []}


def message_item(content: list[dict[str, Any]], *, item_id: str = "", status: str = "completed") -> dict[str, Any]:
    """The model's message."""
    return {
        "id": item_id or new_id("msg"),
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": content,
    }


def call_item(
    call_id: str, name: str, arguments: str, *, item_id: str = "", status: str = "completed"
) -> dict[str, Any]:
    """A tool call."""
    return {
        "id": item_id or new_id("fc"),
        "type": "function_call",
        "status": status,
        "call_id": call_id or new_id("call"),
        "name": name,
        "arguments": arguments,
    }


def reasoning_item(text: str, blocks: list[dict[str, Any]], *, item_id: str = "") -> dict[str, Any]:
    """What the model thought; signed blocks ride along in `encrypted_content`, so that they can come back."""
    item: dict[str, Any] = {"id": item_id or new_id("rs"), "type": "reasoning", "summary": []}
    if text:
        item["summary"].append({"type": "summary_text", "text": text})
    if blocks:
        item["encrypted_content"] = sealed(blocks)
    return item
