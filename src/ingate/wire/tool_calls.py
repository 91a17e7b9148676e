"""Tool calls put in order: an index, an id and a name once each, arguments that are JSON.

Providers stream one tool call in many ways: with no index or index 0 for all, with the id in each piece or a new one
in each, with the id before the name or never, whole or in pieces. `ToolCallTracker` tells which call a piece belongs
to and says each thing once.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

from ingate.wire.fields import arguments_text, is_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_OWN_KEYS: Final = frozenset({"index", "id", "type", "function", "custom", "name", "arguments"})


def new_id() -> str:
    """An id for a tool call that has none."""
    return f"call_{secrets.token_hex(12)}"


class _Call:
    """One tool call as far as it has come."""

    __slots__ = ("arguments", "extra", "held", "id", "index", "is_custom", "name", "place", "told", "wire_id")

    def __init__(self, place: object) -> None:
        self.index = -1  # ours, in the order in which calls are told
        self.place = place  # the provider's index, None where it gave none
        self.wire_id = ""  # the provider's id
        self.id = ""  # what was told
        self.name = ""
        self.arguments = ""
        self.held = ""  # arguments that came but were not told yet
        self.told = False
        self.is_custom = False
        self.extra: dict[str, Any] = {}

    def head(self, index: int) -> dict[str, Any]:
        self.told = True
        self.index = index
        self.id = self.id or self.wire_id or new_id()
        outer, inner = ("custom", "input") if self.is_custom else ("function", "arguments")
        piece: dict[str, Any] = {
            "index": self.index,
            "id": self.id,
            "type": outer,
            outer: {"name": self.name, inner: self.take_held()},
        }
        piece.update(self.extra)
        self.extra = {}
        return piece

    def tail(self) -> dict[str, Any]:
        outer, inner = ("custom", "input") if self.is_custom else ("function", "arguments")
        piece: dict[str, Any] = {"index": self.index, outer: {inner: self.take_held()}}
        piece.update(self.extra)
        self.extra = {}
        return piece

    @property
    def waits(self) -> bool:
        """Whether all that came is `{}`: perhaps a placeholder that real arguments follow, so it waits for the end."""
        return self.held == "{}" == self.arguments and not self.is_custom

    def take_held(self) -> str:
        if self.waits:
            return ""
        held, self.held = self.held, ""
        return held

    def add(self, arguments: str) -> None:
        if not arguments:
            return
        if self.waits:
            if not arguments.strip():
                return
            self.arguments = self.held = ""
        elif arguments == self.arguments and len(arguments) > 1 and not self.is_custom and is_json(arguments):
            return  # the whole sent again: JSON twice in a row is no arguments
        self.arguments += arguments
        self.held += arguments

    def whole(self) -> dict[str, Any]:
        outer, inner = ("custom", "input") if self.is_custom else ("function", "arguments")
        arguments = self.arguments if self.is_custom or self.arguments.strip() else "{}"
        return {"id": self.id, "type": outer, outer: {"name": self.name, inner: arguments}}


class ToolCallTracker:
    """The tool calls of one choice of a stream."""

    __slots__ = ("_calls", "_last", "_told")

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._told = 0
        self._last: _Call | None = None

    def __bool__(self) -> bool:
        return bool(self._calls)

    def feed(self, pieces: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The deltas to tell for a provider's deltas."""
        out: list[dict[str, Any]] = []
        for piece in pieces:
            call = self._take(piece)
            if call is None:
                continue
            # A call that still waits for its id will not get it once another goes on.
            out.extend(
                self._head(other) for other in self._calls if other is not call and not other.told and other.name
            )
            if not call.told:
                if call.name and (call.wire_id or call.arguments):
                    out.append(self._head(call))
            elif (call.held and not call.waits) or call.extra:
                out.append(call.tail())
        return out

    def finish(self) -> list[dict[str, Any]]:
        """What was held back, and `{}` for calls that got no arguments."""
        out: list[dict[str, Any]] = []
        for call in self._calls:
            if not call.is_custom and not call.arguments.strip():
                call.arguments, call.held = "{}", "{}"
            if call.told and not call.held and not call.extra:
                continue
            piece = call.tail() if call.told else self._head(call)
            if call.waits:
                piece["function"]["arguments"], call.held = call.held, ""
            out.append(piece)
        return out

    def finished(self) -> list[dict[str, Any]]:
        """The calls whose arguments are whole JSON so far, as a message has them."""
        return [
            call.whole() for call in self._calls if call.told and (call.is_custom or is_json(call.arguments or "{}"))
        ]

    def _head(self, call: _Call) -> dict[str, Any]:
        self._told += 1
        return call.head(self._told - 1)

    def _take(self, piece: Mapping[str, Any]) -> _Call | None:
        is_custom = isinstance(piece.get("custom"), dict)
        inner = piece.get("custom") if is_custom else piece.get("function")
        if not isinstance(inner, dict):
            inner = piece  # `{"name": …, "arguments": …}` without a function object
        raw_id, raw_name = piece.get("id"), inner.get("name")
        wire_id = str(raw_id) if raw_id is not None else ""
        name = raw_name if isinstance(raw_name, str) else ""
        arguments = arguments_text(inner.get("input" if is_custom else "arguments"))
        place = piece.get("index")
        call = self._find(place, wire_id, name, arguments)
        if call is None:
            if not (wire_id or name or arguments):
                return None
            call = _Call(place)
            self._calls.append(call)
        self._last = call
        call.is_custom = call.is_custom or is_custom
        if wire_id and not call.wire_id:
            taken = any(other.id == wire_id or other.wire_id == wire_id for other in self._calls)
            call.wire_id = wire_id
            if taken and not call.told:
                call.id = new_id()
        call.name = call.name or name
        call.add(arguments)
        for key, value in piece.items():
            if key not in _OWN_KEYS and value is not None:
                call.extra[key] = value
        return call

    def _find(self, place: object, wire_id: str, name: str, arguments: str) -> _Call | None:
        """The call a piece goes on with; None where it begins one."""
        here = self._last
        if place is not None:
            here = next((call for call in reversed(self._calls) if call.place == place), None)
            if here is None and self._last is not None and not self._last.name and self._last.place is None:
                here = self._last  # its id came alone, without an index
        if wire_id:
            for call in reversed(self._calls):
                if call.wire_id != wire_id:
                    continue
                # Some use the function's name as the id of each call of it: other arguments are another call.
                another = name and arguments != call.arguments and is_json(arguments) and self._is_whole(call)
                return None if another else call
            if here is None:
                return None
            if not here.wire_id:  # the id comes after the name
                return None if name and here.name and self._is_whole(here) else here
            # Another id at the same place: a new call, unless a call is under way and gets a new id in each piece.
            under_way = bool(here.arguments) and not self._is_whole(here)
            return here if under_way and arguments and (not name or name == here.name) else None
        if here is None or not name or not here.name:
            return here
        # A name again without an id: each piece repeats it, or a call without an id follows.
        if here.name != name:
            return None
        return here if not self._is_whole(here) else None

    @staticmethod
    def _is_whole(call: _Call) -> bool:
        return bool(call.arguments) and is_json(call.arguments)


def whole_calls(calls: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The tool calls of a message that is not a stream, each with an id, a type, and arguments as text."""
    out: list[dict[str, Any]] = []
    seen: set[str] = set()
    for call in calls:
        is_custom = isinstance(call.get("custom"), dict)
        outer, key = ("custom", "input") if is_custom else ("function", "arguments")
        inner = call.get(outer) if isinstance(call.get(outer), dict) else call
        assert inner is not None
        arguments = arguments_text(inner.get(key))
        raw_id = call.get("id")
        call_id = str(raw_id) if isinstance(raw_id, (str, int)) else ""
        if not call_id or call_id in seen:
            call_id = new_id()
        seen.add(call_id)
        out.append(
            {
                "id": call_id,
                "type": outer,
                outer: {"name": inner.get("name") or "", key: arguments if is_custom or arguments.strip() else "{}"},
                **{name: value for name, value in call.items() if name not in _OWN_KEYS and value is not None},
            }
        )
    return out
