"""A proxy's `model_list` from the models that are configured here. It refers to keys by variable, never by value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ingate import providers
from ingate.errors import IngateError
from ingate.providers import ProviderLookup, address
from ingate.providers.alternatives import Found
from ingate.serve.server import is_loopback
from ingate.spec import OWN_PARAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.config import Config
    from ingate.config.secretref import SecretRef
    from ingate.gateway.routing import Router
    from ingate.providers.alternatives import Part
    from ingate.secret import Secret
    from ingate.spec import ModelSpec

SERVE_KEY: Final = "INGATE_SERVE_KEY"
"""The variable with the key of the `ingate serve` that serves local models to the proxy."""

# How litellm names a model behind a server of this wire format.
_PREFIXES: Final = {"chat": "openai/", "responses": "openai/responses/", "messages": "anthropic/"}


@dataclass(slots=True)
class Models:
    """The content of an export.

    Attributes:
        entries: The `model_list`.
        fallbacks: The router's fallbacks: name → the names to try after it.
        variables: Every variable the proxy needs → its purpose.
        refs: Those variables whose values are in ingate's own configuration.
        notes: Sentences about what could not be exported, and about files that the proxy's machine needs.
    """

    entries: list[dict[str, Any]] = field(default_factory=list)
    fallbacks: dict[str, list[str]] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    refs: dict[str, SecretRef] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def values(self, environ: Mapping[str, str]) -> dict[str, Secret]:
        """The values of `refs`, for a proxy that is started here. Runs commands and consults keyrings.

        Raises:
            ConfigError: A reference cannot be resolved.
        """
        return {name: ref.resolve(environ) for name, ref in self.refs.items() if not environ.get(name)}


class Collector:
    """Collects models for a proxy.

    Args:
        config: The configuration.
        router: Routes specs.
        local_url: The URL of the `ingate serve` that serves local models to the proxy; None leaves them out.
    """

    def __init__(self, config: Config, router: Router, *, local_url: str | None = None) -> None:
        self.models = Models()
        self._config = config
        self._router = router
        self._local_url = local_url.rstrip("/") if local_url else None
        self._named: dict[str, dict[str, Any]] = {}

    def add_aliases(self) -> None:
        """Add every alias and the default model, with their fallbacks."""
        settings = self._config.settings
        for name in settings.aliases:
            self._add_list(name, name)
        for default in (settings.default_model, settings.litellm.default_model):
            if default and default not in settings.aliases:
                self._add_list(None, default)

    def add_specs(self, specs: Iterable[str]) -> None:
        """Add further models, each by its own name; an invalid spec becomes a note."""
        for spec in specs:
            self._add_list(None, spec)

    def add_wildcard(self, provider: str) -> None:
        """Add all models of a provider: `groq/*`."""
        self._entry(f"{provider}/*", f"{provider}/*", provider, {})

    def _add_list(self, name: str | None, text: str) -> None:
        try:
            specs = self._router.specs(text)
            names = [self._add(name if not place else None, spec) for place, spec in enumerate(specs)]
        except IngateError as error:
            self.models.notes.append(f"{name or text} is left out: {error}")
            return
        first, *rest = [one for one in names if one is not None] or [None]
        if first is not None and (after := [one for one in dict.fromkeys(rest) if one is not None and one != first]):
            self.models.fallbacks.setdefault(first, after)

    def _add(self, name: str | None, spec: ModelSpec) -> str | None:
        """Add one spec. Returns its name in the proxy, or None if the proxy cannot serve it."""
        if spec.lane == "proxy":
            return spec.model  # already a deployment
        route = self._router.route(spec, dry=True)
        params = {key: value for key, value in spec.params.items() if key not in OWN_PARAMS}
        if "timeout" in spec.params:
            params["timeout"] = spec.params["timeout"]
        plain = f"{spec.provider}/{spec.model}"
        listed = name or (f"{plain}-{len(self._named)}" if params and plain in self._named else plain)
        if route.provider == "local":
            return self._local(listed, plain, params)
        if route.engine == "scripted":
            return None
        if route.provider in self._config.settings.servers or route.provider == "tensorzero":
            return self._server(listed, route.provider, route.model, route.api_base, params)
        return self._entry(listed, f"{route.provider}/{route.model}", route.provider, params)

    def _put(self, name: str, params: dict[str, Any]) -> str:
        if name not in self._named:
            self._named[name] = params
            self.models.entries.append({"model_name": name, "litellm_params": params})
        return name

    def _local(self, name: str, target: str, params: dict[str, Any]) -> str | None:
        if self._local_url is None:
            self.models.notes.append(
                f"{name} is left out: a proxy reaches local models through `ingate serve`; pass its URL as --local-url"
            )
            return None
        from urllib.parse import urlsplit

        base = self._local_url if self._local_url.endswith("/v1") else f"{self._local_url}/v1"
        key = "none"
        if not is_loopback(urlsplit(base).hostname or ""):
            key = self._variable(SERVE_KEY, "the key of the `ingate serve` at --local-url")
        return self._put(name, {"model": f"openai/{target}", "api_base": base, "api_key": key, **params})

    def _server(self, name: str, server: str, model: str, base: str | None, params: dict[str, Any]) -> str:
        settings = self._config.settings.servers.get(server)
        wire_format = settings.wire_format if settings is not None else "chat"
        if wire_format == "messages" and base is not None:
            base = address.for_lane(providers.provider("anthropic"), base, "litellm")
        found: dict[str, Any] = {"model": f"{_PREFIXES[wire_format]}{model}", "api_base": base, "api_key": "none"}
        if settings is not None and settings.api_key is not None:
            variable = f"{''.join(c if c.isalnum() else '_' for c in server).upper()}_API_KEY"
            found["api_key"] = self._variable(variable, f"the key of {server}", settings.api_key)
        return self._put(name, {**found, **params})

    def _entry(self, name: str, model: str, provider: str, params: dict[str, Any]) -> str:
        return self._put(name, {"model": model, **self._credential(provider), **params})

    def _credential(self, name: str) -> dict[str, Any]:
        """litellm's arguments for a provider's credential, each a reference to a variable."""
        known = providers.provider(name)
        lookup = ProviderLookup(known, self._config.environ, self._config)
        found = lookup.found
        out: dict[str, Any] = {}
        if isinstance(found, Found):
            if found.file:
                self._note(f"{known.name} uses {found.file} here: the proxy's machine needs it too")
            for part in lookup.parts:
                self._part(out, known.name, part)
        elif group := next(iter(known.env), ()):
            self._note(f"{known.name} has no credential here: set {' and '.join(group)} for the proxy")
            for variable in group:
                target = known.target(variable)
                reference = self._variable(variable, f"{known.display_name}, not set here")
                if target:
                    out[target] = reference
        base = address.written(known, lookup.environ, lookup.settings)
        if base is not None:
            out["api_base"] = address.for_lane(known, base[0], "litellm")
        return out

    def _part(self, out: dict[str, Any], provider: str, part: Part) -> None:
        if part.target == "api_base":
            return  # an address is not secret and is written as it is
        variable = part.name or part.variable or f"{provider}_{part.target}".upper()
        if variable.endswith("_FILE") or variable == "GOOGLE_APPLICATION_CREDENTIALS":
            self._note(f"{variable} names a file: the proxy's machine needs it too")
        reference = self._variable(variable, providers.provider(provider).display_name, part.ref)
        if part.target in providers.litellm_arguments() | {"api_key"}:
            out[part.target] = reference

    def _variable(self, name: str, purpose: str, ref: SecretRef | None = None) -> str:
        self.models.variables.setdefault(name, purpose)
        if ref is not None:
            self.models.refs.setdefault(name, ref)
        return f"os.environ/{name}"

    def _note(self, text: str) -> None:
        if text not in self.models.notes:
            self.models.notes.append(text)
