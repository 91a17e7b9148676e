"""litellm's exceptions → `ingate.errors`.

If the provider responded, its own status and body decide: litellm loses the code, invents statuses (a missing key is
an InternalServerError) and puts tracebacks into messages. litellm's classes decide only if there was no response.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ingate.engines.accept import ELSEWHERE, web_page
from ingate.engines.timeouts import timeout_error
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
from ingate.secret import detached, scrub
from ingate.wire.codec import codec_for
from ingate.wire.decoding import empty_response
from ingate.wire.errors import error_from_response, retry_after_s

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ingate.engines.base import Route
    from ingate.engines.litellm_.observe import Observation

# litellm's class → ours, for errors without a response of the provider.
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

_AGAIN: Final = "try again; the partial answer is kept"
_NO_MODULE: Final = re.compile(r"No module named '([\w.]+)'")
# A library that a provider needs → ingate's extra that includes it.
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
    r"\s*(?:Traceback \(most recent call last\)|, Received chunk:|Received Model Group=|Available Model Group |Handle with `litellm).*",
    re.DOTALL,
)


def translate(error: BaseException, route: Route, observation: Observation) -> IngateError:
    """The `IngateError` for an exception of litellm. Raise it `from None`: litellm's own may contain headers."""
    if isinstance(error, IngateError):
        return error
    error = _innermost(error)
    secrets = route.secrets()
    details: dict[str, Any] = {
        "provider": route.provider,
        "spec": str(route.spec),
        "credential_source": route.credential.source or None,
    }
    if observation.status is not None and observation.status >= 400:
        return error_from_response(
            observation.status,
            observation.headers,
            observation.content(),
            secrets=secrets,
            **details,
        )
    message = scrub(readable(str(getattr(error, "message", None) or error)), secrets)
    reclassified = _reclassified(message, details)
    if reclassified is not None:
        return reclassified
    if observation.failure is not None and _kind(observation.failure) is not RequestTimeoutError:
        return StreamInterruptedError(
            f"{route.provider} closed the connection in the middle of the response",
            provider_message=message,
            fix=_AGAIN,
            **details,
        )
    if _UNFINISHED.search(message):
        return interrupted(route)
    kind = _kind(error if observation.failure is None else observation.failure)
    status = _status(error)
    if kind is UnavailableError and status is not None and 400 <= status < 500 and _is_from_provider(error):
        return error_from_response(status, _headers(error), {"error": {"message": message}}, secrets=secrets, **details)
    return _make(
        kind, message, route, details, connecting=_was_connecting(error), retry_after_s=retry_after_s(_headers(error))
    )


def final(error: Exception, route: Route, observation: Observation, known: IngateError | None) -> IngateError:
    """The error to raise for an exception of litellm, without any reference to litellm's frames, which hold the key.

    Args:
        error: What was raised.
        route: The call.
        observation: Its HTTP exchange.
        known: The error that ingate's own reading of the response has found.
    """
    found = observation.refused or known
    if found is None and not isinstance(error, IngateError) and _succeeded(observation):
        try:
            check_body(observation, route)
        except IngateError as refused:
            found = refused
    return completed(detached(found or translate(error, route, observation)), route).with_traceback(None)


def check_body(observation: Observation, route: Route) -> None:
    """Check a successful response from which litellm has made no answer, by the native lane's rules.

    Raises:
        UnavailableError: It is empty, a web page, or not an answer.
        IngateError: It is an error inside a 200.
    """
    content = observation.content()
    if observation.status is None:
        return
    if observation.complete or observation.status == 204:
        _check_page(observation, content, route)
    codec = codec_for("chat")
    if content.lstrip()[:1] in {b"d", b"e", b":"}:  # `data:`, `event:` or a comment
        decoder = codec.decoder(model=route.model, content_type="text/event-stream")
        decoder.feed(content)
        if observation.complete or decoder.done:  # openai 2 reads no further than the end mark
            decoder.close()
    elif observation.complete:
        codec.response(content, model=route.model)


