"""A session's file while the disk fills up, breaks, and recovers: whole lines only, and nothing lost."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from ingate.chat import session_file, store
from ingate.chat.store import Log
from ingate.cli import go
from ingate.cli.sessions import command as sessions_command
from ingate.errors import BadRequestError
from support.chat import log_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Disk:
    """The operating system's calls, with as much room as a test gives; `broken` makes them fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = 10**9
        self.synced = 0
        self.broken: set[str] = set()
        self._write, self._truncate, self._sync = os.write, os.ftruncate, os.fsync
        monkeypatch.setattr(session_file.os, "write", self.write)
        monkeypatch.setattr(session_file.os, "ftruncate", self.truncate)
        monkeypatch.setattr(session_file.os, "fsync", self.sync)

    def write(self, file: int, data: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = self._write(file, data[: self.room])
        self.room -= done
        return done

    def truncate(self, file: int, size: int) -> None:
        if "truncate" in self.broken:
            raise OSError(errno.EIO, "Input/output error")
        self._truncate(file, size)

    def sync(self, file: int) -> None:
        if "sync" in self.broken:
            raise OSError(errno.EIO, "Input/output error")
        self.synced += 1
        self._sync(file)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    yield Disk(monkeypatch)
    monkeypatch.undo()


def _lines(path: Path) -> list[dict[str, Any]]:
    data = path.read_bytes()
    assert data == b"" or data.endswith(b"\n")
    return [json.loads(line) for line in data.splitlines()]


def _texts(path: Path) -> list[str]:
    return [entry.message["content"] for entry in store.load(path).entries]


def _log() -> Log:
    log = log_of(kept=True)
    log.record("user", content="One")
    return log


@pytest.mark.parametrize("room", [0, 1, 10, 30])
def test_a_full_disk_leaves_no_part_of_a_record_and_swallows_none(disk: Disk, room: int) -> None:
    log = _log()
    disk.room = room
    log.record("user", content="Two, which does not fit")
    assert log.problem == "the conversation is not being saved: No space left on device"
    assert log.path is not None
    assert [line["type"] for line in _lines(log.path)] == ["session", "user"]
    log.record("user", content="Three")
    disk.room = 10**9
    log.record("user", content="Four")
    assert log.problem == ""
    assert _texts(log.path) == ["One", "Two, which does not fit", "Three", "Four"]
    log.close()


def test_what_could_not_be_written_is_written_when_the_turn_or_the_session_ends(disk: Disk) -> None:
    for end in (Log.sync, Log.close):
        log = _log()
        assert log.path is not None
        disk.room = 3
        log.record("user", content="Two")
        disk.room = 10**9
        end(log)
        assert (log.problem, _texts(log.path)) == ("", ["One", "Two"])
        log.close()


def test_a_part_that_cannot_be_removed_is_removed_later(disk: Disk) -> None:
    log = _log()
    assert log.path is not None
    disk.room, disk.broken = 5, {"truncate"}
    log.record("user", content="Two")
    assert log.path.read_bytes()[-1:] != b"\n"
    disk.room = 10**9
    log.record("user", content="Three")
    assert log.problem
    disk.broken.clear()
    log.record("user", content="Four")
    assert _texts(log.path) == ["One", "Two", "Three", "Four"]
    log.close()


def test_a_disk_that_is_full_from_the_beginning_gets_the_session_when_it_is_not(disk: Disk) -> None:
    disk.room = 20
    log = _log()
    assert log.problem
    assert log.path is not None
    assert log.path.stat().st_size == 0
    disk.room = 10**9
    log.record("user", content="Two")
    assert _lines(log.path)[0]["type"] == "session"
    assert _texts(log.path) == ["One", "Two"]
    log.close()


def test_a_file_that_was_not_needed_yet_is_no_problem() -> None:
    log = log_of(kept=True)
    assert log.problem == ""
    log.sync()
    log.close()
    assert log.problem == ""


def test_every_turn_is_synced_and_only_once(disk: Disk) -> None:
    log = _log()
    disk.synced = 0
    log.piece(text="a")
    log.sync()
    assert log.path is not None
    assert _lines(log.path)[-1] == {"type": "piece", "text": "a"}
    log.sync()
    assert disk.synced == 1
    log.record("user", content="Two")
    log.close()
    assert disk.synced == 2


def test_a_disk_that_cannot_sync_is_reported(disk: Disk) -> None:
    log = _log()
    disk.broken = {"sync"}
    log.sync()
    assert log.problem == "the conversation may not be saved: Input/output error"
    disk.broken.clear()
    log.record("user", content="Two")
    log.sync()
    assert log.problem == ""
    log.close()


@pytest.mark.parametrize("torn", [b'{"type":"user","con', b'{"type":"user","content":"\xc3', b"x" * 70_000, b"nul"])
def test_a_torn_end_is_removed_before_the_next_record(torn: bytes) -> None:
    log = _log()
    log.close()
    assert log.path is not None
    whole = log.path.read_bytes()
    log.path.write_bytes(whole + torn)
    again = Log.reopen(log.path)
    assert log.path.read_bytes() == whole
    again.record("user", content="Two")
    again.close()
    assert _texts(log.path) == ["One", "Two"]


def test_a_whole_record_that_only_lacks_its_newline_is_kept() -> None:
    log = _log()
    log.close()
    assert log.path is not None
    log.path.write_bytes(log.path.read_bytes() + b'{"type":"user","content":"Two"}')
    again = Log.reopen(log.path)
    again.record("user", content="Three")
    again.close()
    assert _texts(log.path) == ["One", "Two", "Three"]


def test_a_real_disk_that_fills_up(tmp_path: Path) -> None:
    """A process whose files may not grow: the kernel itself writes a part of a record, and then refuses."""
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from ingate.chat.session import Session\n"
        "from ingate.chat.store import Log\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))\n"
        "log = Log(Session(id='x', created_at=1.0), Path(sys.argv[1]))\n"
        "for number in range(40):\n"
        "    log.record('user', content=f'message {number}')\n"
        "print(log.problem)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))\n"
        "log.record('user', content='the last')\n"
        "print(log.problem)\n"
        "log.close()\n"
    )
    path = tmp_path / "x.jsonl"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["the conversation is not being saved: File too large", ""]
    assert _texts(path) == [*(f"message {number}" for number in range(40)), "the last"]


