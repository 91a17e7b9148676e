"""Whether a model would answer, and what would help if it would not. This is the only place that decides it.

Nothing here sends a request, starts a login, runs a command or queries a keyring. A list of models that a server
returned earlier is evidence that it runs, if the caller has one.

A model is ✗ (missing) if its provider is unknown or disabled, has no credential, or its file does not exist. It is ○
(attention) if a login, part of a credential, a package, a file or a project is missing, if what it needs stands in a
file that is not trusted, if a server that needs no key has
not answered yet, or if only the configured proxy might serve it. Otherwise it is ✓ (ready): whether the provider accepts the
credential, only a call can tell. `ReadinessChecker._decide` and `_provider` go through these reasons in order.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Final, Self

import msgspec

from ingate import providers
from ingate.errors import IngateError, SpecError, UnknownProviderError
from ingate.gateway.state import MARKS, RANK, Listing, Readiness, State
from ingate.gateway.trust import untrusted
from ingate.providers.lookup import ProviderLookup, disabled
from ingate.spec import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingate.gateway.routing import Router
    from ingate.providers import Provider, ProxySettings
    from ingate.spec import Lane

__all__ = ["MARKS", "RANK", "Listing", "Readiness", "ReadinessChecker", "State", "readiness"]

PROXY: Final = "litellm_proxy"
NEEDS_LITELLM: Final = "litellm is not installed, and this model needs it"
INSTALL_LITELLM: Final = "pip install '.[litellm]' in ingate's folder"
_NO_PROXY_FIX: Final = (
    "set LITELLM_API_BASE and LITELLM_API_KEY, or litellm.api_base and litellm.api_key in ingate.yaml"
)
_DISPLAY_NAMES: Final = {
    "local": "A model in this process",
    "scripted": "Test double",
    "tensorzero": "TensorZero",
    PROXY: "LiteLLM proxy",
}


class ReadinessChecker:
    """Readiness of any model, from one look at the environment, the configuration and the files they name.

    What holds for all models of a provider is computed once, so that thousands of models can be checked. Make a new
    checker to look again.

    Args:
        router: Resolves aliases and chooses lanes; its configuration and environment are used.
        lists: Provider, server or `litellm_proxy` → its list of models, if one was fetched.
        known: The providers by name (default: the map of providers).
        installed: Whether a package can be imported.
    """

    def __init__(
        self,
        router: Router,
        *,
        lists: Mapping[str, Listing] | None = None,
        known: Mapping[str, Provider] | None = None,
        installed: Callable[[str], bool] | None = None,
    ) -> None:
        self.router = router
        self.config = router.config
        self.lists: Mapping[str, Listing] = lists or {}
        self._known = providers.providers() if known is None else known
        self._installed = installed or providers.is_installed
        self._lookups: dict[str, ProviderLookup | None] = {}
        self._decided: dict[str, Readiness] = {}
        self._states: dict[tuple[str, ...], State] = {}
        self._local: dict[str, Readiness] = {}
        self._deployments: tuple[frozenset[str], tuple[str, ...]] | None = None
        self.proxy: ProxySettings | None = providers.proxy_settings(self.config.environ, self.config)
        self.has_litellm = self._installed("litellm")

    @property
    def local_models(self) -> tuple[str, ...]:
        """The names of the local models: `smollm2` and the configured files."""
        return tuple(dict.fromkeys(("smollm2", *self.config.settings.local.models)))

    def with_lists(self, lists: Mapping[str, Listing]) -> Self:
        """The same look with other lists of models."""
        other = copy(self)
        other.lists = lists
        other._decided, other._states, other._deployments = {}, {}, None
        return other

    def check(self, spec: ModelSpec | str) -> Readiness:
        """The readiness of a spec. Of several, as in a list of fallbacks or an alias for one, the readiest counts."""
        if isinstance(spec, str) or spec.lane == "alias":
            text = str(spec)
            try:
                found = [self.check(one) for one in self.router.specs(text)]
            except IngateError as error:
                return _missing(error, spec=text)
            return min(found, key=lambda one: RANK[one.state])
        return self.with_near_misses(msgspec.structs.replace(self._decide(spec), spec=str(spec)))

    def with_near_misses(self, found: Readiness) -> Readiness:
        """`found` with the near misses, which take longer to find: only `check` always reports them."""
        lookup = self._lookup(found.provider)
        if not lookup or found.state == "ready" or found.has_credential or lookup.disabled:
            return found
        return msgspec.structs.replace(found, near_misses=lookup.near_misses)

    def provider(self, name: str, lane: Lane = "auto") -> Readiness:
        """What holds for all models of a provider, a server, `local` or `litellm_proxy` on a lane, near misses aside."""
        whole = ModelSpec("proxy", "", "any") if name == PROXY else ModelSpec(lane, name, "")
        if self.config.skipped and (problem := self._untrusted(whole)) is not None:
            return problem
        if name == "local":
            return min(map(self._local_model, self.local_models), key=lambda one: RANK[one.state])
        if name == PROXY and self.proxy is not None:
            return self._deployment()
        if name in self.config.settings.servers:
            return self._server(name)
        lookup = self._lookup(name)
        if lookup is None:
            return self._unknown(name)
        found = self._provider(lookup)
        if found.has_credential and (lane == "litellm" or lookup.needs_litellm):
            found = self._on_litellm(found, lookup)
        return found

    def state(self, provider: str, model: str, lane: Lane = "auto") -> State:
        """The state alone of one model; fast enough to be asked for thousands of them."""
        states = self._states
        state = states.get((provider, lane)) or states.get((provider, lane, model))
        if state is None:
            found = self._decide(ModelSpec(lane, "" if lane == "proxy" else provider, model))
            varies = self._varies(found, provider)
            states[(provider, lane, model) if varies else (provider, lane)] = state = found.state
        return state

    def snapshot(self) -> tuple[Readiness, ...]:
        """What holds for every provider, server and local model; two looks that found the same have equal snapshots."""
        names = [*self._known, *self.config.settings.servers]
        found = [self._provider(lookup) for name in names if (lookup := self._lookup(name)) is not None]
        found += [self._server(name) for name in self.config.settings.servers]
        found += map(self._local_model, self.local_models)
        return (*found, self._deployment())

    def _varies(self, found: Readiness, provider: str) -> bool:
        """Whether other models of the same provider on the same lane may have another state."""
        lookup = self._lookup(provider) if provider != "local" else None
        if lookup is None or lookup.litellm_problem is not None or (found.has_credential and not self.has_litellm):
            return True
        return found.lane == "proxy" or (not found.has_credential and self.proxy is not None)

    def _decide(self, spec: ModelSpec) -> Readiness:
        """The readiness of a model, near misses aside."""
        if self.config.skipped and (problem := self._untrusted(spec)) is not None:
            return problem
        if spec.lane == "proxy":
            return self._deployment()
        if spec.lane == "auto":
            if spec.provider in self.router.engines or spec.provider == "scripted":
                return self._engine(spec)
            if spec.provider == "local":
                return self._local_model(spec.model)
            if spec.provider == "tensorzero":
                return self._tensorzero(spec)
            if spec.provider in self.config.settings.servers:
                return self._server(spec.provider)
        lookup = self._lookup(spec.provider)
        if lookup is None:
            return self._unknown(spec.provider)
        found = self._provider(lookup)
        try:
            lane, _ = self.router.lane(spec, lookup)
        except SpecError as error:
            return _missing(error, provider=found.provider, display_name=found.display_name)
        if not found.has_credential:
            return self._through_proxy(msgspec.structs.replace(found, lane=lane), spec)
        return self._on_litellm(found, lookup) if lane == "litellm" else found

    def _untrusted(self, spec: ModelSpec) -> Readiness | None:
        """What holds for a call that needs a setting of a file that is not trusted."""
        lookup = self._lookup(spec.provider)
        if (problem := untrusted(spec, self.config, lookup)) is None:
            return None
        name = spec.provider or PROXY
        shown = lookup.provider.display_name if lookup else _DISPLAY_NAMES.get(name, name)
        return _missing(problem, "attention", provider=name, display_name=shown)

    def _provider(self, lookup: ProviderLookup) -> Readiness:
        """What a provider's credential is good for, whichever model is called."""
        known = lookup.provider
        if (decided := self._decided.get(known.name)) is not None:
            return decided
        if known.name == PROXY and self.proxy is not None and lookup.missing is not None:
            return self._deployment()
        found = Readiness(
            state="ready",
            provider=known.name,
            display_name=known.display_name,
            source=lookup.source,
            lane="native",
            docs_url=known.docs_url,
            api_base=lookup.api_base,
            api_base_source=lookup.api_base_source,
            has_credential=lookup.missing is None and lookup.disabled is None,
        )
        if lookup.disabled is not None:
            found = _with(found, "missing", *lookup.disabled, source="")
        elif lookup.missing is not None:
            near = bool(lookup.parts) or known.auth == "oauth_device"
            found = _with(found, "attention" if near else "missing", *lookup.missing)
        elif lookup.problem is not None:
            found = _with(found, "attention", *lookup.problem)
        elif known.auth in {"none", "base_url"} and all(part.target != "api_key" for part in lookup.parts):
            found = self._reached(found, known.name)
        self._decided[known.name] = found
        return found

    def _on_litellm(self, found: Readiness, lookup: ProviderLookup) -> Readiness:
        """The same on the lane through embedded litellm, which may not be installed or unable to use the credential."""
        problem = (NEEDS_LITELLM, INSTALL_LITELLM) if not self.has_litellm else lookup.litellm_problem
        if found.has_credential and problem is not None:
            return _with(found, "attention", *problem, lane="litellm")
        return msgspec.structs.replace(found, lane="litellm")

    def _through_proxy(self, found: Readiness, spec: ModelSpec) -> Readiness:
        """A model without a credential here, which the configured proxy may serve."""
        if self.proxy is None or found.provider == PROXY:
            return found
        listing = self._listing(PROXY)
        if listing is not None and (listing.problem or not self._lists(found.provider, spec)):
            return found
        if listing is not None:
            source = f"proxy {self.proxy.api_base} ({self.proxy.source})"
            return _with(found, "ready", "", "", lane="proxy", source=source)
        if found.state == "attention":
            return found
        reason = f"{found.reason}; the proxy at {self.proxy.api_base} may serve it, which was not checked"
        return _with(found, "attention", reason, found.fix, lane="proxy")

    def _lists(self, provider: str, spec: ModelSpec) -> bool:
        """Whether the proxy's list has a model under one of the names that are called, or a wildcard such as `groq/*`."""
        if self._deployments is None:
            names = frozenset(row.model for row in self.lists[PROXY].rows)
            self._deployments = names, tuple(name[:-1] for name in names if name.endswith("*"))
        names, wildcards = self._deployments
        wanted = {f"{provider}/{spec.model}", f"{spec.provider}/{spec.model}", spec.model}
        return not names.isdisjoint(wanted) or any(name.startswith(wildcards) for name in wanted if wildcards)

    def _deployment(self) -> Readiness:
        """A deployment of the configured proxy."""
        known = self._known.get(PROXY)
        found = Readiness(
            state="ready",
            provider=PROXY,
            display_name=_DISPLAY_NAMES[PROXY],
            lane="proxy",
            docs_url=known.docs_url if known is not None else "",
        )
        if self.proxy is None:
            return _with(found, "missing", "no LiteLLM proxy is configured", _NO_PROXY_FIX)
        if (problem := disabled(PROXY, self.config)) is not None:
            return _with(found, "missing", *problem)
        base = self.proxy.api_base
        found = msgspec.structs.replace(
            found, source=self.proxy.source, api_base=base, api_base_source=self.proxy.source, has_credential=True
        )
        listing = self._listing(PROXY)
        if listing is not None and listing.problem:
            return _with(found, "attention", listing.problem, f"start the proxy at {base}, or correct its key")
        return found if self.proxy.api_key is not None else self._reached(found, PROXY)

    def _server(self, name: str) -> Readiness:
        """A server of the configuration."""
        if (decided := self._decided.get(f"servers.{name}")) is not None:
            return decided
        server = self.config.settings.servers[name]
        found = Readiness(
            state="ready",
            provider=name,
            display_name=name,
            lane="native",
            source="no key configured",
            api_base=server.base_url,
            api_base_source=f"{self.config.where('servers', name, 'base_url') or 'config'} servers.{name}.base_url",
            has_credential=True,
        )
        if (problem := disabled(name, self.config)) is not None:
            found = _with(found, "missing", *problem, source="", has_credential=False)
        elif server.api_key is None:
            found = self._reached(found, name)
        elif not server.api_key.present(self.config.environ):
            fix = (
                f"export {server.api_key.variables[0]}=…" if server.api_key.variables else f"set servers.{name}.api_key"
            )
            reason = f"{server.api_key.describe()} has no value"
            found = _with(found, "missing", reason, fix, source="", has_credential=False)
        else:
            found = msgspec.structs.replace(found, source=server.api_key.describe())
            listing = self._listing(name)
            if listing is not None and listing.problem:
                found = _with(found, "attention", listing.problem, f"start the server at {server.base_url}")
        self._decided[f"servers.{name}"] = found
        return found

    def _reached(self, found: Readiness, name: str) -> Readiness:
        """A server that needs no key: ready if it has answered."""
        base = found.api_base or "its address"
        listing = self._listing(name) or self._listing(name.removesuffix("_chat"))
        if listing is not None and listing.problem:
            return _with(found, "attention", listing.problem, f"start the server at {base}")
        if listing is None:
            reason = f"answers only while a server runs at {base}, which was not checked"
            return _with(found, "attention", reason, f"start the server at {base}")
        return msgspec.structs.replace(found, source=f"{found.source}; a server answers at {base}")

    def _listing(self, name: str) -> Listing | None:
        """A list that is evidence: fetched just now, or not to be had just now."""
        listing = self.lists.get(name)
        return listing if listing is not None and (listing.checked or listing.problem) else None

    def _local_model(self, model: str) -> Readiness:
        """A model file that is run in this process."""
        if (decided := self._local.get(model)) is None:
            decided = self._local[model] = self._check_file(model)
        return decided

    def _check_file(self, model: str) -> Readiness:
        from ingate.engines.local.files import model_path

        found = Readiness(state="ready", provider="local", display_name=_DISPLAY_NAMES["local"], lane="local")
        if (problem := disabled("local", self.config)) is not None:
            return _with(found, "missing", *problem)
        if not self._installed("xllamacpp"):
            return _with(found, "attention", "xllamacpp is not installed", "pip install '.[local]' in ingate's folder")
        try:
            path = model_path(self.router.route(ModelSpec("auto", "local", model), dry=True))
        except IngateError as error:
            return _with(found, "missing", str(error), error.fix)
        return msgspec.structs.replace(found, source=str(path), has_credential=True)

    def _tensorzero(self, spec: ModelSpec) -> Readiness:
        """A TensorZero gateway, or TensorZero in this process."""
        found = Readiness(
            state="ready", provider="tensorzero", display_name=_DISPLAY_NAMES["tensorzero"], has_credential=True
        )
        if (problem := disabled("tensorzero", self.config)) is not None:
            return _with(found, "missing", *problem)
        route = self.router.route(spec, dry=True)
        found = msgspec.structs.replace(
            found, source=route.credential.source, lane=route.engine, api_base=route.api_base
        )
        if route.engine == "tensorzero":
            if self._installed("tensorzero"):
                return found
            return _with(found, "attention", "tensorzero is not installed", "pip install tensorzero")
        return found if found.source != "no key needed" else self._reached(found, "tensorzero")

    def _engine(self, spec: ModelSpec) -> Readiness:
        """A model of an engine that was passed to the gateway."""
        name = spec.provider
        found = Readiness(state="ready", provider=name, display_name=_DISPLAY_NAMES.get(name, name), lane=name)
        try:
            self.router.route(spec, dry=True)
        except UnknownProviderError as error:
            return _with(found, "missing", str(error), error.fix)
        return msgspec.structs.replace(found, has_credential=True)

    def _unknown(self, name: str) -> Readiness:
        try:
            providers.provider(name)
        except UnknownProviderError as error:
            return _missing(error, provider=name, display_name=name)
        return Readiness(state="missing", provider=name, display_name=name, reason=f"{name!r} is not a provider")

    def _lookup(self, name: str) -> ProviderLookup | None:
        """The look-up of a provider by its name or alias; None if there is no such provider."""
        if name not in self._lookups:
            known = self._known.get(providers.aliases().get(name, name)) or providers.unmapped(name)
            look = ProviderLookup(known, self.config.environ, self.config, self._installed) if known else None
            self._lookups[name] = look
        return self._lookups[name]


def readiness(spec: ModelSpec | str, router: Router, *, lists: Mapping[str, Listing] | None = None) -> Readiness:
    """The readiness of one spec. To check many, make one `ReadinessChecker`."""
    return ReadinessChecker(router, lists=lists).check(spec)


def _with(found: Readiness, state: State, reason: str, fix: str, **changes: object) -> Readiness:
    return msgspec.structs.replace(found, state=state, reason=reason, fix=fix, **changes)


def _missing(error: IngateError, state: State = "missing", **fields: str) -> Readiness:
    return msgspec.structs.replace(Readiness(state=state, reason=str(error), fix=error.fix), **fields)
