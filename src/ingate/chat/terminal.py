"""The process's terminal: text made safe to print, typing during an answer, and signals.

What is typed while an answer streams is kept for the next prompt; Ctrl-C stops the answer.
"""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Generator

# A control character is shown as its picture (␛), so that it is visible; line ends and tabs stay.
_PICTURES: Final = {code: 0x2400 + code for code in range(0x20)}
_C1: Final = dict.fromkeys(range(0x80, 0xA0))
# They reverse the direction of the text after them.
_OVERRIDES: Final = dict.fromkeys((0x202D, 0x202E))
_TABLE: Final = {**_PICTURES, 0x7F: 0x2421, **_C1, **_OVERRIDES, 0x09: 0x09, 0x0A: 0x0A, 0x0D: None}

# The terminal's attributes before `quiet_input`, while it is in effect.
_normal: list[Any] | None = None


def escape_control_chars(text: str) -> str:
    """`text` made safe to write to a terminal."""
    return text if text.isprintable() else text.translate(_TABLE)


def escaped(text: str) -> str:
    """`text` as literal text inside rich's markup, safe to write to a terminal."""
    from rich.markup import escape

    return escape(escape_control_chars(text))


@contextmanager
def quiet_input() -> Generator[None]:
    """Do not echo what is typed between two prompts; it appears in the next prompt instead.

    Ctrl-C still sends SIGINT.
    """
    global _normal
    before = _attributes()
    if before is None:
        yield
        return
    import termios

    _normal = before
    quiet = list(before)
    quiet[0] &= ~termios.ICRNL
    quiet[3] &= ~(termios.ECHO | termios.ICANON)
    quiet[3] |= termios.NOFLSH  # Ctrl-C stops the answer and must not discard what was typed
    try:
        _set(quiet)
        yield
    finally:
        _normal = None
        _set(before)


@contextmanager
def normal_input() -> Generator[None]:
    """Restore the terminal as it was before `quiet_input`, for another program to use."""
    now = _attributes()
    if _normal is None or now is None:
        yield
        return
    try:
        _set(_normal)
        yield
    finally:
        _set(now)


def _attributes() -> list[Any] | None:
    try:
        import termios
    except ImportError:  # Windows
        return None
    try:
        return termios.tcgetattr(sys.stdin.fileno())
    except (OSError, ValueError, AttributeError, termios.error):  # no terminal
        return None


def _set(attributes: list[Any]) -> None:
    import termios

    with suppress(OSError, ValueError, termios.error):
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, attributes)


@contextmanager
def ctrl_c_cancels(task: asyncio.Task[Any]) -> Generator[None]:
    """Ctrl-C cancels `task` instead of raising KeyboardInterrupt."""
    from asyncio import get_running_loop

    loop = get_running_loop()
    before = signal.getsignal(signal.SIGINT)
    try:
        loop.add_signal_handler(signal.SIGINT, task.cancel)
    except NotImplementedError:  # Windows
        signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(task.cancel))
    try:
        yield
    finally:
        with suppress(NotImplementedError):
            loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)


@contextmanager
def termination_cancels(task: asyncio.Task[Any]) -> Generator[None]:
    """SIGTERM and SIGHUP cancel `task`, so that the terminal is restored before the process ends."""
    from asyncio import get_running_loop

    loop = get_running_loop()
    signals = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    with suppress(NotImplementedError):
        for number in signals:
            loop.add_signal_handler(number, task.cancel)
    try:
        yield
    finally:
        with suppress(NotImplementedError):
            for number in signals:
                loop.remove_signal_handler(number)
