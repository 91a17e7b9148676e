"""Providers' error responses as ingate's errors, and ingate's errors as OpenAI's statuses and error JSON.

The status decides first; code, type and message refine it, since many providers send 400 for everything.
"""

from __future__ import annotations

import math
import re
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from ingate.errors import (
    AuthenticationError,
    BadRequestError,
    ContentFilterError,
    ContextTooLongError,
    IngateError,
    ModelNotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    UnavailableError,
)
from ingate.secret import scrub
from ingate.wire.error_body import ErrorBody, read_body

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.secret import Secret

_MAX_PARAM: Final = 200  # characters
_REQUEST_IDS: Final = ("x-request-id", "request-id", "x-amzn-requestid", "apim-request-id", "x-litellm-call-id")
_CONTEXT: Final = re.compile(
    r"context[ _-]?(?:length|window|size)|maximum context|max(?:imum)?[ _]?(?:context|prompt)[ _]length|"
    r"(?:prompt|input|request|conversation) (?:is )?too (?:long|large)|too many (?:input )?tokens|"
    r"input token count.{0,40}exceed|exceeds? the (?:available context|maximum (?:context|number of (?:input )?tokens))|"
    r"reduce the length of (?:the )?(?:messages|your|prompt)|string_above_max_length|"
    r"maximum allowed (?:input|prompt) (?:tokens|length)|(?:input|prompt)[^.]{0,60}tokens?[^.]{0,30}exceed|"
    r"larger than the maximum context|prompt_too_long|token[ _]limit[ _](?:exceeded|reached)",
    re.IGNORECASE,
)
_FILTER: Final = re.compile(
    r"content[ _-]?(?:filter|policy|management policy)|responsible ?ai|safety system|moderation|"
    r"data_inspection_failed|inappropriate content|flagged|prohibited_content|sensitive content|guardrail",
    re.IGNORECASE,
)
# For a 400 that means 401. Plain "invalid token" is left out: JSON parsers use it, too.
_KEY: Final = re.compile(
    r"(?:invalid|incorrect|wrong|bad|expired|missing|no|unknown|revoked)[ _]+(?:x-)?(?:api|auth|access)[ _-]?(?:key|token)\b|"
    r"api[ _-]?key[ _]+(?:not valid|is (?:in|not )valid|invalid|not found|expired|is missing|required)|"
    r"authentication[ _]?(?:error|failed|fails|required)|unauthenticated|unrecognizedclient|expiredtoken|"
    r"invalidsignature|security token .{0,40}(?:invalid|expired)|(?:invalid|incorrect|missing) credentials?\b",
    re.IGNORECASE,
)
_MODEL: Final = re.compile(
    r"model[ _]not[ _](?:found|exist|supported|available)|(?:no such|unknown|invalid|unsupported) model\b|"
    r"models?(?: id| name| identifier)?[ :=/]*[`'\"]?[\w./:@-]*[`'\"]?,? "
    r"(?:does not exist|doesn't exist|(?:is |was )?not found|is not available|is not a valid|is invalid|"
    r"has been (?:decommissioned|deprecated|removed|retired))|"
    r"deploymentnotfound|model_decommissioned|not a valid model",
    re.IGNORECASE,
)
_QUOTA: Final = re.compile(
    r"insufficient[ _](?:quota|balance|credits?|funds)|exceeded your current quota|out of credits|billing|payment|"
    r"credit balance|quota_exceeded|used up|budget has been exceeded|exceededbudget",
    re.IGNORECASE,
)
_RATE: Final = re.compile(r"rate[ _-]?limit|too many requests|resource[ _]exhausted|throttl|overloaded", re.IGNORECASE)
_TRY_IN: Final = re.compile(
    r"(?:try again|retry) (?:in|after) (?:(\d{1,9})h)?(?:(\d{1,9})m(?!s))?(?:([0-9.]{1,18}) ?(ms|s|sec|seconds?)\b)?",
    re.IGNORECASE,
)
_LONGEST_S: Final = 30 * 86_400.0  # quotas are restored within a month; a longer wait is a mistake of the provider
# Statuses by the word a provider uses, for errors in a 200 response and for bare exception names.
_BY_WORD: Final[tuple[tuple[str, int], ...]] = (
    ("overloaded", 529),
    ("rate_limit", 429),
    ("throttling", 429),
    ("resource_exhausted", 429),
    ("insufficient_quota", 429),
    ("modelnotready", 429),
    ("too_many_requests", 429),
    ("authentication", 401),
    ("unauthenticated", 401),
    ("unauthorized", 401),
    ("invalid_api_key", 401),
    ("permission", 403),
    ("accessdenied", 403),
    ("forbidden", 403),
    ("not_found", 404),
    ("resourcenotfound", 404),
    ("deadline_exceeded", 504),
    ("timeout", 504),
    ("request_too_large", 413),
    ("invalid_request", 400),
    ("invalid_argument", 400),
    ("bad_request", 400),
    ("badrequest", 400),
    ("validation", 400),
    ("failed_precondition", 400),
    ("context_length", 400),
    ("content_filter", 400),
    ("unavailable", 503),
    ("internal", 500),
    ("server_error", 500),
    ("api_error", 500),
)


