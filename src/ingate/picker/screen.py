"""The terminal: frames painted by the lines that changed, and a first frame before anything heavy is imported."""

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

# Only the 16 colours that a terminal's own palette makes readable on its background, and none for what must be read.
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
# The alternate screen, no cursor, no wrapping at the right edge (a glyph wider than expected must not scroll), and text
# that is pasted marked as such.
ENTER: Final = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[?2004h\x1b[2J"
LEAVE: Final = "\x1b[0m\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l"
# The terminal shows everything between these two at once, where it knows them.
_HOLD, _RELEASE = "\x1b[?2026h", "\x1b[?2026l"


class Painter:
    """Writes frames, each as the difference to the one before.

    Args:
        write: Takes text with escape sequences.
        colour: Whether colours may be used; bold, dim and reverse always are.
    """

    def __init__(self, write: Callable[[str], object], *, colour: bool = True) -> None:
        self._write = write
        self._sgr = _SGR if colour else _COLOURLESS
        self._size: Size | None = None
        self._shown: Frame = []

    def forget(self) -> None:
        """The screen holds something else by now: the next frame is painted whole."""
        self._size = None

    def raw(self, sequence: str) -> None:
        """Send the terminal something that shows nothing."""
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
    """The process's own terminal, taken over until `leave`.

    Keys typed meanwhile are neither echoed nor lost: they wait for whoever reads next.

    Attributes:
        state: What has been painted.
        painter: What paints.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.painter = Painter(self.write, colour=not environment.snapshot().get("NO_COLOR"))
        self._before: list[Any] | None = None

    def enter(self) -> None:
        """Take the terminal and paint the first frame."""
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
        """Give the terminal back as it was. May be called twice."""
        before, self._before = self._before, None
        if before is None:
            return
        import termios

        try:
            self.write(LEAVE)
        finally:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, before)

    def write(self, text: str) -> None:
        """Write to the terminal at once."""
        sys.stdout.buffer.write(text.encode("utf-8", "replace"))
        sys.stdout.buffer.flush()

    def size(self) -> Size:
        """Of the terminal now."""
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
    """Show the picker at once; hand the result to `pick`, or call its `leave`.

    Costs neither asyncio nor prompt_toolkit. None where there is no terminal, or none that can be taken over so early.
    """
    if sys.platform == "win32" or not usable():
        return None
    import time

    screen = Screen(opened(data, now=time.time()))
    screen.enter()
    return screen
