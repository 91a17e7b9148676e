"""A GGUF model inside the process, through llama.cpp."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingate.engines.local.files import SMOLLM2, smollm2_path

if TYPE_CHECKING:
    from ingate.engines.local.engine import LocalEngine

__all__ = ["SMOLLM2", "LocalEngine", "smollm2_path"]


def __getattr__(name: str) -> Any:
    # Commands that only need the model file's path should not load the engine.
    if name == "LocalEngine":
        from ingate.engines.local.engine import LocalEngine

        return LocalEngine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
