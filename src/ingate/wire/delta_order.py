"""A stream's deltas in an order in which nothing interleaves with an unfinished tool call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingate.wire.fields import is_json
from ingate.wire.reasoning_state import message_state

if TYPE_CHECKING:
    from collections.abc import Mapping

Piece = tuple[str, Any]
"""A field of a delta and its value; of `tool_calls`, one call's piece."""

# In the order in which the fields of one delta are to be read.
_FIELDS = ("reasoning_content", "thinking_blocks", "reasoning_items", "state", "provider_tool_calls", "content")
_LAST = ("annotations", "refusal")


class DeltaOrder:
    """Splits deltas into pieces, and holds back what arrives while a tool call is open until that call is complete.

    Responses and Messages clients act on a call when its item or block closes, and close it when the next one opens, so
    parallel calls whose parts arrive mixed are delivered one after the other.
    """

    def __init__(self) -> None:
        self._index: int | None = None  # of the open call
        self._opened: set[int] = set()  # a call that was closed stays closed
        self._arguments: list[str] = []
        self._held: list[Piece] = []

    def feed(self, delta: Mapping[str, Any]) -> list[Piece]:
        """The pieces of a delta that can be delivered now, after those held back that became free."""
        out: list[Piece] = []
        for name in _FIELDS:
            if name == "state":
                if message_state(delta):
                    self._add((name, delta), out)
            elif value := delta.get(name):
                self._add((name, value), out)
        for name in _LAST:
            if value := delta.get(name):
                self._add((name, value), out)
        for call in delta.get("tool_calls") or ():
            self._add(("tool_calls", call), out)
        return out

    def finish(self) -> list[Piece]:
        """The stream has ended: everything held back, whether or not the open call is complete."""
        out: list[Piece] = []
        while self._held:
            self._release(out)
        return out

    def _add(self, piece: Piece, out: list[Piece]) -> None:
        kind, value = piece
        is_open = kind == "tool_calls" and self._index is not None and _index(value) == self._index
        if is_open:
            out.append(piece)
            self._arguments.append(_arguments(value))
            if self._held and self._complete():
                self._release(out)
        elif self._held or (self._index is not None and not self._complete()):
            self._held.append(piece)
        elif kind == "tool_calls":
            if _index(value) not in self._opened:
                self._index, self._arguments = _index(value), [_arguments(value)]
                self._opened.add(self._index)
                out.append(piece)
        else:
            self._index = None
            out.append(piece)

    def _complete(self) -> bool:
        return is_json("".join(self._arguments))

    def _release(self, out: list[Piece]) -> None:
        held, self._held, self._index = self._held, [], None
        for piece in held:
            self._add(piece, out)


def _index(call: Mapping[str, Any]) -> int:
    index = call.get("index")
    return index if isinstance(index, int) else 0


def _arguments(call: Mapping[str, Any]) -> str:
    return str((call.get("function") or {}).get("arguments") or "")
