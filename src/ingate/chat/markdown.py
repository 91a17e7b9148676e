"""Streamed Markdown for a terminal: split into blocks, then laid out so that its lines can be copied.

There are no backgrounds and no centred headings.
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
# The finished lines of a long code block are dropped from the layout in pieces of at least this many lines.
_PIECE: Final = 100


class Blocks:
    """Accepts a text in pieces of any size and returns its top-level blocks, each once.

    A block is finished when a complete line begins the next one: a paragraph at the first line after the blank line,
    a code block at the first line after its fence.

    Attributes:
        tail: The text of the unfinished block.
    """

    def __init__(self) -> None:
        self.tail = ""
        self._parser = parser()
        self._looked_at = 0

    def feed(self, text: str) -> list[str]:
        """Add a piece; returns the blocks that it finished, in order."""
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
        """The rest, as the last block; empty if there is none."""
        rest, self.tail, self._looked_at = self.tail, "", 0
        return rest if rest.strip() else ""


class LiveBlock:
    """One block of Markdown while it is being streamed.

    Layout is the expensive part. The finished lines of a long code block are not laid out again, only lexed, since the
    colours of the lines below depend on them.

    Args:
        console: The terminal, for its width.
        gap: Whether to put a blank line above the block.
    """

    def __init__(self, console: Console, *, gap: bool = False) -> None:
        self._console = console
        self._gap = gap
        self._gone = 0  # finished rows, among those laid out
        self._code = 0  # lines of code before those laid out

    def lines(self, text: str) -> list[str]:
        """The lines that are not finished yet, given the block's text so far."""
        return self._laid_out(text)[self._gone :]

    def keep(self, text: str, count: int, left: int) -> None:
        """Mark the next `count` lines as finished; `left` lines follow them."""
        self._gone += count
        if not text.lstrip(" ").startswith(("```", "~~~")):
            return
        # Complete lines of code, without the fence; each takes at least one row.
        last = text.count("\n") - 1 - left
        if last < self._code + _PIECE:
            return
        piece = len(self._laid_out(text, last))
        if piece <= self._gone:
            self._gone -= piece
            self._code = last

    def _laid_out(self, text: str, last: int | None = None) -> list[str]:
        """All rows after the finished code, up to the line of code `last`."""
        whole = last is None
        lines = lines_of(self._console, markdown(text, (self._code + 1, last)), begins=not self._code, ends=whole)
        return ["", *lines] if self._gap and not self._code and lines else lines


def lines_of(console: Console, what: RenderableType, *, begins: bool = True, ends: bool = True) -> list[str]:
    """Render with rich, as lines with escape codes, at least one column narrower than the terminal.

    Args:
        console: The terminal.
        what: What to show.
        begins, ends: Whether to leave out blank lines above and below. False for a piece from the middle of a text.
    """
    width = max(console.width - 1, 10)
    with console.capture() as captured:
        console.print(what, width=width, end="", soft_wrap=False)
    lines = [_TRAILING.sub(lambda end: end.group().replace(" ", ""), line) for line in captured.get().split("\n")]
    if not ends and lines and not lines[-1]:
        lines.pop()  # the empty string after the last line's end
    while ends and lines and not _visible(lines[-1]):
        lines.pop()
    while begins and lines and not _visible(lines[0]):
        lines.pop(0)
    return lines


def markdown(text: str, code: tuple[int, int | None] = (1, None)) -> Any:
    """A block of Markdown to render.

    Args:
        text: The block.
        code: The first and the last line of code to show, if it is a code block; by default all.
    """
    return _class()(text, code)


def visible(line: str) -> str:
    """A line without its escape codes."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line)


def _visible(line: str) -> bool:
    return bool(visible(line).strip())


def parser() -> MarkdownIt:
    """A parser for the Markdown that models write: CommonMark with tables and strikethrough. HTML stays text."""
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
