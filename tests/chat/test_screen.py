"""What the terminal is sent while an answer comes: everything once, only the unfinished block again."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingate.chat.markdown import LiveBlock, lines_of, markdown, visible
from ingate.chat.screen import Screen
from ingate.chat.session import Turn
from ingate.chat.terminal import escape_control_chars
from ingate.chat.tools import Call, Result
from support.chat import Terminal, console_of

if TYPE_CHECKING:
    import io

ANSWER = (
    "# Rivers\n\nThe **Nile** is long, and its name is alpha.\n\n"
    "1. first item beta\n2. second item gamma\n\n"
    "```python\ndef delta():\n    return 'epsilon'\n```\n\n"
    "| a | b |\n|---|---|\n| zeta | eta |\n\nThe last words are theta.\n"
)
MARKS = ("Rivers", "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "theta")


def shown(file: io.StringIO, width: int = 80, height: int = 24) -> str:
    terminal = Terminal(width, height)
    terminal.feed(file.getvalue())
    return terminal.text


def pieces(text: str, size: int) -> list[str]:
    return [text[place : place + size] for place in range(0, len(text), size)]


async def play(screen: Screen, parts: list[str]) -> None:
    screen.begin("scripted/any")
    for part in parts:
        screen._next_frame = 0.0  # a frame after each piece: the worst case
        screen.text(part)
    screen.end(Turn(spec="scripted/any"))


@pytest.mark.parametrize("size", [1, 3, 7, 10_000])
async def test_the_screen_ends_with_the_whole_answer_however_it_was_cut(size: int) -> None:
    console, file = console_of()
    await play(Screen(console), pieces(ANSWER, size))
    text = shown(file)
    for mark in MARKS:
        assert text.count(mark) == 1
    assert "Ctrl-C" not in text


async def test_a_finished_block_is_never_written_again() -> None:
    console, file = console_of()
    screen = Screen(console)
    screen.begin("scripted/any")
    screen._next_frame = 0.0
    screen.text("The first paragraph is finished here.\n\nNow\n")
    screen._next_frame = 0.0
    screen.text(" the second")
    before = file.tell()
    for _ in range(50):
        screen._next_frame = 0.0
        screen.text(" goes on")
    screen.stop()
    assert "finished" in file.getvalue()[:before]
    assert "finished" not in file.getvalue()[before:]


async def test_a_long_answer_costs_bytes_in_proportion_to_its_length() -> None:
    paragraphs = [f"Paragraph {number} says something of some length, and then it ends.\n\n" for number in range(300)]
    console, file = console_of()
    await play(Screen(console), paragraphs)
    text = "".join(paragraphs)
    assert len(file.getvalue()) < 3 * len(text)
    for number in (0, 150, 299):
        assert visible(file.getvalue()).count(f"Paragraph {number} ") <= 2


async def test_a_code_block_longer_than_the_screen_stays_and_is_written_once() -> None:
    lines = [f"value_{number} = {number}" for number in range(200)]
    console, file = console_of(height=12)
    await play(Screen(console), ["```python\n", *(f"{line}\n" for line in lines), "```\n"])
    text = shown(file, height=12)
    for number in (0, 57, 120, 199):
        assert len(re.findall(rf"value_{number} = {number}\b", text)) == 1
    assert len(file.getvalue()) < 6 * sum(len(line) + 30 for line in lines)


async def test_only_the_changed_lines_of_a_block_are_drawn_again() -> None:
    console, file = console_of()
    screen = Screen(console)
    screen.begin("scripted/any")
    screen._next_frame = 0.0
    screen.text("- one\n- two\n- three\n")
    before = file.tell()
    screen._next_frame = 0.0
    screen.text("- four\n")
    assert "one" not in file.getvalue()[before:]
    assert "four" in file.getvalue()[before:]
    screen.stop()


async def test_a_pipe_gets_finished_blocks_and_no_escape_codes() -> None:
    console, file = console_of(terminal=False)
    await play(Screen(console), pieces(ANSWER, 5))
    assert "\x1b" not in file.getvalue()
    for mark in MARKS:
        assert file.getvalue().count(mark) == 1


@pytest.mark.parametrize("width", [12, 20, 40, 200])
async def test_any_width_will_do(width: int) -> None:
    console, file = console_of(width=width)
    await play(Screen(console), pieces(ANSWER, 6))
    assert "theta" in shown(file, width=width)


async def test_wide_characters_do_not_break_the_lines() -> None:
    console, file = console_of(width=30)
    await play(Screen(console), pieces("東京は日本の首都です。" * 8, 3))
    assert re.sub(r"\s", "", shown(file, width=60)).count("東京は日本の首都です。") == 8


async def test_reasoning_folds_to_a_line_when_the_answer_begins() -> None:
    console, file = console_of()
    screen = Screen(console)
    screen.begin("scripted/any")
    for word in ["First I think. "] * 40:
        screen._next_frame = 0.0
        screen.reasoning(word)
    assert "First I think" in shown(file)
    screen.text("The answer.")
    screen.end(Turn())
    text = shown(file)
    assert "First I think" not in text
    assert "reasoned for" in text
    assert "120 words" in text
    assert screen.last_reasoning.startswith("First I think.")


async def test_unfolded_reasoning_stays_in_full() -> None:
    console, file = console_of(height=10)
    screen = Screen(console, unfolded=True)
    screen.begin("scripted/any")
    for number in range(60):
        screen._next_frame = 0.0
        screen.reasoning(f"thought{number} \n")
    screen.text("The answer.")
    screen.end(Turn())
    text = shown(file, height=10)
    for number in (0, 30, 59):
        assert text.count(f"thought{number} ".strip() + "\n") == 1


async def test_tool_calls_are_panels_with_the_beginning_of_the_result() -> None:
    console, file = console_of()
    screen = Screen(console)
    screen.begin("scripted/any")
    screen.text("Let me look.")
    screen.settle()
    call = Call("call_0", "add", "calc", {"a": 2}, '{"a": 2}')
    screen.tool_started(call)
    screen.tool_ended(call, Result("\n".join(f"row {number}" for number in range(20)), False, 0.5))
    screen.text("Done.")
    screen.end(Turn())
    text = shown(file)
    assert "calc · add(a=2)" in text
    assert "row 5" in text
    assert "row 6" not in text
    assert "14 more lines" in text
    assert text.index("Let me look") < text.index("add(a=2)") < text.index("Done.")


async def test_markup_and_escape_codes_of_a_model_are_plain_text() -> None:
    console, file = console_of()
    await play(Screen(console), ["[bold red]no markup[/] and <b>no HTML</b>"])
    assert "[bold red]no markup[/] and <b>no HTML</b>" in shown(file)


async def test_what_is_shown_was_written_down_before() -> None:
    console, file = console_of()
    seen: list[int] = []
    screen = Screen(console, before_show=lambda: seen.append(file.tell()))
    await play(screen, ["alpha ", "beta "])
    assert seen
    assert "alpha" not in file.getvalue()[: seen[0]]


async def test_waiting_is_shown_and_leaves_no_trace() -> None:
    console, file = console_of()
    screen = Screen(console)
    screen.begin("scripted/any")
    assert "Ctrl-C stops" in shown(file)
    screen.stop()
    assert shown(file).strip() == ""
    await asyncio.sleep(0)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["# H\n", "text", " more", "\n", "\n\n", "- a\n", "  - b\n", "```\n", "x = 1\n", "| a |\n|--|\n", "> q\n"]
        ),
        min_size=1,
        max_size=40,
    )
)
def test_drawing_in_pieces_ends_as_drawing_at_once(parts: list[str]) -> None:
    async def drawn(given_parts: list[str]) -> str:
        console, file = console_of(height=200)
        await play(Screen(console), given_parts)
        return shown(file, height=200)

    assert asyncio.run(drawn(parts)) == asyncio.run(drawn(["".join(parts)]))


def test_lines_have_no_trailing_blanks() -> None:
    console, _ = console_of()
    assert all(not visible(line).endswith(" ") for line in lines_of(console, markdown(ANSWER)))


class TestLongCode:
    """A fence that is longer than the screen."""

    LINES = ("def f(x):", "    return x", "", "x = '" + "long " * 40 + "'", "# 日本語のコメント", "    ", "y = 2")

    @pytest.mark.parametrize(("size", "height"), [(17, 5), (113, 24), (900, 3)])
    async def test_it_is_shown_once_and_whole(self, size: int, height: int) -> None:
        code = "\n".join(f"{self.LINES[at % len(self.LINES)]}" for at in range(400))
        answer = f"Here:\n\n```python\n{code}\n```\n\nThat is all.\n"
        console, file = console_of(height=height)
        await play(Screen(console), pieces(answer, size))
        screen = Terminal(80, height)
        screen.feed(file.getvalue())
        still, kept = console_of(height=height)
        await play(Screen(still), [answer])
        whole = Terminal(80, height)
        whole.feed(kept.getvalue())
        assert [line.rstrip() for line in screen.text.splitlines()] == [
            line.rstrip() for line in whole.text.splitlines()
        ]

    def test_what_stays_is_not_laid_out_again(self) -> None:
        console, _ = console_of()
        text = "```python\n" + "x = 1\n" * 1000
        growing = LiveBlock(console)
        growing.keep(text, len(growing.lines(text)) - 20, 20)
        assert len(growing.lines(text)) == 20
        assert len(growing._laid_out(text)) < 80


class TestControlChars:
    """What a model or a tool writes is text, not orders to the terminal."""

    EVIL = "a\x1b]0;title\x07b\x1b[2Jc\x9b31md\x1b]52;c;aGk=\x07e"

    async def test_no_control_sequence_of_an_answer_reaches_the_terminal(self) -> None:
        console, file = console_of()
        screen = Screen(console)
        screen.begin("scripted/any")
        screen.reasoning(self.EVIL)
        screen.text(self.EVIL + "\n\n```\n" + self.EVIL + "\n```\n")
        call = Call(id="1", name="look", server="box", arguments={"what": self.EVIL}, raw="{}")
        screen.tool_ended(call, Result(self.EVIL))
        screen.note(self.EVIL)
        screen.end(Turn(spec="scripted/any"))
        sent = file.getvalue()
        for order in ("\x1b]", "\x07", "\x1b[2J", "\x9b"):
            assert order not in sent
        assert "a␛]0;title␇b" in shown(file)

    @pytest.mark.parametrize("text", ["plain", "tab\tand\nlines", "日本語 é ✓ \u2066שלום\u2069"])
    def test_text_without_control_characters_stays_as_it_is(self, text: str) -> None:
        assert escape_control_chars(text) == text

    def test_line_ends_of_other_systems_are_line_ends(self) -> None:
        assert escape_control_chars("one\r\ntwo") == "one\ntwo"
