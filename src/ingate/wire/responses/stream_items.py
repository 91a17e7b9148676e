"""The output items of one streamed response, and which of them an event belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingate.wire.answers import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Key = tuple[str, int]
"""One part of an item: the field it is in, and its place there."""


class StreamedItem:
    """One output item as far as it has arrived.

    Attributes:
        kind: Its type (`"message"`).
        id: Its id, which some providers change from event to event.
        emitted: The pieces of each part that have been emitted.
        begins: Where each text part begins in the message's text.
        annotations: How many of each text part's citations have been emitted.
        logprobs: The text parts whose probabilities have been emitted.
        name: Of a call: what it calls.
        call_id: Of a call: the id that its output refers to.
        call_index: Of a call: its place among the message's calls, -1 before it has been emitted.
        held: Of a call: arguments that cannot be emitted yet.
        is_emitted: Whether what is emitted as a whole has been emitted.
        is_claimed: Whether an item of the final response has been matched to it.
    """

    __slots__ = (
        "annotations",
        "begins",
        "call_id",
        "call_index",
        "emitted",
        "held",
        "id",
        "is_claimed",
        "is_emitted",
        "kind",
        "logprobs",
        "name",
    )  # fmt: skip

    def __init__(self, kind: str, item_id: str = "") -> None:
        self.kind = kind
        self.id = item_id
        self.emitted: dict[Key, list[str]] = {}
        self.begins: dict[int, int] = {}
        self.annotations: dict[int, int] = {}
        self.logprobs: set[int] = set()
        self.name = ""
        self.call_id = ""
        self.call_index = -1
        self.held: list[str] = []
        self.is_emitted = False
        self.is_claimed = False

    def describe(self, source: Mapping[str, Any]) -> None:
        """Record the name and the call id that an item or event gives."""
        self.name = text(source.get("name")) or self.name
        self.call_id = text(source.get("call_id")) or self.call_id


class StreamedItems:
    """Every output item of a stream, in the order of arrival."""

    def __init__(self) -> None:
        self._items: list[StreamedItem] = []
        self._at: dict[int, StreamedItem] = {}  # the newest item at each output index

    def __bool__(self) -> bool:
        return bool(self._items)

    def __iter__(self) -> Iterator[StreamedItem]:
        return iter(self._items)

    def at(self, index: Any) -> StreamedItem | None:
        """The newest item at an output index, None if there is none."""
        return self._at.get(index) if index.__class__ is int else None

    def added(self, event: Mapping[str, Any], source: Mapping[str, Any]) -> StreamedItem:
        """The item that an `output_item.added` event announces.

        A finished item at the same place is another one: some servers number all of them 0.
        """
        kind, item_id, index = text(source.get("type")), text(source.get("id")), event.get("output_index")
        known = self.at(index)
        if known is None or known.kind != kind or known.is_emitted:
            known = self._new(kind, item_id, index)
        known.id = known.id or item_id
        known.describe(source)
        return known

    def of_event(self, event: Mapping[str, Any], kind: str, source: Mapping[str, Any] | None = None) -> StreamedItem:
        """The item an event belongs to: by its place, else by its id, else the last one of its type.

        Args:
            event: The event.
            kind: The type of item it is about.
            source: The item that the event holds, None if it holds none.
        """
        item_id = text(event.get("item_id") if source is None else source.get("id"))
        index = event.get("output_index")
        found = self.at(index)
        if found is None and index.__class__ is not int:
            found = next((item for item in self._items if item_id and item.id == item_id), None)
            found = found or next((item for item in reversed(self._items) if item.kind == kind), None)
        if found is None or (source is not None and found.kind != kind):
            found = self._new(kind, item_id, index)
        return found

    def of_final(self, index: int, source: Mapping[str, Any]) -> StreamedItem:
        """The item that an item of the final response is. Ids may differ there, and items may be left out."""
        kind, item_id = text(source.get("type")), text(source.get("id"))
        free = [item for item in self._items if item.kind == kind and not item.is_claimed]
        by_id = next((item for item in free if item_id and item.id == item_id), None)
        here = self._at.get(index)
        by_place = here if here is not None and here in free else None
        found = by_id or by_place or (free[0] if free else self._new(kind, item_id, None))
        found.is_claimed = True
        return found

    def _new(self, kind: str, item_id: str, index: Any) -> StreamedItem:
        item = StreamedItem(kind, item_id)
        self._items.append(item)
        if index.__class__ is int:
            self._at[index] = item
        return item
