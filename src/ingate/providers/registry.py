"""The map of providers: what each one reads, where it is, and what it speaks.

The map is package data (`data/providers.json`), one record a line, written by hand and checked by tests against the
installed litellm. Looking a provider up never asks litellm: its own checks answer wrongly for most providers, and for
some of them they start a login.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import msgspec

from ingate.errors import UnknownProviderError

if TYPE_CHECKING:
    from collections.abc import Mapping

_DATA = Path(__file__).parent.parent / "data"


class Provider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One provider.

    Attributes:
        name: Its name in specs (`"groq"`), which is litellm's.
        display_name: Its name for people.
        env: Alternatives; each is a group of variables that suffice together. `((),)` means that nothing is needed,
            `()` that no variable can do it (a login).
        auth: `"api_key"`, `"cloud"` (a cloud's own credentials), `"none"`, `"base_url"` (a server whose address is all
            it needs), `"oauth_device"` (a login kept in a file).
        also: A group's variable → other names read in its place.
        optional_env: Variables that matter where they are set, and need not be.
        credential_files: Files that authenticate where no variable does, `~` for the home folder.
        params_env: Variable → litellm's argument name for what is not the API key; empty where litellm or a cloud's
            own package reads the variable itself and nothing is passed.
        api_base_env: Variables with a base URL, first one wins. None of them is a secret.
        api_base_required: Whether there is no default base URL.
        default_api_base: The base URL the native lane appends the format's path to; `{region}`, `{location}` and
            `{account_id}` are filled in. None where there is none.
        direct_path: What a base URL must end with for the native lane, appended where it does not.
        litellm_path: What stands in its place in a base URL for litellm; None for the same.
        base_strip: Endings that people write and that are taken off first.
        base_keep: Endings that need no `direct_path`.
        litellm_default: Whether litellm is told the default base URL too, since its own would not do.
        wire_format: What it speaks on the native lane, empty where only litellm serves it.
        auth_style: How a request is authenticated: `"bearer"`, `"x-api-key"`, `"api-key"`, `"x-goog-api-key"`, `"sigv4"`
            (bearer where there is a key), `"google"`, `"snowflake"`, `"none"`.
        auth_headers: Further headers with the key in them, `{api_key}` filled in.
        litellm_only: Variables whose group only litellm can use (`"files"` for the files).
        needs_extra: ingate's extra that brings `needs_module`.
        needs_module: A package that some credentials need.
        needs_for: Variables whose group needs it; `"files"` for the files, `"*"` for all.
        near: Names other tools use for the same secret, which are not read here.
        docs_url: Where to read on, and get a key.
        catalog_providers: What the catalog calls it.
        notes: What is worth knowing.
    """

    name: str
    display_name: str
    env: tuple[tuple[str, ...], ...]
    auth: Literal["api_key", "cloud", "none", "base_url", "oauth_device"] = "api_key"
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
    needs_extra: str = ""
    needs_module: str = ""
    needs_for: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    docs_url: str = ""
    catalog_providers: tuple[str, ...] = ()
    notes: str = ""

    def names_of(self, variable: str) -> tuple[str, ...]:
        """Every variable that is read for `variable`, in order."""
        if variable in self.api_base_env:
            return self.api_base_env
        return (variable, *self.also.get(variable, ()))

    def target(self, variable: str) -> str:
        """What `variable` sets: `"api_base"`, `"api_key"`, a litellm argument, or nothing that is passed."""
        return "api_base" if variable in self.api_base_env else self.params_env.get(variable, "api_key")

    def variables(self) -> frozenset[str]:
        """Every variable that is read for this provider."""
        named = {name for group in self.env for variable in group for name in self.names_of(variable)}
        return frozenset({*named, *self.optional_env, *self.params_env, *self.api_base_env})


class _Names(msgspec.Struct, frozen=True):
    """What the configuration knows of providers (`data/provider_names.json`)."""

    aliases: dict[str, str]
    params: frozenset[str]


@cache
def providers() -> Mapping[str, Provider]:
    """All providers by name, the best known first. Read once."""
    records = msgspec.json.decode((_DATA / "providers.json").read_bytes(), type=list[Provider])
    return MappingProxyType({record.name: record for record in records})


@cache
def _names() -> _Names:
    return msgspec.json.decode((_DATA / "provider_names.json").read_bytes(), type=_Names)


def aliases() -> Mapping[str, str]:
    """Other names of providers (`google`, `cohere`, `together`) → their own."""
    return MappingProxyType(_names().aliases)


def litellm_arguments() -> frozenset[str]:
    """The credential values that litellm takes as arguments; other params are for the native lane alone."""
    return _names().params


def provider(name: str) -> Provider:
    """The provider called `name`, or that `name` is another word for.

    Raises:
        UnknownProviderError: There is none; `nearest` has the names that look like it.
    """
    known = providers()
    found = known.get(name) or known.get(_names().aliases.get(name, ""))
    if found is not None:
        return found
    nearest = _nearest(name)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    raise UnknownProviderError(
        f"{name!r} is no provider{hint}",
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
