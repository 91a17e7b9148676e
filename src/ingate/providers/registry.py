"""The map of providers: which variables each one reads, its address, and its wire format.

The map is package data (`data/providers.json`), one record per line, maintained by hand and checked by tests against
the installed litellm. Looking up a provider never calls litellm: its own checks return wrong answers for most
providers, and for some of them they start a login.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from ingate.errors import UnknownProviderError
from ingate.providers.proxy import KEY_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

_DATA = Path(__file__).parent.parent / "data"
LITELLM_DOCS: Final = "https://docs.litellm.ai/docs/providers"
_CREDENTIAL_WORDS: Final = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL", "JWT", "ROLE_ARN", "VCAP")
# Endings of variables that say where a credential is rather than hold it.
_POINTERS: Final = ("_FILE", "_FILE_PATH", "_URI", "_DIR", "_ARN", "_URL", "APPLICATION_CREDENTIALS")
# Keys that litellm's proxy and a TensorZero gateway read.
_GATEWAY_VARIABLES: Final = frozenset({*KEY_VARIABLES, "LITELLM_MASTER_KEY", "LITELLM_SALT_KEY", "TENSORZERO_API_KEY"})


class Provider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One provider.

    Attributes:
        name: Its name in specs (`"groq"`), which is litellm's.
        display_name: Its name for display.
        env: Alternatives; each is a group of variables that suffice together. `((),)` means that nothing is needed,
            `()` that no variable can authenticate (a login).
        auth: `"api_key"`, `"cloud"` (a cloud's own credentials), `"none"`, `"base_url"` (a server that needs only its
            address), `"oauth_device"` (a login stored in a file), `"litellm"` (litellm reads what it needs; only it knows what).
        also: A group's variable → other names read in its place.
        optional_env: Variables that are used if set, but not required.
        credential_files: Files that authenticate if no variable does, `~` for the home folder.
        params_env: Variable → litellm's argument name for anything but the API key; empty if litellm or a cloud's own
            package reads the variable itself and nothing is passed.
        api_base_env: Variables with a base URL, first one wins. None of them is a secret.
        api_base_required: Whether there is no default base URL.
        default_api_base: The base URL the native lane appends the format's path to; `{region}`, `{location}` and
            `{account_id}` are filled in. None if there is no default.
        direct_path: What a base URL must end with for the native lane; appended if absent.
        litellm_path: What replaces `direct_path` in a base URL for litellm; None for the same.
        base_strip: Endings that users write and that are removed first.
        base_keep: Endings that need no `direct_path`.
        litellm_default: Whether the default base URL is passed to litellm too, because litellm's own is wrong.
        wire_format: The format of the native lane; empty if only litellm serves the provider.
        auth_style: How a request is authenticated: `"bearer"`, `"x-api-key"`, `"api-key"`, `"x-goog-api-key"`, `"sigv4"`
            (bearer if there is a key), `"google"`, `"snowflake"`, `"none"`.
        auth_headers: Further headers that carry the key, `{api_key}` filled in.
        litellm_only: Variables whose group only litellm can use (`"files"` for the files).
        native_only: Variables whose group litellm cannot use.
        needs_extra: The ingate extra that installs `needs_module`.
        needs_module: A package that some credentials need.
        needs_for: Variables whose group needs it; `"files"` for the files, `"*"` for all.
        near: Names other tools use for the same secret, which are not read here.
        docs_url: Its documentation.
        key_url: Where to create a key, on the provider's own site; empty if unknown.
        catalog_providers: The provider's names in the catalog.
        notes: Remarks for the documentation.
    """

    name: str
    display_name: str
    env: tuple[tuple[str, ...], ...]
    auth: Literal["api_key", "cloud", "none", "base_url", "oauth_device", "litellm"] = "api_key"
    also: dict[str, tuple[str, ...]] = {}
    optional_env: tuple[str, ...] = ()
    credential_files: tuple[str, ...] = ()
    params_env: dict[str, str] = {}
    api_base_env: tuple[str, ...] = ()
    api_base_required: bool = False
    default_api_base: str | None = None
    direct_path: str = ""
    litellm_path: str | None = None
    base_strip: tuple[str, ...] = ()
    base_keep: tuple[str, ...] = ()
    litellm_default: bool = False
    wire_format: str = ""
    auth_style: str = "bearer"
    auth_headers: dict[str, str] = {}
    litellm_only: tuple[str, ...] = ()
    native_only: tuple[str, ...] = ()
    needs_extra: str = ""
    needs_module: str = ""
    needs_for: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    docs_url: str = ""
    key_url: str = ""
    catalog_providers: tuple[str, ...] = ()
    notes: str = ""

    def names_of(self, variable: str) -> tuple[str, ...]:
        """Every variable read in place of `variable`, in order."""
        if variable in self.api_base_env:
            return self.api_base_env
        return (variable, *self.also.get(variable, ()))

    def target(self, variable: str) -> str:
        """What `variable` sets: `"api_base"`, `"api_key"`, a litellm argument, or empty if it is not passed on."""
        return "api_base" if variable in self.api_base_env else self.params_env.get(variable, "api_key")

    def variables(self) -> frozenset[str]:
        """Every variable read for this provider."""
        named = {name for group in self.env for variable in group for name in self.names_of(variable)}
        return frozenset({*named, *self.optional_env, *self.params_env, *self.api_base_env})


