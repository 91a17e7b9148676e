"""The server's own bearer key: created once, kept in a file that only its owner can read."""

from __future__ import annotations

import os
import secrets
import stat
from typing import TYPE_CHECKING, Final

from ingate.errors import ConfigError
from ingate.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path

_PREFIX: Final = "sk-ingate-"
_LEAST: Final = 16  # the shortest accepted key, in characters
_MOST_BYTES: Final = 4096


def default_key_file() -> Path:
    """The default key file: `serve.key` in the user's state folder."""
    from ingate.paths import state_dir

    return state_dir() / "serve.key"


def read_or_make(path: Path) -> tuple[Secret, bool]:
    """The key in `path`, and whether it was just created.

    A new file gets mode 0600. An existing one that other users can read is rejected, because they may know its key.

    Raises:
        ConfigError: The file cannot be read or written, other users can read it, or it contains no key of at least 16
            characters.
    """
    try:
        if not path.exists():
            return _make(path), True
        others = stat.S_IMODE(path.stat().st_mode) & 0o077
        text = path.read_bytes()[:_MOST_BYTES].decode("ascii").strip()
    except FileExistsError:
        return read_or_make(path)
    except UnicodeDecodeError:
        raise ConfigError(
            f"the key file {path} is not plain text", fix=f"delete it, and a new key is created: rm {path}"
        ) from None
    except OSError as error:
        raise ConfigError(f"the key file {path}: {error.strerror}", fix="name another with --key-file") from None
    if others and os.name == "posix":
        raise ConfigError(f"the key file {path} can be read by other users", fix=f"chmod 600 {path}")
    if len(text) < _LEAST or any(letter.isspace() for letter in text):
        raise ConfigError(
            f"the key file {path} contains no key of at least {_LEAST} characters",
            fix=f"delete it, and a new key is created: rm {path}",
        )
    return Secret(text), False


def _make(path: Path) -> Secret:
    key = _PREFIX + secrets.token_urlsafe(32)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # O_EXCL: if two servers start at once, one creates the key and the other reads it.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(key + "\n")
    return Secret(key)
