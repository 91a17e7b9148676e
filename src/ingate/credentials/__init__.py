"""Credentials: the map of what each backing reads, and what is there."""

from __future__ import annotations

from ingate.credentials.backing import Backing, aliases, backing, backings, litellm_arguments
from ingate.credentials.credential import Credential
from ingate.credentials.proxy import ProxySettings, proxy_settings
from ingate.credentials.resolve import needs_litellm, resolve
from ingate.credentials.status import Status, is_installed, mark, shapes, status, statuses
from ingate.credentials.variables import secret_variables

__all__ = [
    "Backing",
    "Credential",
    "ProxySettings",
    "Status",
    "aliases",
    "backing",
    "backings",
    "is_installed",
    "litellm_arguments",
    "mark",
    "needs_litellm",
    "proxy_settings",
    "resolve",
    "secret_variables",
    "shapes",
    "status",
    "statuses",
]
