"""Names in the letters that a provider accepts: the same replacement for a name in every turn, and none twice."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_HASH_CHARS: Final = 6


class Spelling:
    """What names a provider accepts.

    Args:
        first: The characters that may be first, as in a regular expression; empty if any of `others` may.
        others: The characters that may follow.
        most: The most characters of a name.
        fallback: What replaces a name without one accepted letter begins with.
    """

    __slots__ = ("_fallback", "_first", "_first_pattern", "_most", "_others", "accepts")

    def __init__(self, first: str, others: str, most: int, fallback: str) -> None:
        self._first_pattern = re.compile(f"[{first}]") if first else None
        self._others = re.compile(f"[^{others}]")
        self._first = first
        self._most = most
        self._fallback = fallback
        start = f"[{first}][{others}]{{0,{most - 1}}}" if first else f"[{others}]{{1,{most}}}"
        self.accepts = re.compile(start).fullmatch

    def replacements(self, names: Iterable[str]) -> dict[str, str]:
        """What replaces each of the names that are not accepted; empty if all are.

        A replacement depends on the name alone unless two would collide, so that it is the same in every turn.
        """
        bad = [name for name in names if not self.accepts(name)]
        if not bad:
            return {}
        plain = {name: self._replacement(name) for name in dict.fromkeys(bad)}
        taken = {name: 1 for name in names if name not in plain}
        for made in plain.values():
            taken[made] = taken.get(made, 0) + 1
        made_of = {name: made for name, made in plain.items() if taken[made] == 1}
        for name, made in plain.items():
            if name not in made_of:
                made_of[name] = self._unique(made, name, taken)
        return made_of

    def _replacement(self, name: str) -> str:
        made = self._others.sub("_", name)
        if not made.strip("_"):  # a name without one accepted letter
            made = f"{self._fallback}_{_digest(name)}"
        if self._first_pattern is not None and not self._first_pattern.match(made):
            made = f"_{made}" if self._first_pattern.match("_") else f"{self._fallback}_{made}"
        return made if len(made) <= self._most else self._hashed(made, name)

    def _unique(self, made: str, name: str, taken: dict[str, int]) -> str:
        unique, salt = self._hashed(made, name), 0
        while unique in taken:
            salt += 1
            unique = self._hashed(made, f"{name} {salt}")
        taken[unique] = 1
        return unique

    def _hashed(self, made: str, name: str) -> str:
        return f"{made[: self._most - _HASH_CHARS - 1]}_{_digest(name)}"


def spelling_of(rule: Any, fallback: str) -> Spelling | None:
    """The spelling that a rule of `data/model_facts.json` describes (`tool_name`, `property_name`); None for no rule."""
    if not isinstance(rule, dict):
        return None
    return _spelling(str(rule.get("first", "")), str(rule["chars"]), int(rule["max"]), fallback)


@lru_cache(maxsize=64)
def _spelling(first: str, others: str, most: int, fallback: str) -> Spelling:
    return Spelling(first, others, most, fallback)


def listed(replaced: Mapping[str, str], most: int = 4) -> str:
    """Names with their replacements, for a sentence."""
    shown = ", ".join(f"{name!r} as {sent!r}" for name, sent in list(replaced.items())[:most])
    return f"{shown} and {len(replaced) - most} more" if len(replaced) > most else shown


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_CHARS]
