"""Streamed Markdown: blocks, and their lines on a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingate.chat.markdown import Blocks, LiveBlock, lines_of, markdown, visible
from support.chat import console_of

TEXT = "# Title\n\nOne\ntwo.\n\n- a\n- b\n\n```python\nx = 1\n\ny = 2\n```\n\nLast.\n"
WHOLE = ["# Title\n", "One\ntwo.\n", "- a\n- b\n", "```python\nx = 1\n\ny = 2\n```\n", "Last.\n"]


def blocks_of(pieces: list[str]) -> list[str]:
    blocks = Blocks()
    found = [block for piece in pieces for block in blocks.feed(piece)]
    return [*found, *filter(None, [blocks.close()])]


@given(st.integers(1, 40))
def test_blocks_do_not_depend_on_how_the_text_is_cut(size: int) -> None:
    pieces = [TEXT[at : at + size] for at in range(0, len(TEXT), size)]
    assert blocks_of(pieces) == WHOLE


def test_a_block_is_finished_by_a_whole_line_of_the_next() -> None:
    blocks = Blocks()
    assert blocks.feed("One.\n\nTwo") == []
    assert blocks.tail == "One.\n\nTwo"
    assert blocks.feed(" more") == []
    assert blocks.feed("\n") == ["One.\n"]
    assert blocks.tail == "Two more\n"
    assert blocks.feed("and more\n") == []
    assert blocks.close() == "Two more\nand more\n"
    assert blocks.tail == ""


def test_blank_text_is_not_a_block() -> None:
    blocks = Blocks()
    assert blocks.feed("\n\n  \n") == []
    assert blocks.close() == ""
    assert blocks.feed("One.\n\nTwo.\n") == ["One.\n"], "it can be used again"


def test_a_block_can_be_closed_and_begun_again_on_fewer_lines() -> None:
    blocks = Blocks()
    blocks.feed("A long paragraph\non two lines\n")
    blocks.close()
    assert blocks.feed("a\n\nb\n") == ["a\n"]


def plain(lines: list[str]) -> list[str]:
    return [visible(line) for line in lines]


def test_lines_are_narrower_than_the_terminal_and_never_too_narrow() -> None:
    for width, longest in ((40, 39), (11, 10), (4, 10)):
        console, _ = console_of(width=width)
        lines = plain(lines_of(console, markdown("word " * 40)))
        assert max(map(len, lines)) <= longest
        assert max(map(len, lines)) >= longest - 6


def test_blank_lines_around_a_block_are_left_out_unless_it_is_a_piece() -> None:
    console, _ = console_of()
    code = markdown("```\n\nx = 1\n\n```\n")
    assert plain(lines_of(console, code))[0].strip() == "x = 1"
    assert plain(lines_of(console, code, begins=False))[0].strip() == ""


def test_headings_are_on_the_left() -> None:
    console, _ = console_of()
    for text in ("# One", "## One", "### One"):
        assert plain(lines_of(console, markdown(text))) == ["One"]


def test_code_can_be_shown_from_one_line_to_another() -> None:
    console, _ = console_of()
    text = "```\n" + "".join(f"line {number}\n" for number in range(1, 6)) + "```\n"
    assert [line.strip() for line in plain(lines_of(console, markdown(text, (2, 4))))] == ["line 2", "line 3", "line 4"]
    assert len(lines_of(console, markdown(text))) == 5
    assert plain(lines_of(console, markdown("```\n```\n"))) == []


def test_html_is_text() -> None:
    console, _ = console_of()
    assert plain(lines_of(console, markdown("<b>bold</b> ~~no~~"))) == ["<b>bold</b> no"]


def test_a_gap_is_above_the_first_line_only() -> None:
    console, _ = console_of()
    assert plain(LiveBlock(console, gap=True).lines("One.")) == ["", "One."]
    assert plain(LiveBlock(console).lines("One.")) == ["One."]
    assert LiveBlock(console, gap=True).lines("") == []
    live = LiveBlock(console, gap=True)
    live.keep("One\n\ntwo\n", 2, 1)
    assert plain(live.lines("One\n\ntwo\n")) == ["", "two"]


@pytest.mark.parametrize("count", [1, 57, 130, 250])
def test_finished_code_is_dropped_from_the_layout_without_losing_a_line(count: int) -> None:
    """However the lines are finished, all lines are shown once and in order."""
    console, _ = console_of()
    text = "```\n" + "".join(f"line {number}\n" for number in range(300))
    live, seen = LiveBlock(console, gap=True), []
    for _ in range(300 // count):
        lines = live.lines(text)
        if len(lines) <= count:
            break
        seen += lines[:count]
        live.keep(text, count, len(lines) - count)
    seen += live.lines(text)
    assert [line.strip() for line in plain(seen)] == ["", *(f"line {number}" for number in range(300))]


def test_a_long_line_of_code_is_folded_and_whole() -> None:
    console, _ = console_of(width=40)
    lines = [line.strip() for line in plain(lines_of(console, markdown(f"```\n{'x' * 100}\ny\n```")))]
    assert lines == ["x" * 35, "x" * 35, "x" * 30, "y"]


def test_a_heading_is_on_the_left() -> None:
    console, _ = console_of(width=40)
    assert lines_of(console, markdown("# One")) == ["\x1b[1;4mOne\x1b[0m"]
    assert lines_of(console, markdown("## Two")) == ["\x1b[1;4;35mTwo\x1b[0m"]


def test_a_link_is_shown_with_its_address() -> None:
    console, _ = console_of()
    assert plain(lines_of(console, markdown("[here](http://h/x)"))) == ["here (http://h/x)"]


def test_part_of_a_code_block_is_the_lines_asked_for() -> None:
    console, _ = console_of()
    text = "```\none\ntwo\n\nfour\n```"
    assert [line.strip() for line in plain(lines_of(console, markdown(text, (2, 3)), begins=False, ends=False))] == [
        "two",
        "",
    ]
    assert [line.strip() for line in plain(lines_of(console, markdown(text, (3, None)), begins=False))] == ["", "four"]
