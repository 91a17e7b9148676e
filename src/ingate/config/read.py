"""A configuration file as text, whatever stands in its place."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ingate.config.tree import kind_of
from ingate.config.yaml_ import parse

if TYPE_CHECKING:
    from ingate.config.find import Layer
    from ingate.config.tree import Node

_MAX_BYTES: Final = 1024 * 1024


def read(layer: Layer) -> Node:
    """The file's content as a section.

    Raises:
        ConfigError: It cannot be read, is no UTF-8 text, is no YAML, or is YAML of something that has no keys.
    """
    node = parse(_text(layer), layer.where)
    if not isinstance(node.value, dict):
        message = f"the file must hold keys and values, but is {kind_of(node.value)}"
        raise node.where.error(message, fix="write `key: value` lines")
    return node


def _text(layer: Layer) -> str:
    path, where = Path(layer.file), layer.where
    try:
        mode = path.stat().st_mode
        # A pipe may be named (`--config <(…)`), but one that lies about would wait for ever.
        if stat.S_ISDIR(mode):
            raise where.error("this is a folder, not a file", fix="name the file inside it, or move the folder away")
        if not stat.S_ISREG(mode) and layer.kind not in {"explicit", "environment"}:
            raise where.error("this is no ordinary file", fix="move it away")
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as problem:
        reason = os.strerror(problem.errno) if problem.errno else "unknown reason"
        fix = "chmod u+r it" if isinstance(problem, PermissionError) else ""
        raise where.error(f"the file cannot be read ({reason})", fix=fix) from None
    if len(data) > _MAX_BYTES:
        raise where.error(
            f"the file is larger than {_MAX_BYTES // 1024} KiB", fix="check that this is the file you mean"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise where.at(line).error("the file is not UTF-8 text", fix="save it as UTF-8") from None
