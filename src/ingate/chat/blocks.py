"""Markdown as it comes, cut where a block is finished: what can no longer change, and the rest."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt


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


def parser() -> MarkdownIt:
    """The Markdown that models write: CommonMark with tables and strikethrough; HTML stays text."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table").enable("strikethrough")
