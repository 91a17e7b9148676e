"""Markdown for a terminal: no backgrounds, no centred headings, lines that can be copied."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_TRAILING: Final = re.compile(r"(?:[ ]|\x1b\[[0-9;]*m)+$")
_CODE_THEME: Final = "ansi_dark"  # the terminal's own colours: readable on light and dark


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


@cache
def _class() -> type:
    from rich.markdown import CodeBlock, Heading, Markdown
    from rich.syntax import Syntax
    from rich.text import Text

    from ingate.chat.blocks import parser

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
