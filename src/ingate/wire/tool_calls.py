"""Tool calls in one form: an index, an id and a name once each, and arguments that are JSON.

Providers stream a tool call in many ways: without an index or with index 0 for all of them, with the id in each piece
or a new one in each, with the id before the name or never, whole or in pieces. `ToolCallTracker` decides which call a
piece belongs to and emits each part once.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ingate.wire.fields import arguments_text, is_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_OWN_KEYS: Final = frozenset({"index", "id", "type", "function", "custom", "name", "arguments"})


def new_id() -> str:
    """An id for a tool call that has none."""
    return f"call_{secrets.token_hex(12)}"


def offered_names(body: Mapping[str, Any]) -> frozenset[str]:
    """The names of the tools in a chat request."""
    found: set[str] = set()
    for key in ("tools", "functions"):
        tools = body.get(key)
        for tool in tools if isinstance(tools, list) else ():
            inner = (tool.get("function") or tool.get("custom") or tool) if isinstance(tool, dict) else None
            name = inner.get("name") if isinstance(inner, dict) else None
            if isinstance(name, str) and name:
                found.add(name)
    return frozenset(found)


class _Piece(NamedTuple):
    """One delta of a tool call as the provider sent it, empty strings for what it does not contain."""

    index: object
    id: str
    name: str
    arguments: str
    is_custom: bool

    @classmethod
    def read(cls, delta: Mapping[str, Any]) -> _Piece:
        is_custom = isinstance(delta.get("custom"), dict)
        inner = delta.get("custom") if is_custom else delta.get("function")
        if not isinstance(inner, dict):
            inner = delta  # `{"name": …, "arguments": …}` without a function object
        raw_id, name = delta.get("id"), inner.get("name")
        return cls(
            index=delta.get("index"),
            id=str(raw_id) if raw_id is not None else "",
            name=name if isinstance(name, str) else "",
            arguments=arguments_text(inner.get("input" if is_custom else "arguments")),
            is_custom=is_custom,
        )


class _Call:
    """One tool call as far as it has arrived.

    Attributes:
        index: Our index, in the order in which calls are emitted; -1 before that.
        wire_index: The provider's index, None if it sends none.
        wire_id: The provider's id, empty if none has arrived.
        id: The id that was emitted, or that replaces a duplicate.
        held: Arguments that have arrived and are not emitted yet.
        emitted: Whether the first delta of the call was emitted.
        extra: Other fields of the call, not emitted yet.
    """

    __slots__ = ("arguments", "emitted", "extra", "held", "id", "index", "is_custom", "name", "wire_id", "wire_index")

    def __init__(self, wire_index: object) -> None:
        self.index = -1
        self.wire_index = wire_index
        self.wire_id = ""
        self.id = ""
        self.name = ""
        self.arguments = ""
        self.held = ""
        self.emitted = False
        self.is_custom = False
        self.extra: dict[str, Any] = {}

    def head(self, index: int) -> dict[str, Any]:
        """The first delta of the call."""
        self.emitted = True
        self.index = index
        self.id = self.id or self.wire_id or new_id()
        outer, inner = self._keys
        piece = {"index": index, "id": self.id, "type": outer, outer: {"name": self.name, inner: self._take_held()}}
        return {**piece, **self._take_extra()}

    def tail(self) -> dict[str, Any]:
        """A later delta of the call: what has arrived since the last one."""
        outer, inner = self._keys
        return {"index": self.index, outer: {inner: self._take_held()}, **self._take_extra()}

    @property
    def waits(self) -> bool:
        """Whether only `{}` has arrived. It may be a placeholder before the real arguments, so it is held to the end."""
        return self.held == "{}" == self.arguments and not self.is_custom

    @property
    def is_whole(self) -> bool:
        """Whether the arguments are complete JSON."""
        return bool(self.arguments) and is_json(self.arguments)

    def add(self, arguments: str) -> None:
        """Append arguments that have arrived."""
        if not arguments:
            return
        if self.waits:
            if not arguments.strip():
                return
            self.arguments = self.held = ""
        elif arguments == self.arguments and len(arguments) > 1 and not self.is_custom and is_json(arguments):
            return  # all of them sent again: JSON twice in a row is not valid arguments
        self.arguments += arguments
        self.held += arguments

    def whole(self) -> dict[str, Any]:
        """The call as a message contains it."""
        outer, inner = self._keys
        arguments = self.arguments if self.is_custom or self.arguments.strip() else "{}"
        return {"id": self.id, "type": outer, outer: {"name": self.name, inner: arguments}}

    @property
    def _keys(self) -> tuple[str, str]:
        return ("custom", "input") if self.is_custom else ("function", "arguments")

    def _take_held(self) -> str:
        if self.waits:
            return ""
        held, self.held = self.held, ""
        return held

    def _take_extra(self) -> dict[str, Any]:
        extra, self.extra = self.extra, {}
        return extra


class ToolCallTracker:
    """The tool calls of one choice of a stream.

    Args:
        names: The names of the tools on offer. If they are given, a name that arrives in pieces is put together.
    """

    __slots__ = ("_calls", "_count", "_last", "_names")

    def __init__(self, names: frozenset[str] = frozenset()) -> None:
        self._names = names
        self._calls: list[_Call] = []
        self._count = 0  # calls emitted
        self._last: _Call | None = None

    def __bool__(self) -> bool:
        return bool(self._calls)

    def feed(self, deltas: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The deltas to emit for a provider's deltas."""
        out: list[dict[str, Any]] = []
        for delta in deltas:
            call = self._take(delta)
            if call is None:
                continue
            # A call that still waits for its id does not get one once another call continues.
            out.extend(
                self._head(other) for other in self._calls if other is not call and not other.emitted and other.name
            )
            if not call.emitted:
                if call.name and (call.arguments or (call.wire_id and not self._may_grow(call.name))):
                    out.append(self._head(call))
            elif (call.held and not call.waits) or call.extra:
                out.append(call.tail())
        return out

    def finish(self) -> list[dict[str, Any]]:
        """The deltas that were held back, with `{}` for calls without arguments."""
        out: list[dict[str, Any]] = []
        for call in self._calls:
            if not call.is_custom and not call.arguments.strip():
                call.arguments, call.held = "{}", "{}"
            if call.emitted and not call.held and not call.extra:
                continue
            piece = call.tail() if call.emitted else self._head(call)
            if call.waits:
                piece["function"]["arguments"], call.held = call.held, ""
            out.append(piece)
        return out

    def finished(self) -> list[dict[str, Any]]:
        """The calls whose arguments are complete so far, as a message contains them."""
        return [
            call.whole()
            for call in self._calls
            if call.emitted and (call.is_custom or not call.arguments or call.is_whole)
        ]

    def _head(self, call: _Call) -> dict[str, Any]:
        self._count += 1
        return call.head(self._count - 1)

    def _take(self, delta: Mapping[str, Any]) -> _Call | None:
        """The call that `delta` belongs to, extended by it; None if the delta is empty."""
        piece = _Piece.read(delta)
        call = self._find(piece)
        if call is None:
            if not (piece.id or piece.name or piece.arguments):
                return None
            call = _Call(piece.index)
            self._calls.append(call)
        self._last = call
        call.is_custom = call.is_custom or piece.is_custom
        if piece.id and not call.wire_id:
            is_duplicate = any(piece.id in {other.id, other.wire_id} for other in self._calls)
            call.wire_id = piece.id
            if is_duplicate and not call.emitted:
                call.id = new_id()
        call.name = call.name + piece.name if self._is_rest_of_name(call, piece) else call.name or piece.name
        call.add(piece.arguments)
        call.extra.update({key: value for key, value in delta.items() if key not in _OWN_KEYS and value is not None})
        return call

    def _find(self, piece: _Piece) -> _Call | None:
        """The call that a piece continues, None if it begins a new one."""
        if piece.id:
            for call in reversed(self._calls):
                if call.wire_id == piece.id:
                    return None if _reuses_id(call, piece) else call
        here = self._at(piece.index)
        if here is None:
            return None
        if piece.id:
            return None if _begins_by_id(here, piece) else here
        return here if self._is_rest_of_name(here, piece) or not _begins_by_name(here, piece) else None

    def _is_rest_of_name(self, call: _Call, piece: _Piece) -> bool:
        """Whether a piece continues the name of `call`, rather than repeat it or begin another call."""
        if not self._names or not piece.name or not call.name or call.arguments or call.emitted:
            return False
        if call.name not in self._names:
            return True
        if piece.name in self._names and (not piece.id or piece.name == call.name):
            return False
        joined = call.name + piece.name
        return any(name.startswith(joined) for name in self._names)

    def _may_grow(self, name: str) -> bool:
        """Whether the rest of a name may still arrive: it is not a tool's, or that of another tool begins with it."""
        if not self._names:
            return False
        return name not in self._names or any(other.startswith(name) and other != name for other in self._names)

    def _at(self, wire_index: object) -> _Call | None:
        """The last call at the provider's index; without an index, the last call of all."""
        if wire_index is None:
            return self._last
        for call in reversed(self._calls):
            if call.wire_index == wire_index:
                return call
        if self._last is not None and not self._last.name and self._last.wire_index is None:
            return self._last  # its id arrived alone, without an index
        return None


def _reuses_id(call: _Call, piece: _Piece) -> bool:
    """Whether a piece with the id of `call` is another call: some servers use the function's name as the id."""
    return bool(piece.name) and piece.arguments != call.arguments and is_json(piece.arguments) and call.is_whole


def _begins_by_id(here: _Call, piece: _Piece) -> bool:
    """Whether a piece with an id not seen before begins a new call at the place of `here`."""
    if not here.wire_id:  # the id of a call may follow its name
        return bool(piece.name and here.name) and here.is_whole
    # Usually it does, unless a call is in progress and the server sends a new id with each piece.
    in_progress = bool(here.arguments) and not here.is_whole
    continues = in_progress and piece.arguments and piece.name in {"", here.name}
    return not continues


def _begins_by_name(here: _Call, piece: _Piece) -> bool:
    """Whether a piece without an id begins a new call: another name does, the same name only after a whole call."""
    if not piece.name or not here.name:
        return False
    return piece.name != here.name or here.is_whole


def whole_calls(calls: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The tool calls of a whole message, each with a unique id, a type, and arguments as text."""
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
