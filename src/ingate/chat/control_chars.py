"""Text of others, made escape_control_chars for a terminal: nothing in it moves the cursor, retitles a window or fills a clipboard."""

from __future__ import annotations

from typing import Final

# A control character is shown as its picture (␛), so that it is seen to be there; line ends and tabs stay what they are.
_PICTURES: Final = {code: 0x2400 + code for code in range(0x20)}
_C1: Final = dict.fromkeys(range(0x80, 0xA0))
# They turn the order in which what follows is shown.
_OVERRIDES: Final = dict.fromkeys((0x202D, 0x202E))
_TABLE: Final = {**_PICTURES, 0x7F: 0x2421, **_C1, **_OVERRIDES, 0x09: 0x09, 0x0A: 0x0A, 0x0D: None}


def escape_control_chars(text: str) -> str:
    """`text` as it may be written to a terminal; without control characters it is returned as it is."""
    return text if text.isprintable() else text.translate(_TABLE)
