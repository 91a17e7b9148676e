"""Markdown for a terminal, as it comes: cut into blocks, laid out without backgrounds or centred headings.

Its lines can be copied.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from rich.console import Console, RenderableType

_TRAILING: Final = re.compile(r"(?:[ ]|\x1b\[[0-9;]*m)+$")
_CODE_THEME: Final = "ansi_dark"  # the terminal's own colours: readable on light and dark
# A long fence is let go of in pieces of at least so many lines of code.
_PIECE: Final = 100


class Blocks:
    """Takes a text in pieces of any size and gives its top-level blocks, each once.

    A block is finished when the next one has begun on a whole line: a paragraph by the blank line and what follows
    it, a fence by what follows its end.
    """

    def __init__(self) -> None:
        self.tail = ""
        self._parser = parser()
        self._looked_at = 0

    def feed(self, text: str) -> list[str]:
        """Add a piece; returns the blocks it finished, in order."""
        self.tail += text
        whole = self.tail.rfind("\n") + 1
        if whole <= self._looked_at:
            return []
        self._looked_at = whole
        starts = [token.map[0] for token in self._parser.parse(self.tail[:whole]) if token.level == 0 and token.map]
        starts = sorted(set(starts))
        if len(starts) < 2:
            return []
        lines = self.tail.split("\n")
        finished = ["\n".join(lines[begin:end]) for begin, end in pairwise(starts)]
        self.tail = "\n".join(lines[starts[-1] :])
        self._looked_at = self.tail.rfind("\n") + 1
        return finished

    def close(self) -> str:
        """The rest, as the last block; empty where there is none."""
        rest, self.tail, self._looked_at = self.tail, "", 0
        return rest if rest.strip() else ""


class LiveBlock:
    """One block of Markdown while it grows.

    Laying out is what takes time. Of a long fence, the lines of code that stay are not laid out again; they are lexed again, since
    the colours of what follows depend on them.

    Args:
        console: Whose width counts.
        gap: Whether a blank line stands above the block.
    """

    def __init__(self, console: Console, *, gap: bool = False) -> None:
        self._console = console
        self._gap = gap
        self._gone = 0  # rows that stay, of what is laid out
        self._code = 0  # lines of code before these

    def lines(self, text: str) -> list[str]:
        """The block's lines that do not stay yet, where `text` is what of it has come."""
        return self._laid_out(text)[self._gone :]

    def keep(self, text: str, count: int, left: int) -> None:
        """The next `count` lines stay, and `left` more are there."""
        self._gone += count
        if not text.lstrip(" ").startswith(("```", "~~~")):
            return
        # Code that came whole, without the fence's own line; a line of it takes one row or more.
        last = text.count("\n") - 1 - left
        if last < self._code + _PIECE:
            return
        piece = len(self._laid_out(text, last))
        if piece <= self._gone:
            self._gone -= piece
            self._code = last

    def _laid_out(self, text: str, last: int | None = None) -> list[str]:
        """All lines from the code that stays on; `last` is where to stop, as a line of code."""
        whole = last is None
        lines = lines_of(self._console, markdown(text, (self._code + 1, last)), begins=not self._code, ends=whole)
        return ["", *lines] if self._gap and not self._code and lines else lines


def lines_of(console: Console, what: RenderableType, *, begins: bool = True, ends: bool = True) -> list[str]:
    """What rich makes of it, as lines with their escape codes, none wider than the terminal less one column.

    Args:
        console: The terminal.
        what: What to show.
        begins, ends: Whether blank lines above and below are left out; of a piece out of the middle they are not.
    """
    width = max(console.width - 1, 10)
    with console.capture() as captured:
        console.print(what, width=width, end="", soft_wrap=False)
    lines = [_TRAILING.sub(lambda end: end.group().replace(" ", ""), line) for line in captured.get().split("\n")]
    if not ends and lines and not lines[-1]:
        lines.pop()  # what follows the last line's end
    while ends and lines and not _visible(lines[-1]):
        lines.pop()
    while begins and lines and not _visible(lines[0]):
        lines.pop(0)
    return lines


def markdown(text: str, code: tuple[int, int | None] = (1, None)) -> Any:
    """A block of Markdown to render.

    Args:
        text: The block.
        code: Where it is a fence, from which line of its code to which; by default all of them.
    """
    return _class()(text, code)


def visible(line: str) -> str:
    """A line without its escape codes."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line)


def _visible(line: str) -> bool:
    return bool(visible(line).strip())


def parser() -> MarkdownIt:
    """The Markdown that models write: CommonMark with tables and strikethrough; HTML stays text."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table").enable("strikethrough")


@cache
def _class() -> type:
    from rich.markdown import CodeBlock, Heading, Markdown
    from rich.syntax import Syntax
    from rich.text import Text

    class Left(Heading):
        def __rich_console__(self, console: Any, options: Any) -> Any:
            text = self.text.copy()
            text.justify = "left"
            text.stylize("bold underline" if self.tag == "h1" else "bold")
            yield text

    class Code(CodeBlock):
        shown: tuple[int, int | None] | None = None

        @classmethod
        def create(cls, markdown: Any, token: Any) -> Any:
            made: Any = super().create(markdown, token)
            made.shown = markdown.code
            return made

        def __rich_console__(self, console: Any, options: Any) -> Any:
            code = str(self.text).rstrip()
            if not code:
                yield Text("")
                return
            yield Syntax(
                code,
                self.lexer_name,
                theme=_CODE_THEME,
                word_wrap=True,
                padding=(0, 2),
                background_color="default",
                line_range=None if self.shown == (1, None) else self.shown,
            )

    class Chat(Markdown):
        elements = {**Markdown.elements, "heading_open": Left, "fence": Code, "code_block": Code}  # noqa: RUF012

        def __init__(self, text: str, code: tuple[int, int | None]) -> None:
            super().__init__("", code_theme=_CODE_THEME, hyperlinks=False)
            self.markup = text
            self.code = code
            self.parsed = parser().parse(text)

    return Chat
