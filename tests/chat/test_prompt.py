"""The prompt, typed at through a pipe."""

from __future__ import annotations

import io
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import ColorDepth, DummyOutput
from prompt_toolkit.output.vt100 import Vt100_Output

from ingate.chat.markdown import visible
from ingate.chat.prompt import Prompt
from ingate.chat.tools import Call

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CALL = Call("c", "add", "calc", {"a": 1}, '{"a": 1}')


@contextmanager
def prompt_typed(keys: str, *, kept: bool = False) -> Iterator[Prompt]:
    with create_pipe_input() as keyboard:
        keyboard.send_text(keys)
        yield Prompt(
            models=lambda: ["groq/one"],
            sessions=list,
            status=lambda: "",
            kept=kept,
            input=keyboard,
            output=DummyOutput(),
        )


@pytest.mark.parametrize(
    ("keys", "answer"),
    [("y", "once"), ("o", "once"), ("a", "always"), ("n", "no"), ("\x1b", "no"), ("\x04", "no"), ("\r \tzy", "once")],
)
async def test_one_key_answers_whether_a_tool_may_be_called(keys: str, answer: str) -> None:
    with prompt_typed(keys) as prompt:
        assert await prompt.ask(CALL) == answer


async def test_ctrl_c_at_that_question_is_an_interrupt() -> None:
    with prompt_typed("\x03") as prompt, pytest.raises(KeyboardInterrupt):
        await prompt.ask(CALL)


async def test_a_draft_is_edited_and_the_line_can_be_left() -> None:
    with prompt_typed("!\r") as prompt:
        assert await prompt.read(default="Hello", attached=["cat.png"]) == "Hello!"
    with prompt_typed("\x04") as prompt, pytest.raises(EOFError):
        await prompt.read()
    with prompt_typed("abc\x03\x03") as prompt, pytest.raises(KeyboardInterrupt):
        await prompt.read()


async def test_history_stays_in_memory_if_it_is_not_kept(clean_environment: Path) -> None:
    with prompt_typed("hello\r") as prompt:
        await prompt.read()
    assert not (clean_environment / ".local" / "state" / "ingate" / "history").exists()


async def test_history_is_kept_unless_asked_not_to(clean_environment: Path) -> None:
    history = clean_environment / ".local" / "state" / "ingate" / "history"
    with create_pipe_input() as keyboard:
        Prompt(models=list, sessions=list, status=str, input=keyboard, output=DummyOutput())
    assert history.stat().st_mode & 0o777 == 0o600
    assert history.parent.stat().st_mode & 0o777 == 0o700


async def test_history_stays_in_memory_if_its_file_cannot_be_written(clean_environment: Path) -> None:
    (clean_environment / ".local").mkdir()
    (clean_environment / ".local" / "state").write_text("in the way")
    with prompt_typed("hello\r", kept=True) as prompt:
        assert await prompt.read() == "hello"


def on_screen(output: io.StringIO) -> str:
    """What was written, without cursor movements; colours stay."""
    return re.sub(r"\x1b\[(?![0-9;]*m)[?0-9;]*[A-Za-z]", "", output.getvalue())


@contextmanager
def prompt_shown(keys: str, *, status: str = "") -> Iterator[tuple[Prompt, io.StringIO]]:
    written = io.StringIO()
    output = Vt100_Output(
        written, lambda: Size(rows=24, columns=100), term="xterm", default_color_depth=ColorDepth.DEPTH_4_BIT
    )
    with create_pipe_input() as keyboard:
        keyboard.send_text(keys)
        prompt = Prompt(models=list, sessions=list, status=lambda: status, kept=False, input=keyboard, output=output)
        yield prompt, written


async def test_the_prompt_shows_attached_files_and_the_line_below_it() -> None:
    with prompt_shown("ok\r", status="groq/m · 5 tokens") as (prompt, written):
        assert await prompt.read(attached=["a.png", "b.txt"]) == "ok"
    shown = on_screen(written)
    assert "\x1b[0;33m[a.png] [b.txt] \x1b[0;36;1m› " in shown
    assert prompt._session.bottom_toolbar() == [("noreverse fg:ansibrightblack", "groq/m · 5 tokens")]
    with prompt_shown("ok\r") as (prompt, written):
        await prompt.read()
    assert "[" not in visible(on_screen(written))


async def test_a_second_line_is_indented_as_the_first() -> None:
    with prompt_shown("one\ntwo\r") as (prompt, written):
        assert await prompt.read() == "one\ntwo"
    assert "› one" in visible(on_screen(written))
    assert re.search(r"\s  two", visible(on_screen(written)))


async def test_the_question_names_the_call_and_keeps_its_answer_on_the_screen() -> None:
    with prompt_shown("zq\ra") as (prompt, written):
        assert await prompt.ask(Call("c", "add", "calc", None, "x" * 301)) == "always"
    shown = on_screen(written)
    assert "\x1b[0;33;1mAllow the model to call calc · add\x1b[0m" in shown
    text = visible(shown).replace("\r", "").replace("\n", "")
    assert f"Allow the model to call calc · add({'x' * 300})? [y] once  [a] always  [n] no always" in text
