"""A request of Anthropic's Messages API as an OpenAI chat request, for whichever provider answers it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.wire.downstream import EventStream

_THINKING: Final = frozenset({"thinking", "redacted_thinking"})
_CHOICES: Final[Mapping[str, str]] = {"auto": "auto", "any": "required", "none": "none"}
_SAME: Final = ("temperature", "top_p", "top_k", "stream")
# Whose prompt cache the marks in a request are for. To the rest `cache_control` would be an unknown field.
_MARKED: Final = ("claude", "anthropic")
_MOST_USER_ID: Final = 64  # characters of `user` that OpenAI takes
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class MessagesRequest:
    """A request of the Messages API, translated. See `ingate.wire.downstream.Translation`."""

    chat: dict[str, Any]
    stream: bool
    warnings: list[str] = field(default_factory=list)

    def answer(self, completion: Mapping[str, Any]) -> dict[str, Any]:
        """A `chat.completion` as a message."""
        from ingate.wire.messages.downstream_answer import message_of

        return message_of(completion, self.chat["model"], self.warnings)

    def events(self) -> EventStream:
        """A converter for one streamed answer."""
        from ingate.wire.messages.downstream_stream import MessageStream

        return MessageStream(self.chat["model"], self.warnings)


def translate(body: Mapping[str, Any]) -> MessagesRequest:
    """A request of the Messages API as a chat request.

    Raises:
        InvalidRequestError: The request is malformed; `param` names the field.
    """
    chat = chat_request(body)
    return MessagesRequest(chat, bool(chat.pop("stream", False)))


def chat_request(body: Mapping[str, Any]) -> dict[str, Any]:
    """The same request in OpenAI's words.

    Thinking becomes `reasoning_effort` and signed thinking blocks `thinking_blocks`; `top_k` goes as it is; tools of
    Anthropic's own kinds go as they are, since only its models know them.

    Raises:
        InvalidRequestError: The request is not one of the Messages API; `param` names what is wrong.
    """
    model = _text(body, "model")
    if not model:
        raise InvalidRequestError("'model' is missing or empty; it is a model spec", param="model")
    most = body.get("max_tokens")
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        raise InvalidRequestError(f"'max_tokens' is needed, a number above 0, and is {most!r}", param="max_tokens")
    marks = any(word in model for word in _MARKED)
    chat: dict[str, Any] = {"model": model, "max_tokens": most, "messages": list(_messages(body, marks))}
    chat.update({name: body[name] for name in _SAME if body.get(name) is not None})
    if stops := body.get("stop_sequences"):
        chat["stop"] = stops
    if tools := body.get("tools"):
        if not isinstance(tools, list):
            raise InvalidRequestError("'tools' is no list", param="tools")
        chat["tools"] = [_tool(tool, place, marks) for place, tool in enumerate(tools)]
        _choose(chat, body.get("tool_choice"))
    _think(chat, body)
    _shape(chat, body)
    user = body.get("metadata")
    user = user.get("user_id") if isinstance(user, dict) else None
    if isinstance(user, str) and 0 < len(user) <= _MOST_USER_ID:
        chat["user"] = user
    return chat


def _messages(body: Mapping[str, Any], marks: bool) -> Iterable[dict[str, Any]]:
    if system := body.get("system"):
        yield {"role": "system", "content": _plain_or_parts(_content(system, "system"), "system", marks)}
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise InvalidRequestError("'messages' is needed, a list of at least one message", param="messages")
    for place, message in enumerate(messages):
        where = f"messages[{place}]"
        if not isinstance(message, dict):
            raise InvalidRequestError(f"{where!r} is no object", param=where)
        blocks = _content(message.get("content"), f"{where}.content")
        role = message.get("role")
        if role == "assistant":
            yield _assistant(blocks)
        elif role == "user":
            yield from _user(blocks, where, marks)
        elif role == "system":
            yield {"role": "system", "content": _plain_or_parts(blocks, where, marks)}
        else:
            raise InvalidRequestError(f"'{where}.role' is 'user' or 'assistant', not {role!r}", param=f"{where}.role")


def _user(blocks: list[dict[str, Any]], where: str, marks: bool) -> Iterable[dict[str, Any]]:
    """Tool results are messages of their own in OpenAI's format, and come first."""
    rest = [block for block in blocks if block["type"] != "tool_result"]
    for block in blocks:
        if block["type"] != "tool_result":
            continue
        inside = _content(block.get("content") or "", f"{where}.content")
        message = {
            "role": "tool",
            "tool_call_id": str(block.get("tool_use_id") or ""),
            "content": _plain_or_parts(inside, where, marks),
        }
        if block.get("is_error") is True:
            # Only Anthropic's format has a flag for it; the others read it in the words.
            if marks:
                message["is_error"] = True
            elif isinstance(message["content"], str) and not message["content"].lower().startswith("error"):
                message["content"] = f"Error: {message['content']}"
        yield message
    if rest:
        yield {"role": "user", "content": _plain_or_parts(rest, where, marks)}


