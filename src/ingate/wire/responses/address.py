"""The address of a provider's Responses endpoint, under whatever base URL is configured for the provider."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from ingate.wire.facts import known_facts
from ingate.wire.responses.providers import responses_provider

if TYPE_CHECKING:
    from ingate.wire.codec import Target

_ENDPOINTS: Final = ("/responses", "/chat/completions", "/completions", "/embeddings", "/messages")
# Azure's other surfaces under the same resource, which have no Responses endpoint.
_AZURE_OTHERS: Final = re.compile(r"(/openai/deployments/[^/]+|/openai|/models)$")
_VERSIONED: Final = re.compile(r"/v\d+$")


def responses_url(target: Target) -> str:
    """The endpoint under `target.api_base`, which may end in a slash, a version, an endpoint's path or a query."""
    parts = urlsplit(target.api_base.strip())
    base = parts.path.rstrip("/")
    for known in _ENDPOINTS:
        base = base.removesuffix(known)
    if target.provider in {"azure", "azure_ai"}:
        return _azure_url(target, parts.scheme, parts.netloc, base, parts.query)
    row = responses_provider(target.provider)
    path = known_facts(target.provider, target.model, "responses").get("responses_path", "")
    if path:
        base = base.removesuffix("/v1").removesuffix("/openai") + path
    elif target.provider == "deepseek":
        base = base.removesuffix("/beta")
    elif row.path and not base.endswith(row.path) and not _VERSIONED.search(base):
        base += row.path
    return urlunsplit((parts.scheme, parts.netloc, f"{base}/responses", parts.query, ""))


def _azure_url(target: Target, scheme: str, host: str, base: str, query: str) -> str:
    """`<resource>/openai/v1/responses`. Its only versions are none and `preview`; dated ones belong to other surfaces."""
    if not _VERSIONED.search(base):
        base = _AZURE_OTHERS.sub("", base) + "/openai/v1"
    values = dict(parse_qsl(query))
    version = values.pop("api-version", "") or target.params.get("api_version", "")
    if version == "preview":
        values["api-version"] = version
    return urlunsplit((scheme, host, f"{base}/responses", urlencode(values), ""))
