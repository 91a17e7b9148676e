"""The slash commands: names and completion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from ingate.chat.actions import _ACTIONS
from ingate.chat.commands import COMMANDS, help_lines, is_command, nearest, parse
from ingate.chat.prompt import CommandCompleter

if TYPE_CHECKING:
    from pathlib import Path

PROMISED = [
    "model",
    "retry",
    "edit",
    "system",
    "clear",
    "attach",
    "save",
    "load",
    "export",
    "explain",
    "cost",
    "mcp",
    "help",
    "quit",
]


def offered(text: str) -> list[str]:
    completer = CommandCompleter(
        lambda: ["local/smollm2", "groq/openai/gpt-oss-120b", "anthropic/claude-haiku-4-5"],
        lambda: ["20260101-000000-abcd"],
    )
    return [one.text for one in completer.get_completions(Document(text, len(text)), CompleteEvent())]


def test_every_promised_command_is_there_and_does_something() -> None:
    assert set(PROMISED) <= set(COMMANDS)
    assert set(COMMANDS) == set(_ACTIONS)
    assert all(command.help.endswith(".") for command in COMMANDS.values())
    lines = help_lines()
    assert ("/retry", "Get another answer to your last message.") in lines
    assert ("/save FILE", "Save a copy of the conversation to a file.") in lines
    assert [left for left, _ in lines[len(COMMANDS) :]] == ["Enter", "Ctrl-C", "Up, Ctrl-R", "Ctrl-D"]


@pytest.mark.parametrize("text", ["/model", "/model groq/x", "/attach ~/a file.png", "/mdoel", "/?"])
def test_commands_are_known(text: str) -> None:
    assert is_command(text)


@pytest.mark.parametrize(
    "text", ["/usr/bin/env is broken", "//model", " /model", "a /model", "/", "/ model", "/a\nb", ""]
)
def test_other_text_is_not_a_command(text: str) -> None:
    assert not is_command(text)


def test_a_wrong_name_gets_the_nearest_ones() -> None:
    assert nearest("mdoel")[0] == "model"
    assert nearest("att")[0] == "attach"
    assert nearest("zzzz") == []
    assert nearest("aca") == ["attach"], "three letters of six, in order, are just near enough"


def test_other_names() -> None:
    assert parse("/exit") == ("quit", "")
    assert parse("/model  a b ") == ("model", "a b")
    assert [parse(f"/{name}")[0] for name in ("q", "?", "h", "new", "help")] == [
        "quit",
        "help",
        "help",
        "clear",
        "help",
    ]


def test_names_are_completed() -> None:
    assert offered("/mo") == ["/model "]
    assert offered("/ret") == ["/retry"], "a command without arguments needs no space"
    assert offered("model ") == []
    assert len(offered("/")) == len(COMMANDS)
    assert offered("mo") == []
    assert offered("/mo\n") == []
    assert offered("/nothing ") == []


def test_models_are_completed_by_any_part() -> None:
    assert offered("/model gpt") == ["groq/openai/gpt-oss-120b"]
    assert offered("/model loc") == ["local/smollm2"]
    assert offered("/model claude haiku") == ["anthropic/claude-haiku-4-5"]


def test_files_sessions_and_words_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "picture.png").write_bytes(b"x")
    assert offered(f"/attach {tmp_path}/pic") == ["ture.png"]
    assert offered("/load 2026") == ["20260101-000000-abcd"]
    assert offered("/export ") == ["md"]
    assert offered("/mcp r") == ["remove"]
    assert offered("/system o") == ["off"]


def test_models_that_begin_with_the_text_come_before_those_that_contain_it() -> None:
    models = ["anthropic/gpt-like", "GPT-6", "groq/gpt-oss", *(f"groq/gpt-{number}" for number in range(100))]
    completer = CommandCompleter(lambda: models, list)
    text = "/model gpt"
    found = list(completer.get_completions(Document(text, len(text)), CompleteEvent()))
    assert [one.text for one in found[:3]] == ["GPT-6", "anthropic/gpt-like", "groq/gpt-oss"]
    assert len(found) == 60
    assert {one.start_position for one in found} == {-3}


def test_a_session_file_is_completed_too(tmp_path: Path) -> None:
    (tmp_path / "kept.jsonl").write_bytes(b"")
    assert offered(f"/load {tmp_path}/ke") == ["pt.jsonl"]


def test_at_most_three_names_are_suggested() -> None:
    assert nearest("e") == ["edit", "export", "explain"]
