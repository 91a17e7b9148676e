"""Bedrock's Converse, and Claude through InvokeModel."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

from ingate.wire.bedrock.eventstream import encode_message
from support.schemas_other import check_converse
from support.simulators import messages
from support.simulators.base import KEY, Provider, Reply

AWS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": KEY, "aws_region_name": "us-east-1"}
_SIGNED = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"


def whole(reply: Reply) -> dict[str, Any]:
    """A response; the thought comes first."""
    use = {"toolUse": {"toolUseId": reply.call_id or "tooluse_9", "name": reply.tool, "input": reply.arguments}}
    thought = {"reasoningContent": {"reasoningText": {"text": reply.thought, "signature": reply.signature}}}
    content = [*([thought] if reply.signature else []), use if reply.tool else {"text": reply.text}]
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "tool_use" if reply.tool else "end_turn",
        "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5},
    }


def events(reply: Reply) -> bytes:
    """The same as AWS's event stream."""
    made = whole(reply)
    out: list[tuple[str, dict[str, Any]]] = [("messageStart", {"role": "assistant"})]
    for index, block in enumerate(made["output"]["message"]["content"]):
        at = {"contentBlockIndex": index}
        if "toolUse" in block:
            start = {"toolUse": {key: block["toolUse"][key] for key in ("toolUseId", "name")}}
            out.append(("contentBlockStart", {**at, "start": start}))
            deltas: list[Any] = [{"toolUse": {"input": json.dumps(reply.arguments)}}]
        elif "reasoningContent" in block:
            deltas = [{"reasoningContent": {"text": reply.thought}}] if reply.thought else []
            deltas.append({"reasoningContent": {"signature": reply.signature}})
        else:
            deltas = [{"text": reply.text}]
        out += [("contentBlockDelta", {**at, "delta": delta}) for delta in deltas]
        out.append(("contentBlockStop", at))
    out.append(("messageStop", {"stopReason": made["stopReason"]}))
    out.append(("metadata", {"usage": made["usage"], "metrics": {"latencyMs": 1}}))
    return b"".join(_framed(kind, one) for kind, one in out)


def _framed(kind: str, event: dict[str, Any]) -> bytes:
    headers = {":message-type": "event", ":event-type": kind, ":content-type": "application/json"}
    return encode_message(headers, json.dumps(event).encode())


def _offers(body: Any) -> list[str]:
    config = body.get("toolConfig", {})
    named = config.get("toolChoice", {}).get("tool", {}).get("name")
    return [named] if named else [tool["toolSpec"]["name"] for tool in config.get("tools", ()) if "toolSpec" in tool]


def bedrock(model: str) -> Provider:
    """A model on Converse."""
    return Provider(
        "bedrock", model, AWS, f"/model/{model.replace(':', '%3A')}/{{verb}}", "authorization", _SIGNED,
        check_converse, _offers, lambda body: "outputConfig" in body,
        lambda body: body["messages"][-1]["role"] == "user"
        and not any("toolResult" in part for part in body["messages"][-1]["content"]),
        whole, events, kind="application/vnd.amazon.eventstream",
        verbs=("converse", "converse-stream"), error=lambda message: {"message": message},
        streams=lambda body, path: path.endswith("-stream"), wire="bedrock",
    )  # fmt: skip


def invoke(model: str) -> Provider:
    """Claude on InvokeModel: Anthropic's Messages, each event of a stream in base64."""
    path = f"/model/{model.replace(':', '%3A')}/{{verb}}"
    claude = messages.anthropic("bedrock", model, path, "authorization", _SIGNED, messages.invoke_check, section=AWS)
    return replace(
        claude,
        events=lambda reply: b"".join(
            _framed("chunk", {"bytes": base64.b64encode(json.dumps(event).encode()).decode()})
            for event in messages.sent(reply)
        ),
        kind="application/vnd.amazon.eventstream",
        verbs=("invoke", "invoke-with-response-stream"),
        error=lambda message: {"message": message},
        streams=lambda body, path: path.endswith("-stream"),
        wire="invoke",
    )
