"""`ingate go`: which model, which conversation, and what the chat is given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ingate.chat import repl, store
from ingate.cli.go import QUESTION, first_ready
from ingate.errors import MissingCredentialsError
from ingate.gateway import Gateway
from support.chat import log_of
from support.cli import run
from support.upstream import Reply as Says
from support.upstream import Upstream, chunks, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingate.chat.repl import Begin


@pytest.fixture
def groq(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    with upstream() as told:
        told.otherwise = Says(events=chunks("Hi"))
        monkeypatch.setenv("GROQ_API_KEY", "gsk-test-key")
        monkeypatch.setenv("GROQ_API_BASE", told.url)
        yield told


def messages(groq: Upstream) -> list[tuple[str, str]]:
    return [(one["role"], one["content"]) for one in groq.seen[-1].body["messages"]]


def kept(model: str) -> store.Log:
    log = log_of(kept=True, model=model)
    log.record("user", content="Hello")
    log.record("assistant", message={"content": "Hello yourself."}, provider="groq")
    log.close()
    return log


def test_a_pipe_is_answered_once_and_nothing_is_saved(groq: Upstream) -> None:
    assert run("go", "-m", "groq/m", stdin=" What? \n") == (0, "Hi\n", "groq/m answers.\n")
    assert messages(groq) == [("user", "What?")]
    run("go", "-m", "groq/m", "--message", "Sum up", "-s", "Be brief", stdin="a\nb\n")
    assert messages(groq) == [("system", "Be brief"), ("user", "Sum up\n\na\nb")]
    assert store.paths() == []


def test_an_empty_pipe_gets_the_built_in_question(groq: Upstream) -> None:
    assert run("go", "-m", "groq/m") == (0, "Hi\n", f"groq/m answers.\n> {QUESTION}\n")
    assert messages(groq) == [("user", QUESTION)]


def test_without_a_model_it_is_the_default_or_else_the_first_that_is_ready(groq: Upstream, tmp_path: Path) -> None:
    assert run("go").err.startswith("groq/openai/gpt-oss-120b answers.\n")
    file = tmp_path / "own.yaml"
    file.write_text("default_model: groq/mine\n")
    assert run("--config", str(file), "go").err.startswith("groq/mine answers.\n")
    assert run("--config", str(file), "go", "-m", "groq/other").err.startswith("groq/other answers.\n")


def test_the_last_conversation_is_continued_with_its_model_or_another(groq: Upstream) -> None:
    path = kept("groq/first").path
    assert path is not None
    broken = path.with_name("99999999-broken.jsonl")
    broken.write_text("")
    assert run("go", "--continue", stdin="Again").err == "groq/first answers.\n"
    assert messages(groq) == [("user", "Hello"), ("assistant", "Hello yourself."), ("user", "Again")]
    assert store.load(path).model == "groq/first"
    run("go", "-c", "-m", "groq/second", "-s", "Be brief", stdin="More")
    assert groq.seen[-1].body["model"] == "second"
    session = store.load(path)
    assert (session.model, session.system, len(session.entries)) == ("groq/second", "Be brief", 6)
    run("sessions", "resume", path.stem[-4:], stdin="Go on")
    assert groq.seen[-1].body["model"] == "second"
    run("sessions", "resume", path.stem[-4:], "-m", "groq/third", stdin="Go on")
    assert groq.seen[-1].body["model"] == "third"


def test_nothing_to_continue_and_a_bad_option_are_errors(groq: Upstream) -> None:
    assert run("go", "--continue", code=5).err == "error: no saved conversations yet\n  fix: ingate go\n"
    assert "--quit needs --message." in run("go", "--quit", code=2).err
    assert groq.seen == []


def test_a_default_model_or_tools_that_are_not_trusted_are_not_replaced(groq: Upstream) -> None:
    Path("ingate.yaml").write_text("default_model: mine/m\nservers: {mine: {base_url: 'http://gateway.example/v1'}}\n")
    for terminal in (False, True):  # nobody can be asked
        assert "not trusted" in run("go", terminal=terminal, errors_elsewhere=True, code=2).err
    Path("ingate.yaml").write_text("mcp: {tools: {command: evil-program}}\n")
    assert "not trusted" in run("go", "-m", "groq/m", stdin="x", code=2).err
    assert groq.seen == []


def test_the_first_ready_model_is_curated_or_local_or_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = tmp_path / "small.gguf"
    model.write_bytes(b"GGUF")

    def first(**local: Any) -> str:
        return first_ready(Gateway({"local": {"models": {"smollm2": str(model), **local}}}))

    assert first() == "local/smollm2"
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    assert first().startswith("anthropic/claude-")
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with pytest.raises(MissingCredentialsError, match="no model was named") as caught:
        first(smollm2=str(tmp_path / "gone.gguf"))
    assert "ingate doctor" in caught.value.fix


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Begin]:
    """What the chat is begun with; the chat itself has its own tests."""
    found: list[Begin] = []

    async def converse(gateway: Gateway, begin: Begin) -> int:
        found.append(begin)
        if begin.log is not None:
            begin.log.close()
        await gateway.aclose()
        return 7

    monkeypatch.setattr(repl, "converse", converse)
    return found


def given(begin: Begin) -> dict[str, Any]:
    shown = {name: getattr(begin, name) for name in begin.__struct_fields__ if name not in {"log", "explain"}}
    return {**shown, "servers": [server.name for server in begin.servers]}


NOTHING = {
    "config": None,
    "spec": None,
    "system": None,
    "message": "",
    "leave": False,
    "servers": [],
    "yes": False,
    "data": None,
    "screen": None,
}


def test_on_a_terminal_the_chat_begins_with_what_the_command_line_says(groq: Upstream, begun: list[Begin]) -> None:
    run("go", "-m", "groq/m", terminal=True, code=7)
    assert given(begun[0]) == {**NOTHING, "spec": "groq/m"}
    assert begun[0].log is None
    assert begun[0].explain("groq/m")[1].startswith("  lane ")
    options = ("-m", "groq/m", "-s", "Be brief", "--message", "Hello", "--quit", "-y", "--mcp", "uvx mcp-server-time")
    run("go", *options, terminal=True, code=7)
    assert given(begun[1]) == {
        **NOTHING,
        "spec": "groq/m",
        "system": "Be brief",
        "message": "Hello",
        "leave": True,
        "yes": True,
        "servers": given(begun[1])["servers"],
    }
    assert len(begun[1].servers) == 1
    # A dumb terminal cannot show the picker.
    run("go", terminal=True, code=7)
    run("go", "--no-picker", terminal=True, code=7)
    assert [begin.spec for begin in begun[2:]] == ["groq/openai/gpt-oss-120b"] * 2


def test_a_continued_conversation_keeps_its_model_on_a_terminal(groq: Upstream, begun: list[Begin]) -> None:
    log = kept("groq/first")
    run("go", "--continue", terminal=True, code=7)
    run("sessions", "resume", log.session.id, terminal=True, code=7)
    for begin in begun:
        assert begin.spec == "groq/first"
        assert begin.log is not None
        assert begin.log.session.id == log.session.id
