"""Sessions on disk: one file of JSON lines each, written during the conversation, readable only by its owner."""

from __future__ import annotations

import os
import secrets
import time
from typing import TYPE_CHECKING, Any, Self

import msgspec

from ingate.chat.session import Session
from ingate.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def folder() -> Path:
    """The folder of the saved sessions."""
    from ingate.paths import state_dir

    return state_dir() / "sessions"


def new_id() -> str:
    """A new session's id, which sorts by time."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


class Log:
    """A session and its file: every record goes to both, to the file first.

    The file is created with the first message, so that leaving at once leaves nothing behind. When `record` returns,
    the operating system has the record: killing the process does not lose it.

    Args:
        session: The conversation so far.
        path: Its file, None to keep it only in memory.
    """

    def __init__(self, session: Session, path: Path | None) -> None:
        self.session = session
        self.path = path
        self.copied_from: str | None = None
        self._file: int | None = None
        self._pieces: dict[str, str] = {}
        self._failed = ""

    @classmethod
    def fresh(cls, *, model: str, system: str = "", kept: bool = True) -> Self:
        """A new conversation; with `kept=False` it is not saved."""
        session = Session(id=new_id(), created_at=time.time(), model=model, system=system)
        return cls(session, folder() / f"{session.id}.jsonl" if kept else None)

    @classmethod
    def reopen(cls, path: Path) -> Self:
        """Continue the conversation in a file, or a copy of it if another process has the file open.

        Raises:
            BadRequestError: See `load`.
        """
        session = load(path)
        log = cls(session, path)
        if not log._lock():
            log.close()
            log.copied_from, session.id = session.id, new_id()
            log.path = folder() / f"{session.id}.jsonl"
        return log

    @property
    def problem(self) -> str:
        """Why the file could not be written, empty if it could."""
        return self._failed

    def record(self, kind: str, **fields: Any) -> None:
        """Add a record."""
        self.flush()
        record = {"type": kind, **fields}
        self._write(record)
        self.session.apply(record)

    def piece(self, text: str = "", reasoning: str = "") -> None:
        """Buffer a piece of the answer that is being streamed; `flush` writes it."""
        for key, value in (("text", text), ("reasoning", reasoning)):
            if value:
                self._pieces[key] = self._pieces.get(key, "") + value

    def flush(self) -> None:
        """Write the buffered pieces. To be called before they are shown."""
        if self._pieces:
            record, self._pieces = {"type": "piece", **self._pieces}, {}
            self._write(record)
            self.session.apply(record)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self, record: Mapping[str, Any]) -> None:
        if self.path is None:
            return
        try:
            if self._file is None and not self._lock():
                self.close()
                self._failed = f"{self.path} is open in another terminal"
                return
            _write_all(self._file, msgspec.json.encode(record) + b"\n")
        except OSError as error:
            # A full disk does not end the conversation; the chat reports it once.
            self._failed = f"the conversation is not being saved: {error}"

    def _lock(self) -> bool:
        """Open the file as its only writer; a new one gets the session's records so far."""
        if self.path is None:
            return True
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        if not _lock(self._file):
            return False
        size = os.fstat(self._file).st_size
        if size == 0:
            _write_all(self._file, b"".join(msgspec.json.encode(one) + b"\n" for one in records(self.session)))
        else:
            os.lseek(self._file, size - 1, os.SEEK_SET)
            if os.read(self._file, 1) != b"\n":
                _write_all(self._file, b"\n")  # the last line was cut off; the next one must not continue it
        return True


def records(session: Session) -> Iterator[dict[str, Any]]:
    """The records from which `Session.replay` rebuilds a session."""
    yield {
        "type": "session",
        "version": 1,
        "id": session.id,
        "created_at": session.created_at,
        "model": session.model,
        "system": session.system,
    }
    for entry in session.entries:
        match entry.role:
            case "user":
                yield {"type": "user", "content": entry.message.get("content")}
            case "assistant":
                yield {
                    "type": "assistant",
                    "message": entry.message,
                    "provider": entry.provider,
                    "stopped": entry.stopped,
                }
            case "tool":
                yield {**entry.message, "type": "tool"}
    for turn in session.turns:
        yield {"type": "turn", **msgspec.structs.asdict(turn)}


def load(path: Path) -> Session:
    """Read a session. Lines that are cut off or are not records are skipped.

    Raises:
        BadRequestError: The file cannot be read, or is not a session.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise BadRequestError(
            f"the conversation {path.stem!r} cannot be read: {error}", fix="`ingate sessions` lists them"
        ) from None
    session = Session.replay(_decoded(lines), name=path.stem)
    if not (session.entries or session.created_at):
        raise BadRequestError(f"{path} is not a saved conversation", fix="`ingate sessions` lists them")
    return session


def save(session: Session, path: Path) -> None:
    """Write a whole session to a file that the user named (mode 0600)."""
    from ingate.paths import write_private

    write_private(path, b"".join(msgspec.json.encode(one) + b"\n" for one in records(session)))


def paths() -> list[Path]:
    """The files of the saved sessions, the most recently used first."""
    try:
        return sorted(folder().glob("*.jsonl"), key=lambda path: path.stat().st_mtime, reverse=True)
    except OSError:
        return []


def find(name: str) -> Path:
    """The file of a session, by its id or the beginning or end of the id.

    Raises:
        BadRequestError: No session matches, or several do.
    """
    known = paths()
    for path in known:
        if path.stem == name:
            return path
    meant = [path for path in known if path.stem.startswith(name) or path.stem.endswith(name)] if name else []
    if len(meant) == 1:
        return meant[0]
    fix = "`ingate sessions` lists them"
    if meant:
        raise BadRequestError(f"{name!r} matches {', '.join(sorted(path.stem for path in meant)[:4])}", fix=fix)
    raise BadRequestError(f"there is no conversation {name!r}", fix=fix)


def _decoded(lines: list[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            record = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if isinstance(record, dict):
            yield record


def _write_all(file: int | None, data: bytes) -> None:
    assert file is not None
    while data:
        data = data[os.write(file, data) :]


def _lock(file: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows: two terminals with the same session append in turn
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
