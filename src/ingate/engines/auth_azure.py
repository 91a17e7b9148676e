"""Entra tokens for Azure, through azure-identity: for a client secret, a user, or the machine's login."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from ingate.errors import AuthenticationError, MissingExtraError
from ingate.secret import Secret, revealed

if TYPE_CHECKING:
    from ingate.engines.base import Route
    from ingate.engines.http import Call

SCOPE: Final = "https://cognitiveservices.azure.com/.default"
# (Tenant, client, user) → azure-identity's credential, which caches and renews its token.
_known: dict[tuple[str, str, str], Any] = {}


async def headers(route: Route, call: Call) -> dict[str, str | Secret]:  # noqa: ARG001
    """The bearer token.

    Raises:
        MissingExtraError: azure-identity is not installed.
        AuthenticationError: Entra issued no token.
    """
    try:
        token = await asyncio.to_thread(_token, route)
    except ImportError:
        raise MissingExtraError(
            f"authenticating to {route.provider} requires azure-identity, which is not installed",
            extra="azure",
            provider=route.provider,
        ) from None
    return {"authorization": token}


def _token(route: Route) -> Secret:
    from azure.core.exceptions import AzureError

    params = revealed(route.credential.params)
    identity = (params.get("tenant_id", ""), params.get("client_id", ""), params.get("azure_username", ""))
    try:
        if identity not in _known:
            _known[identity] = _credential(params)
        return Secret(f"Bearer {_known[identity].get_token(params.get('azure_scope') or SCOPE).token}")
    except (AzureError, ValueError) as error:
        _known.pop(identity, None)
        raise AuthenticationError(
            f"Entra issued no token for {route.provider}: {type(error).__name__}",
            provider=route.provider,
            provider_message=str(error).partition("\n")[0],
            credential_source=route.credential.source,
            fix="check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or `az login`",
        ) from None


def _credential(params: dict[str, str]) -> Any:
    from azure import identity

    if "client_secret" in params:
        return identity.ClientSecretCredential(params["tenant_id"], params["client_id"], params["client_secret"])
    if "azure_password" in params:
        return identity.UsernamePasswordCredential(
            params["client_id"], params["azure_username"], params["azure_password"], tenant_id=params.get("tenant_id")
        )
    return identity.DefaultAzureCredential(exclude_interactive_browser_credential=True)
