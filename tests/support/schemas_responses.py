"""A strict checker of OpenAI Responses requests: https://platform.openai.com/docs/api-reference/responses/create."""

from __future__ import annotations

from typing import Any

from support.checks import anything, arr, by_type, either, flag, mapping, number, obj, one_of, refuse, text

_TYPE = {"type": anything}
_NAME = text(r"[a-zA-Z0-9_-]{1,64}")
_CALL_ID = text(r".{1,64}")
_DETAIL = one_of("auto", "low", "high", "original")
_INPUT = by_type(
    {
        "input_text": obj({**_TYPE, "text": text()}),
        "input_image": obj(
            _TYPE, {"detail": _DETAIL, "image_url": text("(https?|data):.+"), "file_id": text(blank=False)}
        ),
        "input_file": obj(
            _TYPE,
            {
                "filename": text(),
                "file_data": text("data:.+"),
                "file_id": text(blank=False),
                "file_url": text("https?:.+"),
            },
        ),
    }
)
_OUTPUT = by_type(
    {
        "output_text": obj({**_TYPE, "text": text()}, {"annotations": arr(mapping), "logprobs": arr(mapping)}),
        "refusal": obj({**_TYPE, "refusal": text()}),
    }
)
_SAID = {
    role: obj({"role": anything, "content": either(text(), arr(_INPUT, 1))}, _TYPE)
    for role in ("user", "system", "developer")
}
_SAID["assistant"] = obj(
    {"role": anything, "content": either(text(), arr(_OUTPUT, 1))},
    {**_TYPE, "id": text("msg_.+"), "status": text(), "phase": one_of("commentary", "final_answer")},
)


def _message(value: Any, where: str) -> None:
    one_of(*_SAID)(value.get("role"), f"{where}.role")
    _SAID[value["role"]](value, where)


_RESULT = either(text(), arr(_INPUT, 1))
_ITEM = by_type(
    {
        "message": _message,
        "function_call": obj(
            {**_TYPE, "call_id": _CALL_ID, "name": _NAME, "arguments": text()},
            {"id": text("fc_.+"), "namespace": _NAME, "status": text()},
        ),
        "function_call_output": obj(
            {**_TYPE, "call_id": _CALL_ID, "output": _RESULT}, {"id": text(), "status": text()}
        ),
        "custom_tool_call": obj({**_TYPE, "call_id": _CALL_ID, "name": _NAME, "input": text()}, {"id": text()}),
        "custom_tool_call_output": obj({**_TYPE, "call_id": _CALL_ID, "output": _RESULT}, {"id": text()}),
        "reasoning": obj(
            {**_TYPE, "summary": arr(mapping)},
            {"id": text("rs_.+"), "content": arr(mapping), "status": text(), "encrypted_content": text(blank=False)},
        ),
    }
)


def _item(value: Any, where: str) -> None:
    """An item; a message may leave out its type."""
    is_message = isinstance(value, dict) and "type" not in value and "role" in value
    _ITEM({"type": "message", **value} if is_message else value, where)


def _nothing(value: Any, where: str) -> None:
    if value is not None:
        refuse(where, "is not null")


_TOOL = by_type(
    {
        "function": obj(
            {**_TYPE, "name": _NAME, "parameters": either(mapping, _nothing), "strict": either(flag, _nothing)},
            {"description": either(text(), _nothing)},
        ),
        "custom": obj({**_TYPE, "name": _NAME}, {"description": text(), "format": mapping}),
        "web_search": obj(_TYPE, {"search_context_size": one_of("low", "medium", "high"), "user_location": mapping}),
    }
)
_CHOICE = either(
    one_of("none", "auto", "required"),
    by_type(
        {
            "function": obj({**_TYPE, "name": _NAME}),
            "custom": obj({**_TYPE, "name": _NAME}),
            "allowed_tools": obj({**_TYPE, "mode": one_of("auto", "required"), "tools": arr(mapping, 1)}),
        }
    ),
)
_FORMAT = by_type(
    {
        "text": obj(_TYPE),
        "json_object": obj(_TYPE),
        "json_schema": obj({**_TYPE, "name": _NAME, "schema": mapping}, {"strict": flag, "description": text()}),
    }
)
_REQUEST = obj(
    {"model": text(blank=False), "input": either(text(blank=False), arr(_item, 1))},
    {
        "instructions": text(),
        "stream": flag,
        "store": flag,
        "include": arr(one_of("reasoning.encrypted_content", "message.output_text.logprobs")),
        "max_output_tokens": number(16, 10**6, whole=True),
        "temperature": number(0, 2),
        "top_p": number(0, 1),
        "top_logprobs": number(0, 20, whole=True),
        "tools": arr(_TOOL, 1),
        "tool_choice": _CHOICE,
        "parallel_tool_calls": flag,
        "text": obj({}, {"format": _FORMAT, "verbosity": one_of("low", "medium", "high")}),
        "reasoning": obj(
            {},
            {
                "effort": one_of("none", "minimal", "low", "medium", "high", "xhigh", "max"),
                "summary": one_of("auto", "concise", "detailed"),
            },
        ),
        "user": text(),
        "metadata": mapping,
        "service_tier": text(),
        "prompt_cache_key": text(),
        "safety_identifier": text(),
        "truncation": one_of("auto", "disabled"),
    },
)


def check_responses(body: Any, *, encrypted: bool = True) -> None:
    """Raises `Refused` where OpenAI's Responses would answer 400.

    Args:
        body: The request.
        encrypted: Whether reasoning is encrypted; else its text comes back.
    """
    _REQUEST(body, "request")
    items = body["input"] if isinstance(body["input"], list) else []
    waiting: list[str] = []
    for at, item in enumerate(items):
        where, kind = f"input[{at}]", item.get("type", "message")
        if kind.endswith("_call"):
            waiting.append(item["call_id"])
        elif kind.endswith("_call_output"):
            if item["call_id"] not in waiting:
                refuse(where, f"no tool call found for call_id {item['call_id']}")
            waiting.remove(item["call_id"])
        elif kind == "reasoning":
            if encrypted and "encrypted_content" not in item:
                refuse(where, "encrypted_content is missing")
            following = items[at + 1 :]
            if not following or following[0].get("role", "assistant") != "assistant":
                refuse(where, "'reasoning' was provided without its required following item")
        elif item.get("role") == "user" and waiting:
            refuse(where, f"no tool output found for {waiting}")
    if waiting:
        refuse("input", f"no tool output found for {waiting}")
    if "tool_choice" in body and "tools" not in body:
        refuse("tool_choice", "there are no tools")
    form = (body.get("text") or {}).get("format") or {}
    if form.get("type") == "json_object" and "json" not in str(body["input"]).lower():
        refuse("input", "must contain the word 'json' to use the format json_object")