def check_embeddings(observation: Observation, route: Route) -> None:
    """The same for embeddings."""
    content = observation.content()
    if observation.status is None or not observation.complete:
        return
    _check_page(observation, content, route)
    codec_for("chat").embeddings_response(content, model=route.model)


def _check_page(observation: Observation, content: bytes, route: Route) -> None:
    if not content.strip():
        raise empty_response()
    if content.lstrip()[:1] == b"<":
        raise web_page(observation.url, route.provider)


def _succeeded(observation: Observation) -> bool:
    return observation.status is not None and observation.status < 300


def completed(error: IngateError, route: Route) -> IngateError:
    """An error raised by a codec, with the route's provider, spec and credential source, and with secrets masked."""
    if error.provider is None:
        error.provider = route.provider
        error.message = error.message.replace("the provider", route.provider)
        error.fix = error.fix.replace("the provider", route.provider)
    error.spec = error.spec or str(route.spec)
    error.credential_source = error.credential_source or route.credential.source or None
    secrets = route.secrets()
    error.message, error.provider_message = scrub(error.message, secrets), scrub(error.provider_message, secrets)
    error.args = (error.message,)
    return error


def no_embeddings(error: BaseException, route: Route) -> NotSupportedError | None:
    """The error if litellm reports that a provider has no embeddings; None for any other exception."""
    if not isinstance(error, IngateError) and _NO_EMBEDDINGS.search(str(error)):
        return NotSupportedError(
            f"litellm has no embeddings for {route.provider!r}",
            provider=route.provider,
            spec=str(route.spec),
            fix="name a model of another provider",
        )
    return None


def readable(message: str) -> str:
    """litellm's message without its own prefixes and the traceback it appends."""
    message = _TRAIL.sub("", message)
    while (shorter := _PREFIX.sub("", message, count=1)) != message:
        message = shorter
    return message.strip()


def interrupted(route: Route) -> StreamInterruptedError:
    """The error for a stream that ended without a finish reason."""
    return StreamInterruptedError(
        f"the stream from {route.provider} ended before it was complete",
        fix=_AGAIN,
        provider=route.provider,
        spec=str(route.spec),
        credential_source=route.credential.source or None,
    )


def _make(
    kind: type[IngateError],
    message: str,
    route: Route,
    details: dict[str, Any],
    *,
    connecting: bool,
    retry_after_s: float | None,
) -> IngateError:
    if kind is RequestTimeoutError:
        limit, seconds = ("connect", route.timeouts.connect_s) if connecting else ("first_token", route.timeout_s)
        return timeout_error(limit, seconds, route.provider, provider_message=message, **details)
    if kind is UnavailableError:
        where = f" at {route.api_base}" if route.api_base else ""
        text = f"cannot connect to {route.provider}{where}: {message}" if connecting else f"{route.provider}: {message}"
        fix = "check the base URL and the network: `ingate doctor`" if connecting else ELSEWHERE
        return UnavailableError(text, fix=fix, provider_message=message, **details)
    arguments: dict[str, Any] = {"retry_after_s": retry_after_s, "provider_message": message, **details}
    return kind(f"{route.provider}: {message}" if message else f"{route.provider} rejected the request", **arguments)


def _reclassified(message: str, details: dict[str, Any]) -> IngateError | None:
    if (found := _NO_MODULE.search(message)) or _GOOGLE.search(message):
        module = found.group(1) if found else "google-auth"
        extra = _EXTRAS.get(module.partition(".")[0].partition("-")[0], "litellm")
        return MissingExtraError(
            f"{details['provider']} needs the package {module!r}, which is not installed", extra=extra, **details
        )
    if _NO_KEY.search(message):
        return MissingCredentialsError(
            f"{details['provider']} has no key: {message}",
            fix=f"ingate doctor {details['provider']}",
            provider_message=message,
            **details,
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


def _is_from_provider(error: BaseException) -> bool:
    return type(error).__name__ in {"APIError", "MockException", "MidStreamFallbackError"} or not type(
        error
    ).__module__.startswith("litellm.exceptions")


def _innermost(error: BaseException) -> BaseException:
    """The original exception: litellm wraps those raised in a stream."""
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
