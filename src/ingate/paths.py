"""The folders of a user's files, by each platform's convention."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_APP = "ingate"


def config_dir() -> Path:
    """Settings and secrets written by the user (`~/.config/ingate` on Linux). Not created here."""
    from platformdirs import user_config_path

    return user_config_path(_APP, appauthor=False)


def cache_dir() -> Path:
    """Files that can be recreated: the catalog's index, live lists (`~/.cache/ingate` on Linux). Not created here."""
    from platformdirs import user_cache_path

    return user_cache_path(_APP, appauthor=False)


def state_dir() -> Path:
    """Files kept between runs: sessions, history, favourites (`~/.local/state/ingate` on Linux). Not created here."""
    from platformdirs import user_state_path

    return user_state_path(_APP, appauthor=False)


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read (0600), atomically; missing parent folders are created with 0700."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