def _assistant(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    said = "".join(str(block.get("text") or "") for block in blocks if block["type"] == "text")
    message: dict[str, Any] = {"role": "assistant", "content": said or None}
    if thought := [block for block in blocks if block["type"] in _THINKING]:
        message["thinking_blocks"] = thought
        if text := "".join(str(block.get("thinking") or "") for block in thought):
            message["reasoning_content"] = text
    calls = [
        {
            "id": str(block.get("id") or ""),
            "type": "function",
            "function": {"name": str(block.get("name") or ""), "arguments": _encode(block.get("input") or {}).decode()},
        }
        for block in blocks
        if block["type"] == "tool_use"
    ]
    if calls:
        message["tool_calls"] = calls
    elif not said:
        message["content"] = ""
    return message


def _content(content: Any, where: str) -> list[dict[str, Any]]:
    """A list of blocks, each with its type; a plain text is one."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise InvalidRequestError(f"{where!r} must be a text or a list of content blocks", param=where)
    for place, block in enumerate(content):
        if not isinstance(block, dict) or not isinstance(block.get("type"), str):
            raise InvalidRequestError(f"'{where}[{place}]' is no content block", param=f"{where}[{place}]")
    return content


def _plain_or_parts(blocks: list[dict[str, Any]], where: str, marks: bool) -> str | list[dict[str, Any]]:
    parts = [_part(block, where, marks) for block in blocks]
    if all(part.keys() == {"type", "text"} for part in parts):
        return "\n\n".join(part["text"] for part in parts)
    return parts


def _part(block: dict[str, Any], where: str, marks: bool) -> dict[str, Any]:
    kind = block["type"]
    if kind == "text":
        part: dict[str, Any] = {"type": "text", "text": str(block.get("text") or "")}
    elif kind == "image":
        part = {"type": "image_url", "image_url": {"url": _address(block, where)}}
    elif kind == "document":
        part = _document(block, where)
    elif kind == "search_result":
        inside = _content(block.get("content") or "", where)
        text = "\n".join(str(one.get("text") or "") for one in inside)
        part = {"type": "text", "text": f"{block.get('title') or ''} ({block.get('source') or ''})\n{text}"}
    else:
        raise InvalidRequestError(f"a content block of the type {kind!r} cannot be sent on", param=where)
    if marks and isinstance(block.get("cache_control"), dict):
        part["cache_control"] = block["cache_control"]
    return part


def _document(block: Mapping[str, Any], where: str) -> dict[str, Any]:
    source = block.get("source")
    source = source if isinstance(source, dict) else {}
    name = str(block.get("title") or "document")
    if source.get("type") == "text":
        return {"type": "text", "text": f"{name}:\n{source.get('data') or ''}"}
    if source.get("type") == "content":
        inside = _content(source.get("content") or "", where)
        return {"type": "text", "text": "\n".join(str(one.get("text") or "") for one in inside)}
    return {"type": "file", "file": {"filename": name, "file_data": _address(block, where)}}


def _address(block: Mapping[str, Any], where: str) -> str:
    """The URL of an image or document; a data URL where it came in base64."""
    source = block.get("source")
    match source:
        case {"type": "base64", "media_type": str(mime), "data": str(data)}:
            return f"data:{mime};base64,{data}"
        case {"type": "url", "url": str(url)}:
            return url
        case _:
            raise InvalidRequestError(f"the source of a block in {where!r} is neither base64 nor a url", param=where)


def _tool(tool: Any, place: int, marks: bool) -> dict[str, Any]:
    where = f"tools[{place}]"
    if not isinstance(tool, dict):
        raise InvalidRequestError(f"{where!r} is no object", param=where)
    if tool.get("type", "custom") not in {"custom", None}:
        return tool
    if not isinstance(tool.get("name"), str) or not tool["name"]:
        raise InvalidRequestError(f"'{where}.name' is missing", param=f"{where}.name")
    function = {"name": tool["name"], "parameters": tool.get("input_schema") or {"type": "object", "properties": {}}}
    for name in ("description", "strict"):
        if tool.get(name) is not None:
            function[name] = tool[name]
    found: dict[str, Any] = {"type": "function", "function": function}
    if marks and isinstance(tool.get("cache_control"), dict):
        found["cache_control"] = tool["cache_control"]
    return found


def _choose(chat: dict[str, Any], choice: Any) -> None:
    if choice is None:
        return
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind == "tool" and choice.get("name"):
        chat["tool_choice"] = {"type": "function", "function": {"name": choice["name"]}}
    elif isinstance(kind, str) and kind in _CHOICES:
        chat["tool_choice"] = _CHOICES[kind]
    else:
        raise InvalidRequestError(f"'tool_choice' is {choice!r}, none of auto, any, tool, none", param="tool_choice")
    if choice.get("disable_parallel_tool_use") is True:
        chat["parallel_tool_calls"] = False


def _think(chat: dict[str, Any], body: Mapping[str, Any]) -> None:
    """`reasoning_effort`: the effort that is asked for, else the one that the budget amounts to."""
    from ingate.wire.facts import effort_of_budget

    config, thinking = body.get("output_config"), body.get("thinking")
    effort = config.get("effort") if isinstance(config, dict) else None
    if isinstance(thinking, dict) and not effort:
        if thinking.get("type") == "enabled" and isinstance(thinking.get("budget_tokens"), int):
            effort = effort_of_budget(thinking["budget_tokens"])
        elif thinking.get("type") == "adaptive":
            effort = "medium"
    if effort:
        chat["reasoning_effort"] = effort


def _shape(chat: dict[str, Any], body: Mapping[str, Any]) -> None:
    config = body.get("output_config")
    wanted = (config.get("format") if isinstance(config, dict) else None) or body.get("output_format")
    if wanted is None:
        return
    if (
        not isinstance(wanted, dict)
        or wanted.get("type") != "json_schema"
        or not isinstance(wanted.get("schema"), dict)
    ):
        raise InvalidRequestError(
            "'output_config.format' is no json_schema with a schema", param="output_config.format"
        )
    schema = {"name": "answer", "schema": wanted["schema"], "strict": True}
    chat["response_format"] = {"type": "json_schema", "json_schema": schema}


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""
