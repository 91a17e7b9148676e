"""The two columns: the providers, the models of each, and their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from ingate.picker.data import LOCAL, PROXY, age
from ingate.picker.items import RANK, Item, item_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingate.catalog import ModelRow
    from ingate.picker.data import Mark, PickerData
    from ingate.picker.filter import Index
    from ingate.picker.items import Lane

LITELLM: Final = "litellm"
SORTS: Final = ("best", "name", "price", "context", "date")
_RECENT: Final = 5


class Provider(NamedTuple):
    """One line of the left column.

    Attributes:
        name: `"litellm"`, `"local"`, `"litellm_proxy"`, or the name of a server or provider.
        title: The text of the line.
        mark: Its state; empty for the first line, whose models have different states.
        count: The number of models it shows, None if unknown.
        note: The age of its fetched list, empty if it has none.
    """

    name: str
    title: str
    mark: Mark | Literal[""]
    count: int | None
    note: str = ""


class Marks:
    """The states of a `PickerData`'s items, fast enough for thousands of them at every keystroke.

    Attributes:
        catalog_lane: The lane of models found by the filter: `"litellm"` if it is installed.
    """

    def __init__(self, data: PickerData) -> None:
        self._readiness = data.readiness
        self._providers: dict[str, Mark] = {}
        self.catalog_lane: Lane = "litellm" if data.readiness.has_litellm else "auto"

    def of(self, item: Item) -> Mark:
        """The item's state."""
        row, lane = item
        return self._readiness.state(row.provider, row.model, lane)

    def provider(self, name: str) -> Mark:
        """The state of a line of the left column."""
        if (state := self._providers.get(name)) is None:
            state = self._providers[name] = self._readiness.provider(name).state
        return state

    def is_ready(self, provider: str) -> bool:
        """Whether a provider's models would answer, for the filter `ready:`."""
        return self.provider(provider) == "ready"


def undeprecated(rows: list[ModelRow], today: str) -> list[ModelRow]:
    """The rows that are not past their deprecation date on `today`."""
    return [row for row in rows if row.deprecated_on is None or row.deprecated_on >= today]


def providers(
    data: PickerData,
    index: Index,
    marks: Marks,
    scope: str,
    matches: Mapping[str, int] | None,
    now: float,
    selected: str = LITELLM,
) -> tuple[Provider, ...]:
    """The left column: LiteLLM, local models, the proxy, configured servers, then every provider, ready ones first.

    Args:
        data: What there is to pick from.
        index: Its rows.
        marks: Its states.
        scope: What the first line shows, `"curated"` or `"all"`.
        matches: Name → how many of its rows match the filter; None without a filter. Names without matches are left out.
        now: Seconds since the epoch, for the age of lists.
        selected: The selected line, which is never left out.
    """
    state = "available" if data.readiness.has_litellm else "not installed"
    models = f"{len(data.curated)} curated" if scope == "curated" else f"{index.catalog_visible:,} all"
    title = f"LiteLLM [{state}] ({models})" if matches is None else f"All providers ({sum(matches.values()):,} match)"
    found = [Provider(LITELLM, title, "", None)]

    def add(name: str, title: str) -> None:
        if matches is not None and not matches.get(name) and name != selected:
            return
        count = index.visible.get(name) if matches is None else matches.get(name, 0)
        listed = data.lives.get(name)
        note = age(now - listed.fetched_at) if listed is not None and listed.fetched_at else ""
        found.append(Provider(name, title, marks.provider(name), count, note))

    if data.local:
        add(LOCAL, "Local models")
    if data.proxy is not None:
        add(PROXY, "LiteLLM proxy")
    for name in data.servers:
        add(name, name)
    added = {PROXY, *data.servers} if data.proxy is not None else {*data.servers}
    names = [name for name in data.providers if name not in added]
    for name in sorted(names, key=lambda name: RANK[marks.provider(name)]):
        add(name, data.providers[name].display_name)
    return tuple(found)


class Shown(NamedTuple):
    """The right column.

    Attributes:
        items: The models, in order.
        hidden: How many rows of the selected line are not shown.
        deprecated: How many of these are hidden only because they are deprecated.
        pinned: How many of the first items are favourites or recently used.
    """

    items: tuple[Item, ...]
    hidden: int
    deprecated: int
    pinned: int = 0


