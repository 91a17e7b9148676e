"""What would happen to a call, told without making it: no network, no login, no command run, no key shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from ingate import providers
from ingate.errors import IngateError
from ingate.wire.codec import Target, codec_for

if TYPE_CHECKING:
    from ingate.catalog import ModelRow
    from ingate.engines.base import Route
    from ingate.gateway import Gateway
    from ingate.spec import ModelSpec


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """One call's way, for people and for `--json`.

    Attributes:
        spec: The spec, with aliases replaced.
        engine: `litellm`, `direct`, `local`, `tensorzero` or `scripted`.
        provider: The provider's name.
        display_name: The provider's name for people.
        model: The model's name at the far side.
        lane: `native` (in the provider's own format), `litellm`, `proxy`, `local`, or the engine's name.
        why: Why this lane.
        url: The address of a request for a whole answer, without what a query may hold but an API version; None where
            litellm decides, or nothing leaves the process.
        state: `ready`, `attention` or `missing`.
        credential_source: Where the credential comes from, empty where there is none.
        detail: What stands in the way, empty where nothing does.
        fix: What would make it ready.
        near_misses: Variables that are set, but are not the ones read.
        docs_url: The provider's page on keys.
        timeout_s: Longest wait, in seconds.
        drop_params: `strict`, `warn` or `drop`.
        params: Request parameters the spec sets.
        in_catalog: Whether the catalog knows the model; one it does not know is called all the same.
        context_tokens, max_output_tokens: Limits, None where unknown.
        input_usd_per_mtok, output_usd_per_mtok, cache_read_usd_per_mtok: Prices, None where unknown.
        caps: What the model can do, by the catalog.
        deprecated_on: ISO date, None where none is known.
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
    drop_params: str = ""
    params: dict[str, Any] = {}
    in_catalog: bool = False
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    input_usd_per_mtok: float | None = None
    output_usd_per_mtok: float | None = None
    cache_read_usd_per_mtok: float | None = None
    caps: tuple[str, ...] = ()
    deprecated_on: str | None = None


def explain(gateway: Gateway, spec: ModelSpec) -> Explanation:
    """The way of one spec (no alias).

    Raises:
        UnknownProviderError: With the nearest names.
        MissingCredentialsError: A proxy deployment was asked for and no proxy is configured.
    """
    route = gateway.router.route(spec, dry=True)
    row = gateway.catalog().get(route.provider, route.model)
    return Explanation(
        spec=str(spec),
        engine=route.engine,
        provider=route.provider,
        model=route.model,
        lane=_lane(route),
        why=route.why,
        url=_url(route),
        timeout_s=route.timeout_s,
        drop_params=route.drop_params,
        params=dict(route.params),
        **_standing(gateway, route),
        **_facts(row),
    )


def _standing(gateway: Gateway, route: Route) -> dict[str, Any]:
    """Whether the call would be let in, by what is known here."""
    if route.provider not in providers.providers() or route.provider == "litellm_proxy":
        state, detail, fix = "ready", "", ""
        if route.engine == "local":
            state, detail, fix = local_state(route)
        return {
            "display_name": _OWN_NAMES.get(route.provider, route.provider),
            "state": state,
            "credential_source": route.credential.source,
            "detail": detail,
            "fix": fix,
        }
    status = providers.status(route.provider, environ=gateway.config.environ, config=gateway.config)
    provider = providers.provider(route.provider)
    found: dict[str, Any] = {
        "display_name": provider.display_name,
        "state": status.state,
        "credential_source": status.source,
        "detail": status.detail,
        "fix": status.fix,
        "near_misses": status.near_misses,
        "docs_url": provider.docs_url,
    }
    if status.state == "ready" and route.engine == "litellm" and not installed("litellm"):
        found |= {
            "state": "attention",
            "detail": "litellm is not installed, and this lane goes through it",
            "fix": "pip install '.[litellm]' in ingate's folder",
        }
    return found


def installed(module: str) -> bool:
    """Whether a package can be imported, found without importing it."""
    from importlib.util import find_spec

    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def local_state(route: Route) -> tuple[str, str, str]:
    """State, detail and fix of a local model, by its file alone."""
    from ingate.engines.local.files import model_path

    if not installed("xllamacpp"):
        return "attention", "xllamacpp is not installed", "pip install '.[local]' in ingate's folder"
    try:
        model_path(route)
    except IngateError as error:
        return "missing", str(error), error.fix
    return "ready", "", ""


_OWN_NAMES = {
    "local": "A model in this process",
    "scripted": "Test double",
    "tensorzero": "TensorZero",
    "litellm_proxy": "LiteLLM proxy",
}


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
    """An address without what may authenticate: a user before its host, and a query but for its API version."""
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
        "caps": row.caps,
        "deprecated_on": row.deprecated_on,
    }
