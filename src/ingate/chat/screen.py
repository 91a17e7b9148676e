"""Shows a turn in the terminal: finished blocks are written once, and only the block being streamed is redrawn."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from ingate.chat.markdown import Blocks, LiveBlock, lines_of, visible
from ingate.chat.summary import counted, turn_line
from ingate.chat.terminal import escape_control_chars

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rich.console import Console, RenderableType

    from ingate.chat.session import Turn
    from ingate.chat.tools import Call, Permission, Result

FRAME_S: Final = 0.05
_PAUSE_FACTOR: Final = 2  # a slow frame is followed by a pause this many times as long
_SILENCE_S: Final = 2.0
_REASONING_LINES: Final = 6
_RESULT_LINES: Final = 6
# Synchronised output: terminals that support it draw everything between these two at once, others ignore them.
_BEGIN: Final = "\x1b[?2026h"
_END: Final = "\x1b[?2026l"


class Screen:
    """A `View` on a rich console.

    Args:
        console: Where to write.
        before_show: Called before a new part of an answer is shown.
        ask: Asks the user whether a tool may be called.
        unfolded: Whether reasoning is shown in full.
    """

    def __init__(
        self,
        console: Console,
        *,
        before_show: Callable[[], None] = lambda: None,
        ask: Callable[[Call], Awaitable[Permission]] | None = None,
        unfolded: bool = False,
    ) -> None:
        self.console = console
        self.before_show = before_show
        self.ask = ask
        self.unfolded = unfolded
        self.last_reasoning = ""
        self._tail = Tail(console)
        self._ticker: asyncio.Task[None] | None = None
        self._reset()

    def _reset(self) -> None:
        self._blocks = Blocks()
        self._pending = ""
        self._reasoning = ""
        self._reasoning_began = self._began = time.monotonic()
        self._frozen = 0
        self._growing = LiveBlock(self.console)
        self._running: dict[str, tuple[Call, float]] = {}
        self._last_piece: float | None = None
        self._next_frame = 0.0
        self._dirty = False

    def begin(self, spec: str) -> None:
        """A turn begins: show that the chat is waiting."""
        self._reset()
        if self._tail.live and self._ticker is None:
            self._ticker = asyncio.get_running_loop().create_task(self._tick())
        self._frame()

    def reasoning(self, text: str) -> None:
        """A piece of reasoning."""
        if self._blocks.tail or self._pending:
            self._finish_text()
        if not self._reasoning:
            self._reasoning_began = time.monotonic()
            self._frozen = 0
        self._reasoning += text
        self._changed()

    def text(self, text: str) -> None:
        """A piece of the answer."""
        if self._reasoning:
            self._finish_reasoning()
        self._pending += escape_control_chars(text)
        self._changed()

    def settle(self) -> None:
        """The message is complete: the live lines become permanent."""
        if self._reasoning:
            self._finish_reasoning()
        self._finish_text()

    def note(self, text: str) -> None:
        """One line to the user."""
        self.settle()
        self._print(_text(text, "yellow"))

    def notice(self, text: str) -> None:
        """One line above what is being streamed, which goes on."""
        self._tail.draw(lines_of(self.console, _text(text, "yellow")), [])

    def end(self, turn: Turn) -> None:
        """The turn is over: show its tokens, cost and speed."""
        self.settle()
        self.stop()
        self._print(_text(turn_line(turn), "dim"))

    def stop(self) -> None:
        """Leave no live line behind; the next output begins on a new line."""
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        self.settle()
        self._tail.draw([], [])

    async def allow(self, call: Call) -> Permission:
        """Ask whether a call may be made, with no live line below the question."""
        if self.ask is None:
            return "no"
        ticker, self._ticker = self._ticker, None
        if ticker is not None:
            ticker.cancel()
        self._tail.draw([], [])
        try:
            return await self.ask(call)
        finally:
            if ticker is not None:
                self._ticker = asyncio.get_running_loop().create_task(self._tick())

    def tool_started(self, call: Call) -> None:
        """The call has begun."""
        self._running[call.id] = (call, time.monotonic())
        self._frame()

    def tool_ended(self, call: Call, result: Result) -> None:
        """The call is over: show the beginning of its result in a panel."""
        self._running.pop(call.id, None)
        self._last_piece, self._began = None, time.monotonic()
        self._print(_panel(call, result, self.console.width))

    def _changed(self) -> None:
        self._dirty, self._last_piece = True, time.monotonic()
        if time.monotonic() >= self._next_frame:
            self._frame()

    async def _tick(self) -> None:
        """Draw what has arrived since the last frame, and how long the chat has been waiting."""
        while True:
            await asyncio.sleep(FRAME_S)
            now = time.monotonic()
            if now >= self._next_frame and (self._dirty or now >= self._next_frame + 0.15):
                self._frame()

    def _frame(self) -> None:
        began = time.monotonic()
        self.before_show()
        self._dirty = False
        if self._reasoning:
            finished, live = self._reasoning_lines()
        else:
            finished, live = self._text_lines()
        self._tail.draw(finished, [*live, *self._status()])
        took = time.monotonic() - began
        self._next_frame = began + max(FRAME_S, took * (1 + _PAUSE_FACTOR))

    def _text_lines(self) -> tuple[list[str], list[str]]:
        """Finished lines, and live lines of the unfinished block; those beyond the top of the screen are finished."""
        text, self._pending = self._pending, ""
        finished: list[str] = []
        for block in self._blocks.feed(text):
            finished += self._block(block)
        if not self._tail.live or not self._blocks.tail.strip():
            return finished, []
        lines = self._growing.lines(self._blocks.tail)
        over = len(lines) - self._tail.height
        if over > 0:
            finished += lines[:over]
            self._growing.keep(self._blocks.tail, over, len(lines) - over)
            lines = lines[over:]
        return finished, lines

    def _block(self, block: str) -> list[str]:
        """A finished block's lines, without those that were finished earlier."""
        lines = self._growing.lines(block)
        self._growing = LiveBlock(self.console, gap=True)
        return lines

    def _finish_text(self) -> None:
        if not (self._pending or self._blocks.tail.strip()):
            self._blocks.close()
            return
        self.before_show()
        text, self._pending = self._pending, ""
        finished: list[str] = []
        for block in self._blocks.feed(text):
            finished += self._block(block)
        if rest := self._blocks.close():
            finished += self._block(rest)
        self._tail.draw(finished, [])
        self._dirty = False

    def _reasoning_lines(self) -> tuple[list[str], list[str]]:
        lines = lines_of(self.console, _text(self._reasoning.strip(), "dim italic"))
        if not self.unfolded:
            return [], lines[-min(_REASONING_LINES, self._tail.height) :]
        over = max(len(lines) - self._frozen - self._tail.height, 0)
        finished = lines[self._frozen : self._frozen + over]
        self._frozen += over
        return finished, lines[self._frozen :]

    def _finish_reasoning(self) -> None:
        """The answer begins: fold the reasoning to one line, or leave it in full."""
        self.before_show()
        self.last_reasoning, self._reasoning = self._reasoning.strip(), ""
        frozen, self._frozen = self._frozen, 0
        if not self.last_reasoning:
            return
        took = time.monotonic() - self._reasoning_began
        if self.unfolded:
            lines = lines_of(self.console, _text(self.last_reasoning, "dim italic"))[frozen:]
        else:
            words = counted(len(self.last_reasoning.split()), "word")
            line = f"▸ reasoned for {took:.1f} s, {words} · /reasoning shows it"
            lines = lines_of(self.console, _text(line, "dim"))
        self._tail.draw(lines, [])
        self._growing = LiveBlock(self.console, gap=True)

    def _status(self) -> list[str]:
        """A line that says what the chat is waiting for, if it is."""
        now = time.monotonic()
        if self._running:
            what = ", ".join(call.name for call, _ in self._running.values())
            since = min(began for _, began in self._running.values())
            line = f"⚙ {what} … {now - since:.0f} s · Ctrl-C stops"
        elif self._last_piece is None or now - self._last_piece > _SILENCE_S:
            line = f"… {now - (self._last_piece or self._began):.0f} s · Ctrl-C stops"
        else:
            return []
        return lines_of(self.console, _text(line, "dim", wrap=False))

    def _print(self, what: RenderableType) -> None:
        """Print permanently; a block that follows gets a blank line above it."""
        self._tail.draw(lines_of(self.console, what), [])
        self._growing = LiveBlock(self.console, gap=True)


