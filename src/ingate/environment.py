"""The one module that touches `os.environ`."""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# litellm reads these during its import and its first calls: they make it use bundled tables instead of downloads, and no
# `.env` file from a parent folder. Nothing else is ever written to the environment, and never a credential.
LITELLM_IMPORT_SWITCHES: Mapping[str, str] = MappingProxyType(
    {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
        "LITELLM_MODE": "PRODUCTION",
    }
)


def snapshot() -> Mapping[str, str]:
    """A read-only copy of the environment. Other packages receive it as an argument and never read `os.environ`."""
    return MappingProxyType(dict(os.environ))


def set_litellm_import_switches() -> None:
    """Set the switches that keep `import litellm` silent and off the network; a value already set stays."""
    for name, value in LITELLM_IMPORT_SWITCHES.items():
        os.environ.setdefault(name, value)


def silence_tensorzero() -> None:
    """Keep TensorZero's gateway from logging to standard output, unless `RUST_LOG` says what to log."""
    os.environ.setdefault("RUST_LOG", "off")
