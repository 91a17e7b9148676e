"""The process's own terminal, played by a pseudo-terminal: what is written to it, and that it is restored."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from ingate import picker
from ingate.paths import state_dir
from ingate.picker import memory, pick
from ingate.picker.screen import ENTER, LEAVE, Screen, first_frame, usable
from ingate.picker.state import Size
from support.cli import Stream
from support.picker import FakeServices, data, start

termios = pytest.importorskip("termios")

if TYPE_CHECKING:
    from collections.abc import Iterator


class Terminal:
    """A pseudo-terminal of 120 by 30 cells that is this process's standard input and output."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.master, self.slave = os.openpty()
        self.resize(120, 30)
        self.before = termios.tcgetattr(self.slave)
        self._files = [os.fdopen(os.dup(self.slave), "r"), os.fdopen(os.dup(self.slave), "w")]
        self._patch = monkeypatch
        os.set_blocking(self.master, False)
        self.written = ""

    def take_over(self) -> None:
        """Become standard input and output. In the test itself: pytest replaces both after the fixtures."""
        self._patch.setattr(sys, "stdin", self._files[0])
        self._patch.setattr(sys, "stdout", self._files[1])
        self._patch.setenv("TERM", "xterm-256color")

    def resize(self, columns: int, rows: int) -> None:
        termios.tcsetwinsize(self.slave, (rows, columns))

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def read(self) -> str:
        """Everything written so far."""
        try:
            while piece := os.read(self.master, 65536):
                self.written += piece.decode("utf-8", "replace")
        except OSError:
            pass
        return self.written

    async def shows(self, said: str) -> None:
        async with asyncio.timeout(20):
            while said not in self.read():
                await asyncio.sleep(0.005)

    @property
    def is_restored(self) -> bool:
        return termios.tcgetattr(self.slave) == self.before

    def close(self) -> None:
        for file in self._files:
            file.close()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    found = Terminal(monkeypatch)
    yield found
    found.close()


def test_the_package_exports_what_it_names() -> None:
    assert picker.__all__ == ["Live", "PickerData", "Services", "first_frame", "pick", "plain_list", "save"]
    assert dir(picker) == picker.__all__
    homes = {name: (getattr(picker, name).__module__, getattr(picker, name).__name__) for name in picker.__all__}
    assert homes == {
        "Live": ("ingate.picker.data", "Live"),
        "PickerData": ("ingate.picker.data", "PickerData"),
        "Services": ("ingate.picker.effects", "Services"),
        "first_frame": ("ingate.picker.screen", "first_frame"),
        "pick": ("ingate.picker.app", "pick"),
        "plain_list": ("ingate.picker.view", "plain_list"),
        "save": ("ingate.picker.save", "save"),
    }
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        picker.nonsense  # noqa: B018


