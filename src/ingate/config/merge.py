"""Layers on top of each other: the strongest value of each key wins, and what it wins over is remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ingate.config.validate import Checked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingate.config.fields import KeyPath
    from ingate.config.tree import Where


class Conflict(msgspec.Struct, frozen=True):
    """Two layers give one key different values. Only the places are kept, never the values.

    Attributes:
        path: The key (`("groq", "api_key")`).
        winner: Where the value that is used stands.
        losers: Where the others stand, strongest first.
    """

    path: tuple[str, ...]
    winner: Where
    losers: tuple[Where, ...]

    def __str__(self) -> str:
        others = ", ".join(str(place) for place in self.losers)
        return f"{'.'.join(self.path)}: {self.winner} wins over {others}"


def merge(layers: Sequence[Checked]) -> tuple[Checked, tuple[Conflict, ...]]:
    """One layer out of several, strongest first. Sections are merged key by key; a list is replaced as a whole."""
    merged = Checked()
    losers: dict[KeyPath, list[Where]] = {}
    # Free sections may hold a value in one layer where another has keys below it: the stronger shape stays.
    inner: dict[KeyPath, KeyPath] = {}
    for layer in layers:
        for path, where in layer.sections.items():
            merged.sections.setdefault(path, where)
        fresh = {}
        for path, value in layer.values.items():
            taken = path if path in merged.values else _clash(path, merged, inner)
            if taken is None:
                fresh[path] = value
            elif taken != path or merged.values[path].value != value.value:
                losers.setdefault(taken, []).append(value.where)
        for path, value in fresh.items():
            merged.values[path] = value
            for end in range(1, len(path)):
                inner.setdefault(path[:end], path)
    conflicts = (Conflict(path, merged.values[path].where, tuple(places)) for path, places in losers.items())
    return merged, tuple(conflicts)


def _clash(path: KeyPath, merged: Checked, inner: dict[KeyPath, KeyPath]) -> KeyPath | None:
    """A stronger value that stands above or below `path`."""
    for end in range(1, len(path)):
        if path[:end] in merged.values:
            return path[:end]
    return inner.get(path)
