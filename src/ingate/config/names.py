"""The names that a configuration may use: providers, their credential parameters, and names the user chooses.

The providers come from `data/provider_names.json`: `names`, `aliases` (other names that users and litellm have for one of
them), `params` (credential values by litellm's argument name) and `unmapped` (providers that only litellm knows).
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

# First parts of a spec that are not providers, so nothing else may have these names.
RESERVED: Final = frozenset({"litellm", "local", "scripted", "tensorzero"})

# Words in the name of a key whose value is secret.
_SECRET_WORDS: Final = ("key", "secret", "token", "password", "authorization", "cookie")
_NO_SECRETS: Final = ("_file", "_id")

_SERVER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_VARIABLE: Final = re.compile(r"[^=\x00-\x20]+\Z")
_ALIAS: Final = re.compile(r"[^\s/,?&%]+\Z")


class ProviderNames(msgspec.Struct, frozen=True):
    """The lists of the data file.

    Attributes:
        names: Every provider, in the order of the map.
        aliases: Other name → the provider's own name.
        params: Credential values that a provider's section may hold beside `api_key`.
        unmapped: litellm's providers whose variables ingate does not know; they have no section.
    """

    names: tuple[str, ...]
    aliases: dict[str, str]
    params: tuple[str, ...]
    unmapped: tuple[str, ...]

    def canonical(self, name: str) -> str | None:
        """The provider's own name for `name`; None if no provider has that name."""
        if name in self.aliases:
            return self.aliases[name]
        return name if name in self.names else None


@cache
def provider_names() -> ProviderNames:
    """The data file, read once."""
    path = Path(__file__).parent.parent / "data" / "provider_names.json"
    return msgspec.json.decode(path.read_bytes(), type=ProviderNames)


def is_secret_name(key: str) -> bool:
    """Whether a key's name says that its value is secret."""
    lowered = key.lower()
    return any(word in lowered for word in _SECRET_WORDS) and not lowered.endswith(_NO_SECRETS)


# Each of the following returns what is wrong with a name, as the end of a sentence; an empty string if nothing is.


def server_name(name: str) -> str:
    """A key of `servers:`, the first part of its models' specs."""
    if not _SERVER.match(name) or name.startswith("litellm."):
        return "is not a valid name: use letters, digits, _ . and -, and do not begin with litellm."
    if name in RESERVED or provider_names().canonical(name) is not None:
        return "already means something else in a model's name; choose another"
    return ""


def header_name(name: str) -> str:
    """An HTTP header's name (RFC 9110, 5.6.2)."""
    return "" if _HEADER.match(name) else "is not a header name"


def variable_name(name: str) -> str:
    """An environment variable's name."""
    return "" if _VARIABLE.match(name) else "is not a variable name"


def alias_name(name: str) -> str:
    """A name that stands for a whole spec."""
    return "" if _ALIAS.match(name) else "may not contain spaces or any of / , ? & %"


def any_name(name: str) -> str:
    """A name used for display only."""
    return "" if name.strip() else "is empty"
