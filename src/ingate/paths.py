"""Where ingate keeps a user's files, by each platform's own convention."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_APP = "ingate"


def config_dir() -> Path:
    """Settings and secrets the user wrote (`~/.config/ingate` on Linux). Not created here."""
    from platformdirs import user_config_path

    return user_config_path(_APP, appauthor=False)


def cache_dir() -> Path:
    """What can be made again: the catalog's index, live lists (`~/.cache/ingate` on Linux). Not created here."""
    from platformdirs import user_cache_path

    return user_cache_path(_APP, appauthor=False)


def state_dir() -> Path:
    """What a run leaves for the next: sessions, history, favourites (`~/.local/state/ingate` on Linux). Not created here."""
    from platformdirs import user_state_path

    return user_state_path(_APP, appauthor=False)


def write_private(path: Path, data: bytes) -> None:
    """Write a file only its owner can read (0600), whole or not at all; parent folders are made 0700."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
