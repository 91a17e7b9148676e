"""What is written to the terminal while an answer streams: finished blocks once, only the unfinished one again."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingate.chat.markdown import LiveBlock, lines_of, markdown, visible
from ingate.chat.screen import Screen, Tail
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


async def test_what_is_finished_was_written_down_before_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingate.chat.screen.time.monotonic", lambda: 1000.0)
    console, file = console_of(terminal=False)
    events: list[str] = []
    screen = Screen(console, before_show=lambda: events.append(file.getvalue()))
    screen.begin("scripted/any")
    screen.reasoning("Hm.")
    screen.text("alpha ")
    assert events == ["", ""]
    screen.settle()
    screen.settle()
    assert [*events[:2], events[2].strip()] == ["", "", file.getvalue().partition("alpha")[0].strip()]
    assert len(events) == 3
    assert "alpha" in file.getvalue()


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
        code = "\n".join(f"{self.LINES[at % len(self.LINES)]}" for at in range(150))
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


async def test_a_panel_says_how_a_call_ended() -> None:
    console, file = console_of(terminal=False, width=100)
    screen = Screen(console)
    screen.tool_ended(Call("1", "add", "calc", {"a": "x\ny"}, "{}"), Result("one\ntwo", False, 0.456))
    screen.tool_ended(Call("2", "sub", "", None, "[1"), Result("", True))
    screen.tool_ended(Call("3", "mul", "calc", {}, "{}"), Result("\n".join("1234567"), False, 1.0))
    text = file.getvalue()
    assert "⚙ calc · add(a='x\\ny')" in text
    assert "0.46 s" in text
    assert "⚙ sub([1)" in text
    assert "(empty)" in text
    assert text.count("failed") == 1
    assert "⚙ calc · mul({})" in text
    assert "… 1 more line\n" in "\n".join(line.strip(" │") for line in text.splitlines()) + "\n"
    assert "\n7" not in text


async def test_a_failed_call_is_red() -> None:
    for error, colour in ((True, "\x1b[31m"), (False, "\x1b[2m")):
        console, file = console_of()
        Screen(console).tool_ended(Call("1", "add", "calc", {}, "{}"), Result("text", error))
        assert colour in file.getvalue()
        assert ("\x1b[31m" in file.getvalue()) is error


async def test_a_call_is_not_allowed_if_nobody_can_be_asked() -> None:
    console, _ = console_of()
    assert await Screen(console).allow(Call("1", "add", "calc", {}, "{}")) == "no"


async def test_asking_leaves_no_live_line_and_ticking_resumes() -> None:
    console, file = console_of()
    seen: list[str] = []

    async def ask(call: Call) -> str:
        seen.append(shown(file).strip())
        assert screen._ticker is None
        return "always"

    screen = Screen(console, ask=ask)  # ty: ignore[invalid-argument-type]
    screen.begin("scripted/any")
    assert "Ctrl-C stops" in shown(file)
    before = screen._ticker
    assert before is not None
    assert await screen.allow(Call("1", "add", "calc", {}, "{}")) == "always"
    assert seen == [""]
    assert screen._ticker is not None
    assert screen._ticker is not before
    await asyncio.wait([before])
    assert before.cancelled()
    screen.stop()
    assert screen._ticker is None
    assert await screen.allow(Call("1", "add", "calc", {}, "{}")) == "always"
    assert screen._ticker is None


async def test_a_running_tool_is_named_until_it_ends() -> None:
    console, file = console_of()
    screen = Screen(console)
    screen.begin("scripted/any")
    one, two = Call("1", "add", "calc", {}, "{}"), Call("2", "sub", "calc", {}, "{}")
    screen.tool_started(one)
    screen.tool_started(two)
    assert "⚙ add, sub … 0 s · Ctrl-C stops" in shown(file)
    screen.tool_ended(one, Result("done"))
    screen._frame()
    assert "⚙ sub … 0 s" in shown(file)
    screen.stop()


async def test_silence_is_shown_after_two_seconds_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("ingate.chat.screen.time.monotonic", lambda: now[0])
    console, file = console_of()
    screen = Screen(console)
    screen.begin("scripted/any")
    now[0] += 3
    screen._frame()
    assert "… 3 s · Ctrl-C stops" in shown(file)
    screen.text("Hello")
    now[0] += 2
    screen._frame()
    assert "Ctrl-C" not in shown(file)
    now[0] += 0.5
    screen._frame()
    assert "… 2 s · Ctrl-C stops" in shown(file)
    screen.end(Turn())


async def test_frames_are_not_drawn_more_often_than_they_can_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("ingate.chat.screen.time.monotonic", lambda: now[0])
    console, file = console_of()
    screen = Screen(console)
    screen.begin("scripted/any")
    screen.text("one ")
    assert "one" not in shown(file)
    now[0] += 0.05
    screen.text("two ")
    assert "one two" in shown(file)
    screen.text("three ")
    assert "three" not in shown(file)
    screen.end(Turn())
    assert "one two three" in shown(file)


async def test_reasoning_is_folded_each_time_and_words_are_counted() -> None:
    console, file = console_of()
    screen = Screen(console)
    screen.begin("scripted/any")
    screen.reasoning("Hm.")
    screen.text("First.\n\n")
    screen.reasoning("Well then.")
    screen.settle()
    screen.reasoning("   ")
    screen.end(Turn())
    text = shown(file)
    assert text.count("▸ reasoned for") == 2
    assert "1 word ·" in text
    assert "2 words ·" in text
    assert text.index("1 word ·") < text.index("First.") < text.index("2 words ·")
    assert screen.last_reasoning == ""


async def test_a_terminal_that_became_narrower_is_still_cleared() -> None:
    console, file = console_of(width=80)
    tail = Tail(console)
    tail.draw([], ["x" * 70, "second"])
    before = len(file.getvalue())
    console.width = 30
    tail.draw(["done"], [])
    assert "\x1b[3A" in file.getvalue()[before:], "70 characters are three rows of 30, and the cursor is below them"


def test_the_live_part_leaves_two_rows_and_has_at_least_one() -> None:
    assert Tail(console_of(height=24)[0]).height == 22
    assert Tail(console_of(height=2)[0]).height == 1


def test_only_what_changed_is_written_and_the_cursor_ends_where_it_should() -> None:
    console, file = console_of()
    tail = Tail(console)
    begin, end = "\x1b[?2026h", "\x1b[?2026l"
    for finished, live, written in [
        ([], ["a", "b"], "a\nb"),
        ([], ["a", "c"], "\r\x1b[Jc"),
        (["a"], ["c"], ""),
        ([], ["c", "\x1b[1md\x1b[0m"], "\n\x1b[1md\x1b[0m"),
        ([], ["c"], "\r\x1b[J\x1b[1A\x1b[2G"),
        ([], [], "\r\x1b[J"),
        (["x", "y"], [], "x\ny\n"),
        ([], [], ""),
        ([], ["one", "two", "three"], "one\ntwo\nthree"),
        ([], ["two"], "\x1b[2A\r\x1b[Jtwo"),
        (["two"], [], "\n"),
        ([], ["p", "q", "r"], "p\nq\nr"),
        (["p"], ["q", "s", "t"], "\r\x1b[Js\nt"),
        (["q", "s"], ["t"], ""),
        ([], ["\x1b[1mtt\x1b[0m", "u"], "\r\x1b[J\x1b[1mtt\x1b[0m\nu"),
        ([], ["\x1b[1mtt\x1b[0m"], "\r\x1b[J\x1b[1A\x1b[3G"),
    ]:
        before = file.tell()
        tail.draw(finished, live)
        assert file.getvalue()[before:] == (f"{begin}{written}{end}" if written else "")


def test_a_pipe_gets_finished_lines_alone() -> None:
    console, file = console_of(terminal=False)
    tail = Tail(console)
    assert tail.live is False
    tail.draw([], ["live"])
    tail.draw(["one", "two"], ["live"])
    tail.draw([], [])
    assert file.getvalue() == "one\ntwo\n"


def test_a_dumb_terminal_gets_no_live_lines() -> None:
    console, _ = console_of()
    assert Tail(console).live is True
    console._environ = {"TERM": "dumb"}
    assert Tail(console).live is False


def panel(call: Call, result: Result, width: int = 40) -> list[str]:
    console, file = console_of(terminal=False, width=width)
    Screen(console).tool_ended(call, result)
    return file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("call", "result", "lines"),
    [
        (
            Call("1", "add", "calc", {"a": 2}, "{}"),
            Result("5\x1b[2J\n\n", False, 0.5),
            ["╭─ ⚙ calc · add(a=2) ─╮", "│ 5␛[2J               │", "╰──────────── 0.50 s ─╯"],
        ),
        (
            Call("1", "add", "", None, "[1\n2"),
            Result("x" * 50 + "\ny", True, 0.5),
            [
                "╭─ ⚙ add([1 2) ───────────────────────╮",
                "│ xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx │",
                "│ xxxxxxxxxxxxxxx                     │",
                "│ y                                   │",
                "╰──────────────────────────── failed ─╯",
            ],
        ),
        (
            Call("1", "look_everywhere", "calc", {"place": "here and there", "b": "and everywhere"}, "{}"),
            Result("\n".join("1234567"), False, 12.345),
            [
                "╭─ ⚙ calc · look_everywhere(place=… ─╮",
                *(f"│ {number}                                  │" for number in range(1, 7)),
                "│ … 1 more line                      │",
                "╰────────────────────────── 12.35 s ─╯",
            ],
        ),
    ],
    ids=["fits", "fails", "does not fit"],
)
def test_a_panel_is_as_wide_as_it_needs_to_be(call: Call, result: Result, lines: list[str]) -> None:
    assert panel(call, result) == lines


def test_a_panel_on_a_narrow_terminal_and_of_a_long_line() -> None:
    call = Call("1", "abcdefghijkl", "b", {}, "")
    assert panel(call, Result("xy", False, 1), width=12) == ["╭─ ⚙ b ·…─╮", "│ xy      │", "╰─ 1.00 s─╯"]
    assert "".join(panel(call, Result("x" * 401), width=600)).count("x") == 400


def test_the_last_reasoning_is_what_was_thought_last() -> None:
    console, _ = console_of()
    screen = Screen(console)
    screen.reasoning(" One. ")
    screen.settle()
    assert (screen.last_reasoning, screen._reasoning) == ("One.", "")


async def test_what_is_printed_has_a_blank_line_below_it_before_the_next_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingate.chat.screen.time.monotonic", lambda: 1000.0)
    console, file = console_of()
    screen = Screen(console)
    screen.begin("scripted/any")
    screen.text("One.")
    screen.note("careful")
    screen.text("Two.")
    screen.reasoning("Hm.")
    screen.text("Three.\n\nFour.")
    screen.notice("noted")
    screen.end(Turn())
    assert shown(file).splitlines()[:-1] == [
        "One.",
        "careful",
        "",
        "Two.",
        "▸ reasoned for 0.0 s, 1 word · /reasoning shows it",
        "noted",
        "",
        "Three.",
        "",
        "Four.",
    ]
