"""Ready, attention or missing: what each provider has, and what would help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from ingate.providers.lookup import ProviderLookup, is_installed, look_up
from ingate.providers.proxy import proxy_settings
from ingate.providers.registry import providers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingate.config import Config
    from ingate.providers.address import Lane
    from ingate.providers.credential import Credential

State = Literal["ready", "attention", "missing"]
_MARKS: Final[dict[str, str]] = {"ready": "✓", "attention": "○", "missing": "✗"}


class Status(msgspec.Struct, frozen=True):
    """What one provider has.

    Attributes:
        provider: Its name.
        state: `"ready"`, `"attention"` or `"missing"`.
        source: Where the credential comes from; empty without one.
        detail: One sentence on what is wrong or worth knowing, possibly empty.
        fix: What to do next; empty if nothing is wrong.
        near_misses: Sentences on variables that are set but not read.
        alternatives: Groups of variables that suffice.
        api_base: The base URL of the native lane; None if it is unknown.
        api_base_source: Where that comes from (`"default"`, `"env GROQ_API_BASE"`).
        needs_litellm: Whether only litellm can use the credential.
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


def mark(state: str) -> str:
    """The state's mark: ✓, ○ or ✗."""
    return _MARKS[state]


def statuses(
    environ: Mapping[str, str], config: Config, *, installed: Callable[[str], bool] = is_installed
) -> dict[str, Status]:
    """Every provider's status, in the map's order."""
    return {name: status(name, environ=environ, config=config, installed=installed) for name in providers()}


def status(
    name: str,
    *,
    environ: Mapping[str, str],
    config: Config,
    proxy_lists: bool = False,
    installed: Callable[[str], bool] = is_installed,
) -> Status:
    """One provider's status.

    Raises:
        UnknownProviderError: There is no such provider.
    """
    lookup = look_up(name, environ=environ, config=config, installed=installed)
    known = lookup.provider
    if lookup.disabled is not None:
        return Status(known.name, "missing", "", *lookup.disabled, alternatives=known.env)
    if lookup.missing is not None:
        through_proxy = proxy_lists or known.name == "litellm_proxy"
        if through_proxy and (proxy := proxy_settings(environ, config)) is not None:
            source = f"proxy {proxy.api_base} ({proxy.source})"
            return Status(known.name, "ready", source, alternatives=known.env, api_base=proxy.api_base)
        return Status(
            known.name, "attention" if lookup.parts else "missing", lookup.source, *lookup.missing,
            () if lookup.parts else lookup.near_misses, known.env, lookup.api_base, lookup.api_base_source,
        )  # fmt: skip
    return _present(lookup, installed)


def _present(lookup: ProviderLookup, installed: Callable[[str], bool]) -> Status:
    state: State = "ready"
    detail, fix = "", ""
    if lookup.problem is not None:
        state, (detail, fix) = "attention", lookup.problem
    elif lookup.needs_litellm and not installed("litellm"):
        state, detail, fix = (
            "attention",
            "the litellm package is not installed",
            "pip install '.[litellm]' in ingate's folder",
        )
    elif lookup.provider.auth in {"none", "base_url"}:
        detail = f"answers only while a server runs at {lookup.api_base}" if lookup.api_base else ""
    return Status(
        lookup.provider.name, state, lookup.source, detail, fix, (), lookup.provider.env, lookup.api_base,
        lookup.api_base_source, lookup.needs_litellm,
    )  # fmt: skip


def resolve(
    name: str, *, environ: Mapping[str, str], config: Config, lane: Lane = "native", installed: Callable[[str], bool] = is_installed
) -> tuple[Credential, str | None]:  # fmt: skip
    """The credential and base URL of one call; see `ProviderLookup.resolve`."""
    return look_up(name, environ=environ, config=config, installed=installed).resolve(lane)


def needs_litellm(name: str, *, environ: Mapping[str, str], config: Config) -> bool:
    """Whether only litellm can use what is set for the provider `name`."""
    return look_up(name, environ=environ, config=config).needs_litellm