class Tail:
    """The bottom of the screen: writes finished lines once, and redraws only those live lines that changed.

    If the output is not a terminal, or a dumb one, live lines are never shown.

    Attributes:
        live: Whether live lines are shown.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live = console.is_terminal and not console.is_dumb_terminal
        self._shown: list[str] = []
        self._width = console.width

    @property
    def height(self) -> int:
        """The number of live lines that fit."""
        return max(self.console.height - 2, 1)

    def draw(self, finished: list[str], live: list[str]) -> None:
        """Replace the live lines with `finished`, permanently, and draw `live` below."""
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
            # Only the last lines were removed: move to the end of the line above.
            out += f"\x1b[1A\x1b[{len(visible(new[-1])) + 1}G"
        if new and not live:
            out += "\n"
        self._shown, self._width = live, self.console.width
        if out:
            self._write(f"{_BEGIN}{out}{_END}")

    def _rows(self, line: str) -> int:
        """The number of rows that a line occupies: a terminal that became narrower has wrapped it."""
        if self.console.width >= self._width:
            return 1
        from rich.cells import cell_len

        return max(1, -(-cell_len(visible(line)) // self.console.width))

    def _write(self, text: str) -> None:
        self.console.file.write(text)
        self.console.file.flush()


def _text(text: str, style: str, *, wrap: bool = True) -> Any:
    from rich.text import Text

    return Text(escape_control_chars(text), style=style, no_wrap=not wrap, overflow="fold" if wrap else "ellipsis")


def _panel(call: Call, result: Result, width: int) -> RenderableType:
    """A panel with the call in its title and the beginning of the result inside."""
    from rich import box
    from rich.panel import Panel
    from rich.text import Text

    arguments = ", ".join(f"{name}={value!r}" for name, value in (call.arguments or {}).items()) or call.raw
    lines = [escape_control_chars(line) for line in result.text.strip().splitlines()] or ["(empty)"]
    shown = lines[:_RESULT_LINES]
    if len(lines) > len(shown):
        shown.append(f"… {counted(len(lines) - len(shown), 'more line')}")
    style = "red" if result.error else "dim"
    body = Text("\n".join(line[:400] for line in shown), style=style, overflow="fold")
    where = f"{call.server} · " if call.server else ""
    title = Text(
        escape_control_chars(f"⚙ {where}{call.name}({arguments})".replace("\n", " ")), no_wrap=True, overflow="ellipsis"
    )
    title.truncate(max(width - 8, 8), overflow="ellipsis")
    subtitle = "failed" if result.error else f"{result.seconds:.2f} s"
    return Panel(
        body,
        title=title,
        title_align="left",
        subtitle=subtitle,
        subtitle_align="right",
        border_style=style,
        box=box.ROUNDED,
        expand=False,
    )
