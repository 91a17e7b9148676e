"""Providers: which variables and files each one reads, and which of them are set.

`registry` is the map of providers, `lookup` what one of them has in an environment and a configuration.
"""

from __future__ import annotations

from ingate.providers.credential import Credential
from ingate.providers.lookup import ProviderLookup, is_installed, look_up
from ingate.providers.proxy import ProxySettings, proxy_settings
from ingate.providers.registry import (
    Provider,
    aliases,
    litellm_arguments,
    provider,
    providers,
    secret_variables,
    unmapped,
)

__all__ = [
    "Credential",
    "Provider",
    "ProviderLookup",
    "ProxySettings",
    "aliases",
    "is_installed",
    "litellm_arguments",
    "look_up",
    "provider",
    "providers",
    "proxy_settings",
    "secret_variables",
    "unmapped",
]
