"""One configuration file, read once: its bytes, and who may write it. What is hashed is what is parsed."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from ingate.config.tree import Node, Redacted, kind_of

if TYPE_CHECKING:
    from ingate.config.files import Layer

_MAX_BYTES: Final = 1024 * 1024
_FLAGS: Final = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_WAITING: Final = getattr(os, "O_NONBLOCK", 0)
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


class Content(Redacted, msgspec.Struct, frozen=True):
    """What a file held when it was opened.

    Attributes:
        data: Its bytes.
        foreign: Whether neither this user nor root owns it. Always false on platforms without such owners.
        shared: Whether its group or everybody may write it. Always false on platforms without such modes.
    """

    data: bytes
    foreign: bool = False
    shared: bool = False

    def digest(self) -> str:
        """The SHA-256 of the bytes, in hex."""
        from hashlib import sha256  # loads OpenSSL, and most folders have no file to hash

        return sha256(self.data).hexdigest()


def read(layer: Layer) -> Content:
    """Read a layer's file.

    Raises:
        ConfigError: It cannot be read, is not a regular file, or is larger than 1 MiB.
    """
    where = layer.where
    named = layer.kind in {"explicit", "environment"}
    # A pipe may be named explicitly (`--config <(…)`), but reading one that was found might block for ever.
    flags = os.O_RDONLY | _FLAGS | (0 if named else _NO_WAITING)
    try:
        with os.fdopen(os.open(layer.file, flags), "rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode) and not named:
                raise where.error("this is not a regular file", fix="move it away")
            data = file.read(_MAX_BYTES + 1)
    except OSError as problem:
        if Path(layer.file).is_dir():
            raise where.error(
                "this is a folder, not a file", fix="name the file inside it, or move the folder away"
            ) from None
        reason = os.strerror(problem.errno) if problem.errno else "unknown reason"
        fix = "chmod u+r it" if isinstance(problem, PermissionError) else ""
        raise where.error(f"the file cannot be read ({reason})", fix=fix) from None
    if len(data) > _MAX_BYTES:
        raise where.error(f"the file is larger than {_MAX_BYTES // 1024} KiB", fix="check that this is the right file")
    return Content(data, is_foreign(state), is_shared(state))


def parse(content: Content, layer: Layer) -> Node:
    """The file's content as a section.

    Raises:
        ConfigError: It is not UTF-8 text, is not YAML, or is YAML without keys.
    """
    from ingate.config.yaml_ import parse as parse_yaml

    where = layer.where
    try:
        text = content.data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content.data.count(b"\n", 0, problem.start) + 1
        raise where.at(line).error("the file is not UTF-8 text", fix="save it as UTF-8") from None
    node = parse_yaml(text, where)
    if not isinstance(node.value, dict):
        message = f"the file must hold keys and values, but is {kind_of(node.value)}"
        raise node.where.error(message, fix="write `key: value` lines")
    return node


def is_foreign(state: os.stat_result) -> bool:
    """Whether neither this user nor root owns a file. Root trusts only its own files, like everybody else."""
    return os.name == "posix" and state.st_uid not in {0, os.geteuid()}


def is_shared(state: os.stat_result) -> bool:
    """Whether users other than the owner may write a file."""
    return os.name == "posix" and bool(state.st_mode & _OTHERS_WRITE)