class _Names(msgspec.Struct, frozen=True):
    """The provider names the configuration accepts (`data/provider_names.json`)."""

    aliases: dict[str, str]
    params: frozenset[str]
    unmapped: frozenset[str]


@cache
def providers() -> Mapping[str, Provider]:
    """All providers by name, the best known first. Read once."""
    records = msgspec.json.decode((_DATA / "providers.json").read_bytes(), type=list[Provider])
    return MappingProxyType({record.name: record for record in records})


@cache
def _names() -> _Names:
    return msgspec.json.decode((_DATA / "provider_names.json").read_bytes(), type=_Names)


def aliases() -> Mapping[str, str]:
    """Alternative names (`google`, `cohere`, `together`) → provider names."""
    return MappingProxyType(_names().aliases)


def litellm_arguments() -> frozenset[str]:
    """The credential values that litellm accepts as arguments; other params are for the native lane only."""
    return _names().params


def is_credential(variable: str) -> bool:
    """Whether a variable's name indicates a credential rather than an address, an account or a project."""
    return any(word in variable for word in _CREDENTIAL_WORDS)


@cache
def secret_variables() -> frozenset[str]:
    """Every variable that may hold a credential of a provider, the proxy or TensorZero; child processes must not get it.

    Base URLs, regions, projects and file paths are not included.
    """
    bases = {name for record in providers().values() for name in record.api_base_env}
    read = {name for record in providers().values() for name in record.variables()}
    return _GATEWAY_VARIABLES | {name for name in read - bases if is_credential(name) and not name.endswith(_POINTERS)}


def unmapped(name: str) -> Provider | None:
    """A provider that is not in the map, but that litellm has; None if it has none of that name.

    Which variables it reads is not known, so nothing is passed but what the configuration of litellm says.
    """
    if name not in _names().unmapped:
        return None
    return Provider(name=name, display_name=name, env=((),), auth="litellm", docs_url=LITELLM_DOCS)


def provider(name: str) -> Provider:
    """The provider with this name or alias, also one that only litellm knows.

    Raises:
        UnknownProviderError: There is none; `nearest` has similar names.
    """
    known = providers()
    found = known.get(name) or known.get(_names().aliases.get(name, "")) or unmapped(name)
    if found is not None:
        return found
    nearest = _nearest(name)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    raise UnknownProviderError(
        f"{name!r} is not a provider{hint}",
        nearest=nearest,
        provider=name,
        fix=f"write {nearest[0]}" if nearest else "ingate models lists the providers",
    )


def _nearest(name: str) -> tuple[str, ...]:
    from rapidfuzz import fuzz

    other = _names().aliases
    scored = ((fuzz.WRatio(name.lower(), choice), other.get(choice, choice)) for choice in (*providers(), *other))
    best = sorted((pair for pair in scored if pair[0] >= 75), reverse=True)
    return tuple(dict.fromkeys(own for _, own in best))[:3]
