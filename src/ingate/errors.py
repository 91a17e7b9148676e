"""Every error ingate raises, one class per remedy.

IngateError
├── ConfigError                a configuration file or mapping is wrong
├── SpecError                  a model spec cannot be read
│   └── UnknownProviderError   …because it names a provider ingate does not know
├── MissingExtraError          an optional package is not installed
├── MissingModelFileError      a local model's file is missing
├── MissingCredentialsError    nothing would authenticate the call; raised before any request is sent
├── AuthenticationError        401: the provider rejected the key
├── PermissionDeniedError      403: the key may not do this
├── ModelNotFoundError         404: authenticated, but no such model or deployment
├── BadRequestError            400: the provider rejected the request
│   ├── InvalidRequestError    …or ingate did, before sending anything; names the field
│   ├── ContextTooLongError    …more tokens than the model takes
│   └── ContentFilterError     …refused by the provider's safety system
├── RateLimitError             429: wait `retry_after_s`
├── UnavailableError           5xx, refused or dropped connections, responses that violate the protocol
├── RequestTimeoutError        no response within `timeout_s`
├── ClosedError                the gateway was closed before or during the call
├── StreamInterruptedError     a stream broke after it began; carries the partial response
├── NotSupportedError          501: an endpoint or feature that ingate or this provider does not have
├── MethodNotAllowedError      405: the endpoint exists, the method does not
└── InternalError              500: a fault in ingate itself
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple


class UpstreamResponse(NamedTuple):
    """A provider's error response in the API that the client called, to be returned unchanged.

    Attributes:
        status: The HTTP status.
        content_type: The `content-type`.
        content: The body, keys masked.
    """

    status: int
    content_type: str
    content: bytes


class IngateError(Exception):
    """Base of all of ingate's errors.

    Every instance says what happened (`str(error)`), which call was concerned (`provider`, `spec`), and what to do next
    (`fix`). No attribute ever contains a credential.

    Attributes:
        message: What happened, in one sentence.
        provider: The provider that was called (`"groq"`); None if none was.
        spec: The model spec as the user wrote it; None if there was none.
        status: The HTTP status with which the ASGI application reports this error.
        retryable: Whether the same call may succeed later without a change.
        fix: What to do next: a command, a variable or a change. Never empty: each class has a default.
        credential_source: Where the credential came from (`"env GROQ_API_KEY"`); None if unknown.
        code: OpenAI's `error.code` (`"model_not_found"`), or the provider's own code if it reported one.
        provider_message: The provider's own message with secrets masked; empty if there was none.
        retry_after_s: Seconds to wait before trying again; None if unknown.
        request_id: The provider's id of the request; None if it reported none.
        partial_text: The text of the answer received before the error; may be empty.
        partial: The partial completion in OpenAI's format (text, reasoning, tool calls); None if nothing was received.
        response: The provider's own response, if the request was passed through; None otherwise.
        exit_code: The exit status of a command that ends with this error.
    """

    status: int = 500
    retryable: bool = False
    type: ClassVar[str] = "server_error"
    default_code: ClassVar[str | None] = None
    exit_code: ClassVar[int] = 1
    default_fix: ClassVar[str] = "run `ingate doctor`"

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        spec: str | None = None,
        status: int | None = None,
        retryable: bool | None = None,
        fix: str = "",
        credential_source: str | None = None,
        code: str | None = None,
        provider_message: str = "",
        retry_after_s: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.provider = provider
        self.spec = spec
        self.status = self.status if status is None else status
        self.retryable = self.retryable if retryable is None else retryable
        self.fix = fix or self.default_fix
        self.credential_source = credential_source
        self.code = code if code is not None else self.default_code
        self.provider_message = provider_message
        self.retry_after_s = retry_after_s
        self.request_id = request_id
        self.partial_text = ""
        self.partial: dict[str, Any] | None = None
        self.response: UpstreamResponse | None = None

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r}, provider={self.provider!r}, status={self.status})"


class ConfigError(IngateError):
    """A configuration file or mapping is wrong: bad YAML, an unknown key, a wrong type, an unreadable reference.

    Attributes:
        file: The file; None for a mapping passed in code.
        line: The line, counted from 1; None if unknown.
    """

    type = "configuration_error"
    default_code = "invalid_configuration"
    exit_code = 2
    default_fix = "correct the configuration; docs/config.md describes every key"

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.file = file
        self.line = line

    def __str__(self) -> str:
        if self.file is None:
            return self.message
        return f"{self.file}:{self.line}: {self.message}" if self.line is not None else f"{self.file}: {self.message}"


class SpecError(IngateError):
    """A model spec cannot be read: empty, a stray `?`, a parameter that is not `key=value`."""

    status = 400
    type = "invalid_request_error"
    default_code = "invalid_model"
    exit_code = 2
    default_fix = "write PROVIDER/MODEL; `ingate models` lists the names"


class UnknownProviderError(SpecError):
    """The part before the first `/` is not the name of a provider.

    Attributes:
        nearest: The most similar names of providers, best first, possibly empty.
    """

    status = 404
    default_code = "model_not_found"

    def __init__(self, message: str, *, nearest: tuple[str, ...] = (), **details: Any) -> None:
        super().__init__(message, **details)
        self.nearest = nearest


class MissingExtraError(IngateError):
    """An optional package is not installed; `fix` is the command that installs it.

    Attributes:
        extra: The extra of ingate that includes it (`"litellm"`).
    """

    type = "configuration_error"
    default_code = "missing_extra"
    exit_code = 2

    def __init__(self, message: str, *, extra: str = "", **details: Any) -> None:
        details.setdefault("fix", f"pip install '.[{extra}]' in ingate's folder" if extra else "")
        super().__init__(message, **details)
        self.extra = extra


class MissingModelFileError(IngateError):
    """A local model's file does not exist or cannot be loaded.

    Attributes:
        path: The file's expected path.
    """

    status = 404
    type = "configuration_error"
    default_code = "model_not_found"
    exit_code = 2

    def __init__(self, message: str, *, path: str = "", **details: Any) -> None:
        super().__init__(message, **details)
        self.path = path


class MissingCredentialsError(IngateError):
    """Nothing would authenticate the call. Raised before any request is sent.

    Attributes:
        alternatives: Each alternative is a group of variables that together suffice.
        near_misses: Sentences about variables that are set but not read, with similar names.
        docs_url: The provider's documentation on keys.
    """

    status = 401
    type = "authentication_error"
    default_code = "missing_credentials"
    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        alternatives: tuple[tuple[str, ...], ...] = (),
        near_misses: tuple[str, ...] = (),
        docs_url: str = "",
        **details: Any,
    ) -> None:
        super().__init__(message, **details)
        self.alternatives = alternatives
        self.near_misses = near_misses
        self.docs_url = docs_url


class AuthenticationError(IngateError):
    """The provider rejected the key (401). `credential_source` says which one it was."""

    status = 401
    type = "authentication_error"
    default_code = "invalid_api_key"
    exit_code = 3
    default_fix = "replace the key; `ingate doctor` says where it comes from"


class PermissionDeniedError(IngateError):
    """The provider accepts the key but denies access (403): to a model, a region or a budget."""

    status = 403
    type = "permission_error"
    default_code = "permission_denied"
    exit_code = 3
    default_fix = "use a key that has access, or another model"


class ModelNotFoundError(IngateError):
    """Authenticated, but there is no such model or deployment (404).

    Attributes:
        nearest: The most similar names that exist, best first, possibly empty.
    """

    status = 404
    type = "invalid_request_error"
    default_code = "model_not_found"
    exit_code = 4
    default_fix = "run `ingate models` for the names of models"

    def __init__(self, message: str, *, nearest: tuple[str, ...] = (), **details: Any) -> None:
        super().__init__(message, **details)
        self.nearest = nearest


class BadRequestError(IngateError):
    """The provider rejected the request (400, 413, 422).

    Attributes:
        param: The field at fault as the API names it (`"messages[0].role"`); None if none was named.
    """

    status = 400
    type = "invalid_request_error"
    default_code = "bad_request"
    exit_code = 5
    default_fix = "change the request as the message says"

    def __init__(self, message: str, *, param: str | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.param = param


class InvalidRequestError(BadRequestError):
    """The request itself is invalid; nothing was sent."""

    default_code = "invalid_request"


class ContextTooLongError(BadRequestError):
    """The conversation has more tokens than the model accepts."""

    default_code = "context_length_exceeded"
    default_fix = "shorten the conversation, or use a model with a larger context"


class ContentFilterError(BadRequestError):
    """The provider's safety system refused the request."""

    default_code = "content_filter"
    default_fix = "rephrase the request, or use another model"


