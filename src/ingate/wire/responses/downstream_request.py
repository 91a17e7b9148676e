"""A request of OpenAI's Responses API as a chat request, for whichever provider answers it.

ingate keeps no state between requests, so what refers to an earlier response or a stored conversation is refused.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.downstream import EventStream

SEALED: Final = "ingate.1."
"""How a reasoning item's `encrypted_content` begins where it holds signed thinking blocks."""

_STATEFUL: Final = ("previous_response_id", "conversation", "prompt")
_SAME: Final = (
    "temperature", "top_p", "top_logprobs", "parallel_tool_calls", "stream", "user", "metadata", "service_tier",
    "prompt_cache_key", "safety_identifier",
)  # fmt: skip
_SEARCHES: Final = ("web_search", "web_search_preview")


@dataclass(frozen=True, slots=True)
class ResponsesRequest:
    """A request of the Responses API, translated. See `ingate.wire.downstream.Translation`.

    Attributes:
        body: The request itself, whose settings the response repeats.
    """

    body: Mapping[str, Any]
    chat: dict[str, Any]
    stream: bool
    warnings: list[str] = field(default_factory=list)

    def answer(self, completion: Mapping[str, Any]) -> dict[str, Any]:
        """A `chat.completion` as a response."""
        from ingate.wire.responses.downstream_answer import response_of

        return response_of(completion, self.body, self.warnings)

    def events(self) -> EventStream:
        """A converter for one streamed answer."""
        from ingate.wire.responses.downstream_stream import ResponseStream

        return ResponseStream(self.body, self.warnings)


def translate(body: Mapping[str, Any]) -> ResponsesRequest:
    """A request of the Responses API as a chat request.

    Raises:
        InvalidRequestError: The request is malformed; `param` names the field.
    """
    chat = chat_request(body)
    return ResponsesRequest(body, chat, bool(chat.pop("stream", False)))


def chat_request(body: Mapping[str, Any]) -> dict[str, Any]:
    """The same request in the words of chat completions.

    Raises:
        InvalidRequestError: The request is malformed, or asks for what only OpenAI's own platform has; `param` names it.
    """
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise InvalidRequestError("'model' is missing or empty; it is a model spec", param="model")
    for name in _STATEFUL:
        if body.get(name):
            raise InvalidRequestError(
                f"{name!r} needs a store of earlier responses, and ingate keeps none",
                param=name,
                code="unsupported_parameter",
                fix="send the whole conversation as 'input', with the earlier answers' output items in it",
            )
    if body.get("background"):
        raise InvalidRequestError("'background' needs a store of responses, and ingate keeps none", param="background")
    chat: dict[str, Any] = {"model": model, "messages": _messages(body)}
    chat.update({name: body[name] for name in _SAME if body.get(name) is not None})
    if body.get("top_logprobs") is not None:
        chat["logprobs"] = True
    if (most := body.get("max_output_tokens")) is not None:
        chat["max_completion_tokens"] = most
    if tools := body.get("tools"):
        _tools(chat, tools)
        _choose(chat, body.get("tool_choice"))
    if effort := _section(body, "reasoning").get("effort"):
        chat["reasoning_effort"] = effort
    text = _section(body, "text")
    if text.get("verbosity"):
        chat["verbosity"] = text["verbosity"]
    _shape(chat, text.get("format"))
    return chat


