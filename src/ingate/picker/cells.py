"""Text in terminal cells: how wide it is, cut or padded to fit, broken into lines."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

# The symbols that the picker draws: one cell each. Text of these and ASCII needs no table of widths.
_NARROW: Final = str.maketrans("", "", "✓○✗★↻▸│─…·•↑↓←→“”–█")
# They join or restyle their neighbours; terminals disagree on the resulting width.
_JOINERS: Final = str.maketrans("", "", "\u200b\u200c\u200d\ufe0e\ufe0f")


def clean(text: str) -> str:
    """`text` without control characters and invisible joiners; line ends and tabs become spaces."""
    if text.isprintable() and (text.isascii() or ("\ufe0e" not in text and "\ufe0f" not in text)):
        return text
    return "".join(
        letter if letter.isprintable() else " " if letter in "\n\r\t" else "" for letter in text.translate(_JOINERS)
    )


def width(text: str) -> int:
    """The number of cells that `text` occupies."""
    if text.isascii() or text.translate(_NARROW).isascii():
        return len(text)
    return _wide(text)


@lru_cache(maxsize=4096)
def _wide(text: str) -> int:
    from wcwidth import wcwidth

    return sum(max(0, wcwidth(letter)) for letter in text)


def cut(text: str, cells: int) -> str:
    """`text`, shortened to at most `cells`, with an ellipsis if it was longer."""
    if cells <= 0:
        return ""
    if len(text) <= cells and width(text) <= cells:
        return text
    if text.isascii():
        return f"{text[: cells - 1]}…"
    from wcwidth import wcwidth

    taken = 0
    for at, letter in enumerate(text):
        taken += max(0, wcwidth(letter))
        if taken > cells - 1:
            return f"{text[:at]}…"
    return text


def fit(text: str, cells: int, *, right: bool = False) -> str:
    """`text` in exactly `cells`: cut, or padded on the right (on the left if `right`)."""
    text = cut(text, cells)
    blank = " " * max(0, cells - width(text))
    return f"{blank}{text}" if right else f"{text}{blank}"


def wrap(text: str, cells: int, indent: str = "") -> list[str]:
    """`text` in lines of at most `cells`, broken between words if possible; all lines but the first are indented."""
    if cells <= len(indent):
        return [cut(text, max(cells, 0))]
    lines: list[str] = []
    line = ""
    for word in text.split():
        candidate = f"{line} {word}" if line.strip() else f"{line}{word}"
        if width(candidate) <= cells:
            line = candidate
            continue
        if line.strip():
            lines.append(line)
            line = indent
        while width(line + word) > cells:
            head = _prefix(word, cells - width(line))
            lines.append(line + head)
            word, line = word[len(head) :], indent
        line += word
    return [*lines, line] if line.strip() or not lines else lines


def _prefix(word: str, cells: int) -> str:
    """The longest prefix of `word` that fits into `cells`, at least one character."""
    taken = 0
    for at, letter in enumerate(word):
        taken += width(letter)
        if taken > cells:
            return word[: max(at, 1)]
    return word
