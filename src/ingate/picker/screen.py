"""The terminal: paints the lines that have changed, and shows a first frame before anything heavy is imported."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, Self

from ingate import environment
from ingate.picker.state import Size, State, opened
from ingate.picker.view import view

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from ingate.picker.data import PickerData
    from ingate.picker.view import Frame, Line

# Only colours of the terminal's own palette, which are readable on its background, and none for essential text.
_SGR: Final = {
    "": "",
    "head": "1;4",
    "bold": "1",
    "dim": "2",
    "sel": "7",
    "cursor": "7",
    "ok": "32",
    "warn": "35",
    "bad": "31",
}
_COLOURLESS: Final = {**_SGR, "ok": "", "warn": "", "bad": ""}
# The alternate screen, no cursor, no wrapping at the right edge (a glyph wider than expected must not scroll), and
# bracketed paste.
ENTER: Final = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[?2004h\x1b[2J"
LEAVE: Final = "\x1b[0m\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l"
# Synchronised output: terminals that support it show everything between these two at once.
_HOLD, _RELEASE = "\x1b[?2026h", "\x1b[?2026l"


class Painter:
    """Writes frames, each as the difference from the previous one.

    Args:
        write: Writes text with escape sequences.
        colour: Whether to use colours; bold, dim and reverse are always used.
    """

    def __init__(self, write: Callable[[str], object], *, colour: bool = True) -> None:
        self._write = write
        self._sgr = _SGR if colour else _COLOURLESS
        self._size: Size | None = None
        self._shown: Frame = []

    def forget(self) -> None:
        """Paint the next frame completely, since the screen shows something else."""
        self._size = None

    def raw(self, sequence: str) -> None:
        """Send an escape sequence that shows nothing."""
        self._write(sequence)

    def paint(self, frame: Frame, size: Size) -> None:
        """Show a frame."""
        parts: list[str] = []
        if size != self._size:
            parts.append("\x1b[0m\x1b[2J")
            self._shown = []
        for at, line in enumerate(frame):
            if at >= len(self._shown) or self._shown[at] != line:
                parts.append(f"\x1b[{at + 1};1H\x1b[K{self._encoded(line)}")
        self._size, self._shown = size, frame
        if parts:
            self._write("".join((_HOLD, *parts, _RELEASE)))

    def _encoded(self, line: Line) -> str:
        return "".join(f"\x1b[{code}m{piece}\x1b[0m" if (code := self._sgr[style]) else piece for style, piece in line)


class Screen:
    """The process's own terminal, in use from `enter` to `leave`.

    Keys typed in between are not echoed and not lost; the next reader gets them.

    Attributes:
        state: The state of the first frame.
        painter: Paints frames.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.painter = Painter(self.write, colour=not environment.snapshot().get("NO_COLOR"))
        self._before: list[Any] | None = None

    def enter(self) -> None:
        """Switch the terminal to the picker and paint the first frame."""
        import termios
        import tty

        descriptor = sys.stdin.fileno()
        self._before = termios.tcgetattr(descriptor)
        tty.setraw(descriptor, termios.TCSANOW)
        try:
            size = self.size()
            self.write(ENTER)
            self.painter.paint(view(self.state, size), size)
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        """Restore the terminal. May be called twice."""
        before, self._before = self._before, None
        if before is None:
            return
        import termios

        try:
            self.write(LEAVE)
        finally:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, before)

    def write(self, text: str) -> None:
        """Write to the terminal and flush."""
        sys.stdout.buffer.write(text.encode("utf-8", "replace"))
        sys.stdout.buffer.flush()

    def size(self) -> Size:
        """The terminal's size now."""
        import os

        try:
            found = os.get_terminal_size(sys.stdout.fileno())
        except OSError:
            return Size(80, 24)
        return Size(found.columns or 80, found.lines or 24)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.leave()


def usable() -> bool:
    """Whether standard input and output are a terminal that can be drawn on."""
    return sys.stdin.isatty() and sys.stdout.isatty() and environment.snapshot().get("TERM") not in {"dumb", ""}


def first_frame(data: PickerData) -> Screen | None:
    """Show the picker's first frame without importing asyncio or prompt_toolkit.

    Returns:
        The screen, to pass to `pick` or to close with `leave`. None if there is no terminal, or on Windows.
    """
    if sys.platform == "win32" or not usable():
        return None
    import time

    screen = Screen(opened(data, now=time.time()))
    screen.enter()
    return screen
