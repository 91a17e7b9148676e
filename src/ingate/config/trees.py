"""A folder of another program's files (`.fast-agent`), trusted as a whole by one hash over its names and contents."""

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
# fast-agent writes these while it runs; nothing in them is loaded at the start.
_WRITTEN: Final = frozenset({"sessions", "logs"})


def with_fast_agent_files(folder: Folder) -> Folder:
    """The same folder with its `.fast-agent` among its files, if there is one: cards and plugins there run as code."""
    if not has_fast_agent_files(folder.path):
        return folder
    tree = Path(folder.path, FAST_AGENT_FOLDER)
    return msgspec.structs.replace(folder, files={**folder.files, FAST_AGENT_FOLDER: digest(tree)})


def has_fast_agent_files(folder: str) -> bool:
    """Whether a folder has a `.fast-agent` with more in it than fast-agent writes itself. In the home folder it is the user's."""
    tree = Path(folder, FAST_AGENT_FOLDER)
    if not os.path.lexists(tree) or folder == os.path.realpath(Path("~").expanduser()):
        return False
    return next(_entries(tree), None) is not None


def digest(tree: Path) -> str:
    """The SHA-256 over the names and contents of all files below `tree`, in hex. Links are not followed."""
    from hashlib import sha256

    whole = sha256()
    for name, content in _entries(tree):
        for part in (os.fsencode(name), content):
            whole.update(len(part).to_bytes(8, "big"))
            whole.update(part)
    return whole.hexdigest()


def _entries(tree: Path) -> Iterator[tuple[str, bytes]]:
    if tree.is_symlink() or not tree.is_dir():
        yield "", _content(tree)
        return
    for folder, folders, files in os.walk(tree):
        folders[:] = sorted(name for name in folders if not (name in _WRITTEN and Path(folder) == tree))
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in sorted((*files, *links)):
            file = Path(folder, name)
            yield str(file.relative_to(tree)), _content(file)


def _content(file: Path) -> bytes:
    from hashlib import sha256

    try:
        if file.is_symlink():
            return b"link " + os.fsencode(file.readlink())
        if not stat.S_ISREG(file.lstat().st_mode):
            return b"special"
        with file.open("rb") as opened:
            found = sha256()
            while piece := opened.read(1 << 20):
                found.update(piece)
            return b"file " + found.digest()
    except OSError as problem:
        return f"unreadable {problem.errno}".encode()
