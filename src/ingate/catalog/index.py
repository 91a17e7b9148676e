"""The compact index of the catalog in the user's cache: written atomically, used only if it is valid and current."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from ingate._version import __version__
from ingate.catalog.schema import ModelRow  # noqa: TC001 - msgspec reads the annotation when it decodes

if TYPE_CHECKING:
    from ingate.catalog.source import Source

_MAGIC: Final = b"ingate-catalog-3"
_KEPT: Final = 6
# The modules that decide what a row holds.
_RULES: Final = (
    "build.py",
    "litellm_names.py",
    "prices.py",
    "schema.py",
    "../wire/catalog_facts.py",
    "../data/provider_names.json",
)


class _Index(msgspec.Struct, frozen=True, array_like=True):
    made_from: tuple[str, int, int]
    made_by: str
    left_out: dict[str, int]
    no_provider: dict[str, int]
    rows: tuple[ModelRow, ...]


def path_for(source: Source, folder: Path) -> Path:
    """The index file of one installation of litellm, so that two environments do not overwrite each other's."""
    version = re.sub(r"[^\w.+-]", "_", source.version)
    return folder / f"catalog-{version}-{zlib.crc32(os.fsencode(source.path)):08x}.bin"


def read(source: Source, folder: Path) -> tuple[tuple[ModelRow, ...], dict[str, int], dict[str, int]] | None:
    """The rows and the two counts of what was left out; None if there is no valid and current index."""
    try:
        data = path_for(source, folder).read_bytes()
    except OSError:
        return None
    head = len(_MAGIC)
    body = memoryview(data)[head + 4 :]
    if data[:head] != _MAGIC or zlib.crc32(body).to_bytes(4, "big") != data[head : head + 4]:
        return None
    try:
        index = msgspec.msgpack.decode(body, type=_Index)
    except msgspec.MsgspecError:
        return None
    if index.made_from != _made_from(source) or index.made_by != _made_by():
        return None
    return index.rows, index.left_out, index.no_provider


def write(
    source: Source,
    folder: Path,
    rows: tuple[ModelRow, ...],
    left_out: dict[str, int],
    no_provider: dict[str, int],
) -> None:
    """Write an index for the next start, if the folder can be written; the catalog works without one."""
    body = msgspec.msgpack.encode(_Index(_made_from(source), _made_by(), left_out, no_provider, rows))
    path = path_for(source, folder)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            fresh.write_bytes(b"".join((_MAGIC, zlib.crc32(body).to_bytes(4, "big"), body)))
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
        _drop_oldest(folder)


def _drop_oldest(folder: Path) -> None:
    found = sorted(folder.glob("catalog-*.bin"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in found[_KEPT:]:
        path.unlink()


def _made_from(source: Source) -> tuple[str, int, int]:
    return source.version, source.size, source.mtime_ns


def _made_by() -> str:
    """ingate's version and the state of the modules that make rows, so that a cache never hides a changed rule."""
    parts = [__version__]
    for name in _RULES:
        with contextlib.suppress(OSError):  # a bundled program may have no source files
            stat = (Path(__file__).parent / name).stat()
            parts.append(f"{stat.st_size}.{stat.st_mtime_ns}")
    return " ".join(parts)
