"""`ingate sessions`: what is listed, shown and deleted, and what becomes of files that are no conversations."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from ingate.chat import store
from ingate.chat.summary import to_markdown
from support.chat import log_of
from support.cli import run

if TYPE_CHECKING:
    from pathlib import Path


def kept(name: str, *said: str, age_s: float = 0.0) -> Path:
    """A saved conversation, last used `age_s` seconds before a fixed time."""
    log = log_of(kept=True, model="groq/m")
    assert log.path is not None
    for text in said:
        log.record("user", content=text)
        log.record("assistant", message={"content": f"You said {text}."}, provider="groq")
    log.close()
    path = log.path.rename(log.path.with_name(f"{name}.jsonl"))
    os.utime(path, (1_795_000_000 - age_s,) * 2)
    return path


def at(age_s: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(1_795_000_000 - age_s))


@pytest.mark.parametrize("arguments", [("sessions",), ("sessions", "list")])
def test_all_are_listed_the_last_used_first(arguments: tuple[str, ...]) -> None:
    assert run(*arguments) == (0, "", "No saved conversations yet. Start one: ingate go\n")
    kept("older", "Tell me " + "x" * 80, age_s=3600)
    kept("newest", "Hello", "Again")
    assert run(*arguments) == (
        0,
        f"newest  {at(0)}  4 messages  groq/m  Hello\nolder   {at(3600)}  2 messages  groq/m  Tell me {'x' * 52}\n",
        "",
    )
    assert run(*arguments, terminal=True).out.splitlines()[0].endswith("\x1b[2mHello\x1b[0m")


def test_a_listing_writes_nothing_that_moves_the_cursor() -> None:
    kept("one", "a\x1b[2Jb")
    assert "\x1b[2J" not in run("sessions", terminal=True).out


def test_one_is_shown_as_markdown() -> None:
    path = kept("one", "Hello")
    assert run("sessions", "show", "one").out == to_markdown(store.load(path))


def test_several_are_deleted_or_none_if_one_is_unknown() -> None:
    paths = [kept("aaa", "Hello"), kept("bbb", "Hello"), kept("ccc", "Hello")]
    assert run("sessions", "delete", "aaa", "nothing", code=5).out == ""
    assert all(path.exists() for path in paths)
    assert run("sessions", "delete", "aaa", "bbb").out == "Deleted aaa.\nDeleted bbb.\n"
    assert [path.exists() for path in paths] == [False, False, True]


def test_a_file_that_is_no_conversation_is_moved_away_and_named_once() -> None:
    good = kept("good", "Hello")
    bad = good.with_name("bad.jsonl")
    bad.write_text("this is no conversation\n")
    done = run("sessions")
    assert done.out.splitlines() == [f"good  {at(0)}  2 messages  groq/m  Hello"]
    assert done.err.startswith("note: ")
    assert "; it is now " in done.err
    moved = done.err.rpartition("it is now ")[2].strip()
    assert not bad.exists()
    with open(moved, encoding="utf-8") as file:
        assert file.read() == "this is no conversation\n"
    assert run("sessions").err == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every file")
def test_a_file_that_cannot_be_read_stays_and_is_named() -> None:
    path = kept("locked", "Hello")
    path.chmod(0)
    done = run("sessions")
    assert path.exists()
    assert "it is now" not in done.err


def test_a_folder_among_the_files_is_left_alone() -> None:
    folder = kept("good", "Hello").with_name("folder.jsonl")
    folder.mkdir()
    assert run("sessions") == (0, f"good  {at(0)}  2 messages  groq/m  Hello\n", "")
    assert folder.is_dir()
