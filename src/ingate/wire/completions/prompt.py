"""A chat conversation as one prompt for a model that continues text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.errors import BadRequestError
from ingate.wire.fields import arguments_text
from ingate.wire.parts import messages_of, parts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_SPEAKERS: Final[Mapping[str, str]] = {"user": "User", "assistant": "Assistant", "tool": "Tool", "function": "Tool"}
NEXT_SPEAKER: Final = "\nUser:"
"""Where a model that continues a transcript would begin to speak for the user."""


def prompt_of(body: Mapping[str, Any]) -> tuple[str, bool]:
    """The prompt for a request's messages, and whether it is a transcript of several speakers.

    Messages without an answer among them are joined by blank lines, so that a single one is the prompt as it is. With
    answers, the prompt is a transcript that ends where the assistant's next words begin.

    Raises:
        BadRequestError: There are no messages, or one of them holds more than text.
    """
    messages = messages_of(body)
    turns = [(message["role"], _text(message)) for message in messages]
    if not any(role in {"assistant", "tool", "function"} for role, _ in turns):
        return "\n\n".join(text for _, text in turns if text), False
    lines = [f"{_SPEAKERS[role]}: {text}" if role in _SPEAKERS else f"{text}\n" for role, text in turns if text]
    if turns[-1][0] != "assistant":
        lines.append("Assistant:")
    return "\n".join(lines), True


def _text(message: Mapping[str, Any]) -> str:
    parts = parts_of(message.get("content"))
    if any(part.kind != "text" and not (part.kind == "file" and part.text) for part in parts):
        raise BadRequestError(
            "a completion model reads only text", fix="leave images, audio and files out, or choose a chat model"
        )
    content = "".join(part.text for part in parts)
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        inner = call.get("function") or call.get("custom") if isinstance(call, dict) else None
        if isinstance(inner, dict):
            content += f"[{inner.get('name')}({arguments_text(inner.get('arguments', inner.get('input')))})]"
    return content
