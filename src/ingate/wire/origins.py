"""Which provider made a piece of opaque reasoning, as far as it passed through this process.

A passed-through response keeps its bytes, so that nothing in it says who made its signatures. A client that then goes on
with another provider's model would be rejected: each provider can read only its own.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Final

_MOST: Final = 20_000  # pieces of reasoning; the oldest are forgotten
_CHARS: Final = 96  # of a piece that are kept: enough to tell pieces apart
_PIECE: Final = re.compile(rb'"(?:encrypted_content|signature|data)"\s*:\s*"([^"\\]{4,%d})' % _CHARS)
_MARKS: Final = (b"encrypted_content", b'"signature"', b"redacted_thinking")


class Origins:
    """Remembers who made which reasoning."""

    def __init__(self) -> None:
        self._makers: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def note(self, provider: str, data: bytes) -> None:
        """Remember the reasoning in a response, or in whole events of one."""
        if not provider or not any(mark in data for mark in _MARKS):
            return
        for found in _PIECE.finditer(data):
            piece = found[1].decode("latin-1")
            makers = self._makers.get(piece, ())
            self._makers[piece] = makers if provider in makers else (*makers, provider)
            self._makers.move_to_end(piece)
        while len(self._makers) > _MOST:
            self._makers.popitem(last=False)

    def of(self, piece: object, provider: str) -> str:
        """The provider that made a signature or an encrypted text: `provider` if it may be that one, empty if unknown."""
        makers = self._makers.get(piece[:_CHARS], ()) if isinstance(piece, str) else ()
        return provider if provider in makers else next(iter(makers), "")


ORIGINS: Final = Origins()
"""What this process has seen."""
