"""The parts of an error body, whichever provider's format it has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MAX_MESSAGE: Final = 2_000  # characters of a provider's message to keep
_MESSAGE_KEYS: Final = ("message", "Message", "msg", "error_message", "errorMessage", "error_description", "reason")
_TITLE: Final = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_DELAY: Final = re.compile(r"\A([0-9]{1,9}(?:\.[0-9]{1,9})?)s\Z")


@dataclass(slots=True)
class ErrorBody:
    """The parts of an error body, empty if it lacks them.

    Attributes:
        message: The provider's message.
        kind: Its `type` or `status` word (`"invalid_request_error"`, `"RESOURCE_EXHAUSTED"`).
        code: Its code (`"model_not_found"`, `429`).
        param: The request field that it is about.
        request_id: The provider's id of the request.
        retry_after_s: How long to wait in seconds, if the body says so.
        is_html: Whether it was a web page, so there is no API at that address.
    """

    message: str = ""
    kind: str = ""
    code: str | int | None = None
    param: str = ""
    request_id: str | None = None
    retry_after_s: float | None = None
    is_html: bool = False


def read_body(body: bytes | str | Mapping[str, Any] | Iterable[Any] | None) -> ErrorBody:
    """The parts of `body`. Never raises: a body of an unknown format is its own message."""
    value: Any = body
    if isinstance(body, (bytes, bytearray, str)):
        text = (bytes(body).decode(errors="replace") if not isinstance(body, str) else body).strip()
        try:
            value = msgspec.json.decode(text) if text else None
        except (msgspec.DecodeError, RecursionError):
            return _plain(text)
    error = ErrorBody()
    _read(value, error, depth=0)
    error.message = error.message[:_MAX_MESSAGE]
    return error


def _plain(text: str) -> ErrorBody:
    if text.startswith("data:"):  # an error event sent with an error status
        return read_body(text[5:].split("\n", 1)[0])
    if text[:1] == "<":
        title = _TITLE.search(text)
        return ErrorBody(message=" ".join(title.group(1).split())[:200] if title else "a web page", is_html=True)
    return ErrorBody(message=text[:_MAX_MESSAGE])


def _read(value: Any, error: ErrorBody, depth: int) -> None:
    """Fill in the parts that `value` has; those already set are kept."""
    if depth > 5 or value is None:
        return
    if isinstance(value, str):
        error.message = error.message or value
    elif isinstance(value, list):
        _read_list(value, error, depth)
    elif isinstance(value, dict):
        _read_dict(value, error, depth)


def _read_list(items: list[Any], error: ErrorBody, depth: int) -> None:
    # FastAPI's validation errors: [{"loc": ["body", "messages"], "msg": "field required"}, …]
    located = [item for item in items if isinstance(item, dict) and "msg" in item]
    if located:
        lines = [f"{'.'.join(str(step) for step in item.get('loc') or ())}: {item['msg']}" for item in located]
        error.message = error.message or "; ".join(line.removeprefix(": ") for line in lines)
        return
    for item in items:
        _read(item, error, depth + 1)
        if error.message:
            return


def _read_dict(value: dict[str, Any], error: ErrorBody, depth: int) -> None:
    if error.request_id is None and isinstance(found := value.get("request_id") or value.get("requestId"), str):
        error.request_id = found
    inner = value.get("error")
    if isinstance(inner, (dict, list)):
        _read(inner, error, depth + 1)
    code = value.get("code")
    if error.code is None and isinstance(code, (str, int)) and not isinstance(code, bool) and code != "":
        error.code = code
    kind = value.get("type") or value.get("__type") or value.get("status")
    if not error.kind and isinstance(kind, str) and kind != "error":
        error.kind = kind.rpartition("#")[2]
    if not error.param and isinstance(param := value.get("param"), str):
        error.param = param
    for key in _MESSAGE_KEYS:
        if value.get(key):
            _read(value[key], error, depth + 1)
            if error.message:
                break
    for key in ("detail", "error", "errors", "title"):
        if not error.message and value.get(key):
            _read(value[key], error, depth + 1)
    _read_details(value, error)


def _read_details(value: dict[str, Any], error: ErrorBody) -> None:
    metadata = value.get("metadata")
    if isinstance(metadata, dict) and metadata.get("raw"):  # OpenRouter: the error of the provider behind it
        behind = ErrorBody()
        raw = metadata["raw"]
        if isinstance(raw, str):
            behind = read_body(raw)
        else:
            _read(raw, behind, depth=3)
        if behind.message and behind.message not in error.message:
            error.message = f"{error.message}: {behind.message}" if error.message else behind.message
    details = value.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            if found := _DELAY.match(str(detail.get("retryDelay", ""))):  # Google's RetryInfo
                error.retry_after_s = float(found.group(1))
            # Google's ErrorInfo: API_KEY_INVALID under a bare 400
            if isinstance(reason := detail.get("reason"), str) and not isinstance(error.code, str):
                error.code = reason
    if failed := value.get("failed_generation"):  # Groq: the model's output instead of a tool call
        error.message = f"{error.message} (the model's output: {str(failed)[:300]})"
