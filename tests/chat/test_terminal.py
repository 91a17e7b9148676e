"""The process's terminal: attributes during an answer, and signals."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from ingate.chat import terminal
from ingate.chat.terminal import (
    ctrl_c_cancels,
    escape_control_chars,
    escaped,
    normal_input,
    quiet_input,
    termination_cancels,
)

termios = pytest.importorskip("termios")

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def tty(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A pseudo-terminal as standard input."""
    controller, device = os.openpty()
    with os.fdopen(device, "r") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield stdin.fileno()
    os.close(controller)


def flags(tty: int) -> tuple[bool, bool, bool]:
    """Whether it echoes, is line by line, and turns Enter into a line feed."""
    attributes: list[Any] = termios.tcgetattr(tty)
    return (
        bool(attributes[3] & termios.ECHO),
        bool(attributes[3] & termios.ICANON),
        bool(attributes[0] & termios.ICRNL),
    )


def test_typing_is_not_echoed_during_an_answer_and_an_editor_gets_the_terminal_as_it_was(tty: int) -> None:
    before = termios.tcgetattr(tty)
    assert flags(tty) == (True, True, True)
    with quiet_input():
        assert flags(tty) == (False, False, False)
        assert termios.tcgetattr(tty)[3] & termios.ISIG, "Ctrl-C is still a signal"
        assert termios.tcgetattr(tty)[3] & termios.NOFLSH
        with normal_input():
            assert termios.tcgetattr(tty) == before
        assert flags(tty) == (False, False, False)
    assert termios.tcgetattr(tty) == before
    assert terminal._normal is None
    with normal_input():
        assert termios.tcgetattr(tty) == before


def test_an_error_restores_the_terminal(tty: int) -> None:
    with pytest.raises(ZeroDivisionError), quiet_input():
        raise ZeroDivisionError
    assert flags(tty) == (True, True, True)


def test_without_a_terminal_nothing_is_changed(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    with (tmp_path / "input").open("w+") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with quiet_input(), normal_input():
            assert terminal._normal is None
    monkeypatch.setattr(sys, "stdin", None)
    with quiet_input():
        assert terminal._normal is None


@pytest.mark.parametrize(
    ("context", "number"),
    [(ctrl_c_cancels, signal.SIGINT), (termination_cancels, signal.SIGTERM), (termination_cancels, signal.SIGHUP)],
)
async def test_a_signal_cancels_the_task_and_its_handler_is_removed(context: Any, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    task = asyncio.create_task(asyncio.Event().wait())
    with context(task):
        os.kill(os.getpid(), number)
        with pytest.raises(asyncio.CancelledError):
            await task
    assert signal.getsignal(number) == before


def test_markup_and_control_characters_are_literal() -> None:
    assert escaped("[bold]a\x1b[2J") == "\\[bold]a␛[2J"


def test_every_control_character_is_visible_or_removed() -> None:
    pictures = "".join(chr(0x2400 + code) for code in range(0x20))
    shown = pictures[:0x09] + "\t\n" + pictures[0x0B:0x0D] + pictures[0x0E:]
    assert escape_control_chars("".join(map(chr, range(0x20)))) == shown
    assert escape_control_chars("a\x7fb" + "".join(map(chr, range(0x80, 0xA0))) + "\xa0c") == "a␡b\xa0c"
    assert escape_control_chars("a\u202d\u202e\u202ab") == "a\u202ab"
