"""The search index over every row that the picker can show: one search per keystroke, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingate.catalog import Searcher
from ingate.picker.data import LISTED, LOCAL, PROXY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ingate.catalog import ModelRow
    from ingate.picker.data import PickerData

_REMEMBERED = 64
_last: tuple[PickerData, Index] | None = None


def index_of(data: PickerData) -> Index:
    """The index of the data's rows. The last one is reused if its rows have not changed, as when the picker reopens."""
    global _last
    if _last is None or not _same(_last[0], data):
        _last = data, Index(data)
    return _last[1]


def _same(one: PickerData, other: PickerData) -> bool:
    return (
        one.rows is other.rows
        and one.today == other.today
        and one.curated == other.curated
        and one.local == other.local
        and one.proxy == other.proxy
        and one.servers == other.servers
        and one.aliases == other.aliases
        and one.lives == other.lives
    )


class Index:
    """The rows of a `PickerData` by provider, and a search over all of them.

    Create a new one when the data's rows or lists change. Call `prepare` in a thread, or the first keystroke is slow.

    Attributes:
        rows: Every row, the catalog's first. A fetched list replaces the catalog's rows of its provider.
        groups: The rows by provider, server, `local` or `litellm_proxy`.
        visible: How many rows of each group are not past their deprecation date.
        catalog_visible: How many rows of the catalog are not.
        names: The display name of a row, by its key, if it has one.
    """

    def __init__(self, data: PickerData) -> None:
        groups: dict[str, list[ModelRow]] = {}
        for row in data.rows:
            groups.setdefault(row.provider, []).append(row)
        for name, listed in data.lives.items():
            shown = name in LISTED or name == PROXY or name in data.servers
            if shown and (listed.rows or not listed.problem):
                groups[name] = list(listed.rows)
        if data.local:
            groups[LOCAL] = list(data.local)
        self.groups: Mapping[str, tuple[ModelRow, ...]] = {name: tuple(rows) for name, rows in groups.items()}
        self.rows: tuple[ModelRow, ...] = tuple(self._every())
        self.visible: Mapping[str, int] = {name: visible_count(rows, data.today) for name, rows in self.groups.items()}
        self.catalog_visible = visible_count(data.rows, data.today)
        self.names: Mapping[str, str] = {entry.row.key: entry.display_name for entry in data.curated}
        words = {entry.row.key: f"{entry.display_name} {' '.join(entry.tags)}" for entry in data.curated}
        for key, aliases in data.aliases.items():
            words[key] = f"{words.get(key, '')} {' '.join(aliases)}"
        self._searcher = Searcher(self.rows, words)
        self._found: dict[tuple[str, object], list[ModelRow]] = {}
        self._places: dict[int, int] = {}

    def _every(self) -> Iterator[ModelRow]:
        for rows in self.groups.values():
            yield from rows

    def prepare(self) -> None:
        """Do the work that the first search, the first misspelt word and the first sort would otherwise do."""
        self._searcher.prepare()
        self.place(None)
        self._searcher.prepare(spelling=True)

    def place(self, row: ModelRow | None) -> int:
        """A row's position among all rows, newer versions first."""
        if not self._places:
            self._places = {id(one): at for at, one in enumerate(self._searcher.newest())}
        return self._places.get(id(row), len(self._places))

    def find(self, query: str, ready: Callable[[str], bool], marks: object) -> list[ModelRow]:
        """The rows that match, best match first.

        Args:
            query: What was typed.
            ready: Whether a provider is ready.
            marks: An object that is replaced when the results of `ready` change; part of the cache's key.
        """
        key = (query, marks)
        if (found := self._found.get(key)) is None:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            found = self._found[key] = self._searcher.search(query, ready=ready)
        return found


def visible_count(rows: Sequence[ModelRow], today: str) -> int:
    """The number of rows that are not past their deprecation date on `today`."""
    return len(rows) - sum(1 for row in rows if row.deprecated_on is not None and row.deprecated_on < today)
