"""Sessions on disk: one file of JSON lines each, written during the conversation, readable only by its owner."""

from __future__ import annotations

import contextlib
import secrets
import stat
import time
from typing import TYPE_CHECKING, Any, Self

import msgspec

from ingate.chat.session import Session
from ingate.chat.session_file import SessionFile, in_use
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
    """A session and its file: every record goes to both, to the file first; see `SessionFile`.

    Args:
        session: The conversation so far.
        path: Its file, None to keep it only in memory.
    """

    def __init__(self, session: Session, path: Path | None) -> None:
        self.session = session
        self.copied_from: str | None = None
        self._file = SessionFile(path, self._beginning) if path is not None else None
        self._pieces: dict[str, str] = {}

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
        assert log._file is not None
        try:
            is_ours = log._file.lock()
        except OSError as error:
            raise _unreadable(path, error) from None
        if not is_ours:
            copied_from, session.id = session.id, new_id()
            log = cls(session, folder() / f"{session.id}.jsonl")
            log.copied_from = copied_from
        return log

    @property
    def path(self) -> Path | None:
        """The file; None if the conversation is not saved."""
        return self._file.path if self._file is not None else None

    @property
    def problem(self) -> str:
        """Why the conversation is not in the file as it is now; empty if it is."""
        return self._file.problem if self._file is not None else ""

    def record(self, kind: str, **fields: Any) -> None:
        """Add a record."""
        self.flush()
        self._add({"type": kind, **fields})

    def piece(self, text: str = "", reasoning: str = "") -> None:
        """Buffer a piece of the answer that is being streamed; `flush` writes it."""
        for key, value in (("text", text), ("reasoning", reasoning)):
            if value:
                self._pieces[key] = self._pieces.get(key, "") + value

    def flush(self) -> None:
        """Write the buffered pieces. To be called before they are shown."""
        if self._pieces:
            record, self._pieces = {"type": "piece", **self._pieces}, {}
            self._add(record)

    def sync(self) -> None:
        """The turn is over: wait until the disk has it."""
        if self._file is not None:
            self.flush()
            self._file.sync()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _add(self, record: Mapping[str, Any]) -> None:
        if self._file is not None:
            self._file.append(record)
        self.session.apply(record)

    def _beginning(self) -> Iterator[dict[str, Any]]:
        return records(self.session)


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
        raise _unreadable(path, error) from None
    session = Session.replay(_decoded(lines), name=path.stem)
    if not (session.entries or session.created_at):
        raise BadRequestError(f"{path} is not a saved conversation", fix="`ingate sessions` lists them")
    return session


def _unreadable(path: Path, error: OSError) -> BadRequestError:
    return BadRequestError(
        f"the conversation {path.stem!r} cannot be read: {error}", fix="`ingate sessions` lists them"
    )


def quarantine(path: Path) -> Path | None:
    """Move a file that is not a conversation out of the way; its new path, None if another process is writing it.

    Raises:
        OSError: It cannot be moved.
    """
    if in_use(path):
        return None
    target = path.parent / "unreadable" / path.name
    target.parent.mkdir(mode=0o700, exist_ok=True)
    while target.exists():
        target = target.with_name(f"{target.name}~")
    return path.rename(target)


def save(session: Session, path: Path) -> None:
    """Write a whole session to a file that the user named (mode 0600)."""
    from ingate.paths import write_private

    write_private(path, b"".join(msgspec.json.encode(one) + b"\n" for one in records(session)))


def paths() -> list[Path]:
    """The files of the saved sessions, the most recently used first."""
    found: dict[Path, float] = {}
    with contextlib.suppress(OSError):
        for path in folder().glob("*.jsonl"):
            with contextlib.suppress(OSError):  # another process may delete it meanwhile
                state = path.stat()
                if stat.S_ISREG(state.st_mode):  # to read a pipe would never end
                    found[path] = state.st_mtime
    return sorted(found, key=found.__getitem__, reverse=True)


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
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if isinstance(record, dict):
            yield record
