"""Writing JSON that must not fail: answers, whose text may come from any engine."""

from __future__ import annotations

from typing import Any, Final

import msgspec

_encode = msgspec.json.Encoder().encode
_MAX_DEPTH: Final = 200


def encode_answer(value: Any) -> bytes:
    """An answer as JSON, whatever is in it.

    UTF-8 has no unpaired surrogates; they become U+FFFD. A value that JSON does not have becomes null, and so does what is
    nested more than 200 levels deep.
    """
    try:
        return _encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError):  # a UnicodeEncodeError is a ValueError
        return _encode(_writable(value, 0))


def _writable(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _text(value)
    if depth < _MAX_DEPTH and isinstance(value, dict):
        return {_text(str(key)): _writable(item, depth + 1) for key, item in value.items()}
    if depth < _MAX_DEPTH and isinstance(value, list | tuple):
        return [_writable(item, depth + 1) for item in value]
    try:
        _encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None
    return value


def _text(value: str) -> str:
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
