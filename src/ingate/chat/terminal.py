"""The terminal while an answer comes: what is typed waits for the next prompt, Ctrl-C stops the answer."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def quiet_input() -> Generator[None]:
    """Keep typed letters from appearing inside the answer; they stand in the next prompt."""
    try:
        import termios

        number = sys.stdin.fileno()
        before = termios.tcgetattr(number)
    except (ImportError, OSError, ValueError, AttributeError):  # Windows, or no terminal
        yield
        return
    quiet = list(before)
    quiet[0] &= ~termios.ICRNL  # Enter stays Enter until the prompt reads it
    quiet[3] &= ~(termios.ECHO | termios.ICANON)
    try:
        termios.tcsetattr(number, termios.TCSANOW, quiet)
        yield
    finally:
        with suppress(OSError, termios.error):
            termios.tcsetattr(number, termios.TCSANOW, before)


@contextmanager
def ctrl_c_cancels(task: asyncio.Task[Any]) -> Generator[None]:
    """Ctrl-C cancels `task`, and nothing else."""
    loop = asyncio.get_running_loop()
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
    loop = asyncio.get_running_loop()
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
