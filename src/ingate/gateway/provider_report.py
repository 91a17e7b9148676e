"""Everything about one provider: each way to authenticate it, what is set, and what would be sent where. No network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ingate import providers
from ingate.gateway.readiness import PROXY
from ingate.providers.alternatives import Found, part_of
from ingate.providers.lookup import ProviderLookup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.gateway import Gateway
    from ingate.gateway.readiness import Readiness, ReadinessChecker
    from ingate.providers import Provider
    from ingate.providers.alternatives import Part

# `auth_style` → the header of the native lane; the source of its value is filled in.
_HEADERS: Final[Mapping[str, str]] = {
    "bearer": "authorization: Bearer <{}>",
    "x-api-key": "x-api-key: <{}>",
    "api-key": "api-key: <{}>",
    "x-goog-api-key": "x-goog-api-key: <{}>",
    "sigv4": "authorization: AWS4-HMAC-SHA256, signed with <{}>",
    "google": "authorization: Bearer <a token for {}>",
    "snowflake": "authorization: Bearer <{}>",
}
# Values that the native lane sends as a bearer token, whatever the provider's header for keys is.
_TOKENS: Final = frozenset({"auth_token", "azure_ad_token"})
# Values that Entra exchanges for a token.
_ENTRA: Final = frozenset({"client_secret", "azure_password"})


class Value(msgspec.Struct, frozen=True):
    """A variable of an alternative.

    Attributes:
        name: The variable.
        source: Where its value comes from (`"env GROQ_API_KEY"`, `"ingate.yaml:4 groq.api_key"`); empty if it is not set.
    """

    name: str
    source: str


class Alternative(msgspec.Struct, frozen=True):
    """One way to authenticate a provider.

    Attributes:
        values: What it needs, all of it together.
        complete: Whether everything is set.
        in_use: Whether a call would use it.
    """

    values: tuple[Value, ...]
    complete: bool
    in_use: bool


class LaneReport(msgspec.Struct, frozen=True):
    """One way to call a provider.

    Attributes:
        lane: `"native"` or `"litellm"`.
        state: `ready`, `attention` or `missing`.
        address: Where requests go; empty if litellm chooses it.
        sends: What authenticates them; empty if nothing does.
        reason: Why it is not ready.
        fix: The next command to run or variable to set.
    """

    lane: str
    state: str
    address: str = ""
    sends: str = ""
    reason: str = ""
    fix: str = ""


class ProviderReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `ingate doctor PROVIDER` reports.

    Attributes:
        name: The provider's or the server's name.
        display_name: Its name for display.
        state: `ready`, `attention` or `missing`, on the lane that its specs use.
        source: Where the credential in use comes from.
        reason: Why it is not ready.
        fix: The next command to run or variable to set.
        alternatives: Each way to authenticate it.
        optional: What else is set.
        files: Files of other programs that authenticate it if no variable does.
        file: The one that is in use; empty if there is none.
        near_misses: Sentences on variables that are set but not read.
        lanes: Each way to call it.
        models: The number of its models in the catalog.
        docs_url: Its page on keys.
        notes: Remarks.
    """

    name: str
    display_name: str
    state: str
    source: str = ""
    reason: str = ""
    fix: str = ""
    alternatives: tuple[Alternative, ...] = ()
    optional: tuple[Value, ...] = ()
    files: tuple[str, ...] = ()
    file: str = ""
    near_misses: tuple[str, ...] = ()
    lanes: tuple[LaneReport, ...] = ()
    models: int = 0
    docs_url: str = ""
    notes: str = ""