def test_a_terminal_is_usable_if_both_sides_are_one_and_it_is_not_dumb(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.take_over()
    assert usable()
    for term in ("dumb", ""):
        monkeypatch.setenv("TERM", term)
        assert not usable()
        assert first_frame(data()) is None
    monkeypatch.setenv("TERM", "xterm")
    for name in ("stdin", "stdout"):
        with monkeypatch.context() as patch:
            patch.setattr(sys, name, Stream())
            assert not usable()
    assert usable()


def test_the_first_frame_is_on_the_screen_at_once_and_leaving_restores_everything(terminal: Terminal) -> None:
    terminal.take_over()
    screen = first_frame(data())
    assert screen is not None
    written = terminal.read()
    assert written.startswith(ENTER)

    assert "LiteLLM [available] (6 curated)" in written
    assert screen.size() == Size(120, 30)
    assert screen.state.now > 1_700_000_000
    assert not terminal.is_restored
    assert not termios.tcgetattr(terminal.slave)[3] & termios.ECHO
    with screen:
        pass
    assert terminal.read().endswith(LEAVE)
    assert terminal.is_restored
    screen.leave()
    assert terminal.read().count(LEAVE) == 1, "leaving twice does nothing"


def test_a_first_frame_that_fails_leaves_the_terminal_as_it_was(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.take_over()

    def broken(*arguments: Any) -> None:
        raise ZeroDivisionError

    screen = Screen(start())
    monkeypatch.setattr(screen.painter, "paint", broken)
    with pytest.raises(ZeroDivisionError):
        screen.enter()
    assert terminal.is_restored
    assert terminal.read().endswith(LEAVE)


def test_colours_are_not_sent_if_they_are_not_wanted(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.take_over()
    with_colour = first_frame(data())
    assert with_colour is not None
    with_colour.leave()
    assert "\x1b[32m" in terminal.read()
    monkeypatch.setenv("NO_COLOR", "1")
    without = first_frame(data())
    assert without is not None
    without.leave()
    assert "\x1b[32m" not in terminal.read().rpartition(ENTER)[2]


def test_a_size_that_is_not_known_is_the_usual_one(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.take_over()
    screen = Screen(start())
    terminal.resize(0, 0)
    assert screen.size() == Size(80, 24)
    with open(os.devnull, "w") as nowhere:
        monkeypatch.setattr(sys, "stdout", nowhere)
        assert screen.size() == Size(80, 24)


@pytest.mark.parametrize("shown_before", [False, True])
async def test_a_model_is_picked_on_the_own_terminal_and_remembered_in_the_users_folder(
    terminal: Terminal, shown_before: bool
) -> None:
    terminal.take_over()
    screen = first_frame(data()) if shown_before else None
    task = asyncio.create_task(pick(data(), FakeServices(), screen=screen))
    await terminal.shows("Enter choose")
    terminal.type("/gpt-oss")
    await terminal.shows("Esc closes the filter")
    terminal.type("\r")
    assert await asyncio.wait_for(task, 20) == "litellm.groq/openai/gpt-oss-120b"
    assert terminal.read().count(ENTER) == 1
    assert terminal.read().endswith(LEAVE)
    assert terminal.is_restored
    assert memory.read(state_dir()).recents == ("litellm.groq/openai/gpt-oss-120b",)


async def test_keys_of_the_terminal_are_read_before_the_picker_listens(terminal: Terminal) -> None:
    terminal.take_over()
    screen = first_frame(data())
    terminal.type("q")
    assert await asyncio.wait_for(pick(data(), FakeServices(), screen=screen), 20) is None
    assert terminal.is_restored


async def test_a_new_size_is_drawn_at_once(terminal: Terminal) -> None:
    terminal.take_over()
    task = asyncio.create_task(pick(data(), FakeServices()))
    await terminal.shows("Enter choose")
    assert "Details" in terminal.read()
    before = len(terminal.read())
    terminal.resize(60, 10)
    os.kill(os.getpid(), signal.SIGWINCH)
    async with asyncio.timeout(20):
        while "\x1b[2J" not in terminal.read()[before:]:
            await asyncio.sleep(0.005)
    assert "Details" not in terminal.read()[before:]
    terminal.type("q")
    await asyncio.wait_for(task, 20)
    for number in (signal.SIGWINCH, signal.SIGTERM, signal.SIGHUP):
        assert signal.getsignal(number) == signal.SIG_DFL


async def test_a_signal_that_ends_the_process_restores_the_terminal_first(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.take_over()
    ended: list[tuple[int, bool, bool]] = []

    def end(number: int) -> None:
        ended.append((number, terminal.is_restored, terminal.read().endswith(LEAVE)))

    monkeypatch.setattr(signal, "raise_signal", end)
    for number in (signal.SIGTERM, signal.SIGHUP):
        task = asyncio.create_task(pick(data(), FakeServices()))
        await terminal.shows("Enter choose")
        os.kill(os.getpid(), number)
        async with asyncio.timeout(20):
            while not ended:
                await asyncio.sleep(0.005)
        assert ended == [(number, True, True)]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        ended.clear()
        terminal.written = ""


async def test_another_handler_of_a_signal_is_left_in_place(terminal: Terminal) -> None:
    terminal.take_over()
    seen: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: seen.append(number))
    try:
        task = asyncio.create_task(pick(data(), FakeServices()))
        await terminal.shows("Enter choose")
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(20):
            while not seen:
                await asyncio.sleep(0.005)
        terminal.type("q")
        assert await asyncio.wait_for(task, 20) is None
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == [signal.SIGTERM]
