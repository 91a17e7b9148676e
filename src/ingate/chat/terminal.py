"""The process's terminal: text made safe to write to it, and what keys do while an answer comes.

What is typed then waits for the next prompt, and Ctrl-C stops the answer.
"""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Generator

# A control character is shown as its picture (␛), so that it is seen to be there; line ends and tabs stay what they are.
_PICTURES: Final = {code: 0x2400 + code for code in range(0x20)}
_C1: Final = dict.fromkeys(range(0x80, 0xA0))
# They turn the order in which what follows is shown.
_OVERRIDES: Final = dict.fromkeys((0x202D, 0x202E))
_TABLE: Final = {**_PICTURES, 0x7F: 0x2421, **_C1, **_OVERRIDES, 0x09: 0x09, 0x0A: 0x0A, 0x0D: None}

_usual: list[Any] | None = None


def escape_control_chars(text: str) -> str:
    """`text` as it may be written to a terminal; without control characters it is returned as it is."""
    return text if text.isprintable() else text.translate(_TABLE)


def escaped(text: str) -> str:
    """A text as it is, inside rich's markup, without what a terminal would act on."""
    from rich.markup import escape

    return escape(escape_control_chars(text))


@contextmanager
def quiet_input() -> Generator[None]:
    """Keep letters typed between two prompts from appearing inside an answer; they stand in the next prompt.

    Enter stays Enter until then. Ctrl-C is still a signal.
    """
    global _usual
    before = _attributes()
    if before is None:
        yield
        return
    import termios

    _usual = before
    quiet = list(before)
    quiet[0] &= ~termios.ICRNL
    quiet[3] &= ~(termios.ECHO | termios.ICANON)
    quiet[3] |= termios.NOFLSH  # Ctrl-C is to stop the answer, not to lose what was typed
    try:
        _set(quiet)
        yield
    finally:
        _usual = None
        _set(before)


@contextmanager
def usual_input() -> Generator[None]:
    """The terminal as it was before `quiet_input`, for another program to use."""
    now = _attributes()
    if _usual is None or now is None:
        yield
        return
    try:
        _set(_usual)
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
    """Ctrl-C cancels `task`, and nothing else."""
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
def leaving_cleanly(task: asyncio.Task[Any]) -> Generator[None]:
    """Being told to end (a closed terminal, `kill`) ends `task`, so that everything is put back first."""
    from asyncio import get_running_loop

    loop = get_running_loop()
    asked = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    with suppress(NotImplementedError):
        for number in asked:
            loop.add_signal_handler(number, task.cancel)
    try:
        yield
    finally:
        with suppress(NotImplementedError):
            for number in asked:
                loop.remove_signal_handler(number)
