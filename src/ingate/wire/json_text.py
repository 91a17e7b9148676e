"""JSON as providers write it: a strict and fast reader first, a lenient one for what some servers send."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec

# Half of a surrogate pair: what a server escapes when it cuts its text inside a character.
_LONE: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)

_decode = msgspec.json.Decoder().decode


def read_json(text: bytes | str) -> Any:
    """The value in `text`. `NaN`, bytes that are no UTF-8, and halves of surrogate pairs are borne with.

    Raises:
        ValueError: It is no JSON.
    """
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    except RecursionError:
        raise ValueError("nested too deeply") from None
    plain = text if isinstance(text, str) else text.decode(errors="replace")
    try:
        return json.loads(_LONE.sub(r"\\ufffd", plain), strict=False, parse_constant=lambda _: None)
    except RecursionError:
        raise ValueError("nested too deeply") from None
