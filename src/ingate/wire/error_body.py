"""What an error body says, whichever of the providers' shapes it has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MAX_MESSAGE: Final = 2_000  # characters of a provider's words that are worth carrying
_MESSAGE_KEYS: Final = ("message", "Message", "msg", "error_message", "errorMessage", "error_description", "reason")
_TITLE: Final = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_DELAY: Final = re.compile(r"\A([0-9.]+)s\Z")


@dataclass(slots=True)
class Said:
    """The parts of an error body, empty where it has none.

    Attributes:
        message: The provider's words.
        kind: Its `type` or `status` word (`"invalid_request_error"`, `"RESOURCE_EXHAUSTED"`).
        code: Its code (`"model_not_found"`, `429`).
        param: The request's field it is about.
        request_id: The provider's id of the request.
        retry_after_s: How long to wait, where the body says so.
        is_html: Whether it was a web page, thus no API at that address.
    """

    message: str = ""
    kind: str = ""
    code: str | int | None = None
    param: str = ""
    request_id: str | None = None
    retry_after_s: float | None = None
    is_html: bool = False


def read_body(body: bytes | str | Mapping[str, Any] | Iterable[Any] | None) -> Said:
    """What `body` says. Never raises: a body that is nothing known is its own message."""
    value: Any = body
    if isinstance(body, (bytes, bytearray, str)):
        text = (bytes(body).decode(errors="replace") if not isinstance(body, str) else body).strip()
        try:
            value = msgspec.json.decode(text) if text else None
        except (msgspec.DecodeError, RecursionError):
            return _plain(text)
    said = Said()
    _read(value, said, depth=0)
    said.message = said.message[:_MAX_MESSAGE]
    return said


def _plain(text: str) -> Said:
    if text.startswith("data:"):  # an error event sent with an error status
        return read_body(text[5:].split("\n", 1)[0])
    if text[:1] == "<":
        title = _TITLE.search(text)
        return Said(message=" ".join(title.group(1).split())[:200] if title else "a web page", is_html=True)
    return Said(message=text[:_MAX_MESSAGE])


def _read(value: Any, said: Said, depth: int) -> None:
    """Fill in what `value` says; what is already there stays."""
    if depth > 5 or value is None:
        return
    if isinstance(value, str):
        said.message = said.message or value
    elif isinstance(value, list):
        _read_list(value, said, depth)
    elif isinstance(value, dict):
        _read_dict(value, said, depth)


def _read_list(items: list[Any], said: Said, depth: int) -> None:
    # FastAPI's validation errors: [{"loc": ["body", "messages"], "msg": "field required"}, …]
    located = [item for item in items if isinstance(item, dict) and "msg" in item]
    if located:
        lines = [f"{'.'.join(str(step) for step in item.get('loc') or ())}: {item['msg']}" for item in located]
        said.message = said.message or "; ".join(line.removeprefix(": ") for line in lines)
        return
    for item in items:
        _read(item, said, depth + 1)
        if said.message:
            return


def _read_dict(value: dict[str, Any], said: Said, depth: int) -> None:
    if said.request_id is None and isinstance(found := value.get("request_id") or value.get("requestId"), str):
        said.request_id = found
    inner = value.get("error")
    if isinstance(inner, (dict, list)):
        _read(inner, said, depth + 1)
    code = value.get("code")
    if said.code is None and isinstance(code, (str, int)) and not isinstance(code, bool) and code != "":
        said.code = code
    kind = value.get("type") or value.get("__type") or value.get("status")
    if not said.kind and isinstance(kind, str) and kind != "error":
        said.kind = kind.rpartition("#")[2]
    if not said.param and isinstance(param := value.get("param"), str):
        said.param = param
    for key in _MESSAGE_KEYS:
        if value.get(key):
            _read(value[key], said, depth + 1)
            if said.message:
                break
    for key in ("detail", "error", "errors", "title"):
        if not said.message and value.get(key):
            _read(value[key], said, depth + 1)
    _read_details(value, said)


def _read_details(value: dict[str, Any], said: Said) -> None:
    metadata = value.get("metadata")
    if isinstance(metadata, dict) and metadata.get("raw"):  # OpenRouter: what the provider behind it said
        behind = Said()
        raw = metadata["raw"]
        if isinstance(raw, str):
            behind = read_body(raw)
        else:
            _read(raw, behind, depth=3)
        if behind.message and behind.message not in said.message:
            said.message = f"{said.message}: {behind.message}" if said.message else behind.message
    details = value.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            if found := _DELAY.match(str(detail.get("retryDelay", ""))):  # Google's RetryInfo
                said.retry_after_s = float(found.group(1))
            # Google's ErrorInfo: API_KEY_INVALID under a bare 400
            if isinstance(reason := detail.get("reason"), str) and not isinstance(said.code, str):
                said.code = reason
    if failed := value.get("failed_generation"):  # Groq: what the model said instead of a tool call
        said.message = f"{said.message} (the model said: {str(failed)[:300]})"
