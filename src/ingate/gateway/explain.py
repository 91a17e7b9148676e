"""What would happen to a call, without making it: no network, no login, no command run, no key shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from ingate.errors import IngateError
from ingate.wire.codec import Target, codec_for

if TYPE_CHECKING:
    from ingate.catalog import ModelRow
    from ingate.engines.base import Route
    from ingate.gateway import Gateway
    from ingate.gateway.readiness import ReadinessChecker
    from ingate.spec import ModelSpec


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Where one call would go, for display and for `--json`.

    Attributes:
        spec: The spec, with aliases resolved.
        engine: `native`, `litellm`, `local`, `tensorzero` or `scripted`.
        provider: The provider's name.
        display_name: The provider's name for display.
        model: The model's name at the provider.
        lane: `native` (in the provider's own format), `litellm`, `proxy`, `local`, or the engine's name.
        why: Why this lane.
        url: The address of a call that does not stream, without any query but the API version; None if litellm chooses
            it, or if the call does not leave the process.
        state: `ready`, `attention` or `missing`; this and the next four are from `ingate.gateway.readiness`.
        credential_source: Where the credential comes from, empty if there is none.
        detail: Why the state is not `ready`, in one sentence; empty if it is.
        fix: The next command to run or variable to set; empty if the state is `ready`.
        near_misses: Sentences on variables that are set but not read.
        docs_url: The provider's page on keys.
        timeout_s: Longest wait for the first token, in seconds.
        timeouts: Every time limit, in seconds, by its name in a configuration.
        drop_params: `strict`, `warn` or `drop`.
        params: Request parameters the spec sets.
        in_catalog: Whether the catalog has the model; others can be called too.
        context_tokens, max_output_tokens: Limits, None if unknown.
        input_usd_per_mtok, output_usd_per_mtok, cache_read_usd_per_mtok: Prices, None if unknown.
        price_tiers: Higher prices for long prompts: from which number of tokens on (`above_tokens`), and what differs.
        caps: What the model supports, from the catalog.
        deprecated_on: ISO date, None if none is known.
    """

    spec: str
    engine: str
    provider: str
    display_name: str
    model: str
    lane: str
    why: str
    url: str | None
    state: str
    credential_source: str
    detail: str = ""
    fix: str = ""
    near_misses: tuple[str, ...] = ()
    docs_url: str = ""
    timeout_s: float = 0.0
    timeouts: dict[str, float] = {}
    drop_params: str = ""
    params: dict[str, Any] = {}
    in_catalog: bool = False
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    input_usd_per_mtok: float | None = None
    output_usd_per_mtok: float | None = None
    cache_read_usd_per_mtok: float | None = None
    price_tiers: tuple[dict[str, float], ...] = ()
    caps: tuple[str, ...] = ()
    deprecated_on: str | None = None


def explain(gateway: Gateway, spec: ModelSpec, checker: ReadinessChecker | None = None) -> Explanation:
    """Where a call of one spec would go.

    Args:
        gateway: The gateway that would make the call.
        spec: A spec that is not an alias.
        checker: What checks its readiness (default: a new one).

    Raises:
        UnknownProviderError: With the nearest names.
        MissingCredentialsError: The spec names a deployment of a proxy, and no proxy is configured.
    """
    route = gateway.router.route(spec, dry=True)
    found = (checker or gateway.readiness()).check(spec)
    row = gateway.catalog().get(route.provider, route.model)
    return Explanation(
        spec=str(spec),
        engine=route.engine,
        provider=route.provider,
        display_name=found.display_name,
        model=route.model,
        lane=_lane(route),
        why=route.why,
        url=_url(route),
        state=found.state,
        credential_source=found.source,
        detail=found.reason,
        fix=found.fix,
        near_misses=found.near_misses,
        docs_url=found.docs_url,
        timeout_s=route.timeouts.first_token_s,
        timeouts=route.timeouts.by_name(),
        drop_params=route.drop_params,
        params=dict(route.params),
        **_facts(row),
    )


def _lane(route: Route) -> str:
    if route.provider == "litellm_proxy":
        return "proxy"
    return "native" if route.engine == "native" else route.engine


def _url(route: Route) -> str | None:
    if route.engine not in {"native", "litellm"} or route.api_base is None:
        return None
    return _shown(route.api_base if route.engine == "litellm" else _address(route))


def _address(route: Route) -> str:
    """The address of a chat call; the base URL if the codec cannot build the address yet."""
    base = route.api_base or ""
    target = Target(model=route.model, api_base=base, provider=route.provider, params=route.credential.open_params())
    try:
        return codec_for(route.wire_format).url(target)
    except IngateError:
        return base


def _shown(url: str) -> str:
    """An address without anything that may authenticate: no user before the host, no query but the API version."""
    parts = urlsplit(url)
    query = urlencode([pair for pair in parse_qsl(parts.query) if pair[0] == "api-version"])
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def _facts(row: ModelRow | None) -> dict[str, Any]:
    if row is None:
        return {}
    return {
        "in_catalog": True,
        "context_tokens": row.context_tokens,
        "max_output_tokens": row.max_output_tokens,
        "input_usd_per_mtok": row.input_usd_per_mtok,
        "output_usd_per_mtok": row.output_usd_per_mtok,
        "cache_read_usd_per_mtok": row.cache_read_usd_per_mtok,
        "price_tiers": tuple(
            {name: value for name, value in msgspec.structs.asdict(tier).items() if value is not None}
            for tier in row.tiers
        ),
        "caps": row.caps,
        "deprecated_on": row.deprecated_on,
    }