def examine_provider(gateway: Gateway, name: str) -> ProviderReport:
    """The report on a provider, by its name or an alias, on a server of the configuration, or on `litellm_proxy`.

    Raises:
        UnknownProviderError: There is no such provider; `nearest` has similar names.
    """
    checker = gateway.readiness()
    if name in gateway.config.settings.servers or name == PROXY:
        return _server(name, checker.provider(name))
    known = providers.provider(name)
    lookup = ProviderLookup(known, gateway.config.environ, gateway.config)
    found = checker.with_near_misses(checker.provider(known.name))
    return ProviderReport(
        name=known.name,
        display_name=known.display_name,
        state=found.state,
        source=found.source,
        reason=found.reason,
        fix=found.fix,
        alternatives=tuple(_alternative(lookup, group) for group in known.env if group),
        optional=tuple(
            Value(part.variable or part.target, lookup.source_of(part))
            for part in lookup.parts
            if isinstance(lookup.found, Found) and part not in lookup.found.parts
        ),
        files=known.credential_files,
        file=lookup.found.file if isinstance(lookup.found, Found) else "",
        near_misses=found.near_misses,
        lanes=tuple(_lanes(checker, lookup)),
        models=sum(row.provider == known.name for row in gateway.catalog().rows),
        docs_url=known.docs_url,
        notes=known.notes,
    )


def _server(name: str, found: Readiness) -> ProviderReport:
    sends = _HEADERS["bearer"].format(found.source) if found.has_credential and "no key" not in found.source else ""
    lane = LaneReport(found.lane, found.state, found.api_base or "", sends, found.reason, found.fix)
    return ProviderReport(
        name=name,
        display_name=found.display_name,
        state=found.state,
        source=found.source,
        reason=found.reason,
        fix=found.fix,
        lanes=(lane,),
        docs_url=found.docs_url,
    )


def _alternative(lookup: ProviderLookup, group: tuple[str, ...]) -> Alternative:
    parts = {name: part_of(lookup.provider, name, lookup.environ, lookup.settings) for name in group}
    values = tuple(Value(name, lookup.source_of(part) if part is not None else "") for name, part in parts.items())
    in_use = isinstance(lookup.found, Found) and lookup.found.group == group
    return Alternative(values, all(part is not None for part in parts.values()), in_use)


def _lanes(checker: ReadinessChecker, lookup: ProviderLookup) -> list[LaneReport]:
    known = lookup.provider
    found = []
    if known.wire_format:
        one = checker.provider(known.name)
        if lookup.needs_litellm:
            reason = f"only litellm can use {lookup.source}"
            found.append(LaneReport("native", "missing", lookup.api_base or "", "", reason))
        else:
            sends = _header(known, lookup) if one.has_credential else ""
            found.append(LaneReport("native", one.state, lookup.api_base or "", sends, one.reason, one.fix))
    one = checker.provider(known.name, "litellm")
    sends = ", ".join(_arguments(lookup)) if one.has_credential and one.state == "ready" else ""
    address = lookup.api_base or "" if lookup.api_base_source not in {"", "default"} else ""
    found.append(LaneReport("litellm", one.state, address, sends, one.reason, one.fix))
    return found


def _header(known: Provider, lookup: ProviderLookup) -> str:
    """The header that authenticates a request of the native lane."""
    targets = {part.target: part for part in lookup.parts}
    if token := next((targets[name] for name in _TOKENS if name in targets), None):
        return _HEADERS["bearer"].format(lookup.source_of(token))
    if _ENTRA & targets.keys():
        return _HEADERS["google"].format(lookup.source)
    key: Part | None = targets.get("api_key")
    if key is not None:
        style = {"sigv4": "bearer", "google": "x-goog-api-key"}.get(known.auth_style, known.auth_style)
        return _HEADERS.get(style, "").format(lookup.source_of(key))
    if known.auth in {"none", "base_url"} or known.auth_style not in _HEADERS:
        return ""
    return _HEADERS[known.auth_style].format(lookup.source)


def _arguments(lookup: ProviderLookup) -> list[str]:
    """litellm's arguments, each with the source of its value."""
    named = [
        f"{'api_key' if part.target == 'auth_token' else part.target}=<{lookup.source_of(part)}>"
        for part in lookup.parts
        if part.target not in {"", "api_base", "account_id"}
    ]
    file = lookup.found.file if isinstance(lookup.found, Found) else ""
    return [*dict.fromkeys(named), *([f"litellm reads {file}"] if file else [])]
