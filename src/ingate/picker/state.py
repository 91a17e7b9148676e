"""The picker's state, and what is derived from it. Pure: a change creates a new state, and nothing is read or sent."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import msgspec

from ingate.picker.items import Item, item_of
from ingate.picker.rows import LITELLM, Marks, Provider, Shown, providers, shown, undeprecated

if TYPE_CHECKING:
    from ingate.picker.addkey import AddKey
    from ingate.picker.data import PickerData
    from ingate.picker.filter import Index

_PROVIDER: Final = attrgetter("provider")
Column = Literal["providers", "models"]


class Size(NamedTuple):
    """A terminal's size in cells."""

    columns: int
    rows: int


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes:
    data: What there is to pick from.
    index: The search index over its rows.
    marks: The states of its items.
    column: The column in which the arrow keys move.
    provider: The name of the selected line of the left column.
    cursor: The index of the selected line of the right column.
    scope: What the LiteLLM line shows: `"curated"` or `"all"`.
    filter: The text of the filter, None while it is closed.
    ready_only, deprecated, sort: How the list is filtered and ordered.
    before: The provider and the spec that were selected when the filter was opened.
    help: The number of lines by which the help is scrolled, None while it is closed.
    dialog: The add-key dialog, None while it is closed.
    message: One line to the user, removed by the next key.
    now: Seconds since the epoch.
    providers: The left column, derived from the other fields.
    shown: The right column, derived from the other fields.
    """

    data: PickerData
    index: Index
    marks: Marks
    column: Column = "models"
    provider: str = LITELLM
    cursor: int = 0
    scope: str = "curated"
    filter: str | None = None
    ready_only: bool = False
    deprecated: bool = False
    sort: str = "best"
    before: tuple[str, str] = ("", "")
    help: int | None = None
    dialog: AddKey | None = None
    message: str = ""
    now: float = 0.0
    providers: tuple[Provider, ...] = ()
    shown: Shown = Shown((), 0, 0)

    @property
    def item(self) -> Item | None:
        """The selected model."""
        items = self.shown.items
        return items[min(self.cursor, len(items) - 1)] if items else None

    @property
    def provider_at(self) -> int:
        """The index of the selected line of the left column."""
        return next((at for at, one in enumerate(self.providers) if one.name == self.provider), 0)


def with_(state: State, **changes: Any) -> State:
    """`state` with some fields replaced. Derived fields are not updated."""
    return msgspec.structs.replace(state, **changes)


def derived(state: State, *, keep: bool = True) -> State:
    """`state` with both columns updated.

    Args:
        state: The state.
        keep: Whether the selected model stays selected if it is still shown; otherwise the first one is selected.
    """
    data, index, marks = state.data, state.index, state.marks
    before = state.item if keep else None
    typed = (state.filter or "").strip()
    found = index.find(typed, marks.is_ready, marks) if typed else None
    matches: Counter[str] | None = None
    if found is not None:
        matches = Counter(map(_PROVIDER, found if state.deprecated else undeprecated(found, data.today)))
    left = providers(data, index, marks, state.scope, matches, state.now, state.provider)
    right = shown(
        data, index, marks, state.provider, scope=state.scope, found=found, ready_only=state.ready_only,
        deprecated=state.deprecated, sort=state.sort,
    )  # fmt: skip
    cursor = 0
    if before is not None:
        cursor = min(state.cursor, max(0, len(right.items) - 1))
        if right.items[cursor : cursor + 1] != (before,):
            cursor = next((at for at, item in enumerate(right.items) if item == before), cursor)
    return with_(state, providers=left, shown=right, cursor=cursor)


def opened(data: PickerData, index: Index | None = None, now: float = 0.0) -> State:
    """The first state: as the picker was left, with the current or last model selected.

    Args:
        data: What there is to pick from.
        index: The search index, if there is one already.
        now: Seconds since the epoch.
    """
    from ingate.picker.filter import index_of

    memory = data.memory
    item = item_of(data.current, data) if data.current else None
    state = State(
        data=data, index=index or index_of(data), marks=Marks(data), scope="all" if memory.scope == "all" else "curated",
        ready_only=memory.ready_only, sort=memory.sort if memory.sort in {"name", "price", "context", "date"} else "best", now=now,
        provider=home_of(item) if item is not None else LITELLM,
    )  # fmt: skip
    state = derived(state, keep=False)
    if item is not None and item not in state.shown.items and state.ready_only:
        state = derived(with_(state, ready_only=False), keep=False)
    cursor = next((at for at, one in enumerate(state.shown.items) if one == item), 0)
    return with_(state, cursor=cursor)


def home_of(item: Item) -> str:
    """The name of the line of the left column that an item belongs to."""
    if item.lane == "litellm":
        return LITELLM
    return "litellm_proxy" if item.lane == "proxy" else item.row.provider
