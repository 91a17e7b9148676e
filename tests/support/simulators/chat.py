"""OpenAI's chat completions, as OpenAI, Azure and servers compatible with it serve them, and OpenAI's Responses."""

from __future__ import annotations

import json
from typing import Any

from support.schemas_openai import check_openai
from support.schemas_responses import check_responses
from support.simulators.base import KEY, Provider, Reply, sse


def _message(reply: Reply, **more: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"role": "assistant", "content": reply.text}
    if reply.tool:
        function = {"name": reply.tool, "arguments": json.dumps(reply.arguments)}
        said["content"] = None
        said["tool_calls"] = [{**more, "id": reply.call_id or "call_9", "type": "function", "function": function}]
    if reply.thought:
        said[reply.field] = reply.thought
    return said


def whole(reply: Reply) -> dict[str, Any]:
    """A chat completion."""
    finish = "tool_calls" if reply.tool else "stop"
    choice = {"index": 0, "message": _message(reply), "finish_reason": finish}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


def events(reply: Reply) -> bytes:
    """The same as a stream."""
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    finish = "tool_calls" if reply.tool else "stop"
    return sse(
        {**head, "choices": [{"index": 0, "delta": _message(reply, index=0), "finish_reason": None}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]},
        {**head, "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}},
        done=True,
    )


def _offers(body: Any) -> list[str]:
    return [] if body.get("tool_choice") == "none" else [tool["function"]["name"] for tool in body.get("tools", ())]


# What servers that are compatible with OpenAI's accept or ignore beyond it; what they reject is among the rules.
_NOT_OPENAIS = frozenset(
    {"cache_control", "extra_content", "top_k", "reasoning", "reasoning_content", "reasoning_details", "prefix"}
    | {"thinking", "thinking_blocks", "random_seed", "provider_specific_fields", "min_p", "repetition_penalty"}
    | {
        "reasoning_format",
        "include_reasoning",
        "enable_thinking",
        "chat_template_kwargs",
        "partial",
        "safe_prompt",
        "usage",
    }
)


def lenient(body: Any) -> None:
    """A server of one's own that speaks OpenAI's format passes over what is not in it."""
    made = json.loads(json.dumps(body), object_hook=_known)
    if made.get("tool_choice") == "any":  # Mistral's own word
        made["tool_choice"] = "required"
    check_openai(made, names=r"(?s).+")


def _known(one: dict[str, Any]) -> dict[str, Any]:
    """An object of the request without what only such servers know; arguments of schemas keep their names."""
    if not one.keys() & {"role", "model", "function", "text", "image_url"}:
        return one
    known = {key: value for key, value in one.items() if key not in _NOT_OPENAIS}
    if "role" in known and isinstance(known.get("content"), list):
        known["content"] = [part for part in known["content"] if part.get("type") != "thinking"] or ""
    return known


def openai(
    provider: str, model: str, path: str, header: str, value: str, check: Any = check_openai, **section: str
) -> Provider:
    """A provider of chat completions."""
    return Provider(
        provider, model, {"api_key": KEY, **section}, path, header, value, check, _offers,
        lambda body: body.get("response_format", {}).get("type", "text") != "text",
        lambda body: body["messages"][-1]["role"] == "user",
        whole, events, wire="chat",
    )  # fmt: skip


# ---- OpenAI's Responses ---------------------------------------------------------------------------------------


def responses_whole(reply: Reply) -> dict[str, Any]:
    """A response, with a reasoning item before what is said: encrypted, or as text."""
    thought: dict[str, Any] = {"id": "rs_1", "type": "reasoning", "summary": []}
    if reply.thought and not reply.signature:
        thought["content"] = [{"type": "reasoning_text", "text": reply.thought}]
    else:
        thought["encrypted_content"] = reply.signature or "gAAA"
    said: dict[str, Any] = {
        "id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}],
    }  # fmt: skip
    if reply.tool:
        said = {"id": "fc_1", "type": "function_call", "call_id": reply.call_id or "call_9", "name": reply.tool}
        said |= {"status": "completed", "arguments": json.dumps(reply.arguments)}
    usage = {
        "input_tokens": 3, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 1}, "total_tokens": 5,
    }  # fmt: skip
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "m", "error": None,
        "incomplete_details": None, "output": [thought, said], "usage": usage, "parallel_tool_calls": True,
        "tool_choice": "auto", "tools": [], "temperature": 1.0, "top_p": 1.0, "metadata": {}, "instructions": None,
    }  # fmt: skip


def responses_events(reply: Reply) -> bytes:
    """The same as a stream."""
    made = responses_whole(reply)
    thought, said = made["output"]
    at: dict[str, Any] = {"output_index": 1, "item_id": said["id"]}
    if reply.tool:
        begun = {**said, "arguments": "", "status": "in_progress"}
        middle = [
            {"type": "response.function_call_arguments.delta", **at, "delta": said["arguments"]},
            {"type": "response.function_call_arguments.done", **at, "arguments": said["arguments"]},
        ]
    else:
        begun, part = {**said, "content": [], "status": "in_progress"}, said["content"][0]
        at["content_index"] = 0
        middle = [
            {"type": "response.content_part.added", **at, "part": {**part, "text": ""}},
            {"type": "response.output_text.delta", **at, "delta": reply.text, "logprobs": []},
            {"type": "response.output_text.done", **at, "text": reply.text, "logprobs": []},
            {"type": "response.content_part.done", **at, "part": part},
        ]
    sent = [
        {"type": "response.created", "response": {**made, "status": "in_progress", "output": [], "usage": None}},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {"id": thought["id"], "type": "reasoning", "summary": []},
        },
        {"type": "response.output_item.done", "output_index": 0, "item": thought},
        {"type": "response.output_item.added", "output_index": 1, "item": begun},
        *middle,
        {"type": "response.output_item.done", "output_index": 1, "item": said},
        {"type": "response.completed", "response": made},
    ]
    return sse(*({**one, "sequence_number": number} for number, one in enumerate(sent)), named=True)


def _question(body: Any) -> bool:
    return isinstance(body["input"], str) or body["input"][-1].get("role") == "user"


def responses(
    provider: str, model: str, path: str, header: str = "authorization", value: str = f"Bearer {KEY}"
) -> Provider:
    """A provider of Responses."""
    return Provider(
        provider, model, {"api_key": KEY}, path, header, value, check_responses,
        lambda body: [] if body.get("tool_choice") == "none" else [
            tool["name"] for tool in body.get("tools", ()) if "name" in tool
        ],
        lambda body: body.get("text", {}).get("format", {}).get("type", "text") != "text",
        _question, responses_whole, responses_events, wire="responses",
    )  # fmt: skip