def error_from_response(
    status: int,
    headers: Mapping[str, str],
    body: bytes | dict[str, Any] | str,
    *,
    provider: str | None,
    spec: str | None = None,
    secrets: Iterable[Secret | None] = (),
    credential_source: str | None = None,
) -> IngateError:
    """The error that a provider's response means (returned, not raised).

    Args:
        status: The HTTP status; if it is below 400, the code or type of the error object decides.
        headers: The response's headers, with names in any case.
        body: The response's body, or the error object in it.
        provider: The provider's name, None if it is unknown.
        spec: The model spec as the user wrote it.
        secrets: Values to mask in the provider's message.
        credential_source: Where the credential came from, for the `fix` of a rejected one.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    parsed = read_body(body)
    if kind := lowered.get("x-amzn-errortype"):
        parsed.kind = parsed.kind or kind.partition(":")[0]
    secrets = tuple(secrets)
    message = scrub(parsed.message, secrets)
    code = scrub(str(parsed.code), secrets) if parsed.code is not None else ""
    if status < 400:
        status = _status_inside(code, parsed.kind, message)
    words = f"{code} {parsed.kind} {message}"
    cls, retryable = _class_of(status, code, parsed, words)
    who = provider or "the provider"
    source = credential_source or "the configured credential"
    details: dict[str, Any] = {
        "provider": provider,
        "spec": spec,
        "status": status,
        "fix": _fix(cls, who, source, words, is_html=parsed.is_html),
        "credential_source": credential_source,
        "provider_message": message,
        "request_id": next((lowered[name] for name in _REQUEST_IDS if lowered.get(name)), parsed.request_id),
    }
    if retryable is not None:
        details["retryable"] = retryable
    if code == "insufficient_quota" or (code and not code.isdigit() and cls is BadRequestError):
        details["code"] = code
    if cls is BadRequestError and parsed.param:
        details["param"] = scrub(parsed.param, secrets)[:_MAX_PARAM]
    if cls in {RateLimitError, UnavailableError, RequestTimeoutError}:
        details["retry_after_s"] = _retry_after(lowered, parsed, message)
    return cls(f"{who} {_VERBS[cls]} ({status}){': ' + message if message else ''}", **details)


_VERBS: Final[Mapping[type[IngateError], str]] = {
    AuthenticationError: "rejected the key",
    PermissionDeniedError: "does not allow this",
    ModelNotFoundError: "has no such model",
    BadRequestError: "rejected the request",
    ContextTooLongError: "reports that the conversation is too long for the model",
    ContentFilterError: "rejected the request because of its content",
    RateLimitError: "reports too many requests",
    UnavailableError: "failed",
    RequestTimeoutError: "took too long",
}


def _status_inside(code: str, kind: str, message: str) -> int:
    """The status that an error in a successful response corresponds to."""
    if code.isdigit() and 400 <= int(code) <= 599:
        return int(code)
    word = f"{code} {kind}".lower().replace("-", "_").replace(" ", "_")
    for part, status in _BY_WORD:
        if part in word or part in word.replace("_", ""):
            return status
    if _CONTEXT.search(message) or _FILTER.search(message):
        return 400
    if _RATE.search(message):
        return 429
    return 500


def _class_of(status: int, code: str, parsed: ErrorBody, words: str) -> tuple[type[IngateError], bool | None]:
    """The class for a status, refined by the words, and whether to retry if that differs from the class's default."""
    if status in {408, 504, 524, 598, 599}:
        return RequestTimeoutError, None
    if status in {429, 498}:
        # Groq's 498: the flex tier is at capacity. Waiting does not restore a used-up quota.
        used_up = code == "insufficient_quota" or (_QUOTA.search(f"{code} {parsed.message}") and not _soon(parsed))
        return RateLimitError, False if used_up else None
    if status >= 500 or status == 499:
        return UnavailableError, status != 501
    if status == 401:
        return AuthenticationError, None
    if status in {402, 403}:
        if status == 403 and _KEY.search(words) and "permission" not in words.lower():
            return AuthenticationError, None
        return PermissionDeniedError, None
    if status in {404, 410}:
        # A missing page may also be a wrong base URL, which the fix mentions.
        return ModelNotFoundError, None
    if status in {409, 423, 424, 425}:
        return UnavailableError, True
    return _refined(status, code, words), None


