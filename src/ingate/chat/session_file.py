"""A session's file: JSON lines that are only appended, each of them whole, also when the disk fills up."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

_TAIL: Final = 2**16  # bytes that are read at a time to find the beginning of the last line


class SessionFile:
    """Appends records to a file, as its only writer.

    When `append` returns without a `problem`, the operating system has the record: killing the process does not lose it.
    After `sync`, the disk has it. Records that could not be written are kept, and written before the next one as soon as
    that is possible. The file is created with the first record.

    Args:
        path: The file.
        beginning: Returns the records of a new file.

    Attributes:
        problem: Why records could not be written; empty if all are.
    """

    def __init__(self, path: Path, beginning: Callable[[], Iterable[Mapping[str, Any]]]) -> None:
        self.path = path
        self.problem = ""
        self._beginning = beginning
        self._start = b""
        self._file: int | None = None
        self._size = 0  # of the whole lines
        self._unwritten: list[bytes] = []
        self._unsynced = False

    @property
    def is_open(self) -> bool:
        """Whether the file is open, and locked."""
        return self._file is not None

    def append(self, record: Mapping[str, Any]) -> None:
        """Write a record, after those that could not be written before."""
        if self._file is None and not self._start:
            self._start = self._encoded_beginning()  # as it is before this record
        self._unwritten.append(msgspec.json.encode(record) + b"\n")
        self.retry()

    def retry(self) -> None:
        """Write the records that could not be written before."""
        if not self._unwritten:
            return
        try:
            if self._file is None and not self.lock():
                return
            while self._unwritten:
                self._write(self._unwritten[0])
                del self._unwritten[0]
        except OSError as error:
            # A full disk does not end the conversation; the chat reports it once.
            self.problem = f"the conversation is not being saved: {error.strerror or error}"
        else:
            self.problem = ""

    def sync(self) -> None:
        """Wait until the disk has everything that was written, so that a power cut does not lose it."""
        self.retry()
        if self._file is None or not self._unsynced:
            return
        try:
            os.fsync(self._file)
            self._unsynced = False
        except OSError as error:
            self.problem = f"the conversation may not be saved: {error.strerror or error}"

    def lock(self) -> bool:
        """Open the file as its only writer; a new one gets its beginning. False if another process has it open.

        Raises:
            OSError: It cannot be opened or written.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if not _lock(file):
                self.problem = f"{self.path} is open in another terminal"
                os.close(file)
                return False
            self._file, self._size = file, _mend_end(file)
            if self._size == 0:
                self._write(self._start or self._encoded_beginning())
                _sync_folder(self.path.parent)
        except OSError:
            self._file = None
            os.close(file)
            raise
        return True

    def close(self) -> None:
        """Write what is left, and close the file."""
        self.sync()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _encoded_beginning(self) -> bytes:
        return b"".join(msgspec.json.encode(one) + b"\n" for one in self._beginning())

    def _write(self, data: bytes) -> None:
        """Append whole lines; if that fails, nothing of them is left in the file."""
        file = self._file
        assert file is not None
        if os.fstat(file).st_size > self._size:  # the rest of a record that could not be removed
            os.ftruncate(file, self._size)
        written = 0
        try:
            while written < len(data):
                written += os.write(file, data[written:])
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(file, self._size)
            raise
        self._size += written
        self._unsynced = True


def _mend_end(file: int) -> int:
    """Remove a last line that was cut off, and return the file's size. A whole record without its newline gets one."""
    size = os.fstat(file).st_size
    tail, start = b"", size
    while start and b"\n" not in tail:
        step = min(_TAIL, start)
        start -= step
        tail = os.pread(file, step, start) + tail
    cut = tail.rfind(b"\n") + 1
    rest = tail[cut:]
    if not rest:
        return size
    try:
        msgspec.json.decode(rest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        os.ftruncate(file, start + cut)
        return start + cut
    try:
        os.write(file, b"\n")
    except OSError:
        os.ftruncate(file, size)
        raise
    return size + 1


def _sync_folder(folder: Path) -> None:
    """Make a new file's name durable, where folders can be synced."""
    with contextlib.suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def in_use(path: Path) -> bool:
    """Whether another process has the file open for writing.

    Raises:
        OSError: It cannot be opened.
    """
    file = os.open(path, os.O_RDWR)
    try:
        return not _lock(file)
    finally:
        os.close(file)


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
