"""GitHub Copilot's API tokens: a stored login, exchanged for a token that is good for about half an hour.

A login is never started here. However many calls in however many event loops wait for a token, it is requested once.
"""

from __future__ import annotations

import asyncio
import copy
import threading
import time
import uuid
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec

from ingate.engines.http import Call, read_body
from ingate.errors import (
    AuthenticationError,
    IngateError,
    MissingCredentialsError,
    PermissionDeniedError,
    RateLimitError,
    UnavailableError,
)
from ingate.providers.advice import login_command
from ingate.providers.credential import Credential
from ingate.secret import Secret, scrub
from ingate.wire.copilot import has_images, initiator

if TYPE_CHECKING:
    from ingate.engines.base import Route
    from ingate.engines.http import Connections

TOKEN_URL: Final = "https://api.github.com/copilot_internal/v2/token"  # noqa: S105 -- an address
API_BASE: Final = "https://api.githubcopilot.com"
LOGIN: Final = "github_token"
"""The parameter of an opened route's credential that holds the stored login."""

_EXCHANGE_S: Final = 30.0
_MARGIN_S: Final = 60.0  # before a token expires, if GitHub does not say when to ask for the next one
# As litellm, whose login is one of VS Code's: Copilot refuses requests without an editor.
_EDITOR: Final = {
    "copilot-integration-id": "vscode-chat",
    "editor-version": "vscode/1.95.0",
    "editor-plugin-version": "copilot-chat/0.26.7",
    "user-agent": "GitHubCopilotChat/0.26.7",
}
_API_VERSION: Final = "2025-04-01"
_MESSAGES_API_VERSION: Final = "2026-06-01"
_SUBSCRIPTIONS: Final = "https://github.com/settings/copilot"

_decode = msgspec.json.Decoder().decode
_lock = threading.Lock()
_Key = tuple[str, Secret]  # where the token comes from, and for which login


@dataclass(frozen=True, slots=True)
class _Token:
    """A token, the base URL it is for (empty for the default one), and when to ask for the next one."""

    secret: Secret
    api_base: str
    good_until: float


class _AbandonedError(Exception):
    """The call that requested a token was cancelled; another one has to."""


_tokens: dict[_Key, _Token] = {}
_running: dict[_Key, Future[_Token]] = {}


async def opened(route: Route, connections: Connections) -> Route:
    """The Route with an API token in place of the login, and at the base URL that comes with the token.

    Raises:
        MissingCredentialsError: There is no login.
        AuthenticationError: GitHub does not accept the login.
        PermissionDeniedError: The account has no access to Copilot.
        RateLimitError: Too many requests for tokens.
        UnavailableError: GitHub does not respond, or not with a token.
    """
    login = route.credential.api_key
    if not login:
        raise MissingCredentialsError(
            "github_copilot needs a login", provider=route.provider, spec=str(route.spec), fix=login_command()
        )
    token = await _token(route, login, connections)
    params = {**route.credential.params, LOGIN: login}
    base = route.api_base
    if token.api_base and (base or API_BASE).rstrip("/") == API_BASE:  # unless the user chose another
        base = token.api_base
    return replace(route, credential=Credential(token.secret, params, route.credential.source), api_base=base)


async def headers(route: Route, call: Call) -> dict[str, str | Secret]:
    """The headers of a request to Copilot: the token, the editor, and what the body is about."""
    found: dict[str, str | Secret] = {
        "authorization": (route.credential.api_key or Secret("")).after("Bearer "),
        **_EDITOR,
        "openai-intent": "conversation-panel",
        "x-github-api-version": _API_VERSION,
        "x-request-id": str(uuid.uuid4()),
    }
    if route.wire_format == "messages":
        found |= {
            "anthropic-version": "2023-06-01",
            "openai-intent": "messages-proxy",
            "x-interaction-type": "messages-proxy",
            "x-github-api-version": _MESSAGES_API_VERSION,
        }
    try:
        body = _decode(call.body) if call.body else None
    except (msgspec.DecodeError, RecursionError):
        body = None
    if isinstance(body, dict):
        found["x-initiator"] = initiator(body)
        if has_images(body):
            found["copilot-vision-request"] = "true"
    return found


def rejected(route: Route, error: IngateError) -> None:
    """Copilot answered 401: forget the token, and let an expired one be replaced by trying again."""
    login, used = route.credential.params.get(LOGIN), route.credential.api_key
    if login is None:
        return
    with _lock:
        known = _tokens.get(_key(route, login))
        if known is not None and known.secret == used:
            del _tokens[_key(route, login)]
    error.retryable = "expired" in f"{error.message} {error.provider_message}"


def _key(route: Route, login: Secret) -> _Key:
    return _exchange_url(route), login


def _exchange_url(route: Route) -> str:
    return route.credential.open_params().get("exchange_url") or TOKEN_URL


