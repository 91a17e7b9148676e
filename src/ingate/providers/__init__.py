"""Credentials: the map of what each provider reads, and what is there."""

from __future__ import annotations

from ingate.providers.credential import Credential
from ingate.providers.proxy import ProxySettings, proxy_settings
from ingate.providers.registry import Provider, aliases, litellm_arguments, provider, providers
from ingate.providers.resolve import needs_litellm, resolve
from ingate.providers.status import Status, is_installed, mark, shapes, status, statuses
from ingate.providers.variables import secret_variables

__all__ = [
    "Credential",
    "Provider",
    "ProxySettings",
    "Status",
    "aliases",
    "is_installed",
    "litellm_arguments",
    "mark",
    "needs_litellm",
    "provider",
    "providers",
    "proxy_settings",
    "resolve",
    "secret_variables",
    "shapes",
    "status",
    "statuses",
]
