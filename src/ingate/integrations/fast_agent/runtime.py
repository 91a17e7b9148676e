"""The gateway behind fast-agent, with its configuration and the readiness of models."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingate import environment
from ingate.catalog import load as load_catalog
from ingate.config import Config, load
from ingate.gateway import Gateway
from ingate.gateway.readiness import ReadinessChecker
from ingate.gateway.routing import Router

if TYPE_CHECKING:
    from collections.abc import Mapping


class Runtime:
    """The process-wide state: gateways by configuration, created when first used.

    Args:
        gateway: The gateway for everything; None: one for each configuration, which includes fast-agent's own file.
        config: A configuration file or mapping to use instead of those found.
    """

    def __init__(self, gateway: Gateway | None = None, config: str | Path | Mapping[str, Any] | None = None) -> None:
        self._given = gateway
        self._source = config
        self._made: dict[str, Gateway] = {}
        self._lock = threading.Lock()

    def gateway(self, settings: Any = None) -> Gateway:
        """The gateway for fast-agent's settings.

        Raises:
            ConfigError: A file of the configuration is invalid.
        """
        if self._given is not None:
            return self._given
        file = config_file(settings)
        with self._lock:
            if file not in self._made:
                self._made[file] = Gateway(self.config(settings))
            return self._made[file]

    def config(self, settings: Any = None) -> Config:
        """The configuration from the current files and environment.

        Raises:
            ConfigError: A file of it is invalid.
        """
        if self._given is not None:
            return self._given.config
        file = config_file(settings)
        return load(self._source, environ=environment.snapshot(), fast_agent=Path(file) if file else None)

    def readiness(self, settings: Any = None) -> ReadinessChecker:
        """Which models are ready now."""
        if self._given is not None:
            return self._given.readiness()
        return ReadinessChecker(Router(self.config(settings), load_catalog))


def config_file(settings: Any) -> str:
    """The file that fast-agent's settings were read from; empty if there is none.

    Without `settings`: those that fast-agent has loaded for this process, if it has.
    """
    if settings is None:
        settings = getattr(sys.modules.get("fast_agent.config"), "_settings", None)
    file = getattr(settings, "_config_file", None)
    return str(Path(file).expanduser()) if isinstance(file, str) and file else ""


_current = Runtime()


def current() -> Runtime:
    """The runtime of the last registration."""
    return _current


def use(runtime: Runtime) -> None:
    """Make `runtime` the one that models are called through."""
    global _current
    _current = runtime
