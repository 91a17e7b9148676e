"""Configuration: files in layers, merged, checked, and aware of where each value came from."""

from __future__ import annotations

from ingate.config.find import Layer
from ingate.config.load import Config, load
from ingate.config.merge import Conflict
from ingate.config.names import backing_names
from ingate.config.schema import (
    BackingSettings,
    LitellmSettings,
    LocalSettings,
    McpServerSettings,
    ServerSettings,
    Settings,
)
from ingate.config.secretref import SecretRef
from ingate.config.starter import write_starter
from ingate.config.tree import Where

__all__ = [
    "BackingSettings",
    "Config",
    "Conflict",
    "Layer",
    "LitellmSettings",
    "LocalSettings",
    "McpServerSettings",
    "SecretRef",
    "ServerSettings",
    "Settings",
    "Where",
    "backing_names",
    "load",
    "write_starter",
]
