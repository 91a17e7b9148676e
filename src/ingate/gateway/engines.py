"""The engines of a gateway, each created when it is first needed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from ingate import environment
from ingate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.engines.base import Engine

BUILT_IN: Final[Mapping[str, tuple[str, str]]] = {
    "native": ("ingate.engines.native", "NativeEngine"),
    "litellm": ("ingate.engines.litellm_", "LitellmEngine"),
    "local": ("ingate.engines.local", "LocalEngine"),
    "tensorzero": ("ingate.engines.tensorzero", "TensorZeroEngine"),
}


def make_engine(name: str) -> Engine:
    """A new engine.

    Raises:
        ConfigError: There is none of that name.
    """
    if name not in BUILT_IN:
        raise ConfigError(f"there is no engine {name!r}")
    if name == "tensorzero":
        environment.silence_tensorzero()
    module, made = BUILT_IN[name]
    return getattr(import_module(module), made)()
