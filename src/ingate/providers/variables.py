"""Which environment variables may hold a credential, so that child processes do not inherit them."""

from __future__ import annotations

from functools import cache
from typing import Final

from ingate.providers.lookup import is_credential
from ingate.providers.proxy import KEY_VARIABLES
from ingate.providers.registry import providers

# Say where a credential is, or which; the credential itself is elsewhere.
_POINTS: Final = ("_FILE", "_FILE_PATH", "_URI", "_DIR", "_ARN", "_URL", "APPLICATION_CREDENTIALS")
# What litellm's proxy reads, and what a TensorZero gateway is called with.
_GATEWAYS: Final = frozenset({*KEY_VARIABLES, "LITELLM_MASTER_KEY", "LITELLM_SALT_KEY", "TENSORZERO_API_KEY"})


@cache
def secret_variables() -> frozenset[str]:
    """Every variable that may hold a credential of some provider, of the proxy, or of TensorZero.

    Base URLs, regions, projects and paths of files are none.
    """
    bases = {name for record in providers().values() for name in record.api_base_env}
    read = {name for record in providers().values() for name in record.variables()}
    return _GATEWAYS | {name for name in read - bases if is_credential(name) and not name.endswith(_POINTS)}
