"""Search over model rows, fast enough for every keystroke."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ingate.catalog.query import FILTERS, Query, parse_query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ingate.catalog.schema import ModelRow

_BREAK: Final = str.maketrans(dict.fromkeys("/-_.:@ +", " "))
_DROP: Final = str.maketrans(dict.fromkeys("/-_.:@ +"))

# How well a term matches, best first; the scores of a query's terms are added.
_WHOLE, _SEGMENT, _START, _INSIDE, _WORD, _NEAR = range(6)

_DATES: Final = re.compile(r"(?:20\d\d[-.]?[01]\d[-.]?[0-3]\d|\d\d-20\d\d|20\d\d|\d{6,8}|(?<=[-@])\d{4})(?!\d)")
# The first number that is not a size (70b, 8x7b, 2.4t), with the minor ones after it: (4, 1) in gpt-4.1, (5, 5) in opus-5-5.
_VERSION: Final = re.compile(
    r"(?<![\d.])(\d{1,2})(?!\d*(?:\.\d+)?[bxkmt])"
    r"(?:[.\-p](\d{1,2})(?![\dbx]))?(?:[.\-](\d{1,2})(?![\dbx]))?"
)
_SMALL_TERM: Final = 3


class Searcher:
    """Rows prepared for searching; keep it as long as the rows do not change.

    Args:
        rows: The rows. A query without terms keeps their order.
        words: Row's `key` → further words to find it by: a display name, tags.
    """

    def __init__(self, rows: Iterable[ModelRow], words: Mapping[str, str] | None = None) -> None:
        self.rows: Sequence[ModelRow] = tuple(rows)
        self._words = words or {}
        self._providers: list[str] = []
        self._names: list[str] = []
        self._split: list[str] = []
        self._more: list[str] = []
        self._order: list[int] = []
        self._rank: list[int] = []
        self._compact: list[str] = []
        self._segments: dict[str, set[int]] = {}
        self._nearest = lru_cache(maxsize=256)(self._find_nearest)

    def prepare(self, *, spelling: bool = False) -> None:
        """Do the work of the first search now, from any thread: some 30 ms for 3,000 rows.

        Args:
            spelling: Also do the work of the first misspelt term, which takes as long again.
        """
        if len(self._names) < len(self.rows):
            names = [row.key.lower() for row in self.rows]
            self._providers = [row.provider for row in self.rows]
            self._split = [f" {name.translate(_BREAK)} " for name in names]
            caps = {row.caps: " ".join(row.caps) for row in self.rows}
            self._more = [f"{caps[row.caps]} {self._words.get(row.key, '').lower()}" for row in self.rows]
            self._order = sorted(range(len(names)), key=lambda at: _age(self.rows[at].model.lower(), names[at]))
            self._rank = sorted(range(len(names)), key=self._order.__getitem__)
            self._names = names  # last: it marks the rest as complete
        if spelling and len(self._compact) < len(self.rows):
            import rapidfuzz.distance
            import rapidfuzz.process  # noqa: F401

            segments: dict[str, set[int]] = {}
            for at, words in enumerate(self._split):
                for segment in words.split():
                    segments.setdefault(segment, set()).add(at)
            self._segments = segments
            self._compact = [name.translate(_DROP) for name in self._names]

    def newest(self) -> list[ModelRow]:
        """All rows, newer versions first and undated names before dated ones, regardless of provider."""
        self.prepare()
        return [self.rows[at] for at in self._order]

    def search(self, query: str | Query, *, ready: Callable[[str], bool] | None = None) -> list[ModelRow]:
        """The rows that have every term and meet every filter, best match first.

        The best match is the whole name, then a segment of it (`gpt` in `gpt-oss`), then the start of a segment, then any
        part of the name, then the capabilities and `words`. A term that no row has is ignored while it may become a
        filter (`cos`), and otherwise taken as a misspelling of the nearest segments. Among equals, ready rows come
        first, then newer versions, then by name.

        Args:
            query: The text, or the result of `parse_query`.
            ready: Whether a provider (by name) is ready; called once for each. Without it, `ready:` is ignored.
        """
        asked = query if isinstance(query, Query) else parse_query(query)
        self.prepare()
        rows, providers = self.rows, self._providers
        found: Iterable[int] = range(len(rows))
        late: dict[str, bool] | None = None
        if ready is not None:
            late = {provider: not ready(provider) for provider in set(providers)}
            if asked.ready is not None:
                found = [at for at in found if late[providers[at]] is not asked.ready]
        for condition in asked.filters:
            test = condition.test
            found = [at for at in found if test(rows[at])]
        if not asked.terms:
            return [rows[at] for at in (found if late is None else sorted(found, key=lambda at: late[providers[at]]))]
        scores = dict.fromkeys(found, 0)
        for term in asked.terms:
            scores = self._narrow(scores, term)
        rank, width, order = self._rank, len(rows), self._order
        if late is None:
            places = [score * width + rank[at] for at, score in scores.items()]
        else:
            places = [(2 * score + late[providers[at]]) * width + rank[at] for at, score in scores.items()]
        places.sort()
        return [rows[order[place % width]] for place in places]

    def _narrow(self, scores: dict[int, int], term: str) -> dict[int, int]:
        """The rows among `scores` that have `term`, with its score added."""
        names, split, more = self._names, self._split, self._more
        start = f" {term.translate(_BREAK)}"
        segment = f"{start} "
        kept: dict[int, int] = {}
        for at, score in scores.items():
            words = split[at]
            if start in words:
                fit = _START if segment not in words else _WHOLE if self._is_whole(at, term) else _SEGMENT
            elif term in names[at]:
                fit = _INSIDE
            elif term in more[at]:
                fit = _WORD
            else:
                continue
            kept[at] = score + fit
        if kept or any(start in words or term in name for words, name in zip(split, names, strict=True)):
            return kept
        if any(term in text for text in more):
            return kept
        if any(name.startswith(term) for name in FILTERS):
            return scores
        return self._narrow_nearly(scores, term)

    def _is_whole(self, at: int, term: str) -> bool:
        return self._names[at] in {term, f"{self._providers[at]}/{term}"}

    def _narrow_nearly(self, scores: dict[int, int], term: str) -> dict[int, int]:
        """Rows that have `term` if punctuation is ignored, else rows with the segments nearest to it."""
        self.prepare(spelling=True)
        bare = term.translate(_DROP)
        if bare:
            compact = self._compact
            if kept := {at: score + _INSIDE for at, score in scores.items() if bare in compact[at]}:
                return kept
        provider, _, model = term.partition("/")  # `groq/gpt-oss` for groq/openai/gpt-oss-120b
        names, providers = self._names, self._providers
        if own := {
            at: score + _INSIDE for at, score in scores.items() if providers[at] == provider and model in names[at]
        }:
            return own
        near = self._nearest(term)
        return {at: score + _NEAR for at, score in scores.items() if at in near}

    def _find_nearest(self, term: str) -> frozenset[int]:
        """Rows with a segment, or the start of one, within one or two typing errors of `term`."""
        if len(term) < _SMALL_TERM:
            return frozenset()
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        allowed = 1 if len(term) < 6 else 2
        heads: dict[str, list[str]] = {}
        for segment in self._segments:
            heads.setdefault(segment, []).append(segment)
            if len(segment) > len(term):
                heads.setdefault(segment[: len(term)], []).append(segment)
        hits = process.extract(term, heads.keys(), scorer=OSA.distance, score_cutoff=allowed, limit=None)
        best = min((distance for _, distance, _ in hits), default=0)
        return frozenset(
            at
            for head, distance, _ in hits
            if distance == best
            for segment in heads[head]
            for at in self._segments[segment]
        )


def search(
    rows: Iterable[ModelRow], query: str | Query, *, ready: Callable[[str], bool] | None = None
) -> list[ModelRow]:
    """One search over `rows`; see `Searcher.search`. For several searches, keep a `Searcher`."""
    return Searcher(rows).search(query, ready=ready)


def _age(model: str, name: str) -> tuple[int, int, int, int, str]:
    """A sort key: newer versions first, names without a version last, undated before dated names, then by name."""
    dated = _DATES.search(model)
    plain = _DATES.sub("", model) if dated else model
    found = _VERSION.search(plain.rpartition("/")[2])
    if found is None:
        return 1, 0, 0, dated is not None, name
    parts = [int(part or 0) for part in found.groups()]
    if parts[0] >= 30 and not found.group(2):
        parts = [parts[0] // 10, parts[0] % 10, 0]  # Azure's gpt-35
    return -parts[0], -parts[1], -parts[2], dated is not None, name
