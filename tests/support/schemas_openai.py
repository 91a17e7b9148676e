"""A strict checker of OpenAI chat-completions requests: https://platform.openai.com/docs/api-reference/chat/create."""

from __future__ import annotations

from functools import cache
from typing import Any

from support.checks import anything, arr, by_type, either, flag, mapping, number, obj, one_of, refuse, text

_TYPE = {"type": anything}


def _nothing(value: Any, where: str) -> None:
    if value is not None:
        refuse(where, "is not null")


@cache
def _checkers(names: str) -> tuple[Any, dict[str, Any]]:
    """The request and its messages, tools being named as a pattern says."""
    name = text(names)
    part = obj({**_TYPE, "text": text()}, {"prompt_cache_breakpoint": mapping})
    user = by_type(
        {
            "text": part,
            "image_url": obj({**_TYPE, "image_url": obj({"url": text("(https?|data):.+")}, {"detail": text()})}),
            "input_audio": obj({**_TYPE, "input_audio": obj({"data": text(), "format": one_of("wav", "mp3")})}),
            "file": obj(
                {**_TYPE, "file": obj({}, {"filename": text(), "file_data": text("data:.+"), "file_id": text()})}
            ),
        }
    )
    call = obj(
        {"id": text(blank=False), "type": one_of("function"), "function": obj({"name": name, "arguments": text()})}
    )
    old_call = obj({"name": name, "arguments": text()})

    plain = either(text(), arr(by_type({"text": part}), 1))
    messages = {
        "system": obj({"role": anything, "content": plain}, {"name": text()}),
        "developer": obj({"role": anything, "content": plain}, {"name": text()}),
        "user": obj({"role": anything, "content": either(text(), arr(user, 1))}, {"name": text()}),
        "assistant": obj(
            {"role": anything},
            {
                "content": either(plain, _nothing),
                "refusal": either(text(), _nothing),
                "name": text(),
                "tool_calls": arr(call, 1),
                "function_call": either(old_call, _nothing),
                "audio": anything,
                "annotations": anything,  # SDKs send a message back as it came
            },
        ),
        "tool": obj({"role": anything, "tool_call_id": text(blank=False), "content": plain}),
        "function": obj({"role": anything, "name": name, "content": either(text(), _nothing)}),
    }
    function = obj({"name": name}, {"description": text(), "parameters": mapping, "strict": either(flag, _nothing)})
    choice = either(
        one_of("none", "auto", "required"), obj({"type": one_of("function"), "function": obj({"name": name})})
    )
    form = by_type(
        {
            "text": obj(_TYPE),
            "json_object": obj(_TYPE),
            "json_schema": obj(
                {
                    **_TYPE,
                    "json_schema": obj({"name": name}, {"schema": mapping, "strict": flag, "description": text()}),
                }
            ),
        }
    )
    request = obj(
        {"model": text(blank=False), "messages": arr(mapping, 1)},
        {
            "stream": flag,
            "stream_options": obj({}, {"include_usage": flag, "include_obfuscation": flag}),
            "max_completion_tokens": number(1, 10**6, whole=True),
            "max_tokens": number(1, 10**6, whole=True),
            "temperature": number(0, 2),
            "top_p": number(0, 1),
            "frequency_penalty": number(-2, 2),
            "presence_penalty": number(-2, 2),
            "seed": number(-(2**63), 2**63, whole=True),
            "n": number(1, 128, whole=True),
            "stop": either(text(), arr(text(), 1)),
            "logit_bias": mapping,
            "logprobs": flag,
            "top_logprobs": number(0, 20, whole=True),
            "tools": arr(obj({"type": one_of("function"), "function": function}), 1),
            "tool_choice": choice,
            "parallel_tool_calls": flag,
            "functions": arr(function, 1),
            "function_call": either(one_of("none", "auto"), obj({"name": name})),
            "response_format": form,
            "reasoning_effort": one_of("none", "minimal", "low", "medium", "high", "xhigh", "max"),
            "verbosity": one_of("low", "medium", "high"),
            "user": text(),
            "store": flag,
            "metadata": mapping,
            "service_tier": text(),
            "prompt_cache_key": text(),
            "safety_identifier": text(),
            "web_search_options": mapping,
            "modalities": arr(text()),
            "prediction": mapping,
            "audio": mapping,
        },
    )
    return request, messages


def check_openai(body: Any, *, names: str = r"[a-zA-Z0-9_-]{1,64}") -> None:
    """Raises `Refused` where OpenAI's chat completions would answer 400.

    Args:
        body: The request.
        names: The pattern of the names of tools.
    """
    request, messages = _checkers(names)
    request(body, "request")
    open_ids: list[str] = []
    for at, message in enumerate(body["messages"]):
        where = f"messages[{at}]"
        one_of(*messages)(message.get("role"), f"{where}.role")
        messages[message["role"]](message, where)
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_ids:
                refuse(where, "answers no call before it")
            open_ids.remove(message["tool_call_id"])
        elif open_ids:
            refuse(where, f"the calls {open_ids} are not answered")
        if message["role"] == "assistant":
            open_ids = [call["id"] for call in message.get("tool_calls", ())]
            if message.get("content") is None and not (
                open_ids or message.get("function_call") or message.get("refusal")
            ):
                refuse(where, "content is null without a call")
    if open_ids:
        refuse("messages", f"the calls {open_ids} are not answered")
    for name, need in (("tool_choice", "tools"), ("parallel_tool_calls", "tools"), ("function_call", "functions")):
        if name in body and need not in body:
            refuse(name, f"there are no {need}")
    if "stream_options" in body and not body.get("stream"):
        refuse("stream_options", "only for streams")