def _section(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise InvalidRequestError(f"{name!r} is no object", param=name)
    return value or {}


def _messages(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    if instructions := body.get("instructions"):
        if not isinstance(instructions, str):
            raise InvalidRequestError("'instructions' is no text", param="instructions")
        messages.append({"role": "system", "content": instructions})
    given = body.get("input")
    if isinstance(given, str) and given:
        return [*messages, {"role": "user", "content": given}]
    if not isinstance(given, list) or not given:
        raise InvalidRequestError("'input' is needed: a text or a list of items", param="input")
    thought: list[dict[str, Any]] = []  # reasoning that waits for what it led to
    for place, item in enumerate(given):
        where = f"input[{place}]"
        if not isinstance(item, dict):
            raise InvalidRequestError(f"{where!r} is no object", param=where)
        kind = item.get("type") or "message"
        if kind == "message":
            message = _message(item, where)
            if message["role"] == "assistant":
                thought = _with(message, thought)
            messages.append(message)
        elif kind == "function_call":
            thought = _call(messages, item, thought)
        elif kind == "function_call_output":
            output = item.get("output")
            content = output if isinstance(output, str) else _parts(output, f"{where}.output")
            messages.append({"role": "tool", "tool_call_id": str(item.get("call_id") or ""), "content": content})
        elif kind == "reasoning":
            thought.append(item)
        else:
            raise InvalidRequestError(f"an input item of the type {kind!r} cannot be sent on", param=f"{where}.type")
    return messages


def _message(item: Mapping[str, Any], where: str) -> dict[str, Any]:
    role, content = item.get("role"), item.get("content")
    if role not in {"user", "assistant", "system", "developer"}:
        raise InvalidRequestError(f"'{where}.role' is {role!r}, no role of a message", param=f"{where}.role")
    parts = content if isinstance(content, str) else _parts(content, f"{where}.content")
    if role != "user" and isinstance(parts, list):
        parts = "".join(str(part.get("text") or part.get("refusal") or "") for part in parts)
    return {"role": role, "content": parts}


def _parts(content: Any, where: str) -> str | list[dict[str, Any]]:
    if not isinstance(content, list):
        raise InvalidRequestError(f"{where!r} must be a text or a list of parts", param=where)
    parts = [_part(part, f"{where}[{place}]") for place, part in enumerate(content)]
    if all(part["type"] == "text" for part in parts):
        return "".join(part["text"] for part in parts)
    return parts


def _part(part: Any, where: str) -> dict[str, Any]:
    match part:
        case {"type": "input_text" | "output_text" | "text", "text": str(text)}:
            return {"type": "text", "text": text}
        case {"type": "refusal", "refusal": str(text)}:
            return {"type": "text", "text": text}
        case {"type": "input_image", "image_url": str(url)}:
            detail = {"detail": part["detail"]} if part.get("detail") else {}
            return {"type": "image_url", "image_url": {"url": url, **detail}}
        case {"type": "input_file"}:
            file = {name: part[name] for name in ("file_data", "file_id", "filename") if part.get(name)}
            if part.get("file_url"):
                file["file_data"] = part["file_url"]
            return {"type": "file", "file": file}
        case {"type": "input_audio", "input_audio": dict(audio)}:
            return {"type": "input_audio", "input_audio": audio}
    kind = part.get("type") if isinstance(part, dict) else part
    raise InvalidRequestError(f"{where!r} is {kind!r}, no part that can be sent on", param=where)


def _call(
    messages: list[dict[str, Any]], item: Mapping[str, Any], thought: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Calls of one turn are items of their own here, and one message's `tool_calls` there."""
    if not messages or messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": None})
    message = messages[-1]
    function = {"name": str(item.get("name") or ""), "arguments": str(item.get("arguments") or "{}")}
    called = {"id": str(item.get("call_id") or item.get("id") or ""), "type": "function", "function": function}
    message.setdefault("tool_calls", []).append(called)
    return _with(message, thought)


def _with(message: dict[str, Any], thought: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put what was thought on the message it led to; the list that waits afterwards, which is empty."""
    for item in thought:
        sealed = item.get("encrypted_content")
        if isinstance(sealed, str) and sealed.startswith(SEALED):
            message.setdefault("thinking_blocks", []).extend(opened(sealed))
        pieces = item.get("content") or item.get("summary") or ()
        text = "".join(str(piece.get("text") or "") for piece in pieces if isinstance(piece, dict))
        if text:
            message["reasoning_content"] = message.get("reasoning_content", "") + text
    return []


def sealed(blocks: list[dict[str, Any]]) -> str:
    """Signed thinking blocks as one text that a client carries back without reading it."""
    return SEALED + base64.urlsafe_b64encode(msgspec.json.encode(blocks)).decode("ascii")


def opened(text: str) -> list[dict[str, Any]]:
    """The blocks in it.

    Raises:
        InvalidRequestError: It is not what was sealed.
    """
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text.removeprefix(SEALED)), type=list[dict[str, Any]])
    except (ValueError, msgspec.MsgspecError):
        raise InvalidRequestError(
            "a reasoning item's 'encrypted_content' was changed on its way", param="input"
        ) from None


def _tools(chat: dict[str, Any], tools: Any) -> None:
    found: list[dict[str, Any]] = []
    for place, tool in enumerate(tools if isinstance(tools, list) else [tools]):
        where = f"tools[{place}]"
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind == "function":
            function = {name: tool[name] for name in ("name", "description", "strict") if tool.get(name) is not None}
            function["parameters"] = tool.get("parameters") or {"type": "object", "properties": {}}
            found.append({"type": "function", "function": function})
        elif isinstance(kind, str) and kind.startswith(_SEARCHES):
            names = ("search_context_size", "user_location")
            chat["web_search_options"] = {name: tool[name] for name in names if tool.get(name)}
        else:
            raise InvalidRequestError(
                f"a tool of the type {kind!r} runs on OpenAI's own platform alone",
                param=f"{where}.type",
                fix="use tools of the type function",
            )
    if found:
        chat["tools"] = found


def _choose(chat: dict[str, Any], choice: Any) -> None:
    match choice:
        case None:
            return
        case "auto" | "none" | "required":
            chat["tool_choice"] = choice
        case {"type": "function", "name": str(name)}:
            chat["tool_choice"] = {"type": "function", "function": {"name": name}}
        case _:
            raise InvalidRequestError(f"'tool_choice' is {choice!r}, and names no function", param="tool_choice")


def _shape(chat: dict[str, Any], wanted: Any) -> None:
    match wanted:
        case None | {"type": "text"}:
            return
        case {"type": "json_object"}:
            chat["response_format"] = {"type": "json_object"}
        case {"type": "json_schema", "schema": dict()}:
            schema = {name: wanted[name] for name in ("name", "schema", "strict", "description") if name in wanted}
            chat["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", **schema}}
        case _:
            raise InvalidRequestError("'text.format' is none of text, json_object, json_schema", param="text.format")
