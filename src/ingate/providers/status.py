"""Ready, attention or missing: what each provider has, where from, and what would help.

Nothing here sends a request, starts a login, runs a command or asks a keyring.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec

from ingate.providers import address, checks, files, lookup, near
from ingate.providers.lookup import Found, Partial
from ingate.providers.proxy import proxy_settings
from ingate.providers.registry import Provider, aliases, provider, providers
from ingate.providers.words import base_place, how_to_set, needs, source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingate.config import Config

State = Literal["ready", "attention", "missing"]
_MARKS: Final[dict[str, str]] = {"ready": "✓", "attention": "○", "missing": "✗"}


class Status(msgspec.Struct, frozen=True):
    """What one provider has.

    Attributes:
        provider: Its name.
        state: `"ready"`; `"attention"` where a login, an extra, a base URL or part of a credential is missing;
            `"missing"`.
        source: Where the credential comes from (`"env GROQ_API_KEY"`, `"ingate.yaml:4 groq.api_key"`); empty where
            there is none.
        detail: One sentence on what is wrong or worth knowing, possibly empty.
        fix: What to do next; empty where nothing is wrong.
        near_misses: Sentences on variables that are set but are not the ones read.
        alternatives: Groups of variables that suffice.
        api_base: The base URL the native lane would use; None where it is unknown.
        api_base_source: Where that comes from (`"default"`, `"env GROQ_API_BASE"`).
        needs_litellm: Whether only litellm can use what is there.
    """

    provider: str
    state: State
    source: str = ""
    detail: str = ""
    fix: str = ""
    near_misses: tuple[str, ...] = ()
    alternatives: tuple[tuple[str, ...], ...] = ()
    api_base: str | None = None
    api_base_source: str = ""
    needs_litellm: bool = False


@cache
def is_installed(module: str) -> bool:
    """Whether `module` can be imported, found out without importing it. Remembered for the process's life."""
    from importlib.util import find_spec

    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def mark(state: str) -> str:
    """The state's mark: ✓, ○ or ✗."""
    return _MARKS[state]


def statuses(
    environ: Mapping[str, str], config: Config, *, installed: Callable[[str], bool] = is_installed
) -> dict[str, Status]:
    """Every provider's status, in the map's order."""
    look = _Look(environ, config, installed, False, near.near_miss_index(environ))
    return {name: _status(known, look) for name, known in providers().items()}


def status(
    name: str,
    *,
    environ: Mapping[str, str],
    config: Config,
    proxy_lists: bool = False,
    installed: Callable[[str], bool] = is_installed,
) -> Status:
    """One provider's status.

    Args:
        name: The provider, or another word for it.
        environ: The environment.
        config: The configuration; the environment wins over it field by field.
        proxy_lists: Whether the configured proxy lists the model in question, which makes a missing credential no matter.
        installed: Tells whether a package can be imported.

    Raises:
        UnknownProviderError: There is no such provider.
    """
    return _status(provider(name), _Look(environ, config, installed, proxy_lists, near.near_miss_index(environ)))


class _Look(NamedTuple):
    """One look at what is there, shared by all providers."""

    environ: Mapping[str, str]
    config: Config
    installed: Callable[[str], bool]
    proxy_lists: bool
    near_miss_index: Mapping[str, tuple[str, ...]]


def disabled_where(known: Provider, config: Config) -> str | None:
    """Where the configuration disables the provider, for people; None where it does not."""
    other = aliases()
    for index, name in enumerate(config.settings.disabled_providers):
        if other.get(name, name) == known.name:
            place = config.where("disabled_providers", str(index)) or config.where("disabled_providers")
            return str(place) if place is not None else "the configuration"
    return None


