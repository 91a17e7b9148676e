"""The two columns: which providers there are, which models each has, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from ingate.picker.data import LOCAL, PROXY, age
from ingate.picker.items import RANK, Item, item_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.catalog import ModelRow
    from ingate.picker.data import Mark, PickerData
    from ingate.picker.filter import Index
    from ingate.picker.items import Lane

LITELLM: Final = "litellm"
SORTS: Final = ("best", "name", "price", "context", "date")
_RECENT: Final = 5

Kind = Literal["litellm", "local", "proxy", "server", "provider"]


class Provider(NamedTuple):
    """One line of the left column.

    Attributes:
        name: `"litellm"`, `"local"`, `"litellm_proxy"`, a server's or a provider's name.
        title: What is shown.
        kind: What it is.
        mark: Its state; empty for the first line, whose rows differ.
        count: How many models it shows, None where nobody knows.
        note: What follows: the age of a fetched list.
    """

    name: str
    title: str
    kind: Kind
    mark: Mark | Literal[""]
    count: int | None
    note: str = ""


class Marks:
    """The states of one `PickerData`'s items, for thousands of them at every keystroke."""

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
        """Whether a provider's models would answer; what `ready:` compares."""
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
    """The left column: LiteLLM, local models, the proxy, one's own servers, then every provider, ready ones first.

    Args:
        data: What there is.
        index: Its rows.
        marks: Its states.
        scope: `"curated"` or `"all"`, what the first line shows.
        matches: How many rows of each match the filter; None without a filter. Those with none are left out.
        now: Seconds since the epoch, for the age of lists.
        selected: The selected line, which stays.
    """
    where = "available" if data.readiness.has_litellm else "not installed"
    what = f"{len(data.curated)} curated" if scope == "curated" else f"{index.catalog_visible:,} all"
    title = f"LiteLLM [{where}] ({what})" if matches is None else f"All providers ({sum(matches.values()):,} match)"
    found = [Provider(LITELLM, title, "litellm", "", None)]

    def add(name: str, title: str, kind: Kind) -> None:
        if matches is not None and not matches.get(name) and name != selected:
            return
        count = index.visible.get(name) if matches is None else matches.get(name, 0)
        listed = data.lives.get(name)
        note = age(now - listed.fetched_at) if listed is not None and listed.fetched_at else ""
        found.append(Provider(name, title, kind, marks.provider(name), count, note))

    if data.local:
        add(LOCAL, "Local models", "local")
    if data.proxy is not None:
        add(PROXY, "LiteLLM proxy", "proxy")
    for name in data.servers:
        add(name, name, "server")
    own = {PROXY} if data.proxy is not None else set()
    names = [name for name in data.providers if name not in own and name not in data.servers]
    for name in sorted(names, key=lambda name: RANK[marks.provider(name)]):
        add(name, data.providers[name].display_name, "provider")
    return tuple(found)


class Shown(NamedTuple):
    """The right column.

    Attributes:
        items: What is shown, in order.
        hidden: How many rows of this provider are not.
        deprecated: How many of these are hidden for their deprecation date alone.
        pinned: How many of the first items stand above as favourites or recents.
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
    """The rows of a provider, or those of them that the filter found.

    Args:
        data: What there is.
        index: Its rows.
        marks: Its states.
        provider: The selected line of the left column.
        scope: What the first line shows without a filter.
        found: What matches the filter, best first; None without a filter.
        ready_only: Whether only ready items are shown.
        deprecated: Whether rows past their date are shown.
        sort: One of `SORTS`.
    """
    first = provider == LITELLM
    lane: Lane = "auto" if not first else "litellm" if found is None else marks.catalog_lane
    universe = index.rows if first and found is not None else data.rows if first else index.groups.get(provider, ())
    if found is not None:
        rows = found if first else [row for row in found if row.provider == provider]
    elif first and scope == "curated":
        rows = [entry.row for entry in data.curated]
    else:
        rows = list(universe)
    current = rows if deprecated else undeprecated(rows, data.today)
    own: dict[str, Lane] = dict.fromkeys(data.servers, "auto")
    own[LOCAL] = "auto"
    if data.proxy is not None:
        own[PROXY] = "proxy"
    items = [Item(row, own.get(row.provider, lane)) for row in current]
    if found is None or sort != "best":
        items = _sorted(items, sort, data, index, marks, curated=first and scope == "curated")
    pinned = [item for item in _pinned(data) if _belongs(item, provider, first)] if found is None else []
    if pinned:
        specs = {item.spec for item in pinned}
        providers = {item.row.provider for item in pinned}
        items = pinned + [item for item in items if item.row.provider not in providers or item.spec not in specs]
    if ready_only:
        items = [item for item in items if marks.of(item) == "ready"]
        pinned = items[: sum(1 for item in pinned if marks.of(item) == "ready")]
    hidden = len(universe) - len(items)
    if pinned:  # some of these may come from elsewhere
        there = {id(item.row) for item in items}
        hidden = sum(1 for row in universe if id(row) not in there)
    return Shown(tuple(items), hidden, len(rows) - len(current), len(pinned))


def _pinned(data: PickerData) -> list[Item]:
    """Favourites, newest first, then recents with the current one before them; each once."""
    memory = data.memory
    recents = ([data.current] if data.current else []) + list(memory.recents[:_RECENT])
    found: dict[str, Item] = {}
    for spec in (*reversed(memory.favourites), *recents):
        item = item_of(spec, data)
        if item is not None:
            found.setdefault(item.spec, item)
    return list(found.values())


def _belongs(item: Item, provider: str, first: bool) -> bool:
    if first:
        return True
    if item.lane == "proxy":
        return provider == PROXY
    return item.lane == "auto" and item.row.provider == provider


def _sorted(items: list[Item], sort: str, data: PickerData, index: Index, marks: Marks, *, curated: bool) -> list[Item]:
    """Items in the order asked for. Best: ready ones first, then the best known providers', newer versions first."""
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
    """Cheap first, unknown last."""
    price = row.input_usd_per_mtok
    return price is None, price or 0.0, row.output_usd_per_mtok or 0.0
