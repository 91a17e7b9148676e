"""The names a configuration may use for providers and for what authenticates them.

They come from `data/provider_names.json`: `names` (the providers), `aliases` (other names that people and litellm use
for one of them) and `params` (credential values by litellm's argument name).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

# First parts of a spec that are no provider, so that nothing else may be called so.
RESERVED = frozenset({"litellm", "local", "scripted", "tensorzero"})


class ProviderNames(msgspec.Struct, frozen=True):
    """The three lists of the data file.

    Attributes:
        names: Every provider, in the order of the map.
        aliases: Another name → the provider's own.
        params: Credential values that a provider's section may hold beside `api_key`.
    """

    names: tuple[str, ...]
    aliases: dict[str, str]
    params: tuple[str, ...]

    def canonical(self, name: str) -> str | None:
        """The provider's own name for `name`, None where no provider is called so."""
        if name in self.aliases:
            return self.aliases[name]
        return name if name in self.names else None


@cache
def provider_names() -> ProviderNames:
    """The data file, read once."""
    path = Path(__file__).parent.parent / "data" / "provider_names.json"
    return msgspec.json.decode(path.read_bytes(), type=ProviderNames)