def _status(known: Provider, look: _Look) -> Status:
    environ, config = look.environ, look.config
    if (place := disabled_where(known, config)) is not None:
        return Status(
            known.name,
            "missing",
            detail=f"disabled in {place}",
            fix=f"take {known.name} out of disabled_providers",
            alternatives=known.env,
        )
    settings = config.provider(known.name)
    found = lookup.find(known, environ, settings)
    if isinstance(found, Found):
        return _present(known, found, look)
    through_proxy = look.proxy_lists or known.name == "litellm_proxy"
    if through_proxy and (proxy := proxy_settings(environ, config)) is not None:
        return Status(
            known.name, "ready", f"proxy {proxy.api_base} ({proxy.source})", alternatives=known.env, api_base=proxy.api_base,
            api_base_source=proxy.source,
        )  # fmt: skip
    base, base_source = _base(known, environ, config, ())
    absent = Status(
        known.name, "missing", detail=needs(known), fix=how_to_set(known), near_misses=near.misses(known, environ, look.near_miss_index),
        alternatives=known.env, api_base=base, api_base_source=base_source,
    )  # fmt: skip
    if isinstance(found, Partial):
        there = source_of(found.parts, config, known.name)
        return msgspec.structs.replace(
            absent, state="attention", source=there, detail=f"{' and '.join(found.missing)} missing beside {there}",
            fix=how_to_set(known, (found.missing,)),
        )  # fmt: skip
    if (ref := settings.api_key) is not None and not ref.present(environ):
        return msgspec.structs.replace(absent, detail=f"{ref.describe()} has no value")
    return absent


def _present(known: Provider, found: Found, look: _Look) -> Status:
    environ, config, installed = look.environ, look.config, look.installed
    settings = config.provider(known.name)
    extra = lookup.optional(known, environ, settings, found)
    base, base_source = _base(known, environ, config, (*found.parts, *extra))
    only = checks.only_litellm(known, found)
    state: State = "ready"
    detail, fix = "", ""
    problem = checks.problem(known, found, extra, environ, installed)
    if problem is not None:
        state, (detail, fix) = "attention", problem
    elif known.auth in {"none", "base_url"}:
        detail = f"answers only while a server runs at {base}" if base else ""
    return Status(
        known.name, state, found.file or source_of((*found.parts, *extra), config, known.name, keys_only=True) or "no key needed",
        detail, fix, (), known.env, base, base_source, only,
    )  # fmt: skip


def _base(
    known: Provider, environ: Mapping[str, str], config: Config, parts: tuple[lookup.Part, ...]
) -> tuple[str | None, str]:
    given = address.written(known, environ, config.provider(known.name))
    if given is not None:
        source = f"env {given[1]}" if given[1] else base_place(config, known.name)
        return address.for_lane(known, given[0], "native"), source
    plain = {part.target: shape for part in parts if (shape := _shape(part, environ))}
    if known.auth_style == "sigv4" and "aws_region_name" not in plain and (region := files.aws_region(environ)):
        plain["aws_region_name"] = region
    if known.name == "vertex_ai" and any(part.target == "api_key" for part in parts):
        plain.setdefault("vertex_location", address.EXPRESS_LOCATION)
    base = address.default(known, plain)
    return base, "default" if base else ""


def shapes(name: str, *, environ: Mapping[str, str], config: Config) -> dict[str, str]:
    """What shapes the address of a call to the provider `name` and is no secret: region, project, API version.

    By litellm's argument names. A command is not run for one, nor a keyring asked.

    Raises:
        UnknownProviderError: There is no such provider.
    """
    known = provider(name)
    settings = config.provider(known.name)
    found = lookup.find(known, environ, settings)
    if not isinstance(found, Found):
        return {}
    parts = (*found.parts, *lookup.optional(known, environ, settings, found))
    told = {part.target: value for part in parts if (value := _shape(part, environ, address.SHAPES | _TOLD))}
    if known.name == "vertex_ai":
        if any(part.target == "api_key" for part in parts):
            told |= {"vertex_express": "true", "vertex_location": told.get("vertex_location", address.EXPRESS_LOCATION)}
        elif "vertex_project" not in told and (project := checks.google_project(found, environ)):
            told["vertex_project"] = project
    return told


# Shape an address too, though no default one has a place for them.
_TOLD: Final = frozenset({"vertex_project", "api_version"})


def _shape(part: lookup.Part, environ: Mapping[str, str], targets: frozenset[str] = address.SHAPES) -> str:
    """A part's value where it is part of an address, which is no secret; a command is not run for it."""
    if part.target not in targets or (part.ref is not None and part.ref.kind not in {"literal", "env"}):
        return ""
    return part.secret(environ).reveal()
