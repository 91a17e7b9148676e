"""Which model answers when none was named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingate import providers
from ingate.errors import MissingCredentialsError
from ingate.gateway.explain import explain
from ingate.spec import parse_one

if TYPE_CHECKING:
    from ingate.gateway import Gateway

LOCAL = "local/smollm2"


def first_ready(gateway: Gateway) -> str:
    """The first curated model whose provider is ready, else the model in this process.

    Raises:
        MissingCredentialsError: No key is set and the local model is not installed.
    """
    states = providers.statuses(gateway.config.environ, gateway.config)
    for row in gateway.catalog().curated():
        spec = f"{row.provider}/{row.model}"
        if states[row.provider].state == "ready" and explain(gateway, parse_one(spec)).state == "ready":
            return spec
    if explain(gateway, parse_one(LOCAL)).state == "ready":
        return LOCAL
    raise MissingCredentialsError(
        "no model was named, no provider's key is set, and no local model is installed",
        fix="set a provider's key (`ingate doctor` names them), or run `make setup` for local/smollm2",
    )
