"""The installed litellm's catalog file, found without importing litellm."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILE: Final = "model_prices_and_context_window_backup.json"
_INFO_END: Final = ".dist-info"


@dataclass(frozen=True, slots=True)
class Source:
    """litellm's catalog file.

    Attributes:
        path: The file.
        version: litellm's version; `"unknown"` if its metadata is not beside it.
        size: Bytes.
        mtime_ns: Its modification time, in nanoseconds since 1970.
    """

    path: Path
    version: str
    size: int
    mtime_ns: int


def find() -> Source | None:
    """The installed litellm's catalog; None if litellm, or the file in it, does not exist."""
    try:
        spec = importlib.util.find_spec("litellm")
    except (ImportError, ValueError):
        return None
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if found := at(Path(folder)):
            return found
    return None


def at(package: Path) -> Source | None:
    """The catalog in the folder of a litellm package; None if it does not exist."""
    path = package / FILE
    try:
        stat = path.stat()
    except OSError:
        return None
    return Source(path, _version(package), stat.st_size, stat.st_mtime_ns)


def _version(package: Path) -> str:
    """The version in the metadata folder's name: reading the metadata itself costs more than the whole catalog."""
    head = f"{package.name}-"
    try:
        names = [name for name in os.listdir(package.parent) if name.startswith(head) and name.endswith(_INFO_END)]  # noqa: PTH208 - four times faster than iterdir
    except OSError:
        return "unknown"
    return max(names).removeprefix(head).removesuffix(_INFO_END) if names else "unknown"
