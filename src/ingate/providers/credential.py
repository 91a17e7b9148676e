"""What authenticates one call."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.secret import Secret

# Parts of the names of values that authenticate.
_SECRET_PARTS: Final = ("key", "token", "secret", "password", "credential")
_EMPTY: Mapping[str, Secret] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Credential:
    """A key and the other values the provider requires, with their source.

    Attributes:
        api_key: The key; None if the provider needs none or is authenticated by `params` alone.
        params: Further values by litellm's argument name (`aws_access_key_id`, `aws_region_name`, `vertex_project`,
            `azure_ad_token`, `api_version`); all kept as secrets, since some are.
        source: Where it came from, for display: `"env GROQ_API_KEY"`, `"ingate.yaml:4 groq.api_key"`, `"no key needed"`.
    """

    api_key: Secret | None = None
    params: Mapping[str, Secret] = field(default_factory=lambda: _EMPTY)
    source: str = ""

    def secrets(self) -> tuple[Secret, ...]:
        """Every value to scrub from what the provider returns; a region or a version is not one."""
        own = (self.api_key,) if self.api_key is not None else ()
        return own + tuple(value for name, value in self.params.items() if is_secret(name))

    def open_params(self) -> dict[str, str]:
        """The values that shape the request and are not secret, in plain text (`api_version`, `vertex_project`)."""
        return {name: str(value.reveal()) for name, value in self.params.items() if not is_secret(name)}


def is_secret(name: str) -> bool:
    """Whether a value with this argument name authenticates."""
    return any(part in name for part in _SECRET_PARTS)
