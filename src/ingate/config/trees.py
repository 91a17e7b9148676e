"""Another program's files (`.fast-agent`, `.env`), each trusted as a whole by one hash over its names and contents."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from ingate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingate.config.trust import Folder

FAST_AGENT_FOLDER: Final = ".fast-agent"
# fast-agent takes any of its settings from it: OPENAI__BASE_URL, MCP__SERVERS, …
ENV_FILE: Final = ".env"
# fast-agent writes these while it runs; nothing in them is loaded at the start, except for `--resume`.
_WRITTEN: Final = frozenset({"sessions", "logs", "fast-agent-log.jsonl"})
_LOCK: Final = str(Path("processes", ".capacity.lock"))
_MAX_FILES: Final = 10_000
_MAX_BYTES: Final = 256 << 20


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
    counts = os.path.lexists(tree) and (sessions or next(_files(tree), None) is not None)
    return [FAST_AGENT_FOLDER] * counts + [ENV_FILE] * os.path.lexists(Path(folder, ENV_FILE))


def _is_home(folder: str) -> bool:
    return folder == os.path.realpath(Path("~").expanduser())


def digest(tree: Path) -> str:
    """The SHA-256 over the names and contents of all files below `tree`, in hex, and of what links in it lead to.

    Raises:
        ConfigError: There is more than can be checked, such as when a link leads to a whole file system.
    """
    return _Digest(tree).of(tree, frozenset())


class _Digest:
    """One hash over a tree, which ends at a limit: what links lead to is not the user's choice.

    Args:
        tree: The tree, for the error.
    """

    def __init__(self, tree: Path) -> None:
        self._tree = tree
        self._files_left = _MAX_FILES
        self._bytes_left = _MAX_BYTES

    def of(self, tree: Path, seen: frozenset[str]) -> str:
        """The hash of a folder or file.

        Args:
            tree: The folder or file.
            seen: The folders that links have led to on the way here, so that a circle of links ends.
        """
        from hashlib import sha256

        whole = sha256()
        for file in _files(tree, inside=bool(seen)):
            self._files_left -= 1
            if self._files_left < 0:
                raise self._too_much()
            name = str(file.relative_to(tree)) if file != tree else ""
            for part in (os.fsencode(name), self._content(file, seen)):
                whole.update(len(part).to_bytes(8, "big"))
                whole.update(part)
        return whole.hexdigest()

    def _content(self, file: Path, seen: frozenset[str]) -> bytes:
        from hashlib import sha256

        try:
            if file.is_symlink():
                return b"link " + os.fsencode(file.readlink()) + self._target(file, seen)
            state = file.lstat()
            if not stat.S_ISREG(state.st_mode):
                return b"special"
            self._bytes_left -= state.st_size
            if self._bytes_left < 0:
                raise self._too_much()
            found, left = sha256(), state.st_size  # no further: some files of /proc have no size and never end
            with file.open("rb") as opened:
                while left > 0 and (piece := opened.read(min(left, 1 << 20))):
                    found.update(piece)
                    left -= len(piece)
            return b"file " + found.digest()
        except OSError as problem:
            return f"unreadable {problem.errno}".encode()

    def _target(self, link: Path, seen: frozenset[str]) -> bytes:
        """What a link leads to; empty if that is nothing, or where it has been before."""
        target = os.path.realpath(link)
        if target in seen or not os.path.lexists(target):
            return b""
        whole = self.of(Path(target), seen | {target, os.path.realpath(link.parent)})
        return b" to " + whole.encode()

    def _too_much(self) -> ConfigError:
        return ConfigError(
            f"{self._tree} is too large to be trusted: with what links in it lead to, it has more than {_MAX_FILES:,} files or "
            f"{_MAX_BYTES >> 20} MB",
            fix="remove the links that lead out of the folder, or start from another folder",
        )


def _files(tree: Path, *, inside: bool = False) -> Iterator[Path]:
    """The files and links below `tree`, in order; `tree` itself if it is not a folder.

    Args:
        tree: A folder, or a single file.
        inside: Whether a link has led here; what fast-agent writes itself is left out in its own folder only.
    """
    if tree.is_symlink() or not tree.is_dir():
        yield tree
        return
    for folder, folders, files in os.walk(tree):
        written = _WRITTEN if Path(folder) == tree and not inside else frozenset()
        folders[:] = sorted(name for name in folders if name not in written)
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in sorted((*(name for name in files if name not in written), *links)):
            file = Path(folder, name)
            if str(file.relative_to(tree)) != _LOCK or file.is_symlink():
                yield file
