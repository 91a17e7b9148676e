"""Whether a piece of a stream brings the answer forward, or only keeps the connection alive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

# Events of the three APIs without a part of the answer; some providers repeat them to keep a connection open.
_IDLE: Final = frozenset(
    {"ping", "keepalive", "response.created", "response.queued", "response.in_progress", "message_start"}
)
_ENDS: Final = (b"\n\n", b"\r\n\r\n", b"\r\r")
_MAX_EVENT: Final = 2**16  # more bytes than this without the end of an event are a part of a large one
_decode = msgspec.json.Decoder().decode


def has_substance(chunk: Mapping[str, Any]) -> bool:
    """Whether a chat chunk has content: text, reasoning, a tool call, a finish reason."""
    choices = chunk.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if not isinstance(choice, dict):
            continue
        if choice.get("finish_reason"):
            return True
        delta = choice.get("delta")
        if isinstance(delta, dict) and any(value for name, value in delta.items() if name != "role"):
            return True
    return False


class EventProgress:
    """Looks for parts of an answer in the bytes of a stream of server-sent events, however they are split."""

    def __init__(self) -> None:
        self._held = b""

    def __call__(self, data: bytes) -> bool:
        """Whether `data` completes an event with a part of an answer. A call may skip pieces."""
        held = self._held + data
        end = max((at + len(mark) for mark in _ENDS if (at := held.rfind(mark)) >= 0), default=0)
        if any(_is_part(line) for line in held[:end].splitlines()):
            self._held = b""
            return True
        self._held = held[end:]
        if len(self._held) <= _MAX_EVENT:
            return False
        self._held = b""
        return True


def _is_part(line: bytes) -> bool:
    """Whether a line is the data of an event with a part of an answer."""
    if not line.startswith(b"data:") or not (data := line[5:].strip()):
        return False
    try:
        value = _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return True  # `[DONE]`, or a line of an event that has several
    if not isinstance(value, dict):
        return value is not None
    if "choices" in value:
        return has_substance(value) or bool(value.get("usage"))
    return bool(value) and value.get("type") not in _IDLE
