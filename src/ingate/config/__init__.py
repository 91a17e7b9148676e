"""Configuration: layered files, checked and merged, with the place of every value."""

from __future__ import annotations

from ingate.config.build import Conflict
from ingate.config.files import Layer, write_starter
from ingate.config.load import Config, load
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
