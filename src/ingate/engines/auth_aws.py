"""AWS Signature Version 4, through botocore: access keys, profiles, roles, containers.

If the Route names no credential, botocore's own order applies, so that a role or an SSO login works as in every other AWS
tool. The look-up may read files or query a metadata service, so it runs off the event loop.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, Final

from ingate.errors import AuthenticationError, MissingCredentialsError, MissingExtraError
from ingate.secret import Revealed, Secret, revealed

if TYPE_CHECKING:
    from ingate.engines.base import Route
    from ingate.engines.http import Call

DEFAULT_REGION: Final = "us-west-2"  # litellm's default, so that both lanes agree
_HOST_REGION: Final = re.compile(r"//(?:bedrock-[a-z-]+|bedrock)[.-]([a-z]{2}(?:-[a-z]+)+-\d)\.")
# Profile (empty for the default chain) → botocore's refreshing credentials; loading them takes tens of milliseconds.
_known: dict[str, Any] = {}


async def headers(route: Route, call: Call) -> dict[str, str | Secret]:
    """The headers that sign `call`, including its body and its URL.

    Raises:
        MissingExtraError: botocore is not installed.
        MissingCredentialsError: botocore finds no AWS credentials.
        AuthenticationError: A profile or role cannot be used.
    """
    try:
        return await asyncio.to_thread(_signed, route, call)
    except ImportError:
        raise MissingExtraError(
            f"requests to {route.provider} are signed with botocore, which is not installed",
            extra="bedrock",
            provider=route.provider,
        ) from None


def _signed(route: Route, call: Call) -> dict[str, str | Secret]:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    sent = revealed({name: value for name, value in call.headers.items() if name in {"content-type", "accept"}})
    request = AWSRequest(method=call.method, url=call.url, data=call.body, headers=sent)
    SigV4Auth(_credentials(route), "bedrock", _region(route, call)).add_auth(request)
    names = {"authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"}
    return {name.lower(): Secret(str(value)) for name, value in request.headers.items() if name.lower() in names}


def _region(route: Route, call: Call) -> str:
    named = route.credential.open_params().get("aws_region_name")
    if named:
        return named
    in_host = _HOST_REGION.search(call.url)
    return in_host.group(1) if in_host is not None else DEFAULT_REGION


def _credentials(route: Route) -> Any:
    from botocore.credentials import Credentials
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.session import Session

    params = route.credential.params
    if "aws_access_key_id" in params and "aws_secret_access_key" in params:
        session_token = params.get("aws_session_token")
        return Credentials(
            params["aws_access_key_id"].reveal(),
            params["aws_secret_access_key"].reveal(),
            session_token.reveal() if session_token is not None else None,
        )
    profile = params["aws_profile_name"].reveal() if "aws_profile_name" in params else ""
    try:
        if profile not in _known:
            _known[profile] = Session(profile=profile or None).get_credentials()
        if _known[profile] is not None:
            return _masked(_known[profile])
    except (BotoCoreError, ClientError) as error:
        _known.pop(profile, None)
        raise AuthenticationError(
            f"AWS did not authenticate {route.provider}: {type(error).__name__}",
            provider=route.provider,
            provider_message=str(error),
            credential_source=route.credential.source,
            fix="check the profile or role: `aws sts get-caller-identity` reports the same error",
        ) from None
    _known.pop(profile, None)
    raise MissingCredentialsError(
        f"no AWS credentials found for {route.provider}",
        provider=route.provider,
        alternatives=(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ("AWS_PROFILE",), ("AWS_BEARER_TOKEN_BEDROCK",)),
        fix="set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    )


def _masked(found: Any) -> Any:
    """botocore's present credentials, with values whose `repr` is masked."""
    return type(frozen := found.get_frozen_credentials())(*(Revealed(value) if value else value for value in frozen))
