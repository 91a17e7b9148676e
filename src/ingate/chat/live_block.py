"""The block that is being written: its lines, without those that have gone up and stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ingate.chat.markdown import lines_of, markdown

if TYPE_CHECKING:
    from rich.console import Console

# A long fence is let go of in pieces of at least so many lines of code.
_PIECE: Final = 100


class LiveBlock:
    """One block of Markdown while it grows.

    Laying out is what takes time. Of a long fence, the lines of code that stay are not laid out again; they are lexed again, since
    the colours of what follows depend on them.

    Args:
        console: Whose width counts.
        gap: Whether a blank line stands above the block.
    """

    def __init__(self, console: Console, *, gap: bool = False) -> None:
        self._console = console
        self._gap = gap
        self._gone = 0  # rows that stay, of what is laid out
        self._code = 0  # lines of code before these

    def lines(self, text: str) -> list[str]:
        """The block's lines that do not stay yet, where `text` is what of it has come."""
        return self._laid_out(text)[self._gone :]

    def keep(self, text: str, count: int, left: int) -> None:
        """The next `count` lines stay, and `left` more are there."""
        self._gone += count
        if not text.lstrip(" ").startswith(("```", "~~~")):
            return
        # Code that came whole, without the fence's own line; a line of it takes one row or more.
        last = text.count("\n") - 1 - left
        if last < self._code + _PIECE:
            return
        piece = len(self._laid_out(text, last))
        if piece <= self._gone:
            self._gone -= piece
            self._code = last

    def _laid_out(self, text: str, last: int | None = None) -> list[str]:
        """All lines from the code that stays on; `last` is where to stop, as a line of code."""
        whole = last is None
        lines = lines_of(self._console, markdown(text, (self._code + 1, last)), begins=not self._code, ends=whole)
        return ["", *lines] if self._gap and not self._code and lines else lines
