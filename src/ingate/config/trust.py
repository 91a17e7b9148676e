"""Which folders' configuration the user has trusted: by path and by the SHA-256 of each file.

A decision is a small file of its own in the state folder, readable and writable only by its owner, so that two commands that
decide at the same time do not overwrite each other's decisions. All configuration files of a folder are trusted together: if
one is changed or added, the folder is not trusted until the user is asked again.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from ingate import paths
from ingate.config.content import is_foreign, is_shared
from ingate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VARIABLE: Final = "INGATE_TRUST_WORKSPACE"
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})

State = Literal["trusted", "untrusted", "refused"]


class Decision(msgspec.Struct, frozen=True):
    """What the user decided about a folder.

    Attributes:
        folder: Its path, with symbolic links resolved.
        state: `trusted` for files with exactly these contents, or `refused`, whatever they contain.
        files: Name → SHA-256 of a file's content.
        date: When, in ISO format.
    """

    folder: str
    state: State
    files: dict[str, str]
    date: str = ""


class Folder(msgspec.Struct, frozen=True):
    """A folder whose configuration files were found and not named, as `load` read them.

    Attributes:
        path: Its path, with symbolic links resolved.
        state: Whether the user trusts these contents.
        files: Name → SHA-256 of what was read.
        changed: The names of files that have changed, or have been added, since the folder was trusted.
        foreign: The names of files that another user owns.
        shared: The names of files that other users may write.
    """

    path: str
    state: State
    files: Mapping[str, str]
    changed: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()


# Folders whose question was answered with no, until the process ends.
_declined: set[str] = set()


def state_of(folder: str, files: Mapping[str, str], environ: Mapping[str, str]) -> tuple[State, tuple[str, ...]]:
    """Whether a folder's files are trusted, and which of them have changed since they were.

    Args:
        folder: The folder, with symbolic links resolved.
        files: Name → SHA-256 of what was read.
        environ: The environment, for `INGATE_TRUST_WORKSPACE`: `1` trusts every folder, `0` none, without asking.
    """
    everywhere = environ.get(VARIABLE, "").strip().lower()
    if everywhere in _TRUE:
        return "trusted", ()
    if everywhere in _FALSE or folder in _declined:
        return "refused", ()
    decision = recall(folder)
    if decision is None:
        return "untrusted", ()
    if decision.state != "trusted":
        return decision.state, ()
    changed = tuple(name for name, digest in files.items() if decision.files.get(name) != digest)
    return ("untrusted" if changed else "trusted"), changed


def recall(folder: str) -> Decision | None:
    """The decision about a folder; None if there is none, or if others could have written it."""
    return _read(_file_of(folder), folder)


def remember(folder: str, files: Mapping[str, str], state: State = "trusted") -> None:
    """Keep a decision, replacing an earlier one.

    Args:
        folder: The folder, with symbolic links resolved.
        files: Name → SHA-256 of what the user saw.
        state: `trusted` or `refused`.

    Raises:
        ConfigError: The state folder cannot be written.
    """
    from datetime import UTC, datetime

    decision = Decision(_text(folder), state, dict(files), datetime.now(UTC).isoformat(timespec="seconds"))
    try:
        paths.write_private(_file_of(folder), msgspec.json.encode(decision))
    except OSError as problem:
        raise ConfigError(
            f"the decision cannot be saved in {paths.state_dir()} ({problem.strerror or 'unknown reason'})",
            fix=f"make that folder writable, or set {VARIABLE}=1",
        ) from None
    _declined.discard(folder)


def add(file: Path, data: bytes) -> None:
    """Trust one file that ingate itself wrote for the user. Other files of its folder stay as they were.

    Args:
        file: The file.
        data: What was written.
    """
    from hashlib import sha256

    folder = os.path.realpath(file.parent)
    before = recall(folder)
    kept = before.files if before is not None and before.state == "trusted" else {}
    remember(folder, {**kept, file.name: sha256(data).hexdigest()})


def forget(folder: str) -> bool:
    """Forget the decision about a folder. Returns whether there was one."""
    _declined.discard(folder)
    try:
        _file_of(folder).unlink()
    except FileNotFoundError:
        return False
    return True


def decline(folder: str) -> None:
    """Do not ask about a folder again in this process."""
    _declined.add(folder)


def decisions() -> list[Decision]:
    """Every decision, by folder."""
    try:
        files = sorted(_folder().glob("*.json"))
    except OSError:
        return []
    found = [decision for file in files if (decision := _read(file)) is not None]
    return sorted(found, key=lambda one: one.folder)


def _folder() -> Path:
    return paths.state_dir() / "trust"


def _file_of(folder: str) -> Path:
    from hashlib import sha256

    return _folder() / f"{sha256(os.fsencode(folder)).hexdigest()}.json"


def _read(file: Path, folder: str | None = None) -> Decision | None:
    try:
        descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as opened:
        state = os.fstat(descriptor)
        if is_foreign(state) or is_shared(state):
            return None
        try:
            decision = msgspec.json.decode(opened.read(), type=Decision)
        except (msgspec.DecodeError, OSError):
            return None
    return decision if folder is None or decision.folder == _text(folder) else None


def _text(folder: str) -> str:
    """A path as text that JSON can hold, whatever bytes are in it."""
    return os.fsencode(folder).decode("utf-8", "backslashreplace")
