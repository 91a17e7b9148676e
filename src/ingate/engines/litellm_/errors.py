"""litellm's exceptions → the error tree.

Where the provider answered, its own status and body decide: litellm loses the code, invents statuses (a missing key
is its InternalServerError) and prints tracebacks into messages. Its classes decide only where nothing came.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ingate.errors import (
    AuthenticationError,
    BadRequestError,
    ContentFilterError,
    ContextTooLongError,
    IngateError,
    MissingCredentialsError,
    MissingExtraError,
    ModelNotFoundError,
    NotSupportedError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    StreamInterruptedError,
    UnavailableError,
    UnknownProviderError,
)
from ingate.secret import scrub
from ingate.wire.errors import error_from_response

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ingate.engines.base import Route
    from ingate.engines.litellm_.observe import Observation

# litellm's class → ours, for what the provider did not answer itself.
CLASSES: Final[Mapping[str, type[IngateError]]] = {
    "APIConnectionError": UnavailableError,
    "APIError": UnavailableError,
    "APIResponseValidationError": UnavailableError,
    "AuthenticationError": AuthenticationError,
    "BadGatewayError": UnavailableError,
    "BadRequestError": BadRequestError,
    "BlockedPiiEntityError": ContentFilterError,
    "BudgetExceededError": RateLimitError,
    "CallerCredentialAuthenticationError": AuthenticationError,
    "CallerCredentialRateLimitError": RateLimitError,
    "ContentPolicyViolationError": ContentFilterError,
    "ContextWindowExceededError": ContextTooLongError,
    "EndpointNotSupportedByModelError": NotSupportedError,
    "GuardrailRaisedException": ContentFilterError,
    "ImageFetchError": BadRequestError,
    "InternalServerError": UnavailableError,
    "InvalidRequestError": BadRequestError,
    "JSONSchemaValidationError": UnavailableError,
    "LiteLLMUnknownProvider": UnknownProviderError,
    "MalformedRequestFieldError": BadRequestError,
    "MidStreamFallbackError": UnavailableError,
    "MockException": UnavailableError,
    "ModelNotMappedError": ModelNotFoundError,
    "ModifyResponseException": ContentFilterError,
    "NotFoundError": ModelNotFoundError,
    "OpenAIError": UnavailableError,
    "PaymentRequiredError": PermissionDeniedError,
    "PermissionDeniedError": PermissionDeniedError,
    "RateLimitError": RateLimitError,
    "RejectedRequestError": ContentFilterError,
    "SensitiveDataRouteException": ContentFilterError,
    "ServiceUnavailableError": UnavailableError,
    "Timeout": RequestTimeoutError,
    "UnprocessableEntityError": BadRequestError,
    "UnsupportedEndpointError": NotSupportedError,
    "UnsupportedParamsError": BadRequestError,
    "VectorStoreSearchError": BadRequestError,
}

_NO_MODULE: Final = re.compile(r"No module named '([\w.]+)'")
# A library that a provider needs → ingate's extra that brings it.
_EXTRAS: Final[Mapping[str, str]] = {
    "mcp": "litellm", "google": "google", "vertexai": "google", "azure": "azure", "boto3": "bedrock",
    "botocore": "bedrock",
}  # fmt: skip
_GOOGLE: Final = re.compile(r"google-auth|google-cloud|litellm\[google\]", re.IGNORECASE)
_NO_KEY: Final = re.compile(
    r"api_key client option must be set|missing (?:\w+ )?(?:api[ _]key|credentials)|no api[ _]key|api[ _]key (?:is )?(?:not set|required|missing)"
    r"|unable to locate credentials|could not automatically determine credentials|default credentials were not found"
    r"|must provide an? .{0,20}api[ _]key|credentials were not found",
    re.IGNORECASE,
)
_NO_EMBEDDINGS: Final = re.compile(
    r"unmapped LLM provider|embedding.{0,40}not (?:supported|implemented)|not mapped", re.IGNORECASE
)
_UNFINISHED: Final = re.compile(r"stream ended before a finish_reason", re.IGNORECASE)
_PREFIX: Final = re.compile(r"^\s*(?:litellm\.)?(?:\w+(?:Error|Exception|Timeout)|Timeout)\s*(?::|-)\s*")
_TRAIL: Final = re.compile(
    r"\s*(?:Traceback \(most recent call last\)|, Received chunk:|Received Model Group=|Available Model Group ).*",
    re.DOTALL,
)


def translate(error: BaseException, route: Route, seen: Observation) -> IngateError:
    """The error of the tree that `error` means. Raise it `from None`: litellm's own may hold headers."""
    if isinstance(error, IngateError):
        return error
    error = _innermost(error)
    secrets = route.secrets()
    told: dict[str, Any] = {
        "provider": route.provider,
        "spec": str(route.spec),
        "credential_source": route.credential.source or None,
    }
    if seen.status is not None and seen.status >= 400:
        return error_from_response(
            seen.status,
            seen.headers,
            seen.content(),
            secrets=secrets,
            **told,
        )
    said = scrub(readable(str(getattr(error, "message", None) or error)), secrets)
    refine_error = _wrongly_classed(said, told)
    if refine_error is not None:
        return refine_error
    if seen.failure is not None and _kind(seen.failure) is not RequestTimeoutError:
        return StreamInterruptedError(
            f"{route.provider} dropped the connection in the middle of its answer", provider_message=said, **told
        )
    if _UNFINISHED.search(said):
        return interrupted(route)
    kind = _kind(error if seen.failure is None else seen.failure)
    status = _status(error)
    if kind is UnavailableError and status is not None and 400 <= status < 500 and _is_the_providers(error):
        return error_from_response(status, _headers(error), {"error": {"message": said}}, secrets=secrets, **told)
    return _make(kind, said, route, told, reached=_was_connecting(error), retry_after_s=_retry_after(error))


