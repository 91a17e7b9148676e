"""Providers: which variables and files each one reads, and which of them are set.

`registry` is the map of providers, `lookup` what one of them has in an environment and a configuration.
"""

from __future__ import annotations

from ingate.providers.credential import Credential
from ingate.providers.lookup import ProviderLookup, is_installed, look_up
from ingate.providers.proxy import ProxySettings, proxy_settings
from ingate.providers.registry import Provider, aliases, litellm_arguments, provider, providers, secret_variables
from ingate.providers.status import Status, mark, needs_litellm, resolve, status, statuses

__all__ = [
    "Credential",
    "Provider",
    "ProviderLookup",
    "ProxySettings",
    "Status",
    "aliases",
    "is_installed",
    "litellm_arguments",
    "look_up",
    "mark",
    "needs_litellm",
    "provider",
    "providers",
    "proxy_settings",
    "resolve",
    "secret_variables",
    "status",
    "statuses",
]
