"""A conversation from its records, and its file."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingate.chat import store
from ingate.chat.session import Session, Turn
from ingate.chat.store import Log
from ingate.chat.summary import to_markdown, total_line, turn_line
from ingate.errors import BadRequestError
from support.chat import log_of

ANSWER = {
    "content": "Blue scatters most.",
    "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}],
}


def talk(log: Log) -> None:
    log.record("user", content="Why is the sky blue?")
    log.piece(text="Blue ")
    log.flush()
    log.record("assistant", message=ANSWER, provider="anthropic")
    log.record("turn", spec="anthropic/x", input_tokens=10, output_tokens=5, cost_usd=0.25, seconds=0.5)


def test_a_reopened_session_is_the_session() -> None:
    log = log_of(kept=True, system="Be short.")
    talk(log)
    log.close()
    again = store.load(log.path)
    assert msgspec.structs.asdict(again) == msgspec.structs.asdict(log.session)
    assert again.system == "Be short."
    assert again.title == "Why is the sky blue?"


def test_the_file_and_its_folder_are_the_owners_alone() -> None:
    log = log_of(kept=True)
    talk(log)
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.path.parent.stat().st_mode) == 0o700
    log.close()


def test_leaving_at_once_leaves_no_file() -> None:
    log = log_of(kept=True)
    log.close()
    assert not log.path.exists()


def test_pieces_without_an_answer_become_a_stopped_answer() -> None:
    log = log_of(kept=True)
    log.record("user", content="Tell me.")
    log.piece(text="Once upon ", reasoning="I think")
    log.piece(text="a time")
    log.flush()
    log.close()
    session = store.load(log.path)
    assert session.entries[-1].message == {
        "role": "assistant",
        "content": "Once upon a time",
        "reasoning_content": "I think",
    }
    assert session.entries[-1].stopped


@given(st.integers(min_value=0))
def test_a_file_cut_anywhere_still_opens_with_what_is_whole(cut: int) -> None:
    lines = [msgspec.json.encode(one) for one in store.records(_session())]
    data = b"\n".join(lines) + b"\n"
    begun = len(lines[0])
    part = data[: max(begun, cut % (len(data) + 1))]
    session = Session.replay(store._decoded(part.split(b"\n")), name="x")
    assert session.model == "scripted/any"


def _session() -> Session:
    log = log_of()
    talk(log)
    return log.session


def test_writing_goes_on_after_a_line_that_was_cut_off() -> None:
    log = log_of(kept=True)
    talk(log)
    log.close()
    with log.path.open("ab") as file:
        file.write(b'{"type":"user","content":"never fin')
    again = Log.reopen(log.path)
    again.record("user", content="And the sea?")
    again.close()
    session = store.load(log.path)
    assert [entry.message["content"] for entry in session.entries if entry.role == "user"] == [
        "Why is the sky blue?",
        "And the sea?",
    ]


def test_rubbish_is_no_session(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(b"\xff\xfe\nnot json\n[1]\n")
    with pytest.raises(BadRequestError, match="is not a saved conversation"):
        store.load(tmp_path / "x.jsonl")
    with pytest.raises(BadRequestError, match="cannot be read"):
        store.load(tmp_path / "none.jsonl")


def test_unknown_records_of_a_later_version_are_passed_over() -> None:
    session = Session.replay([{"type": "session", "id": "a", "model": "m"}, {"type": "hologram", "x": 1}], name="a")
    assert session.model == "m"
    assert session.entries == []


def test_a_session_open_elsewhere_is_continued_in_a_copy() -> None:
    log = log_of(kept=True)
    talk(log)
    other = Log.reopen(log.path)
    assert other.copied_from == log.session.id
    other.record("user", content="In the copy")
    log.record("user", content="In the first")
    log.close()
    other.close()
    assert store.load(log.path).entries[-1].message["content"] == "In the first"
    copy = store.load(other.path)
    assert [entry.message["content"] for entry in copy.entries][-1] == "In the copy"
    assert len(copy.entries) == 3


def test_going_back_drops_what_followed() -> None:
    log = log_of(kept=True)
    talk(log)
    log.record("keep", count=1)
    log.close()
    assert len(store.load(log.path).entries) == 1
    assert len(store.load(log.path).turns) == 1, "what was spent stays spent"


def test_an_unwritable_folder_ends_no_conversation(clean_environment: Path) -> None:
    (clean_environment / ".local").mkdir()
    (clean_environment / ".local" / "state").write_text("in the way")
    log = log_of(kept=True)
    log.record("user", content="Still here?")
    assert "not being saved" in log.problem
    assert len(log.session.entries) == 1


def test_a_session_is_found_by_the_ends_of_its_id() -> None:
    log = log_of(kept=True)
    talk(log)
    log.close()
    assert store.find(log.session.id[-4:]) == log.path
    assert store.find(log.session.id) == log.path
    with pytest.raises(BadRequestError, match="there is no conversation"):
        store.find("nothing")
    with pytest.raises(BadRequestError):
        store.find("")


def test_kill_9_loses_nothing_that_was_flushed(clean_environment: Path) -> None:
    code = (
        "import os, signal\n"
        "from ingate.chat.store import Log\n"
        "log = Log.fresh(model='scripted/any')\n"
        "log.record('user', content='Go')\n"
        "for number in range(100):\n"
        "    log.piece(text=f'{number} ')\n"
        "    log.flush()\n"
        "print(log.path, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    session = store.load(Path(done.stdout.strip()))
    assert session.entries[-1].message["content"] == "".join(f"{number} " for number in range(100))


def test_totals_tell_what_is_unknown() -> None:
    session = Session(id="x")
    session.turns = [Turn(input_tokens=10, output_tokens=4, cost_usd=0.5), Turn(input_tokens=None, cost_usd=None)]
    assert total_line(session) == "2 answers · 10 in · 4 out · $0.5000 + unknown"
    session.turns = [Turn(cost_usd=None)]
    assert total_line(session) == "1 answer · ? in · ? out · cost unknown"


def test_a_turn_in_one_line() -> None:
    turn = Turn(
        input_tokens=1234,
        output_tokens=100,
        cached_tokens=1000,
        reasoning_tokens=40,
        cost_usd=0.00123,
        first_token_s=0.412,
        seconds=2.0,
    )
    assert turn_line(turn) == (
        "1,234 in · 100 out · 1,000 cached · 40 reasoning · $0.0012 · first token 0.41 s · 50 tokens/s"
    )
    assert turn_line(Turn(cost_usd=None)) == "? in · ? out · cost unknown"


def test_export_names_attachments_and_tool_calls() -> None:
    log = log_of()
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}, "attached": "cat.png"}
    log.record("user", content=[part, {"type": "text", "text": "What is this?"}])
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": '{"at": "cat"}'}}
    log.record("assistant", message={"content": None, "tool_calls": [call]}, provider="x")
    log.record("tool", tool_call_id="c", name="look", content="a ``` cat", error=False)
    log.record("assistant", message={"content": "A cat."}, provider="x", stopped="stopped")
    text = to_markdown(log.session)
    assert "*attached: cat.png*" in text
    assert "AAAA" not in text
    assert '{"at": "cat"}' in text
    assert "````\na ``` cat\n````" in text
    assert "*(incomplete: stopped)*" in text


def test_every_line_of_the_file_is_json() -> None:
    log = log_of(kept=True)
    talk(log)
    log.close()
    assert [json.loads(line)["type"] for line in log.path.read_text().splitlines()] == [
        "session",
        "user",
        "piece",
        "assistant",
        "turn",
    ]
