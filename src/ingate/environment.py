"""The one module that touches `os.environ`."""

from __future__ import annotations

import os
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ingate.secret import Revealed

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECRET_NAME: Final = re.compile(r"KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH|JWT|COOKIE|VCAP|DSN", re.IGNORECASE)
# Endings of names that say where a credential is rather than hold it.
_POINTER: Final = re.compile(r"(?:_FILE|_PATH|_URI|_URL|_DIR|_ARN|APPLICATION_CREDENTIALS)$", re.IGNORECASE)
_LOGIN: Final = re.compile(r"://[^/\s]*@")

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
    """A read-only copy of the environment. Other packages receive it as an argument and never read `os.environ`.

    The `repr` of values that may be credentials, by their names or because they are URLs with a login, is masked.
    """
    return MappingProxyType(
        {name: Revealed(value) if _may_be_secret(name, value) else value for name, value in os.environ.items()}
    )


def _may_be_secret(name: str, value: str) -> bool:
    if _LOGIN.search(value):
        return True
    return bool(_SECRET_NAME.search(name)) and (not _POINTER.search(name) or value.lstrip()[:1] == "{")


def set_litellm_import_switches() -> None:
    """Set the switches that keep `import litellm` silent and off the network; a value already set stays."""
    for name, value in LITELLM_IMPORT_SWITCHES.items():
        os.environ.setdefault(name, value)


def silence_tensorzero() -> None:
    """Keep TensorZero's gateway from logging to standard output, unless `RUST_LOG` says what to log."""
    os.environ.setdefault("RUST_LOG", "off")
