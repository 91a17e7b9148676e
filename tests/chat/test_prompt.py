"""The prompt, typed at through a pipe."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

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


async def test_history_stays_in_memory_if_its_file_cannot_be_written(clean_environment: Path) -> None:
    (clean_environment / ".local").mkdir()
    (clean_environment / ".local" / "state").write_text("in the way")
    with prompt_typed("hello\r", kept=True) as prompt:
        assert await prompt.read() == "hello"
