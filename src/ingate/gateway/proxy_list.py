"""The models that the configured LiteLLM proxy lists."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from ingate.engines.base import ModelLister, Route
from ingate.errors import IngateError, MissingCredentialsError

if TYPE_CHECKING:
    from ingate.gateway.gateway import Gateway
    from ingate.spec import ModelSpec

_FRESH_S: Final = 60.0


class ProxyList:
    """The proxy's models, cached for a minute.

    Args:
        gateway: Provides the route to the proxy, and the engine.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._names: frozenset[str] | None = None
        self._fetched_s = 0.0

    async def names(self) -> frozenset[str]:
        """The names that the proxy lists, including wildcards, at most a minute old; empty without a proxy.

        Raises:
            IngateError: The proxy is down, rejects the key, or is not a LiteLLM proxy.
        """
        if self._names is None or time.monotonic() - self._fetched_s > _FRESH_S:
            route = self._gateway.router.proxy_route()
            engine = self._gateway.engine(route.engine) if route is not None else None
            if route is None or not isinstance(engine, ModelLister):
                return frozenset()
            listed = await engine.list_models(route, query="?return_wildcard_routes=true")
            self._names = frozenset(str(model.get("id")) for model in listed)
            self._fetched_s = time.monotonic()
        return self._names

    async def deployments(self) -> list[dict[str, Any]]:
        """The chat deployments that the proxy currently lists, with limits and prices if the key may read them.

        Returns:
            OpenAI model objects; `context_length`, `top_provider`, `pricing` and `supported_parameters` as in OpenRouter's
            list. Empty without a proxy.

        Raises:
            IngateError: The proxy is down, rejects the key, or is not a LiteLLM proxy.
        """
        route = self._gateway.router.proxy_route()
        engine = self._gateway.engine(route.engine) if route is not None else None
        return await engine.list_deployments(route) if route is not None and isinstance(engine, ModelLister) else []

    async def route(self, spec: ModelSpec) -> Route:
        """Where calls of a spec go: to its provider, or to the proxy that lists it if there is no credential."""
        router = self._gateway.router
        try:
            return router.route(spec)
        except MissingCredentialsError as missing:
            if spec.lane == "proxy" or router.proxy(dry=True) is None:
                raise
            try:
                listed = await self.names()
            except IngateError as failed:
                missing.add_note(f"the configured proxy may serve it, but its list could not be read: {failed}")
                raise missing from failed
            return router.route(spec, proxy_lists=lambda name: is_listed(listed, name))


def is_listed(names: frozenset[str], name: str) -> bool:
    """Whether a proxy's list includes `name`, itself or through a wildcard such as `groq/*`."""
    return name in names or any(entry.endswith("*") and name.startswith(entry[:-1]) for entry in names)
