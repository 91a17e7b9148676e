"""The query language of the model filter: terms, and conditions like `cap:vision cost:<1 ctx:>200k ready:`."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ingate.catalog.schema import CAPS, MODES

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingate.catalog.schema import ModelRow

FILTERS: Final = {
    "cap": "has all of these capabilities: cap:vision,tools",
    "cost": "input price in dollars per million tokens: cost:<1, cost:>=0.5, cost:free",
    "out": "output price likewise: out:<10",
    "ctx": "most input tokens: ctx:>200k, ctx:>=1m",
    "provider": "one of these providers: provider:groq,openai",
    "mode": "the kind of model: mode:responses",
    "ready": "ready to call: ready: or ready:no",
}
"""Every filter by its name, with what it means and an example."""

_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}
_NUMBER: Final = re.compile(r"(<=|>=|<|>|=)?\$?(\d{1,12}(?:\.\d{1,12})?|\.\d{1,12})([km]?)\Z")
_UNIT: Final = {"": 1, "k": 1_000, "m": 1_000_000}
_FIELD: Final = {"cost": "input_usd_per_mtok", "out": "output_usd_per_mtok", "ctx": "context_tokens"}
_NO: Final = frozenset({"no", "n", "false", "0", "off"})
_YES: Final = frozenset({"", "yes", "y", "true", "1", "on"})


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on a row.

    Attributes:
        name: One of `FILTERS`.
        text: The condition as it was typed (`"cost:<1"`).
        test: Whether a row meets it.
    """

    name: str
    text: str
    test: Callable[[ModelRow], bool]


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query.

    Attributes:
        terms: Lower-case words that a row must all have.
        filters: Conditions that a row must all meet.
        ready: True, only rows that are ready; False, only rows that are not; None, both.
        problems: What could not be understood, one sentence each; it is either searched as text or ignored.
    """

    terms: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    ready: bool | None = None
    problems: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether every row meets it."""
        return not (self.terms or self.filters) and self.ready is None


def parse_query(text: str) -> Query:
    """Parse a query. Nothing is an error: an incomplete filter is ignored, and `problems` says so."""
    terms: list[str] = []
    filters: list[Filter] = []
    problems: list[str] = []
    ready: bool | None = None
    for word in text.lower().split():
        name, colon, value = word.partition(":")
        if not colon or name not in FILTERS:
            terms.append(word)
            if colon and name.isalpha() and value and not value[0].isdigit() and value != "free":
                problems.append(
                    f"{name!r} is not a filter and is searched as text; the filters are {', '.join(FILTERS)}"
                )
            continue
        if name == "ready":
            if value in _YES or value in _NO:
                ready = value in _YES
                continue
            made: Filter | str = "write ready: or ready:no"
        else:
            made = _filter(name, word, value)
        if isinstance(made, Filter):
            filters.append(made)
        else:
            problems.append(f"{word!r} is ignored: {made}")
    return Query(tuple(terms), tuple(filters), ready, tuple(problems))


def _filter(name: str, word: str, value: str) -> Filter | str:
    """The filter, or what to write instead."""
    if name in _FIELD:
        return _number(name, word, value)
    wanted = tuple(part for part in value.split(",") if part)
    if not wanted:
        return FILTERS[name]
    if name == "provider":
        return Filter(name, word, lambda row: row.provider.startswith(wanted))
    known = CAPS if name == "cap" else MODES
    exact: list[str] = []
    for part in wanted:
        near = [part] if part in known else [item for item in known if item.startswith(part)]
        if len(near) != 1:
            return f"{part!r} is not one of {', '.join(known)}" if not near else f"{part!r} may be {' or '.join(near)}"
        exact += near
    if name == "cap":
        return Filter(name, word, lambda row, wanted=frozenset(exact): wanted.issubset(row.caps))
    return Filter(name, word, lambda row: row.mode in exact)


def _number(name: str, word: str, value: str) -> Filter | str:
    amount_of = operator.attrgetter(_FIELD[name])
    if value == "free" and name != "ctx":
        return Filter(name, word, lambda row: amount_of(row) == 0)
    if value == "?":
        return Filter(name, word, lambda row: amount_of(row) is None)
    found = _NUMBER.match(value)
    if found is None:
        return FILTERS[name]
    sign, digits, unit = found.groups()
    bound = float(digits) * _UNIT[unit]
    compare = _COMPARE[sign or ("<=" if name != "ctx" else ">=")]

    def test(row: ModelRow) -> bool:
        amount = amount_of(row)
        return amount is not None and compare(amount, bound)

    return Filter(name, word, test)
