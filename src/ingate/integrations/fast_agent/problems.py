"""The gateway's errors as fast-agent's users read them, and which of them are worth another try."""

from __future__ import annotations

from typing import Any, Final

from fast_agent.core.exceptions import ModelConfigError  # ty: ignore[import-not-found]
from openai import APIError, APIStatusError

_FINAL_TYPES: Final = frozenset(
    {"authentication_error", "permission_error", "invalid_request_error", "configuration_error", "not_served"}
)


class FinalError(ModelConfigError):
    """Carries an error through fast-agent's retries, which let this class pass."""

    def __init__(self, error: APIError) -> None:
        super().__init__(str(error))
        self.error = error


def worth_retrying(error: APIError) -> bool:
    """Whether the gateway says that another try may help: an overloaded provider, not a wrong key."""
    if not isinstance(error, APIStatusError):
        return _body(error).get("type") not in _FINAL_TYPES  # inside a running stream, or no answer at all
    told = error.response.headers.get("x-should-retry")
    return told == "true" if told is not None else error.status_code in {408, 409, 429} or error.status_code >= 500


def as_told(error: APIError) -> APIError:
    """The error, its message now the gateway's own words: what happened, and what to do about it."""
    body = _body(error)
    message = body.get("message")
    if not isinstance(message, str) or not message:
        return error
    fix = body.get("fix")
    error.message = f"{message.rstrip('.')}. To mend it: {fix}" if isinstance(fix, str) and fix else message
    error.args = (error.message,)
    return error


def _body(error: APIError) -> dict[str, Any]:
    """The `error` object of the answer."""
    body = error.body
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        return body["error"]
    return body if isinstance(body, dict) else {}
