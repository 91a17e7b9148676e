"""Azure: OpenAI's format under Azure's addresses.

Three kinds of endpoints, distinguished by the base URL: `…/openai/v1` (as OpenAI's own), deployments (`…/openai/deployments/NAME`,
with an `api-version`), and AI Foundry's model inference (`…services.ai.azure.com/models`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from ingate.wire.chat.codec import ChatCodec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.codec import Target, WireRequest

# The newest stable version of each kind: https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle
_DEPLOYMENTS_VERSION: Final = "2024-10-21"
_INFERENCE_VERSION: Final = "2024-05-01-preview"


def azure_endpoint(api_base: str, path: str, model: str, api_version: str = "") -> str:
    """The address of `path` (`/chat/completions`) for a deployment or model under any of Azure's base URLs."""
    parts = urlsplit(api_base.strip())
    base = parts.path.rstrip("/")
    for known in ("/chat/completions", "/embeddings"):
        base = base.removesuffix(known)
    query = dict(parse_qsl(parts.query))
    if base.endswith("/v1"):
        version = ""
    elif base.endswith("/models") or (not base and parts.netloc.endswith(".services.ai.azure.com")):
        base, version = base or "/models", _INFERENCE_VERSION
    elif parts.netloc.endswith((".models.ai.azure.com", ".inference.ai.azure.com")):
        version = ""
    else:
        version = _DEPLOYMENTS_VERSION
        if "/deployments/" not in base:
            base = f"{base.removesuffix('/openai')}/openai/deployments/{quote(model, safe='')}"
    if version := query.get("api-version") or api_version or version:
        query["api-version"] = version
    return urlunsplit((parts.scheme, parts.netloc, base + path, urlencode(query), ""))


class AzureCodec(ChatCodec):
    """OpenAI's codec with Azure's addresses."""

    name = "azure"

    def url(self, target: Target) -> str:
        """The address of the deployment's chat completions."""
        return _url(target, "/chat/completions")

    def embeddings_request(self, body: Mapping[str, Any], target: Target) -> WireRequest:
        """An OpenAI embeddings request to the deployment's address."""
        request = super().embeddings_request(body, target)
        request.url = _url(target, "/embeddings")
        return request


def _url(target: Target, path: str) -> str:
    return azure_endpoint(target.api_base, path, target.model, target.params.get("api_version", ""))


CODEC: Final = AzureCodec()