class RateLimitError(IngateError):
    """Too many requests or tokens (429); `retry_after_s` says how long to wait, if the provider does."""

    status = 429
    retryable = True
    type = "rate_limit_error"
    default_code = "rate_limit_exceeded"
    exit_code = 6
    default_fix = "wait before the next request, or name a fallback model after a comma"


class UnavailableError(IngateError):
    """The provider failed: a 5xx status, a refused or dropped connection, a body that is not valid JSON."""

    status = 503
    retryable = True
    default_code = "unavailable"
    exit_code = 7
    default_fix = "try again, or name a fallback model after a comma"


class RequestTimeoutError(IngateError):
    """No response in time.

    Attributes:
        timeout_s: The limit that was exceeded, in seconds; None if it was the provider's own.
        limit: Which limit: `"connect"`, `"first_token"`, `"between_tokens"`, `"total"`; empty if none of these.
    """

    status = 504
    retryable = True
    type = "timeout_error"
    default_code = "timeout"
    exit_code = 7
    default_fix = "try again, or raise the limit with ?timeout=SECONDS after the model's name"

    def __init__(self, message: str, *, timeout_s: float | None = None, limit: str = "", **details: Any) -> None:
        super().__init__(message, **details)
        self.timeout_s = timeout_s
        self.limit = limit


