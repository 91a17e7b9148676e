"""Helpers for the chat: a gateway with a scripted engine, a console that records its output, a small terminal."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ingate.chat.store import Log
from ingate.engines.scripted import ScriptedEngine
from ingate.gateway import Gateway

if TYPE_CHECKING:
    from ingate.chat.tools import Call, Permission, Result

SPEC = "scripted/any"


def scripted_gateway(config: dict[str, Any] | None = None) -> tuple[Gateway, ScriptedEngine]:
    """A gateway whose answers are taken from a queue."""
    engine = ScriptedEngine()
    return Gateway(config or {}, engines={"scripted": engine}, retries=0), engine


def console_of(width: int = 80, height: int = 24, *, terminal: bool = True) -> tuple[Console, io.StringIO]:
    """A console and the bytes it writes."""
    file = io.StringIO()
    console = Console(
        file=file, force_terminal=terminal, width=width, height=height, color_system="standard" if terminal else None
    )
    if terminal:
        console._environ = {"TERM": "xterm-256color"}
    return console, file


class Recorder:
    """A `View` that records what it is given."""

    def __init__(self, answer: Permission = "once") -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.texts: list[str] = []
        self.reasonings: list[str] = []
        self.notes: list[str] = []
        self.started: list[str] = []
        self.results: list[tuple[str, Result]] = []
        self.ended: list[Any] = []

    def begin(self, spec: str) -> None:
        pass

    def reasoning(self, text: str) -> None:
        self.reasonings.append(text)

    def text(self, text: str) -> None:
        self.texts.append(text)

    def settle(self) -> None:
        pass

    def note(self, text: str) -> None:
        self.notes.append(text)

    def end(self, turn: Any) -> None:
        self.ended.append(turn)

    async def allow(self, call: Call) -> Permission:
        self.asked.append(call.name)
        return self.answer

    def tool_started(self, call: Call) -> None:
        self.started.append(call.name)

    def tool_ended(self, call: Call, result: Result) -> None:
        self.results.append((call.name, result))


def log_of(*, kept: bool = False, model: str = SPEC, system: str = "") -> Log:
    """A fresh conversation."""
    return Log.fresh(model=model, system=system, kept=kept)


class Terminal:
    """Enough of a terminal to see what the user sees: lines, cursor up, erase below, scrolling."""

    _TOKEN = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])|\n|\r|[^\x1b\n\r]")

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.lines: list[list[str]] = [[]]
        self.row = self.column = 0

    def feed(self, text: str) -> None:
        for match in self._TOKEN.finditer(text):
            piece = match.group(0)
            if piece == "\n":
                self.row, self.column = self.row + 1, 0
                while self.row >= len(self.lines):
                    self.lines.append([])
            elif piece == "\r":
                self.column = 0
            elif piece.startswith("\x1b"):
                self._control(match.group(1), match.group(2))
            else:
                line = self.lines[self.row]
                line += [" "] * (self.column - len(line))
                line[self.column : self.column + 1] = [piece]
                self.column += 1
                assert self.column <= self.width, "a line is wider than the terminal"

    def _control(self, arguments: str, final: str) -> None:
        if final == "A":
            self.row -= int(arguments or 1)
            top = max(len(self.lines) - self.height, 0)
            assert self.row >= top, "the cursor cannot leave the screen at the top"
        elif final == "J":
            del self.lines[self.row + 1 :]
            del self.lines[self.row][self.column :]
        elif final == "G":
            self.column = int(arguments) - 1

    @property
    def text(self) -> str:
        return "\n".join("".join(line).rstrip() for line in self.lines)