async def _token(route: Route, login: Secret, connections: Connections) -> _Token:
    key = _key(route, login)
    while True:
        with _lock:
            known = _tokens.get(key)
            if known is not None and time.time() < known.good_until:
                return known
            waiting = _running.get(key)
            if waiting is None:
                own: Future[_Token] = Future()
                own.set_running_or_notify_cancel()  # from now on no waiting call can cancel it
                _running[key] = own
        if waiting is None:
            return await _request(key, own, route, login, connections)
        try:
            return await asyncio.shield(asyncio.wrap_future(waiting))
        except _AbandonedError:
            continue
        except IngateError as error:
            raise copy.copy(error) from None  # the other calls add their own details


async def _request(key: _Key, own: Future[_Token], route: Route, login: Secret, connections: Connections) -> _Token:
    """Request a token, and pass it or the error on to the calls that wait for `own`."""
    try:
        token = await _exchange(route, login, connections)
    except BaseException as error:
        with _lock:
            del _running[key]
        own.set_exception(error if isinstance(error, IngateError) else _AbandonedError())
        raise
    with _lock:
        _tokens[key] = token
        del _running[key]
    own.set_result(token)
    return token


async def _exchange(route: Route, login: Secret, connections: Connections) -> _Token:
    call = Call(
        url=_exchange_url(route),
        body=b"",
        headers={
            "accept": "application/json",
            "authorization": _header_value(login, route).after("token "),
            "x-github-api-version": _API_VERSION,
            **_EDITOR,
        },
        timeout_s=min(route.timeout_s, _EXCHANGE_S),
        method="GET",
        provider="GitHub's token service",
        spec=str(route.spec),
    )
    asked = time.time()
    try:
        async with connections.send(call) as response:
            content = await read_body(response, call)
    except IngateError as error:
        error.provider = route.provider
        raise
    try:
        found = _decode(content)
    except (msgspec.DecodeError, RecursionError):
        found = None
    found = found if isinstance(found, dict) else {}
    if response.status >= 400:
        raise _refusal(response.status, found, route, login)
    token = found.get("token")
    if not isinstance(token, str) or not token:
        raise UnavailableError("GitHub's token service returned no token", provider=route.provider, fix="try again")
    return _Token(Secret(token), _api_base(found), asked + _lifetime_s(found, asked))


def _header_value(login: Secret, route: Route) -> Secret:
    value = login.reveal().strip()
    if value.isascii() and value.isprintable():
        return Secret(value)
    raise _invalid(route, "the stored login contains a character that is not allowed in a token", "")


def _lifetime_s(found: dict[str, Any], asked: float) -> float:
    """Seconds for which a token is used. GitHub's clock may differ from this one, so `refresh_in` comes first."""
    refresh_s, expires = found.get("refresh_in"), found.get("expires_at")
    if isinstance(refresh_s, int | float) and refresh_s > 0:
        return float(refresh_s)
    return max(0.0, expires - asked - _MARGIN_S) if isinstance(expires, int | float) else 0.0


def _api_base(found: dict[str, Any]) -> str:
    places = found.get("endpoints")
    base = places.get("api") if isinstance(places, dict) else None
    return base if isinstance(base, str) and urlsplit(base).scheme in {"http", "https"} else ""


def _refusal(status: int, found: dict[str, Any], route: Route, login: Secret) -> IngateError:
    details = found.get("error_details")
    said = details.get("message") if isinstance(details, dict) else None
    said = said if isinstance(said, str) and said else found.get("message")
    message = scrub(said, [login]) if isinstance(said, str) else ""
    if status == 429 or message.startswith("API rate limit exceeded"):
        return RateLimitError(
            "GitHub limits the requests for Copilot tokens", provider=route.provider, provider_message=message
        )
    if status >= 500:
        return UnavailableError(
            f"GitHub's token service failed ({status})", provider=route.provider, provider_message=message
        )
    if status == 403:
        page = details.get("url") if isinstance(details, dict) else None
        page = page if isinstance(page, str) and page.startswith("https://") else _SUBSCRIPTIONS
        return PermissionDeniedError(
            f"the GitHub account has no access to Copilot: {message or 'no subscription'}",
            provider=route.provider,
            provider_message=message,
            credential_source=route.credential.source,
            fix=f"subscribe at {page}, or log in with another account: {_again(route)}",
        )
    return _invalid(route, f"GitHub does not accept the stored login ({status})", message)


def _invalid(route: Route, why: str, message: str) -> AuthenticationError:
    return AuthenticationError(
        why,
        provider=route.provider,
        provider_message=message,
        credential_source=route.credential.source,
        fix=f"log in again: {_again(route)}",
    )


def _again(route: Route) -> str:
    """litellm keeps a login as long as its file exists."""
    return f"rm {route.credential.source} && {login_command()}"
