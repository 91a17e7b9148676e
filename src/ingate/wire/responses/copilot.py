"""GitHub Copilot's Responses streams, as OpenAI's clients can follow them.

Copilot enciphers the ids of the response and of its items anew in every event, so that only `output_index` says what
belongs together (https://github.com/vercel/ai/pull/18548), and it may send a call's arguments enciphered until the event
that ends them (https://github.com/lidge-jun/opencodex/issues/995). Events that need no change keep their bytes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.wire.responses.meter import ResponsesMeter
from ingate.wire.sse import SSEParser

if TYPE_CHECKING:
    from collections.abc import Mapping

_EVENT: Final = re.compile(rb".*?(?:\r\n\r\n|\n\n|\r\r)", re.DOTALL)
# The events that bring a call's arguments: their stem → the key of the whole in the last one.
_WHOLE: Final[Mapping[str, str]] = {
    "response.function_call_arguments": "arguments",
    "response.custom_tool_call_input": "input",
}
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class CopilotMeter(ResponsesMeter):
    """Follows one response, and gives its items one id each and its calls readable arguments."""

    def __init__(self, provider: str) -> None:
        super().__init__(provider)
        self._rest: list[bytes] = []  # pieces of an event whose end has not come
        self._stream = _Repair()

    @property
    def held(self) -> bytes:
        """The bytes that are held back."""
        return b"" if self.begun else super().held + b"".join(self._rest)

    def feed(self, data: bytes) -> bytes:
        """What to hand on for `data`: whole events only."""
        self._rest.append(data)
        if b"\n" not in data and b"\r" not in data:
            return b""
        whole = b"".join(self._rest)
        events = _EVENT.findall(whole)
        self._rest = [whole[sum(map(len, events)) :]]
        return super().feed(b"".join(map(self._stream.repaired, events))) if events else b""

    def close(self) -> bytes:
        """The body has ended: what was held back."""
        rest, self._rest = b"".join(self._rest), []
        return (super().feed(self._stream.repaired(rest)) if rest.strip() else b"") + super().close()


class _Repair:
    """The ids that were seen first, and the arguments that are held back."""

    def __init__(self) -> None:
        self._response_id: str | None = None
        self._ids: dict[int, str] = {}
        self._held: dict[int, list[bytes]] = {}  # events of arguments that may be enciphered, by output index
        self._begun: dict[int, str] = {}  # what they say
        self._plain: set[int] = set()

    def repaired(self, raw: bytes) -> bytes:
        """One event's bytes as they are handed on; empty if the event is held back."""
        parser = SSEParser()
        event = next(iter(parser.feed(raw) + parser.close()), None)
        try:
            value = _decode(event.data) if event is not None else None
        except (msgspec.DecodeError, RecursionError):
            value = None
        if not isinstance(value, dict):
            return raw
        changed = self._pin(value)
        made = _event(value) if changed else raw
        stem, _, end = str(value.get("type") or "").rpartition(".")
        place = value.get("output_index")
        if stem not in _WHOLE or not isinstance(place, int):
            return made
        return self._delta(stem, place, value, made) if end == "delta" else self._end(stem, place, value, made)

    def _pin(self, value: dict[str, Any]) -> bool:
        """Put the ids that were seen first into an event; whether that changed it."""
        changed = False
        response = value.get("response")
        if isinstance(response, dict):
            if isinstance(response.get("id"), str):
                self._response_id = self._response_id or response["id"]
                changed = response["id"] != self._response_id
                response["id"] = self._response_id
            output = response.get("output")
            for place, item in enumerate(output if isinstance(output, list) else ()):
                changed = self._pin_item(place, item, "id") or changed
        place = value.get("output_index")
        if isinstance(place, int):
            changed = self._pin_item(place, value.get("item"), "id") or changed
            changed = self._pin_item(place, value, "item_id") or changed
        return changed

    def _pin_item(self, place: int, holder: Any, key: str) -> bool:
        found = holder.get(key) if isinstance(holder, dict) else None
        if not isinstance(found, str):
            return False
        holder[key] = self._ids.setdefault(place, found)
        return holder[key] != found

    def _delta(self, stem: str, place: int, value: Mapping[str, Any], made: bytes) -> bytes:
        if place in self._plain:
            return made
        self._held.setdefault(place, []).append(made)
        self._begun[place] = self._begun.get(place, "") + str(value.get("delta") or "")
        # Arguments are an object. What a custom tool's input looks like is not known before its end.
        if _WHOLE[stem] != "arguments" or not self._begun[place].lstrip().startswith("{"):
            return b""
        self._plain.add(place)
        return b"".join(self._held.pop(place))

    def _end(self, stem: str, place: int, value: Mapping[str, Any], made: bytes) -> bytes:
        held, begun = self._held.pop(place, []), self._begun.pop(place, "")
        whole = value.get(_WHOLE[stem])
        if not held or not isinstance(whole, str):
            return made
        if begun == whole:
            return b"".join(held) + made
        delta = {name: value[name] for name in ("sequence_number", "item_id", "output_index") if name in value}
        return _event({"type": f"{stem}.delta", **delta, "delta": whole}) + made


def _event(value: Mapping[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (str(value.get("type") or "message").encode(), _encode(value))
