"""Strict checkers of requests for Bedrock's Converse (by AWS's own service model), Cohere's chat and Ollama's chat.

Sources: botocore's model of bedrock-runtime, https://docs.cohere.com/v2/reference/chat,
https://docs.ollama.com/api/chat.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from support.checks import (
    Refused,
    anything,
    arr,
    base64_text,
    by_type,
    either,
    flag,
    mapping,
    number,
    obj,
    one_of,
    refuse,
    text,
)


@cache
def _converse() -> tuple[Any, Any]:
    from botocore.loaders import Loader
    from botocore.model import ServiceModel
    from botocore.validate import ParamValidator

    service = ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"))
    return ParamValidator(), service.operation_model("Converse").input_shape


def check_converse(body: Any) -> None:
    """Raises `Refused` where Bedrock's Converse would answer 400."""
    validator, shape = _converse()
    report = validator.validate({"modelId": "m", **body}, shape)
    if report.has_errors():
        raise Refused(report.generate_report())
    before, open_ids = None, []
    for at, turn in enumerate(body["messages"]):
        where = f"messages[{at}]"
        if turn["role"] == before:
            refuse(where, "roles must alternate")
        before = turn["role"]
        for part in turn["content"]:
            if len(part) != 1:
                refuse(where, f"a block has one member, not {sorted(part)}")
            if not part.get("text", "x").strip():
                refuse(where, "text must be more than white space")
        answered = [part["toolResult"]["toolUseId"] for part in turn["content"] if "toolResult" in part]
        if turn["role"] == "user" and sorted(answered) != sorted(open_ids):
            refuse(where, f"tool uses {open_ids} were answered by {answered}")
        open_ids = [part["toolUse"]["toolUseId"] for part in turn["content"] if "toolUse" in part]
        if (open_ids or answered) and "toolConfig" not in body:
            refuse(where, "toolConfig must be there when tools were used")
        if any("document" in part for part in turn["content"]) and not any("text" in part for part in turn["content"]):
            refuse(where, "a document needs text")


_C_FUNCTION = obj({"name": text(r"[a-zA-Z0-9_-]+"), "parameters": mapping}, {"description": text()})
_C_TOOL = obj({"type": one_of("function"), "function": _C_FUNCTION})
_C_CALL = obj(
    {
        "id": text(blank=False),
        "type": one_of("function"),
        "function": obj({"name": text(blank=False), "arguments": text(blank=False)}),
    }
)
_C_PART = by_type(
    {
        "text": obj({"type": anything, "text": text(blank=False)}),
        "image_url": obj({"type": anything, "image_url": obj({"url": text("(https?|data):.+")}, {"detail": text()})}),
    }
)
_C_MESSAGES = {
    "system": obj({"role": anything, "content": text(blank=False)}),
    "user": obj({"role": anything, "content": either(text(r"(?s).+"), arr(_C_PART, 1))}),
    "assistant": obj(
        {"role": anything}, {"content": text(r"(?s).+"), "tool_calls": arr(_C_CALL, 1), "tool_plan": text()}
    ),
    "tool": obj({"role": anything, "tool_call_id": text(blank=False), "content": text(r"(?s).+")}),
}
_C_REQUEST = obj(
    {"model": text(blank=False), "messages": arr(mapping, 1), "stream": flag},
    {
        "tools": arr(_C_TOOL, 1),
        "strict_tools": flag,
        "tool_choice": one_of("REQUIRED", "NONE"),
        "response_format": obj({"type": one_of("json_object", "text")}, {"json_schema": mapping}),
        "temperature": number(0, 5),
        "p": number(0.01, 0.99),
        "k": number(0, 500),
        "seed": number(0, 2**63, whole=True),
        "frequency_penalty": number(0, 1),
        "presence_penalty": number(0, 1),
        "max_tokens": number(0, 10**6, whole=True),
        "stop_sequences": arr(text(r"(?s).+"), 1),
        "logprobs": flag,
        "thinking": obj({"type": one_of("enabled", "disabled")}, {"token_budget": number(1, 10**6, whole=True)}),
        "documents": anything,
        "citation_options": mapping,
        "safety_mode": one_of("CONTEXTUAL", "STRICT", "OFF"),
    },
)


def check_cohere(body: Any) -> None:
    """Raises `Refused` where Cohere's v2 chat would answer 400."""
    _C_REQUEST(body, "request")
    known: set[str] = set()
    for at, message in enumerate(body["messages"]):
        where = f"messages[{at}]"
        role = message.get("role")
        one_of(*_C_MESSAGES)(role, f"{where}.role")
        _C_MESSAGES[role](message, where)
        for call in message.get("tool_calls", ()):
            known.add(call["id"])
            try:
                arguments = json.loads(call["function"]["arguments"])
            except ValueError:
                arguments = None
            if not isinstance(arguments, dict):
                refuse(where, "arguments must be an object")
        if role == "tool" and message["tool_call_id"] not in known:
            refuse(where, f"{message['tool_call_id']} answers no call")
    if "response_format" in body and "tools" in body:
        refuse("response_format", "cannot be used with tools")
    if "tool_choice" in body and "tools" not in body:
        refuse("tool_choice", "there are no tools")


_O_CALL = obj({"function": obj({"name": text(blank=False), "arguments": mapping})})
_O_MESSAGE = obj(
    {"role": one_of("system", "user", "assistant", "tool"), "content": text()},
    {"images": arr(base64_text, 1), "thinking": text(), "tool_calls": arr(_O_CALL, 1), "tool_name": text(blank=False)},
)
_O_OPTIONS = {name: number(-2, 2**40) for name in (
    "temperature", "top_p", "top_k", "min_p", "seed", "frequency_penalty", "presence_penalty", "repeat_penalty",
    "num_ctx", "num_predict",
)}  # fmt: skip
_O_REQUEST = obj(
    {"model": text(blank=False), "messages": arr(_O_MESSAGE, 1), "stream": flag},
    {
        "tools": arr(_C_TOOL, 1),
        "format": either(one_of("json"), mapping),
        "options": obj({}, {**_O_OPTIONS, "stop": arr(text(r"(?s).+"), 1)}),
        "think": either(flag, one_of("low", "medium", "high")),
        "keep_alive": anything,
        "logprobs": flag,
        "top_logprobs": number(0, 20, whole=True),
    },
)


def check_ollama(body: Any) -> None:
    """Raises `Refused` where Ollama's chat would answer 400."""
    _O_REQUEST(body, "request")
