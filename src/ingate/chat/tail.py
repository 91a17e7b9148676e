"""The bottom of the screen: lines that stay, and below them a few that still change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ingate.chat.markdown import visible

if TYPE_CHECKING:
    from rich.console import Console

# Terminals that know it draw what stands between these two at once; others pass over them.
_BEGIN: Final = "\x1b[?2026h"
_END: Final = "\x1b[?2026l"


class Tail:
    """Writes lines for good, and redraws only those live lines that changed.

    Where the output is no terminal, or a dumb one, live lines are never shown.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live = console.is_terminal and not console.is_dumb_terminal
        self._shown: list[str] = []
        self._width = console.width

    @property
    def height(self) -> int:
        """How many live lines there is room for."""
        return max(self.console.height - 2, 1)

    def draw(self, finished: list[str], live: list[str]) -> None:
        """Print `finished` for good where the live lines begin, and `live` below."""
        if not self.live:
            if finished:
                self._write("\n".join(finished) + "\n")
            return
        old, new = self._shown, [*finished, *live]
        same = 0
        while same < min(len(old), len(new)) and old[same] == new[same]:
            same += 1
        out = ""
        if same < len(old):
            up = sum(self._rows(line) for line in old[same:]) - 1
            out += f"\x1b[{up}A" * bool(up) + "\r\x1b[J"
        elif same < len(new) and old:
            out += "\n"
        out += "\n".join(new[same:])
        if same == len(new) and 0 < same < len(old):
            # Only lines at the end went away: stay at the end of the one above.
            out += f"\x1b[1A\x1b[{len(visible(new[-1])) + 1}G"
        if new and not live:
            out += "\n"
        self._shown, self._width = live, self.console.width
        if out:
            self._write(f"{_BEGIN}{out}{_END}")

    def _rows(self, line: str) -> int:
        """How many rows a line takes now: a terminal made narrower has wrapped it."""
        if self.console.width >= self._width:
            return 1
        from rich.cells import cell_len

        return max(1, -(-cell_len(visible(line)) // self.console.width))

    def _write(self, text: str) -> None:
        self.console.file.write(text)
        self.console.file.flush()