def shown(
    data: PickerData,
    index: Index,
    marks: Marks,
    provider: str,
    *,
    scope: str,
    found: list[ModelRow] | None,
    ready_only: bool,
    deprecated: bool,
    sort: str,
) -> Shown:
    """The models of the selected line, or those of them that match the filter.

    Args:
        data: What there is to pick from.
        index: Its rows.
        marks: Its states.
        provider: The selected line of the left column.
        scope: What the first line shows without a filter, `"curated"` or `"all"`.
        found: The rows that match the filter, best match first; None without a filter.
        ready_only: Whether to leave out items that are not ready.
        deprecated: Whether to include rows past their deprecation date.
        sort: One of `SORTS`.
    """
    universe, rows = _candidates(data, index, provider, scope, found)
    current = rows if deprecated else undeprecated(rows, data.today)
    items = _items(data, marks, provider, current, filtered=found is not None)
    if found is None or sort != "best":
        items = _sorted(items, sort, data, index, marks, curated=provider == LITELLM and scope == "curated")
    pinned = [item for item in _pinned(data) if _belongs(item, provider)] if found is None else []
    items = _with_pinned(pinned, items)
    if ready_only:
        pinned = [item for item in pinned if marks.of(item) == "ready"]
        items = [item for item in items if marks.of(item) == "ready"]
    return Shown(tuple(items), _hidden(universe, items, pinned), len(rows) - len(current), len(pinned))


def _candidates(
    data: PickerData, index: Index, provider: str, scope: str, found: list[ModelRow] | None
) -> tuple[Sequence[ModelRow], list[ModelRow]]:
    """All rows of the selected line, and those that the filter or the scope selects."""
    if provider != LITELLM:
        universe = index.groups.get(provider, ())
        return universe, list(universe) if found is None else [row for row in found if row.provider == provider]
    if found is not None:
        return index.rows, found
    return data.rows, [entry.row for entry in data.curated] if scope == "curated" else list(data.rows)


def _items(data: PickerData, marks: Marks, provider: str, rows: list[ModelRow], *, filtered: bool) -> list[Item]:
    """The rows, each on the lane on which the selected line calls it."""
    lane: Lane = "auto" if provider != LITELLM else marks.catalog_lane if filtered else "litellm"
    fixed: dict[str, Lane] = {**dict.fromkeys(data.servers, "auto"), LOCAL: "auto"}
    if data.proxy is not None:
        fixed[PROXY] = "proxy"
    return [Item(row, fixed.get(row.provider, lane)) for row in rows]


def _with_pinned(pinned: list[Item], items: list[Item]) -> list[Item]:
    """The pinned items, then the others; no model twice."""
    if not pinned:
        return items
    specs = {item.spec for item in pinned}
    providers = {item.row.provider for item in pinned}  # building thousands of specs would take too long
    return pinned + [item for item in items if item.row.provider not in providers or item.spec not in specs]


def _hidden(universe: Sequence[ModelRow], items: list[Item], pinned: list[Item]) -> int:
    """How many rows are not shown. Pinned items need not be among them."""
    if not pinned:
        return len(universe) - len(items)
    shown_rows = {id(item.row) for item in items}
    return sum(1 for row in universe if id(row) not in shown_rows)


def _pinned(data: PickerData) -> list[Item]:
    """Favourites, newest first, then the current model and recently used ones; each once."""
    memory = data.memory
    recents = ([data.current] if data.current else []) + list(memory.recents[:_RECENT])
    found: dict[str, Item] = {}
    for spec in (*reversed(memory.favourites), *recents):
        item = item_of(spec, data)
        if item is not None:
            found.setdefault(item.spec, item)
    return list(found.values())


def _belongs(item: Item, provider: str) -> bool:
    """Whether a pinned item is shown when a line is selected."""
    if provider == LITELLM:
        return True
    if item.lane == "proxy":
        return provider == PROXY
    return item.lane == "auto" and item.row.provider == provider


def _sorted(items: list[Item], sort: str, data: PickerData, index: Index, marks: Marks, *, curated: bool) -> list[Item]:
    """The items in the requested order. `"best"`: ready ones first, then by provider, best known first, then newest
    version first; curated models keep their order among equals."""
    if sort == "name":
        return sorted(items, key=lambda item: (item.row.model.rpartition("/")[2].lower(), item.row.provider))
    if sort == "price":
        return sorted(items, key=lambda item: _price(item.row))
    if sort == "context":
        return sorted(items, key=lambda item: -(item.row.context_tokens or 0))
    if sort == "date":
        return sorted(items, key=lambda item: index.place(item.row))
    if curated:
        return sorted(items, key=lambda item: RANK[marks.of(item)])
    order = {name: at for at, name in enumerate(data.providers)}
    last = len(order)

    def best(item: Item) -> tuple[int, int, int]:
        return RANK[marks.of(item)], order.get(item.row.provider, last), index.place(item.row)

    return sorted(items, key=best)


def _price(row: ModelRow) -> tuple[bool, float, float]:
    """A sort key: cheapest first, unknown prices last."""
    price = row.input_usd_per_mtok
    return price is None, price or 0.0, row.output_usd_per_mtok or 0.0
