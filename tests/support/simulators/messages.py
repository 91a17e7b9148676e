"""Anthropic's Messages, as Anthropic, Vertex AI, Bedrock and Azure AI Foundry serve them."""

from __future__ import annotations

import json
from typing import Any

from support.checks import refuse
from support.schemas import check_anthropic
from support.simulators.base import Provider, Reply, sse


def _block(reply: Reply) -> dict[str, Any]:
    if not reply.tool:
        return {"type": "text", "text": reply.text}
    return {"type": "tool_use", "id": reply.call_id or "toolu_9", "name": reply.tool, "input": reply.arguments}


def whole(reply: Reply) -> dict[str, Any]:
    """A message; the thought comes first."""
    thought = {"type": "thinking", "thinking": reply.thought, "signature": reply.signature}
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
        "content": [*([thought] if reply.signature else []), _block(reply)],
        "stop_reason": "tool_use" if reply.tool else "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }  # fmt: skip


def sent(reply: Reply) -> list[dict[str, Any]]:
    """The events of its stream."""
    made = whole(reply)
    out: list[dict[str, Any]] = [{"type": "message_start", "message": {**made, "content": [], "stop_reason": None}}]
    for index, block in enumerate(made["content"]):
        if block["type"] == "thinking":
            begun = {"type": "thinking", "thinking": "", "signature": ""}
            deltas = [{"type": "thinking_delta", "thinking": block["thinking"]}] if block["thinking"] else []
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        elif block["type"] == "tool_use":
            begun = {**block, "input": {}}
            deltas = [{"type": "input_json_delta", "partial_json": json.dumps(reply.arguments)}]
        else:
            begun, deltas = {**block, "text": ""}, [{"type": "text_delta", "text": reply.text}]
        out.append({"type": "content_block_start", "index": index, "content_block": begun})
        out += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        out.append({"type": "content_block_stop", "index": index})
    end = {"type": "message_delta", "delta": {"stop_reason": made["stop_reason"]}, "usage": {"output_tokens": 2}}
    return [*out, end, {"type": "message_stop"}]


def events(reply: Reply) -> bytes:
    """The same as a stream."""
    return sse(*sent(reply), named=True)


def check(body: Any) -> None:
    """The API also takes a turn's content as text, joins turns of one role, and takes `output_format` (a beta).

    Whether a model takes a system message between the turns, and where, is among the rules.
    """
    turns: list[Any] = []
    for turn in body.get("messages", ()):
        content = turn.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if turn.get("role") == "system":
            continue
        if turns and turns[-1]["role"] == turn.get("role"):
            turns[-1]["content"] = turns[-1]["content"] + blocks
        else:
            turns.append({**turn, "content": blocks})
    made = {**body, "messages": turns}
    if (form := made.pop("output_format", None)) is not None:
        made["output_config"] = {**made.get("output_config", {}), "format": form}
    check_anthropic(made)


def _question(body: Any) -> bool:
    turns = [turn for turn in body["messages"] if turn["role"] != "system"]
    content = turns[-1]["content"]
    return turns[-1]["role"] == "user" and (
        isinstance(content, str) or all(one["type"] != "tool_result" for one in content)
    )


def vertex_check(body: Any) -> None:
    """Vertex AI has the model in the path, and a version of its own."""
    if body.get("anthropic_version") != "vertex-2023-10-16":
        refuse("anthropic_version", "is not Vertex AI's")
    if "model" in body:
        refuse("model", "stands in the path")
    check({"model": "m", **{key: value for key, value in body.items() if key != "anthropic_version"}})


def invoke_check(body: Any) -> None:
    """InvokeModel has the model and whether to stream in the path."""
    if body.get("anthropic_version") != "bedrock-2023-05-31":
        refuse("anthropic_version", "is not Bedrock's")
    for name in ("model", "stream"):
        if name in body:
            refuse(name, "extra inputs are not permitted")
    known = {key: value for key, value in body.items() if key not in {"anthropic_version", "anthropic_beta"}}
    check({"model": "m", **known})


def anthropic(
    provider: str, model: str, path: str, header: str, value: str, check: Any = check, **more: Any
) -> Provider:
    """A provider of Messages."""
    return Provider(
        provider, model, more.pop("section"), path, header, value, check,
        lambda body: [] if body.get("tool_choice", {}).get("type") == "none" else [
            body["tool_choice"]["name"] if body.get("tool_choice", {}).get("type") == "tool" else tool["name"]
            for tool in body.get("tools", ()) if not str(tool.get("type", "")).startswith("web_search")
        ],
        lambda body: "format" in body.get("output_config", {}) or "output_format" in body,
        _question, whole, events, wire="messages",
        error=lambda message: {"type": "error", "error": {"type": "invalid_request_error", "message": message}}, **more,
    )  # fmt: skip