def test_listing_sets_files_aside_that_are_no_conversations_and_says_so() -> None:
    log = _log()
    log.close()
    folder = store.folder()
    (folder / "garbage.jsonl").write_bytes(b"\xff\xfe\nnot json\n[1]\n")
    (folder / "odd.jsonl").write_bytes(b'{"type":"session","created_at":"x"}\n{"type":"turn","cost_usd":{}}\n')
    (folder / "dangling.jsonl").symlink_to(folder / "nowhere")
    done = CliRunner().invoke(sessions_command, [])
    assert done.exit_code == 0
    assert "One" in done.output
    for name in ("garbage", "odd"):
        assert f"{name}.jsonl is not a saved conversation" in done.output
        assert not (folder / f"{name}.jsonl").exists()
        assert (folder / "unreadable" / f"{name}.jsonl").exists()
    again = CliRunner().invoke(sessions_command, [])
    assert again.exit_code == 0
    assert "note:" not in again.output
    (folder / "garbage.jsonl").write_bytes(b"again")
    CliRunner().invoke(sessions_command, [])
    assert {path.name for path in (folder / "unreadable").iterdir()} == {
        "garbage.jsonl", "garbage.jsonl~", "odd.jsonl",
    }  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_what_is_not_a_file_is_no_session() -> None:
    log = _log()
    log.close()
    os.mkfifo(store.folder() / "pipe.jsonl")
    (store.folder() / "folder.jsonl").mkdir()
    assert store.paths() == [log.path]
    assert CliRunner().invoke(sessions_command, []).exit_code == 0


def test_a_file_that_another_process_has_just_created_is_left_where_it_is() -> None:
    log = log_of(kept=True)
    assert log.path is not None
    file = session_file.SessionFile(log.path, list)
    assert file.lock()
    done = CliRunner().invoke(sessions_command, [])
    assert done.exit_code == 0
    assert log.path.exists()
    file.close()


def test_continuing_passes_over_files_that_are_no_conversations() -> None:
    log = _log()
    log.close()
    assert log.path is not None
    os.utime(log.path, (1, 1))
    (store.folder() / "zz-empty.jsonl").write_bytes(b"")
    (store.folder() / "zz-garbage.jsonl").write_bytes(b"garbage")
    again = go._last()
    assert again.path == log.path
    again.close()
    log.path.unlink()
    with pytest.raises(BadRequestError, match="is not a saved conversation"):
        go._last()
