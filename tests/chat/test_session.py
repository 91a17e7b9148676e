"""A conversation from its records, and its file."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingate.chat import store
from ingate.chat.session import INTERRUPTED, Entry, Session, Turn, text_of
from ingate.chat.store import Log
from ingate.errors import BadRequestError
from ingate.paths import state_dir
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
    log = Log.fresh(model="a/b")
    assert (log.session.model, log.session.system) == ("a/b", "")
    assert log.path == state_dir() / "sessions" / f"{log.session.id}.jsonl"
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


def test_writing_continues_after_a_line_that_was_cut_off() -> None:
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


def test_garbage_is_not_a_session(tmp_path: Path) -> None:
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


def test_pieces_come_before_whatever_follows_them() -> None:
    """A message, or going back, after an answer that never completed: the answer keeps its place."""
    records = [
        {"type": "user", "content": "One"},
        {"type": "piece", "text": "Half"},
        {"type": "piece", "reasoning": "I think"},
        {"type": "user", "content": "Two"},
        {"type": "piece", "text": "Other half"},
        {"type": "keep", "count": 4},
    ]
    session = Session.replay(records, name="x")
    assert [(entry.role, entry.message["content"]) for entry in session.entries] == [
        ("user", "One"), ("assistant", "Half"), ("user", "Two"), ("assistant", "Other half"),
    ]  # fmt: skip
    assert session.entries[1].message["reasoning_content"] == "I think"
    assert "reasoning_content" not in session.entries[3].message
    assert all(entry.stopped for entry in session.entries if entry.role == "assistant")


def test_records_with_missing_fields_are_read_with_defaults() -> None:
    kinds = ("session", "model", "system", "user", "piece", "assistant", "tool", "turn", "keep")
    for kind in kinds[:-1]:
        Session.replay([{"type": kind}], name="x")
    session = Session.replay([{"type": "user", "content": "a"}, {"type": "assistant"}, {"type": "tool"}], name="n")
    assert session.id == "n"
    assert [entry.role for entry in session.entries] == ["user", "assistant", "tool"]
    assert session.entries[2].message["name"] == ""
    assert Session.replay([{"type": "user", "content": "a"}, {"type": "keep"}], name="x").entries == []


def test_a_title_is_the_first_words_of_the_first_message() -> None:
    log = log_of()
    assert log.session.title == ""
    log.record("user", content="  Why\n is   the sky\tblue? " + "x" * 200)
    log.record("user", content="And now?")
    assert log.session.title.startswith("Why is the sky blue? xxx")
    assert len(log.session.title) == 80


def test_the_last_message_of_the_user_is_found() -> None:
    log = log_of()
    assert log.session.last_user() is None
    log.record("user", content="One")
    assert log.session.last_user() == 0
    talk(log)
    assert log.session.last_user() == 1


def test_an_ambiguous_id_names_the_conversations_it_matches() -> None:
    for name in ("20260101-000000-aaaa", "20260101-000000-bbbb"):
        log = Log(Session(id=name, created_at=1.0), store.folder() / f"{name}.jsonl")
        log.record("user", content="Hi")
        log.close()
    with pytest.raises(BadRequestError, match="matches 20260101-000000-aaaa, 20260101-000000-bbbb"):
        store.find("20260101")
    assert store.find("20260101-000000-a").stem.endswith("aaaa")


def test_the_most_recently_used_conversation_is_listed_first() -> None:
    for at, name in enumerate(("20260101-000000-aaaa", "20260101-000000-bbbb", "20260101-000000-cccc")):
        log = Log(Session(id=name, created_at=1.0), store.folder() / f"{name}.jsonl")
        log.record("user", content="Hi")
        log.close()
        os.utime(log.path, (1000 + at, 1000 + at))
    os.utime(store.find("aaaa"), (2000, 2000))
    assert [path.stem[-4:] for path in store.paths()] == ["aaaa", "cccc", "bbbb"]


def test_a_conversation_that_is_not_kept_writes_nothing() -> None:
    log = log_of(kept=False)
    talk(log)
    log.close()
    assert store.paths() == []
    assert log.problem == ""


def test_a_locked_file_is_reported_once_another_terminal_has_it() -> None:
    log = log_of(kept=True)
    talk(log)
    other = Log(Session(id=log.session.id), log.path)
    other.record("user", content="Not written")
    assert other.problem == f"{log.path} is open in another terminal"
    assert (log._file.is_open, other._file.is_open) == (True, False)
    if Path("/proc/self/fd").is_dir():
        before = len(list(Path("/proc/self/fd").iterdir()))
        other.record("user", content="Not written either")
        assert len(list(Path("/proc/self/fd").iterdir())) == before
    log.close()
    assert "Not written" not in log.path.read_text()


@pytest.mark.parametrize(
    "record",
    [
        {"type": "session", "created_at": "yesterday"},
        {"type": "session", "created_at": {}},
        {"type": "session", "created_at": 1e308},
        {"type": "session", "created_at": -1e9},
        {"type": "user", "content": 3},
        {"type": "user", "content": ["text"]},
        {"type": "assistant", "message": ["a"]},
        {"type": "assistant", "message": {"content": {"a": 1}}},
        {"type": "assistant", "message": {"tool_calls": "all"}},
        {"type": "tool", "content": 1},
        {"type": "turn", "cost_usd": "dear"},
        {"type": "turn", "input_tokens": [1]},
        {"type": "turn", "cost_usd": 1e300},
        {"type": "turn", "input_tokens": 10**400},
        {"type": "keep", "count": "all"},
        {"type": "piece", "text": 7},
        {"type": ["user"]},
        {"type": None},
    ],
    ids=json.dumps,
)
def test_a_malformed_record_is_left_out_and_the_rest_is_read(record: dict[str, object]) -> None:
    """Everything that lists, shows and continues sessions reads them, so each must bear what a file may hold."""
    first = {"type": "session", "id": "a", "model": "m", "created_at": 1}
    session = Session.replay([first, record, {"type": "user", "content": "Hi"}], name="a")
    assert (session.model, session.created_at, session.title) == ("m", 1.0, "Hi")
    assert [entry.message["content"] for entry in session.entries] == ["Hi"]
    assert session.totals().input_tokens is None


def test_a_record_nested_too_deep_is_left_out() -> None:
    folder = store.folder()
    folder.mkdir(parents=True)
    path = folder / "deep.jsonl"
    path.write_bytes(b'{"type":"user","content":"Hi"}\n' + b'{"a":' * 100_000 + b"\n")
    assert store.load(path).title == "Hi"


def test_the_records_of_a_session_are_the_session() -> None:
    log = log_of(system="Be short.")
    talk(log)
    log.record("user", content=[{"type": "text", "text": "And?"}])
    log.record("assistant", message={"content": "Hm", "tool_calls": [{"id": "c"}]}, provider="x", stopped="stopped")
    log.record("tool", tool_call_id="c", name="add", content="5", error=False)
    log.record("turn", spec="a/b", cost_usd=None, tool_calls=1)
    again = Session.replay(store.records(log.session), name="other")
    assert again == log.session
    assert again.created_at > 0
    assert next(iter(store.records(log.session)))["version"] == 1


def test_a_message_without_content_has_no_text() -> None:
    assert text_of({}) == ""
    assert text_of({"content": None}) == ""
    parts = [{"type": "text", "text": "a"}, {"text": None}, "odd", {"text": "x", "attached": "x.txt"}, {"text": "b"}]
    assert text_of({"content": parts}) == "a\n\nb"


def test_an_id_sorts_by_time_and_is_not_used_twice() -> None:
    first, second = store.new_id(), store.new_id()
    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{4}", first)
    assert first[:15] <= second[:15]


def test_records_without_values_are_empty_ones() -> None:
    kinds = ("session", "model", "system", "user", "piece", "assistant", "tool", "turn")
    records = [*({"type": kind} for kind in kinds), {"type": "piece", "reasoning": "Hm."}]
    assert Session.replay(records, name="n") == Session(
        id="n",
        entries=[
            Entry({"role": "user", "content": ""}),
            Entry({"role": "assistant"}),
            Entry({"role": "tool", "tool_call_id": None, "content": None, "name": ""}),
            Entry({"role": "assistant", "content": "", "reasoning_content": "Hm."}, stopped=INTERRUPTED),
        ],
        turns=[Turn()],
    )
    assert Entry({}).role == ""


def test_a_session_has_the_id_in_its_records() -> None:
    records = [{"type": "session", "id": "a", "created_at": 2, "model": "m", "system": "s"}]
    assert Session.replay(records, name="n") == Session(id="a", created_at=2.0, model="m", system="s")


def test_going_back_drops_an_answer_that_never_completed_too() -> None:
    records = [{"type": "user", "content": "One"}, {"type": "piece", "text": "Half"}, {"type": "keep", "count": 1}]
    assert Session.replay(records, name="n").entries == [Entry({"role": "user", "content": "One"})]


def test_usage_without_details_adds_none() -> None:
    turn = Turn()
    turn.add({"prompt_tokens": 2, "completion_tokens": 1, "prompt_tokens_details": {}}, None)
    turn.add({"prompt_tokens": None}, 1.0)
    turn.add({}, 1.0)
    assert turn == Turn(input_tokens=2, output_tokens=1, cost_usd=None)