def _refined(status: int, code: str, words: str) -> type[IngateError]:
    """The class for 400, 413, 422 and similar statuses, by their words."""
    if code in {"content_filter", "content_policy_violation"}:
        return ContentFilterError
    if status == 413 or _CONTEXT.search(words):
        return ContextTooLongError if _CONTEXT.search(words) else BadRequestError
    if _KEY.search(words):
        return AuthenticationError
    if _MODEL.search(words):
        return ModelNotFoundError
    if _FILTER.search(words):
        return ContentFilterError
    return PermissionDeniedError if _QUOTA.search(words) else BadRequestError


def _soon(parsed: ErrorBody) -> bool:
    """Whether the provider says when to retry: then the quota is per minute or day, and not a matter of billing."""
    return parsed.retry_after_s is not None or bool(
        (found := _TRY_IN.search(parsed.message)) and any(found.groups()[:3])
    )


def _fix(cls: type[IngateError], who: str, source: str, words: str, *, is_html: bool) -> str:
    if is_html and cls in {ModelNotFoundError, UnavailableError, PermissionDeniedError}:
        return f"the address returns a web page: check the base URL of {who} (it often ends in /v1)"
    if cls is AuthenticationError:
        return f"{who} rejected the key from {source}; check it for typos and expiry, or set another one"
    if cls is PermissionDeniedError:
        if _QUOTA.search(words):
            return f"check the balance and billing of the {who} account that {source} belongs to"
        return f"ask {who} for access to this model or region with the key from {source}, or choose another model"
    if cls is ModelNotFoundError:
        return f"run `ingate models --provider {who}` to list its models; the base URL may also be wrong"
    if cls is ContextTooLongError:
        return "shorten the conversation, or choose a model with more context (`ingate models 'ctx:>200k'`)"
    if cls is ContentFilterError:
        return "rephrase the request, or choose another model"
    if cls is RateLimitError:
        if _QUOTA.search(words):
            return f"check the plan and billing of the {who} account that {source} belongs to"
        return "wait and try again, or name a fallback model after a comma"
    if cls is BadRequestError:
        return "change the parameter that the message names, or set drop_params to drop what the model does not accept"
    return "try again, or name a fallback model after a comma"


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """How long the headers ask to wait: seconds, 0 for a time that has passed, at most a month; None if they do not say.

    Args:
        headers: With names in lower case.
    """
    for name, per_second in (("retry-after-ms", 1000.0), ("x-ms-retry-after-ms", 1000.0), ("retry-after", 1.0)):
        if (text := headers.get(name)) and (seconds := _seconds(text, per_second)) is not None:
            return seconds
    return None


def _retry_after(headers: Mapping[str, str], parsed: ErrorBody, message: str) -> float | None:
    """Seconds to wait: from the headers, else from the body's details, else from the message."""
    if (seconds := retry_after_s(headers)) is not None:
        return seconds
    if parsed.retry_after_s is not None:
        return min(parsed.retry_after_s, _LONGEST_S)
    if found := _TRY_IN.search(message):
        hours, minutes, amount, unit = found.groups()
        if hours or minutes or amount:
            try:
                last = float(amount or 0) / (1000 if (unit or "").lower() == "ms" else 1)
            except ValueError:
                return None
            return min(int(hours or 0) * 3600 + int(minutes or 0) * 60 + last, _LONGEST_S)
    return None


def _seconds(text: str, per_second: float) -> float | None:
    try:
        number = float(text)
    except ValueError:
        try:
            number = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
        per_second = 1.0
    return min(max(number / per_second, 0.0), _LONGEST_S) if math.isfinite(number) else None


def error_to_response(error: BaseException) -> tuple[int, dict[str, str], dict[str, Any]]:
    """An error in OpenAI's format: status, headers, and the error JSON with ingate's `fix` in it.

    OpenAI's SDKs obey `x-should-retry`, which is false if repeating the call cannot help. The message of an exception
    that is not ingate's own is left out, since it might contain anything.
    """
    if not isinstance(error, IngateError):
        error = IngateError("an unexpected error occurred in ingate", code="internal_error")
    headers = {"content-type": "application/json", "x-should-retry": "true" if error.retryable else "false"}
    if error.retry_after_s is not None and 0 <= error.retry_after_s < math.inf:
        wait_s = min(error.retry_after_s, _LONGEST_S)
        headers["retry-after"] = str(math.ceil(wait_s))
        headers["retry-after-ms"] = str(math.ceil(wait_s * 1000))
    if error.request_id and error.request_id.isascii() and error.request_id.isprintable():
        headers["x-request-id"] = error.request_id
    body: dict[str, Any] = {"message": str(error), "type": error.type, "param": None, "code": error.code}
    for name in ("param", "fix", "provider", "spec", "provider_message", "partial_text"):
        if value := getattr(error, name, None):
            body[name] = value
    if allowed := getattr(error, "allowed", ()):
        headers["allow"] = ", ".join(allowed)
    status = error.status if 400 <= error.status <= 599 else 500
    return status, headers, {"error": body}
