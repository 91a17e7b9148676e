"""Markdown for a terminal: no backgrounds, no centred headings, lines that can be copied."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_TRAILING: Final = re.compile(r"(?:[ ]|\x1b\[[0-9;]*m)+$")
_CODE_THEME: Final = "ansi_dark"  # the terminal's own colours: readable on light and dark


def lines_of(console: Console, what: RenderableType) -> list[str]:
    """What rich makes of it, as lines with their escape codes, none wider than the terminal less one column."""
    width = max(console.width - 1, 10)
    with console.capture() as captured:
        console.print(what, width=width, end="", soft_wrap=False)
    lines = [_TRAILING.sub(lambda end: end.group().replace(" ", ""), line) for line in captured.get().split("\n")]
    while lines and not _visible(lines[-1]):
        lines.pop()
    while lines and not _visible(lines[0]):
        lines.pop(0)
    return lines


def markdown(text: str) -> Any:
    """A block of Markdown to render."""
    return _class()(text)


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
        def __rich_console__(self, console: Any, options: Any) -> Any:
            code = str(self.text).rstrip()
            if not code:
                yield Text("")
                return
            yield Syntax(
                code, self.lexer_name, theme=_CODE_THEME, word_wrap=True, padding=(0, 2), background_color="default"
            )

    class Chat(Markdown):
        elements = {**Markdown.elements, "heading_open": Left, "fence": Code, "code_block": Code}  # noqa: RUF012

        def __init__(self, text: str) -> None:
            super().__init__("", code_theme=_CODE_THEME, hyperlinks=False)
            self.markup = text
            self.parsed = parser().parse(text)

    return Chat
