"""Adds the Route's credential to a request just before it is sent.

`scheme_of` selects the authentication scheme; a new one is a function in `_SCHEMES`. Schemes that need more than a header
(signatures, tokens fetched over the network) are modules of their own, imported when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from ingate.errors import AuthenticationError, IngateError, NotSupportedError, RequestTimeoutError
from ingate.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingate.engines.base import Route
    from ingate.engines.http import Call, Connections

ANTHROPIC_VERSION: Final = "2023-06-01"
_OAUTH_BETA: Final = "oauth-2025-04-20"
# The provider whose stored login is exchanged for a token before a call.
_EXCHANGED: Final = "github_copilot"
_TOKEN_S: Final = 60.0  # logins through a command-line tool or a metadata service take seconds
_EMPTY: Final = Secret("")
Headers = dict[str, str | Secret]


async def apply(route: Route, call: Call) -> Headers:
    """The headers that authenticate `call`, without those that the Route sets itself.

    Raises:
        AuthenticationError: The key is not valid in a header.
        NotSupportedError: The scheme is not part of this build.
        MissingExtraError: The scheme needs a package that is not installed.
        RequestTimeoutError: The service that issues tokens does not respond.
    """
    scheme = scheme_of(route)
    if scheme in _MODULES:
        headers = await _fetched(_module(scheme, route), route, call)
    else:
        headers = _SCHEMES[scheme](route)
    own = {name.lower() for name in route.headers}
    return {name: _checked(value, route) for name, value in headers.items() if name.lower() not in own}


async def _fetched(module: Any, route: Route, call: Call) -> Headers:
    import asyncio

    try:
        async with asyncio.timeout(_TOKEN_S):
            return await module.headers(route, call)
    except TimeoutError:
        raise RequestTimeoutError(
            f"no access token for {route.provider} within {_TOKEN_S:g} s",
            timeout_s=_TOKEN_S,
            limit="connect",
            provider=route.provider,
            credential_source=route.credential.source or None,
            fix="check the network, the login and the metadata service that issues the token",
        ) from None
    except (IngateError, ImportError):
        raise
    except Exception as error:  # noqa: BLE001 -- of the cloud's library; its frames hold the credential
        raise AuthenticationError(
            f"{route.provider} cannot be authenticated: {type(error).__name__}",
            provider=route.provider,
            credential_source=route.credential.source or None,
            fix="check the credential with the cloud's own command-line tool",
        ) from None


def _module(scheme: str, route: Route) -> Any:
    """The module of a scheme that needs more than a header."""
    name = _MODULES[scheme]
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise NotSupportedError(
            f"the native lane cannot authenticate to {route.provider} without a key",
            provider=route.provider,
            fix=f"set a key for {route.provider}, or use litellm.{route.provider}/{route.model}",
        ) from None


def scheme_of(route: Route) -> str:
    """The name of the scheme that authenticates this route: a key of `_SCHEMES` or `_MODULES`."""
    has_key = bool(route.credential.api_key)
    wire, provider = route.wire_format, route.provider
    if provider == _EXCHANGED:
        return "copilot"
    if wire in {"bedrock", "bedrock_invoke"} or provider.startswith("bedrock"):
        return "bearer" if has_key else "aws"
    if provider.startswith("vertex"):
        return "goog_key" if has_key else "google"
    if wire == "azure" or provider in {"azure", "azure_ai"}:
        if has_key:
            return "anthropic" if wire == "messages" else "azure_key"
        return "azure_token" if "azure_ad_token" in route.credential.params else "azure"
    if wire == "messages":
        return "anthropic"
    if wire == "gemini":
        return "goog_key" if has_key else "none"
    if provider == "snowflake":
        return "snowflake"
    return "bearer" if has_key else "none"


def _key(route: Route) -> Secret:
    return route.credential.api_key.strip() if route.credential.api_key is not None else _EMPTY


def _none(route: Route) -> Headers:  # noqa: ARG001
    return {}


def _bearer(route: Route) -> Headers:
    headers: Headers = {"authorization": _key(route).after("Bearer ")}
    if route.provider == "openai":
        for name, header in (("organization", "openai-organization"), ("project", "openai-project")):
            if value := route.credential.params.get(name):
                headers[header] = value.strip()
    return headers


def _anthropic(route: Route) -> Headers:
    headers: Headers = {"anthropic-version": ANTHROPIC_VERSION}
    token = route.credential.params.get("auth_token")
    key = token.strip() if token else _key(route)
    if token or key.reveal().startswith("sk-ant-oat"):
        headers["authorization"] = key.after("Bearer ")
        headers["anthropic-beta"] = _OAUTH_BETA
    elif key:
        headers["x-api-key"] = key
    return headers


def _azure_key(route: Route) -> Headers:
    return {"api-key": _key(route)}


def _azure_token(route: Route) -> Headers:
    return {"authorization": route.credential.params["azure_ad_token"].strip().after("Bearer ")}


def _goog_key(route: Route) -> Headers:
    return {"x-goog-api-key": _key(route)}


def _snowflake(route: Route) -> Headers:
    key = _key(route)
    if not key:
        return {}
    if key.reveal().startswith("pat/"):  # a programmatic access token; otherwise a key pair's JWT
        return {
            "authorization": Secret(key.reveal().removeprefix("pat/")).after("Bearer "),
            "x-snowflake-authorization-token-type": "PROGRAMMATIC_ACCESS_TOKEN",
        }
    return {"authorization": key.after("Bearer "), "x-snowflake-authorization-token-type": "KEYPAIR_JWT"}


_SCHEMES: Final[Mapping[str, Callable[[Route], Headers]]] = {
    "none": _none,
    "bearer": _bearer,
    "anthropic": _anthropic,
    "azure_key": _azure_key,
    "azure_token": _azure_token,
    "goog_key": _goog_key,
    "snowflake": _snowflake,
}
# Scheme → a module with `async def headers(route, call) -> dict[str, str | Secret]`.
_MODULES: Final[Mapping[str, str]] = {
    "aws": "ingate.engines.auth_aws",
    "google": "ingate.engines.auth_google",
    "azure": "ingate.engines.auth_azure",
    "copilot": "ingate.engines.auth_copilot",
}


async def opened(route: Route, connections: Connections) -> Route:
    """The Route as a call of it is sent: with the token that its stored login is exchanged for, if it needs one.

    Raises:
        IngateError: There is no token; see `auth_copilot.opened`.
    """
    if route.provider != _EXCHANGED:
        return route
    from ingate.engines import auth_copilot

    return await auth_copilot.opened(route, connections)


def rejected(route: Route, error: IngateError) -> None:
    """Note that the provider answered 401 with `error`: a token that was exchanged is not used again."""
    if route.provider == _EXCHANGED:
        from ingate.engines import auth_copilot

        auth_copilot.rejected(route, error)


def _checked(value: str | Secret, route: Route) -> str | Secret:
    text = value.reveal() if isinstance(value, Secret) else value
    if text.isascii() and text.isprintable():
        return value
    source = route.credential.source or "the configured credential"
    raise AuthenticationError(
        f"the key from {source} contains a character that is not allowed in a key (a line break, or not ASCII)",
        provider=route.provider,
        fix=f"copy the key of {route.provider} again",
        credential_source=route.credential.source or None,
    )


async def sign(route: Route, call: Call) -> None:
    """Add the credential to `call`."""
    for name, value in (await apply(route, call)).items():
        if name == "anthropic-beta" and call.headers.get(name):
            value = f"{_plain(call.headers[name])},{_plain(value)}"
        elif name == "anthropic-version" and name in call.headers:  # the client's own version is passed through
            continue
        call.headers[name] = value


def _plain(value: str | Secret) -> str:
    """A header that does not authenticate, in plain text: a configured one counts as secret."""
    return str(value.reveal()) if isinstance(value, Secret) else value
