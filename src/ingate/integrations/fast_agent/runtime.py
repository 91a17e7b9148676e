"""The gateway behind fast-agent, and what it knows of models and credentials."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ingate import environment, providers
from ingate.config import Config, load
from ingate.errors import IngateError
from ingate.gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.providers import Status
    from ingate.spec import ModelSpec

READY: Final = "ready"
ATTENTION: Final = "attention"
MISSING: Final = "missing"


class Runtime:
    """One for the process: gateways by configuration, made when first asked for.

    Args:
        gateway: The gateway for everything; None makes one of the configuration, fast-agent's own file included.
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
            ConfigError: A file of the configuration is wrong.
        """
        if self._given is not None:
            return self._given
        file = config_file(settings)
        with self._lock:
            if file not in self._made:
                self._made[file] = Gateway(self.config(settings))
            return self._made[file]

    def config(self, settings: Any = None) -> Config:
        """The configuration as its files and the environment are now.

        Raises:
            ConfigError: A file of it is wrong.
        """
        if self._given is not None:
            return self._given.config
        file = config_file(settings)
        return load(self._source, environ=environment.snapshot(), fast_agent=Path(file) if file else None)

    def statuses(self, settings: Any = None) -> Marks:
        """Which models would answer now."""
        config = self.config(settings)
        environ = config.environ if self._given is not None else environment.snapshot()
        return Marks(config, providers.statuses(environ, config), environ)


class Marks:
    """Whether the model of a spec would answer: by its own provider's credentials, without asking anybody.

    Args:
        config: The configuration.
        statuses: Provider → what it has.
        environ: The environment.
    """

    def __init__(self, config: Config, statuses: Mapping[str, Status], environ: Mapping[str, str]) -> None:
        self._config = config
        self._statuses = statuses
        self._proxy = providers.proxy_settings(environ, config) is not None
        self.litellm = providers.is_installed("litellm")

    @property
    def usable(self) -> bool:
        """Whether `litellm.…` and `litellm/…` specs lead anywhere at all."""
        return self.litellm or self._proxy

    def state(self, text: str) -> str:
        """`"ready"`, `"attention"` (something small is missing, or the proxy may have it) or `"missing"`."""
        from ingate.spec import parse

        try:
            return self._state_of(parse(text)[0])
        except IngateError:
            return MISSING

    def _state_of(self, spec: ModelSpec) -> str:
        if spec.lane == "proxy":
            return READY if self._proxy else MISSING
        if spec.lane == "alias":
            named = self._config.settings.aliases.get(spec.model)
            return self.state(named if isinstance(named, str) else ",".join(named or ()))
        if spec.lane == "auto" and spec.provider == "local":
            return self._local(spec.model)
        if spec.lane == "auto" and spec.provider in self._config.settings.servers:
            return READY
        status = self._statuses.get(providers.provider(spec.provider).name)
        state = status.state if status is not None else MISSING
        if state == READY and spec.lane == "litellm" and not self.litellm:
            return ATTENTION
        return ATTENTION if state == MISSING and self._proxy else state

    def _local(self, model: str) -> str:
        from ingate.engines.local import smollm2_path

        if not providers.is_installed("xllamacpp"):
            return ATTENTION
        path = self._config.settings.local.models.get(model)
        there = Path(path).is_file() if path is not None else model == "smollm2" and smollm2_path() is not None
        return READY if there else MISSING


def config_file(settings: Any) -> str:
    """The file that fast-agent's settings were read from; empty where there was none."""
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
