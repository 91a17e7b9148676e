"""`/v1/models`: what would answer now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingate import providers
from ingate.errors import IngateError

if TYPE_CHECKING:
    from ingate.gateway import Gateway


async def list_models(gateway: Gateway) -> list[dict[str, Any]]:
    """OpenAI model objects: aliases, local models, the proxy's deployments, every ready provider's catalog rows.

    A proxy that does not answer is left out: a list is no place to fail.
    """
    settings = gateway.config.settings
    found = {name: _model(name, "alias") for name in settings.aliases}
    for name in ("smollm2", *settings.local.models):
        found[f"local/{name}"] = _model(f"local/{name}", "local")
    try:
        deployments = await gateway.proxy_models()
    except IngateError:
        deployments = frozenset()
    for name in sorted(deployments):
        found[f"litellm/{name}"] = _model(f"litellm/{name}", "litellm_proxy")
    states = providers.statuses(gateway.config.environ, gateway.config)
    for row in gateway.catalog().visible():
        if states[row.provider].state == "ready":
            found[row.key] = _model(row.key, row.provider)
    return list(found.values())


def _model(name: str, owner: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}