def completed(error: IngateError, route: Route) -> IngateError:
    """An error that a codec raised, with what only the Route knows."""
    error.provider = error.provider or route.provider
    error.spec = error.spec or str(route.spec)
    error.credential_source = error.credential_source or route.credential.source or None
    secrets = route.secrets()
    error.message, error.provider_message = scrub(error.message, secrets), scrub(error.provider_message, secrets)
    error.args = (error.message,)
    return error


def no_embeddings(error: BaseException, route: Route) -> NotSupportedError | None:
    """litellm's ways of saying that a provider has no embeddings."""
    if not isinstance(error, IngateError) and _NO_EMBEDDINGS.search(str(error)):
        return NotSupportedError(
            f"litellm has no embeddings for {route.provider!r}", provider=route.provider, spec=str(route.spec)
        )
    return None


def readable(message: str) -> str:
    """litellm's message without its own prefixes and the traceback it appends."""
    message = _TRAIL.sub("", message)
    while (shorter := _PREFIX.sub("", message, count=1)) != message:
        message = shorter
    return message.strip()


def interrupted(route: Route) -> StreamInterruptedError:
    """The stream ended before the provider said that it had finished."""
    return StreamInterruptedError(
        f"the stream from {route.provider} ended before its answer was finished",
        provider=route.provider,
        spec=str(route.spec),
        credential_source=route.credential.source or None,
    )


def _make(
    kind: type[IngateError],
    said: str,
    route: Route,
    told: dict[str, Any],
    *,
    reached: bool,
    retry_after_s: float | None,
) -> IngateError:
    if kind is RequestTimeoutError:
        return RequestTimeoutError(
            f"{route.provider} did not answer within {route.timeout_s:g} s",
            timeout_s=route.timeout_s,
            fix="raise `timeout`, or try another model",
            provider_message=said,
            **told,
        )
    if kind is UnavailableError:
        where = f" at {route.api_base}" if route.api_base else ""
        message = f"{route.provider} could not be reached{where}: {said}" if reached else f"{route.provider}: {said}"
        fix = "check the address and the network: `ingate doctor`" if reached else ""
        return UnavailableError(message, fix=fix, provider_message=said, **told)
    details: dict[str, Any] = {"retry_after_s": retry_after_s, "provider_message": said, **told}
    return kind(f"{route.provider}: {said}" if said else f"{route.provider} refused the request", **details)


def _wrongly_classed(said: str, told: dict[str, Any]) -> IngateError | None:
    if (found := _NO_MODULE.search(said)) or _GOOGLE.search(said):
        module = found.group(1) if found else "google-auth"
        extra = _EXTRAS.get(module.partition(".")[0].partition("-")[0], "litellm")
        return MissingExtraError(
            f"{told['provider']} needs the package {module!r}, which is not installed", extra=extra, **told
        )
    if _NO_KEY.search(said):
        return MissingCredentialsError(
            f"{told['provider']} has no key: {said}",
            fix=f"ingate doctor {told['provider']}",
            provider_message=said,
            **told,
        )
    return None


def _kind(error: BaseException) -> type[IngateError]:
    for base in type(error).__mro__:
        if base.__module__.startswith("litellm") and base.__name__ in CLASSES:
            return CLASSES[base.__name__]
    names = {base.__name__ for base in type(error).__mro__}
    if names & {"TimeoutException", "TimeoutError", "APITimeoutError"}:
        return RequestTimeoutError
    return UnavailableError


def _status(error: BaseException) -> int | None:
    status = getattr(error, "status_code", None)
    return int(status) if isinstance(status, int | str) and str(status).isdigit() else None


def _is_the_providers(error: BaseException) -> bool:
    return type(error).__name__ in {"APIError", "MockException", "MidStreamFallbackError"} or not type(
        error
    ).__module__.startswith("litellm.exceptions")


def _innermost(error: BaseException) -> BaseException:
    """litellm wraps what happens in a stream; the first error tells more."""
    while isinstance(inner := getattr(error, "original_exception", None), BaseException) and inner is not error:
        error = inner
    return error


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    met: set[int] = set()
    while error is not None and id(error) not in met:
        met.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _was_connecting(error: BaseException) -> bool:
    return any(
        base.__name__ in {"ConnectError", "ConnectTimeout", "ClientConnectorError", "ProxyError", "gaierror"}
        for link in _chain(error)
        for base in type(link).__mro__
    )


def _headers(error: BaseException) -> dict[str, str]:
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    return {str(name).lower(): str(value) for name, value in dict(headers).items()}


def _retry_after(error: BaseException) -> float | None:
    try:
        return float(_headers(error)["retry-after"])
    except (KeyError, ValueError):
        return None
