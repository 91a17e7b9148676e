"""Google's access tokens, through google-auth: a service account, a gcloud login, workload identity.

Credentials are read and tokens fetched off the event loop, about once an hour for each credential.
"""

from __future__ import annotations

import asyncio
import json
import threading
import warnings
from typing import TYPE_CHECKING, Any, Final

from ingate.engines.accept import leads_away
from ingate.errors import AuthenticationError, MissingCredentialsError, MissingExtraError, UnavailableError
from ingate.secret import Secret

if TYPE_CHECKING:
    from ingate.engines.base import Route
    from ingate.engines.http import Call

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
# Credential text or path (empty for the default one) → google-auth's credentials, which know when their token expires.
_known: dict[Secret, Any] = {}
_lock = threading.Lock()


async def headers(route: Route, call: Call) -> dict[str, str | Secret]:  # noqa: ARG001
    """The bearer token, and the project to bill if the credential names one.

    Raises:
        MissingExtraError: google-auth is not installed.
        MissingCredentialsError: There is no credential, or its file is invalid.
        AuthenticationError: Google rejected it.
        UnavailableError: Google's token service does not respond.
    """
    try:
        return await asyncio.to_thread(_token_headers, route)
    except ImportError:
        raise MissingExtraError(
            f"authenticating to {route.provider} requires google-auth, which is not installed",
            extra="google",
            provider=route.provider,
        ) from None


def _token_headers(route: Route) -> dict[str, str | Secret]:
    from google.auth import exceptions
    from google.auth.transport.requests import Request

    given = route.credential.params.get("vertex_credentials")
    key = given if given is not None else Secret("")
    try:
        with _lock:
            credentials = _known[key] if key in _known else _known.setdefault(key, _load(key))
            if not credentials.valid:
                credentials.refresh(Request(one_origin_session(f"the token service of {route.provider}")))
    except exceptions.TransportError as error:
        raise UnavailableError(
            f"Google's token service does not respond: {type(error).__name__}",
            provider=route.provider,
            fix="check the network, and HTTPS_PROXY if there is a proxy",
        ) from None
    except exceptions.RefreshError as error:
        _known.pop(key, None)
        raise AuthenticationError(
            f"Google rejected the credential from {route.credential.source or 'gcloud'}",
            provider=route.provider,
            provider_message=str(error.args[0]) if error.args else "",
            credential_source=route.credential.source,
            fix="gcloud auth application-default login",
        ) from None
    except (exceptions.GoogleAuthError, ValueError, OSError) as error:
        raise MissingCredentialsError(
            f"no usable Google credential for {route.provider}: {type(error).__name__}",
            provider=route.provider,
            alternatives=(("GOOGLE_APPLICATION_CREDENTIALS",), ("VERTEXAI_CREDENTIALS",)),
            credential_source=route.credential.source,
            fix="gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS to a key file",
        ) from None
    found: dict[str, str | Secret] = {"authorization": Secret(f"Bearer {credentials.token}")}
    if project := getattr(credentials, "quota_project_id", None):
        found["x-goog-user-project"] = project
    return found


def one_origin_session(provider: str) -> Any:
    """A `requests.Session` that follows no redirect to another origin: the body of a token's request authenticates.

    Args:
        provider: The name for the error.
    """
    import requests

    class OneOriginSession(requests.Session):
        def get_redirect_target(self, resp: Any) -> str | None:
            target = super().get_redirect_target(resp)
            if target is not None and (error := leads_away(resp.url, resp.status_code, target, provider=provider)):
                resp.close()  # its body is not read, so its connection would stay open
                raise error
            return target

    return OneOriginSession()


def _load(credential: Secret) -> Any:
    import google.auth

    given = credential.reveal()

    if not given:
        return google.auth.default(scopes=[SCOPE])[0]
    with warnings.catch_warnings():
        # google-auth warns about credential files from untrusted sources; this one is the user's own.
        warnings.simplefilter("ignore", DeprecationWarning)
        if given.lstrip().startswith("{"):
            return google.auth.load_credentials_from_dict(json.loads(given), scopes=[SCOPE])[0]
        return google.auth.load_credentials_from_file(given, scopes=[SCOPE])[0]
