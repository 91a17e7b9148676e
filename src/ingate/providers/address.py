"""The base URL of a call: from a variable, the configuration, or the provider's default."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.config import ProviderSettings
    from ingate.providers.registry import Provider

Lane = Literal["native", "litellm"]

# What users paste from a provider's curl example.
_STRIPPED = ("/chat/completions",)
_DEFAULTS = {"region": "us-west-2", "location": "us-central1"}
_OWN_DEFAULTS = {("bedrock_mantle", "region"): "us-east-1"}
_ARGUMENTS = {"region": "aws_region_name", "location": "vertex_location", "account_id": "account_id"}
# The location of Vertex AI calls with a key (express mode), if none is configured.
EXPRESS_LOCATION = "global"
# Values that are part of an address. None of them is secret.
SHAPES = frozenset(_ARGUMENTS.values())
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_OLLAMA_PORT = 11434


def written(provider: Provider, environ: Mapping[str, str], settings: ProviderSettings) -> tuple[str, str] | None:
    """The base URL the user set, and the variable that sets it (empty for the configuration); None without one."""
    for name in provider.api_base_env:
        if value := environ.get(name, "").strip():
            return (ollama_host(value) if name == "OLLAMA_HOST" else value), name
    base = (settings.base_url or "").strip()
    return (base, "") if base else None


def for_lane(provider: Provider, base: str, lane: Lane) -> str:
    """A base URL as a user wrote it, converted to what `lane` expects.

    The native lane appends the format's path (`/chat/completions`); litellm appends more for some providers and less for
    others.
    """
    root = base.rstrip("/")
    for ending in (*_STRIPPED, provider.direct_path, *provider.base_strip, provider.direct_path):
        root = root.removesuffix(ending).rstrip("/")
    if root.endswith(provider.base_keep):
        return root
    path = provider.direct_path
    if lane == "litellm" and provider.litellm_path is not None:
        path = provider.litellm_path
    return root + path


def default(provider: Provider, params: Mapping[str, str]) -> str | None:
    """The provider's default base URL for the native lane, None if it has none or a part of it is unknown.

    Args:
        provider: The provider.
        params: Parts of it by litellm's argument names (`aws_region_name`, `vertex_location`, `account_id`).
    """
    template = provider.default_api_base
    if template is None or "{" not in template:
        return template
    if provider.name == "vertex_ai":
        return _vertex(params.get("vertex_location") or _DEFAULTS["location"])
    values = {
        name: params.get(_ARGUMENTS[name]) or part_default(provider, name) for name in _PLACEHOLDER.findall(template)
    }
    return template.format_map(values) if all(values.values()) else None


def part_default(provider: Provider, part: str) -> str | None:
    """The region or location in a provider's address if none is configured."""
    return _OWN_DEFAULTS.get((provider.name, part), _DEFAULTS.get(part))


def _vertex(location: str) -> str:
    if location == "global":
        return "https://aiplatform.googleapis.com"
    if location in {"us", "eu"}:
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com"


def ollama_host(value: str) -> str:
    """The base URL in `OLLAMA_HOST`, read as Ollama's client does: scheme and port are optional, 0.0.0.0 is this machine."""
    scheme, found, rest = value.rpartition("://")
    authority, slash, path = rest.partition("/")
    host, colon, port = authority.rpartition(":")
    if not colon or not port.isdigit() or (host.startswith("[") and not host.endswith("]")):
        host, port = authority, ""
    if not port:
        port = {"http": "80", "https": "443"}.get(scheme, "") if found else str(_OLLAMA_PORT)
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104 -- replaced, not bound
    return f"{scheme or 'http'}://{host}:{port}{slash}{path}".rstrip("/")
