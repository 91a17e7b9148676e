"""The names a configuration may use for backings and for what authenticates them.

They come from `data/backing_names.json`: `names` (the backings), `aliases` (other names that people and litellm use
for one of them) and `params` (credential values by litellm's argument name).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

# First parts of a spec that are no backing, so that nothing else may be called so.
RESERVED = frozenset({"litellm", "local", "scripted", "tensorzero"})


class BackingNames(msgspec.Struct, frozen=True):
    """The three lists of the data file.

    Attributes:
        names: Every backing, in the order of the map.
        aliases: Another name → the backing's own.
        params: Credential values that a backing's section may hold beside `api_key`.
    """

    names: tuple[str, ...]
    aliases: dict[str, str]
    params: tuple[str, ...]

    def canonical(self, name: str) -> str | None:
        """The backing's own name for `name`, None where no backing is called so."""
        if name in self.aliases:
            return self.aliases[name]
        return name if name in self.names else None


@cache
def backing_names() -> BackingNames:
    """The data file, read once."""
    path = Path(__file__).parent.parent / "data" / "backing_names.json"
    return msgspec.json.decode(path.read_bytes(), type=BackingNames)
