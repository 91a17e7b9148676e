"""One answer without a terminal: the answer alone on standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingate.chat.mcp_servers import parse_server
from ingate.chat.once import PlainView, answer
from ingate.chat.session import Turn
from ingate.chat.store import load
from ingate.chat.tools import Call, Result
from ingate.errors import ClosedError, RateLimitError, StreamInterruptedError, UnavailableError
from support.chat import SPEC, log_of, scripted_gateway

if TYPE_CHECKING:
    from pathlib import Path

CALL = Call("1", "add", "calc", {"a": 1}, '{"a": 1}')


def test_only_the_answer_is_on_standard_output_and_ends_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    view = PlainView()
    view.begin("groq/m")
    view.reasoning("Hm.")
    view.text("One")
    view.text(" two")
    view.tool_started(CALL)
    view.settle()
    view.settle()
    view.text("three\n")
    view.end(Turn())
    assert capsys.readouterr() == ("One two\nthree\n", 'calc · add({"a": 1})\n')


def test_a_note_and_a_failure_are_lines_of_their_own_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    view = PlainView()
    view.text("One")
    view.note("careful\x1b[2J")
    view.tool_ended(CALL, Result("5"))
    view.tool_ended(CALL, Result("x" * 501, error=True))
    assert capsys.readouterr() == ("One\n", f"note: careful␛[2J\nfailed: add: {'x' * 500}\n")


async def test_nobody_can_be_asked_so_a_call_is_denied(capsys: pytest.CaptureFixture[str]) -> None:
    assert await PlainView().allow(CALL) == "no"
    assert capsys.readouterr() == ("", "denied: calc · add. --yes allows all tools.\n")


@pytest.mark.parametrize(("terminal", "shown"), [(True, "a␛[2J"), (False, "a\x1b[2J")])
def test_what_a_pipe_gets_is_exact_and_a_terminal_gets_no_control_characters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool, shown: str
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    PlainView().text("a\x1b[2J")
    assert capsys.readouterr().out == shown


async def test_an_answer_is_saved_and_everything_is_closed(capsys: pytest.CaptureFixture[str]) -> None:
    gateway, engine = scripted_gateway()
    engine.enqueue("Blue.")
    log = log_of(kept=True)
    await answer(gateway, log, "Why?", (), allow_all=False)
    assert capsys.readouterr() == ("Blue.\n", "")
    assert log.path is not None
    assert [entry.message["content"] for entry in load(log.path).entries] == ["Why?", "Blue."]
    with pytest.raises(ClosedError):
        await gateway.complete({"model": SPEC, "messages": []})
    assert not log._file.is_open


@pytest.mark.parametrize("text", ["", "Half"])
async def test_an_error_is_raised_after_what_arrived_was_printed(capsys: pytest.CaptureFixture[str], text: str) -> None:
    gateway, engine = scripted_gateway()
    if text:
        engine.enqueue(text, breaks_with=UnavailableError("lost"))
    else:
        engine.enqueue(RateLimitError("slow down"))
    with pytest.raises(StreamInterruptedError if text else RateLimitError):
        await answer(gateway, log_of(), "Why?", (), allow_all=False)
    assert capsys.readouterr().out == (f"{text}\n" if text else "")
    with pytest.raises(ClosedError):
        await gateway.complete({"model": SPEC, "messages": []})


async def test_a_server_that_does_not_start_is_an_error_before_anything_is_asked(tmp_path: Path) -> None:
    pytest.importorskip("mcp")
    gateway, engine = scripted_gateway()
    log = log_of()
    with pytest.raises(UnavailableError, match="the MCP server gone cannot be used"):
        await answer(gateway, log, "Why?", (parse_server(str(tmp_path / "gone")),), allow_all=True)
    assert (engine.requests, log.session.entries) == ([], [])
