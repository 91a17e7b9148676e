"""Gemini's generateContent, at AI Studio and at Vertex AI."""

from __future__ import annotations

from typing import Any

from support.rules.view import camel
from support.schemas import check_gemini
from support.simulators.base import KEY, Provider, Reply, sse


def whole(reply: Reply) -> dict[str, Any]:
    """A response; the signature of a thought is on the call."""
    part: dict[str, Any] = {"text": reply.text}
    if reply.tool:
        part = {"functionCall": {"name": reply.tool, "args": reply.arguments}}
        if reply.call_id:
            part["functionCall"]["id"] = reply.call_id
        if reply.signature:
            part["thoughtSignature"] = reply.signature
    parts = [{"text": reply.thought, "thought": True}, part] if reply.thought else [part]
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m", "responseId": "r"}


def _offers(body: Any) -> list[str]:
    body = camel(body)
    mode = body.get("toolConfig", {}).get("functionCallingConfig", {}).get("mode")
    declared = [one for tool in body.get("tools", ()) for one in tool.get("functionDeclarations", ())]
    return [] if mode == "NONE" else [one["name"] for one in declared]


def _loud(schema: Any) -> Any:
    """The API takes the names of a schema's types in small letters too."""
    if isinstance(schema, list):
        return [_loud(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: item.upper() if key == "type" and isinstance(item, str) else _loud(item) for key, item in schema.items()
    }


def _check(body: Any, *, signatures: bool) -> None:
    turns: list[Any] = []
    made = camel(body)
    for tool in made.get("tools", ()):
        for function in tool.get("functionDeclarations", ()):
            if "parameters" in function:
                function["parameters"] = _loud(function["parameters"])
    for turn in made.get("contents", ()):
        if turns and turns[-1]["role"] == turn.get("role"):
            turns[-1] = {**turns[-1], "parts": turns[-1]["parts"] + turn["parts"]}
        else:
            turns.append(turn)
    check_gemini({**made, "contents": turns}, signatures=signatures)


def gemini(
    provider: str, model: str, path: str, section: dict[str, str], *, signatures: bool | None = None
) -> Provider:
    """A provider of generateContent."""
    signed = model.startswith("gemini-3") if signatures is None else signatures
    return Provider(
        provider, model, section, path, "x-goog-api-key", KEY,
        lambda body: _check(body, signatures=signed), _offers,
        lambda body: "application/json" in body.get("generationConfig", {}).values(),
        lambda body: body["contents"][-1]["role"] == "user"
        and not any("functionResponse" in part for part in body["contents"][-1]["parts"]),
        whole, lambda reply: sse(whole(reply)),
        verbs=("generateContent", "streamGenerateContent?alt=sse"),
        error=lambda message: {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}},
        streams=lambda body, path: "streamGenerateContent" in path, wire="gemini",
    )  # fmt: skip
