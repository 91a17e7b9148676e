"""What the picker remembers between runs in `picker.json`: favourites, recently used models, and how it was left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

_FILE: Final = "picker.json"
_KEPT: Final = 20


class Memory(msgspec.Struct, frozen=True):
    """Attributes:
    favourites: Specs, the newest favourite last.
    recents: The specs picked most recently, newest first.
    sort: The order of the list.
    scope: `"curated"` or `"all"`.
    ready_only: Whether only ready models were shown.
    """

    favourites: tuple[str, ...] = ()
    recents: tuple[str, ...] = ()
    sort: str = "best"
    scope: str = "curated"
    ready_only: bool = False

    @property
    def last(self) -> str | None:
        """The spec picked last, None if there is none."""
        return self.recents[0] if self.recents else None

    def picked(self, spec: str) -> Memory:
        """With `spec` as the last one picked."""
        recents = (spec, *(known for known in self.recents if known != spec))
        return msgspec.structs.replace(self, recents=recents[:_KEPT])

    def toggled(self, spec: str) -> Memory:
        """With `spec` added to the favourites, or removed if it is one."""
        if spec in self.favourites:
            return msgspec.structs.replace(self, favourites=tuple(one for one in self.favourites if one != spec))
        return msgspec.structs.replace(self, favourites=(*self.favourites, spec))


def read(folder: Path) -> Memory:
    """What an earlier run saved; the defaults if there is no file or it cannot be read."""
    try:
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=Memory)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return Memory()


def write(folder: Path, memory: Memory) -> bool:
    """Save it for the next run, readable only by the user; returns False if the folder cannot be written."""
    from ingate.paths import write_private

    try:
        write_private(folder / _FILE, msgspec.json.format(msgspec.json.encode(memory)))
    except OSError:
        return False
    return True