class ClosedError(IngateError):
    """The gateway was closed before the call began, or while it ran."""

    status = 503
    default_code = "closed"
    exit_code = 7


class StreamInterruptedError(IngateError):
    """A stream broke after it began. `partial_text` and `partial` hold what was received."""

    status = 502
    retryable = True
    default_code = "stream_interrupted"
    exit_code = 8
    default_fix = "try again; the partial answer is kept"

    def __init__(
        self, message: str, *, partial_text: str = "", partial: dict[str, Any] | None = None, **details: Any
    ) -> None:
        super().__init__(message, **details)
        self.partial_text, self.partial = partial_text, partial


class NotSupportedError(IngateError):
    """An endpoint or feature that ingate, or this provider, does not have (501)."""

    status = 501
    type = "not_served"
    default_code = "not_served"
    exit_code = 5
    default_fix = "use a model or a provider that supports it"


class MethodNotAllowedError(IngateError):
    """The endpoint exists, the method does not (405).

    Attributes:
        allowed: The supported methods.
    """

    status = 405
    type = "invalid_request_error"
    default_code = "method_not_allowed"
    default_fix = "use a method that the message names"

    def __init__(self, message: str, *, allowed: tuple[str, ...] = (), **details: Any) -> None:
        super().__init__(message, **details)
        self.allowed = allowed


class InternalError(IngateError):
    """A fault in ingate itself (500). The log has the traceback; the response reveals nothing about the request."""

    default_code = "internal_error"
    default_fix = "try again; the log has the traceback for a bug report"
