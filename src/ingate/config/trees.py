"""Another program's files (`.fast-agent`, `.env`), each trusted as a whole by one hash over its names and contents."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingate.config.trust import Folder

FAST_AGENT_FOLDER: Final = ".fast-agent"
# fast-agent takes any of its settings from it: OPENAI__BASE_URL, MCP__SERVERS, …
ENV_FILE: Final = ".env"
# fast-agent writes these while it runs; nothing in them is loaded at the start, except for `--resume`.
_WRITTEN: Final = frozenset({"sessions", "logs", "fast-agent-log.jsonl"})
_LOCK: Final = str(Path("processes", ".capacity.lock"))


def with_fast_agent_files(folder: Folder, *, sessions: bool = False) -> Folder:
    """The same folder with its `.fast-agent` and `.env` among its files, if there are any: cards, plugins and settings.

    Args:
        folder: The folder.
        sessions: Whether a `.fast-agent` counts that has nothing but what fast-agent writes itself. A session that is resumed
            names models, servers and tools.
    """
    found = {name: digest(Path(folder.path, name)) for name in _fast_agent_files(folder.path, sessions)}
    return msgspec.structs.replace(folder, files={**folder.files, **found}) if found else folder


def has_fast_agent_files(folder: str, *, sessions: bool = False) -> bool:
    """Whether fast-agent would read anything of a folder. In the home folder it is the user's.

    Args:
        folder: Its path, with symbolic links resolved.
        sessions: As for `with_fast_agent_files`.
    """
    return bool(_fast_agent_files(folder, sessions))


def _fast_agent_files(folder: str, sessions: bool) -> list[str]:
    if _is_home(folder):
        return []
    tree = Path(folder, FAST_AGENT_FOLDER)
    counts = os.path.lexists(tree) and (sessions or next(_entries(tree), None) is not None)
    return [FAST_AGENT_FOLDER] * counts + [ENV_FILE] * os.path.lexists(Path(folder, ENV_FILE))


def _is_home(folder: str) -> bool:
    return folder == os.path.realpath(Path("~").expanduser())


def digest(tree: Path) -> str:
    """The SHA-256 over the names and contents of all files below `tree`, in hex, and of what links in it lead to."""
    return _digest(tree, frozenset())


def _digest(tree: Path, seen: frozenset[str]) -> str:
    from hashlib import sha256

    whole = sha256()
    for name, content in _entries(tree, seen):
        for part in (os.fsencode(name), content):
            whole.update(len(part).to_bytes(8, "big"))
            whole.update(part)
    return whole.hexdigest()


def _entries(tree: Path, seen: frozenset[str] = frozenset()) -> Iterator[tuple[str, bytes]]:
    """The files below `tree`, by name, and what stands for their contents.

    Args:
        tree: A folder, or a single file.
        seen: The folders that links have led to on the way here, so that a circle of links ends.
    """
    if tree.is_symlink() or not tree.is_dir():
        yield "", _content(tree, seen)
        return
    for folder, folders, files in os.walk(tree):
        written = _WRITTEN if Path(folder) == tree and not seen else frozenset()
        folders[:] = sorted(name for name in folders if name not in written)
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in sorted((*(name for name in files if name not in written), *links)):
            file = Path(folder, name)
            if str(file.relative_to(tree)) == _LOCK and not file.is_symlink():
                continue
            yield str(file.relative_to(tree)), _content(file, seen)


def _content(file: Path, seen: frozenset[str]) -> bytes:
    from hashlib import sha256

    try:
        if file.is_symlink():
            return b"link " + os.fsencode(file.readlink()) + _target(file, seen)
        if not stat.S_ISREG(file.lstat().st_mode):
            return b"special"
        with file.open("rb") as opened:
            found = sha256()
            while piece := opened.read(1 << 20):
                found.update(piece)
            return b"file " + found.digest()
    except OSError as problem:
        return f"unreadable {problem.errno}".encode()


def _target(link: Path, seen: frozenset[str]) -> bytes:
    """What a link leads to; empty if that is nothing, or where it has been before."""
    target = os.path.realpath(link)
    if target in seen or not os.path.lexists(target):
        return b""
    whole = _digest(Path(target), seen | {target, os.path.realpath(link.parent)})
    return b" to " + whole.encode()
