"""Configuration: files in layers, merged, checked, and aware of where each value came from."""

from __future__ import annotations

from ingate.config.find import Layer
from ingate.config.load import Config, load
from ingate.config.merge import Conflict
from ingate.config.names import provider_names
from ingate.config.schema import (
    LitellmSettings,
    LocalSettings,
    McpServerSettings,
    ProviderSettings,
    ServerSettings,
    Settings,
)
from ingate.config.secretref import SecretRef
from ingate.config.starter import write_starter
from ingate.config.tree import Where

__all__ = [
    "Config",
    "Conflict",
    "Layer",
    "LitellmSettings",
    "LocalSettings",
    "McpServerSettings",
    "ProviderSettings",
    "SecretRef",
    "ServerSettings",
    "Settings",
    "Where",
    "load",
    "provider_names",
    "write_starter",
]
