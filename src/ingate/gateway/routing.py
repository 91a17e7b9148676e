"""From a spec to a Route: which engine, which URL, which key, and why. Nothing here opens a connection."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final, get_args

from ingate import providers
from ingate.engines.base import DropPolicy, Route
from ingate.engines.timeouts import is_limit, resolved
from ingate.errors import MissingCredentialsError, SpecError, UnknownProviderError
from ingate.gateway.formats import endpoints
from ingate.gateway.names import expand, unknown_provider
from ingate.gateway.trust import untrusted
from ingate.providers.credential import Credential
from ingate.providers.lanes import (
    FORMAT_NAMES,
    NATIVE_FORMATS,
    format_and_base,
    litellm_format,
    tensorzero_base,
    tensorzero_model,
    tensorzero_models,
    unsupported_reason,
)
from ingate.providers.lookup import disabled
from ingate.secret import Secret
from ingate.spec import OWN_PARAMS, TIMEOUT_PARAMS, ModelSpec, parse
from ingate.wire.passthrough import Api

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ingate.catalog import Catalog, ModelRow
    from ingate.config import Config, ProviderSettings, SecretRef
    from ingate.config.schema import TimeLimits
    from ingate.engines.timeouts import Timeouts
    from ingate.providers import ProviderLookup
    from ingate.providers.address import Lane

__all__ = ["NATIVE_FORMATS", "Router"]

PROXY: Final = "litellm_proxy"
TENSORZERO_URL: Final = "http://localhost:3000"  # the default in TensorZero's documentation
# Providers without an entry in the map of providers.
_OWN: Final = frozenset({"local", "scripted", "tensorzero"})


class Router:
    """Turns specs into Routes, by the configuration, the environment and the catalog.

    Args:
        config: The loaded configuration.
        catalog: Called when a catalog fact is first needed.
        engines: Names of engines passed to the gateway under a name of their own; each serves the specs `<name>/…`.
    """

    def __init__(self, config: Config, catalog: Callable[[], Catalog], *, engines: Iterable[str] = ()) -> None:
        self.config = config
        self._catalog = catalog
        self.engines = frozenset(engines)

    def specs(self, text: str) -> tuple[ModelSpec, ...]:
        """The specs to try in order, with every alias replaced by what it names.

        Raises:
            SpecError: The text is malformed, or an alias refers to itself.
            UnknownProviderError: A name without a slash is not an alias; with the most similar names.
        """
        from ingate.gateway.readiness import ReadinessChecker

        checker = cache(lambda: ReadinessChecker(self))

        def ready(row: ModelRow) -> bool:
            return checker().state(row.provider, row.model) == "ready"

        return expand(parse(text), self.config, self._catalog, ready)

    def route(self, spec: ModelSpec, *, proxy_lists: Callable[[str], bool] | None = None, dry: bool = False) -> Route:
        """The Route of one spec (no alias).

        Args:
            spec: What to route.
            dry: Resolve no references (no `cmd:` is run, no keyring is queried): the Route has no key and no headers of
                the configuration, and nothing missing is an error.
            proxy_lists: Returns whether the configured proxy lists a `<provider>/<model>`; called only if neither the
                environment nor the configuration has a credential.

        Raises:
            UnknownProviderError: The provider is unknown; with the most similar names.
            MissingCredentialsError: Neither environment, configuration nor proxy would serve it.
            ConfigError: A reference in the configuration cannot be resolved.
        """
        if not dry:
            self._refuse_disabled(spec)
            self._refuse_untrusted(spec)
        if spec.lane == "proxy":
            why = f"{spec.target} is a deployment of the configured LiteLLM proxy"
            return self._proxy(spec, spec.model, why, dry=dry)
        name = spec.provider
        if spec.lane == "auto" and name in self.engines:
            why = f"served by the engine {name!r} that was passed to the gateway"
            return self._route(spec, engine=name, provider=name, model=spec.model, why=why)
        if spec.lane == "auto" and name in _OWN:
            return self._own(spec, dry=dry)
        if spec.lane == "auto" and name in self.config.settings.servers:
            return self._server(spec, dry=dry)
        try:
            provider = providers.provider(name)
        except UnknownProviderError as error:
            self._refuse_untrusted(spec)
            raise unknown_provider(spec, error, (*self.config.settings.servers, *_OWN, *self.engines)) from None
        lookup = providers.ProviderLookup(provider, self.config.environ, self.config)
        engine, why = self.lane(spec, lookup)
        if not dry:
            self._refuse_untrusted(spec, lookup, engine)
        try:
            credential, api_base = self._credential(lookup, engine, dry=dry)
        except MissingCredentialsError as error:
            error.spec = str(spec)
            if proxy_lists is not None and self.proxy() is not None:
                for listed in (f"{provider.name}/{spec.model}", f"{name}/{spec.model}", spec.model):
                    if proxy_lists(listed):
                        why = f"no credential for {provider.name} here, and the configured proxy lists {listed!r}"
                        return self._proxy(spec, listed, why)
            raise
        wire_format = provider.wire_format
        if engine == "native":
            wire_format, api_base = format_and_base(provider.name, wire_format, spec.model, api_base)
        else:
            wire_format = litellm_format(provider.name, wire_format, spec.model)
        return self._route(
            spec,
            engine=engine,
            provider=provider.name,
            model=spec.model,
            wire_format=wire_format,
            api_base=api_base,
            credential=credential,
            settings=lookup.settings,
            why=why,
            dry=dry,
        )

    def lane(self, spec: ModelSpec, lookup: ProviderLookup) -> tuple[Lane, str]:
        """The lane that serves a model of this provider, and why.

        Raises:
            SpecError: The spec requests a lane that does not exist.
        """
        provider = lookup.provider
        requested = spec.params.get("lane")
        if requested not in {None, "litellm", "native"}:
            raise SpecError(f"lane={requested!r} is neither litellm nor native", spec=str(spec), fix="?lane=native")
        reason = unsupported_reason(provider.name, provider.wire_format, spec.model)
        if not reason and lookup.needs_litellm:
            reason = f"only litellm can use the credential that is set for {provider.name}"
        if requested == "native":
            if reason:
                raise SpecError(
                    f"the native lane cannot serve this: {reason}", spec=str(spec), fix="remove lane=native"
                )
            return "native", "the native lane was requested"
        if requested == "litellm":
            return "litellm", "the litellm lane was requested"
        if spec.lane == "litellm":
            return "litellm", "written litellm.…: always through embedded litellm"
        if reason:
            return "litellm", f"{reason}: through embedded litellm"
        wire_format, _ = format_and_base(provider.name, provider.wire_format, spec.model, "")
        return "native", f"{provider.name} speaks {FORMAT_NAMES[wire_format]}: straight to it"

    def _credential(self, lookup: ProviderLookup, lane: Lane, *, dry: bool) -> tuple[Credential, str | None]:
        if not dry:
            return lookup.resolve(lane)
        params = {name: Secret(value) for name, value in lookup.shapes.items()}
        return Credential(params=params, source=lookup.source), lookup.api_base

    def proxy(self, *, dry: bool = False) -> tuple[str, Secret | None, str] | None:
        """The configured LiteLLM proxy's base URL, key and their source; None if no proxy is configured."""
        found = providers.proxy_settings(self.config.environ, self.config)
        if found is None:
            return None
        api_base, key, source = found
        if dry:
            return api_base, None, source
        resolved = key if key is None or isinstance(key, Secret) else key.resolve(self.config.environ)
        return api_base, resolved, source

    def proxy_route(self) -> Route | None:
        """A Route to the proxy for requests that are not model calls: its lists. None if no proxy is configured."""
        return None if self.proxy() is None else self._proxy(ModelSpec("proxy", "", "models"), "", "the proxy's lists")

    def _proxy(self, spec: ModelSpec, deployment: str, why: str, *, dry: bool = False) -> Route:
        found = self.proxy(dry=dry)
        if found is None:
            raise MissingCredentialsError(
                f"{spec.target!r} names a deployment of a LiteLLM proxy, but no proxy is configured",
                provider=PROXY,
                spec=str(spec),
                alternatives=(("LITELLM_API_BASE", "LITELLM_API_KEY"),),
                fix="set LITELLM_API_BASE and LITELLM_API_KEY, or litellm.api_base and litellm.api_key in ingate.yaml",
                docs_url="https://docs.litellm.ai/docs/simple_proxy",
            )
        api_base, key, source = found
        return self._route(
            spec,
            engine="native",
            provider=PROXY,
            model=deployment,
            wire_format="chat",
            api_base=api_base,
            credential=Credential(key, source=source),
            why=why,
            dry=dry,
        )

    def _refuse_disabled(self, spec: ModelSpec) -> None:
        """Raise if the configuration disables what serves this spec without an entry in the map of providers."""
        name = PROXY if spec.lane == "proxy" else spec.provider
        own = spec.lane == "auto" and (name in _OWN or name in self.config.settings.servers)
        if (own or name == PROXY) and (problem := disabled(name, self.config)) is not None:
            raise MissingCredentialsError(problem.reason, provider=name, spec=str(spec), fix=problem.fix)

    def _refuse_untrusted(self, spec: ModelSpec, lookup: ProviderLookup | None = None, engine: str = "") -> None:
        """Raise if the call needs a setting of a file that is not trusted."""
        if (problem := untrusted(spec, self.config, lookup, engine)) is not None:
            raise problem

    def _server(self, spec: ModelSpec, *, dry: bool) -> Route:
        server = self.config.settings.servers[spec.provider]
        where = self.config.where("servers", spec.provider)
        key = server.api_key.resolve(self.config.environ) if server.api_key is not None and not dry else None
        source = server.api_key.describe() if server.api_key is not None else "no key configured"
        route = self._route(
            spec,
            engine="native",
            provider=spec.provider,
            model=spec.model,
            wire_format=server.wire_format,
            api_base=server.base_url,
            credential=Credential(key, source=source),
            why=f"a configured server, {where}",
            dry=dry,
        )
        route = route.with_timeouts(self._timeouts(spec, server))
        return replace(route, headers={} if dry else self._resolved(server.headers))

    def _own(self, spec: ModelSpec, *, dry: bool) -> Route:
        if spec.provider == "tensorzero":
            return self._tensorzero(spec, dry=dry)
        if spec.provider == "scripted":
            raise UnknownProviderError(
                "'scripted' is the test double, but none was passed to this gateway",
                spec=str(spec),
                fix="Gateway(engines={'scripted': ScriptedEngine()})",
            )
        facts: dict[str, Any] = {}
        if (path := self.config.settings.local.models.get(spec.model)) is not None:
            facts["path"] = path
        if (context := self.config.settings.local.context_tokens) is not None:
            facts["context_tokens"] = context
        if (threads := self.config.settings.local.threads) is not None:
            facts["threads"] = threads
        route = self._route(
            spec,
            engine="local",
            provider="local",
            model=spec.model,
            credential=Credential(source="no key needed"),
            why="a model file inside this process",
        )
        return replace(route, facts=facts)

    def _tensorzero(self, spec: ModelSpec, *, dry: bool) -> Route:
        settings, environ = self.config.settings.tensorzero, self.config.environ
        key = None
        named = environ.get("TENSORZERO_API_KEY", "").strip()
        source = "env TENSORZERO_API_KEY" if named else "no key needed"
        if not named and settings.api_key is not None and settings.api_key.present(environ):
            source = settings.api_key.describe()
            key = settings.api_key.resolve(environ) if not dry else None
        elif named and not dry:
            key = Secret(named)
        url = environ.get("TENSORZERO_GATEWAY_URL", "").strip() or settings.gateway_url
        common: dict[str, Any] = {"provider": "tensorzero", "wire_format": "chat", "dry": dry}
        if url is None and settings.config_file is not None:
            route = self._route(
                spec,
                engine="tensorzero",
                model=tensorzero_model(spec.model, tensorzero_models(settings.config_file)),
                credential=Credential(source="no key needed"),
                why=f"TensorZero inside this process, by {self.config.where('tensorzero', 'config_file')}",
                **common,
            )
            return replace(route, facts={"config_file": settings.config_file})
        return self._route(
            spec,
            engine="native",
            model=tensorzero_model(spec.model),
            api_base=tensorzero_base(url or TENSORZERO_URL),
            credential=Credential(key, source=source),
            why="a TensorZero gateway over HTTP",
            **common,
        )

    def _route(
        self,
        spec: ModelSpec,
        *,
        engine: str,
        provider: str,
        model: str,
        why: str,
        wire_format: str = "",
        api_base: str | None = None,
        credential: Credential | None = None,
        settings: ProviderSettings | None = None,
        dry: bool = False,
    ) -> Route:
        through_litellm = engine == "litellm" or provider == PROXY
        litellm = self.config.settings.litellm
        headers = self._resolved(litellm.default_headers) if through_litellm and not dry else {}
        if settings is not None and not dry:
            headers |= self._resolved(settings.headers)
        limits = self._timeouts(spec, litellm if through_litellm else None, settings)
        row = self._row(provider, model) if engine in {"native", "litellm"} else None
        forced = self._forced(spec, settings)
        ways = endpoints(provider, wire_format, model, api_base, row, forced) if engine == "native" else ()
        if ways and ways[0] != (wire_format, api_base):
            wire_format, api_base = ways[0]
            why = f"{provider} serves this model in {FORMAT_NAMES[wire_format]}: straight to it"
        return Route(
            spec=spec,
            engine=engine,
            provider=provider,
            model=model,
            wire_format=wire_format,
            api_base=api_base,
            endpoints=ways,
            credential=credential if credential is not None else Credential(),
            headers=headers,
            params={name: value for name, value in spec.params.items() if name not in OWN_PARAMS},
            extra_kwargs=litellm.extra_kwargs if through_litellm else {},
            drop_params=_drop_policy(spec.params.get("drop_params", litellm.drop_params)),
            why=why,
            facts=_facts(row) if row is not None else {},
        ).with_timeouts(limits)

    def _forced(self, spec: ModelSpec, settings: ProviderSettings | None) -> str | None:
        """The only format to use, if the spec (`?api=responses`) or the provider's section names one."""
        requested = spec.params.get("api")
        if requested is None:
            return getattr(settings, "wire_format", None)
        if requested not in get_args(Api):
            raise SpecError(
                f"api={requested!r} is not one of {', '.join(get_args(Api))}", spec=str(spec), fix="?api=responses"
            )
        return str(requested)

    def _row(self, provider: str, model: str) -> ModelRow | None:
        return self._catalog().get(provider, model)

    def _timeouts(self, spec: ModelSpec, *sections: TimeLimits | None) -> Timeouts:
        """The time limits of a call: the spec's, else those of the sections (the strongest last), else the top level's."""
        requested: dict[str, Any] = {name: spec.params.get(name) for name in TIMEOUT_PARAMS}
        for name, value in requested.items():
            if value is not None and not is_limit(value):
                raise SpecError(
                    f"{name}={value!r} is not a positive number of seconds", spec=str(spec), fix=f"?{name}=30"
                )
        layers = (section.time_limits() for section in (self.config.settings, *sections) if section is not None)
        return resolved(*layers, requested)

    def _resolved(self, headers: Mapping[str, SecretRef]) -> dict[str, str | Secret]:
        return {name: value.resolve(self.config.environ) for name, value in headers.items()}


def _facts(row: ModelRow) -> dict[str, Any]:
    """What the catalog knows of a model, as `wire.facts.facts_of` reads it."""
    known = {"max_output_tokens": row.max_output_tokens, "caps": row.caps or None, "catalog": row.facts or None}
    return {name: value for name, value in known.items() if value is not None}


def _drop_policy(value: Any) -> DropPolicy:
    """`true` means `warn` and `false` means `strict`; the three words are used as they are."""
    if isinstance(value, bool):
        return "warn" if value else "strict"
    if value in get_args(DropPolicy):
        return value
    raise SpecError(f"drop_params={value!r} is not one of true, false, strict, warn, drop")
