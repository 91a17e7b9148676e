"""A code fence around an answer that should be JSON alone, removed as the text arrives."""

from __future__ import annotations

import re
from typing import Final

_LANGUAGE_CHARS: Final = 32
_OPENING: Final = re.compile(rf"\s*```\w{{0,{_LANGUAGE_CHARS}}}[ \t]*\r?\n")
# What may still become an opening fence.
_MAY_OPEN: Final = re.compile(rf"\s*(?:`{{0,2}}|```\w{{0,{_LANGUAGE_CHARS}}}[ \t]*\r?)")
_FENCE: Final = "```"


class FenceRemover:
    """Removes the fence around one text: its first line (```` ```json ````), and the closing fence behind it.

    However the text is divided into pieces, what it returns adds up to the same. A text that does not begin with a fence is
    returned as it is.
    """

    __slots__ = ("_begun", "_fenced", "_held")

    def __init__(self) -> None:
        self._begun = False  # whether it is known how the text begins
        self._fenced = False
        self._held = ""

    def feed(self, text: str) -> str:
        """What can be handed on after the next piece of the text."""
        if not text:
            return ""
        if self._begun and not self._fenced:
            return text
        held = self._held + text
        if not self._begun:
            opening = _OPENING.match(held)
            if opening is None and _MAY_OPEN.fullmatch(held):
                self._held = held
                return ""
            self._begun, self._fenced = True, opening is not None
            if opening is None:
                self._held = ""
                return held
            held = held[opening.end() :]
        at = _closing(held, whole=False)
        self._held = held[at:]
        return held[:at]

    def finish(self) -> str:
        """What was held back and does not belong to a fence."""
        held, self._held = self._held, ""
        return held[: _closing(held, whole=True)] if self._fenced else held


def unfenced(text: str) -> str:
    """A whole text without the fence around it."""
    remover = FenceRemover()
    return remover.feed(text) + remover.finish()


def _closing(text: str, *, whole: bool) -> int:
    """Where the closing fence begins, with the line break before it; the text's length if there is none.

    Args:
        text: The text.
        whole: Whether the text is complete; if not, what may still become a fence counts as one.
    """
    rest = text.rstrip()
    if rest.endswith(_FENCE):
        rest = rest[: -len(_FENCE)]
    elif whole:
        return len(text)
    else:
        rest = text.rstrip("`")
    return len(rest.rstrip(" \t").removesuffix("\n").removesuffix("\r"))
