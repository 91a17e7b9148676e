"""The server's own bearer key: made once, kept in a file that only its owner can read."""

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
_LEAST: Final = 16  # characters of a key that someone wrote into the file
_MOST_BYTES: Final = 4096


def default_key_file() -> Path:
    """Where the key is kept unless told otherwise: `serve.key` in the user's state folder."""
    from ingate.paths import state_dir

    return state_dir() / "serve.key"


def read_or_make(path: Path) -> tuple[Secret, bool]:
    """The key in `path`, and whether it was made just now.

    A new file gets 0600; an existing one that others can read is refused, since its key may be known already.

    Raises:
        ConfigError: The file cannot be read or written, is open to others, or holds no key of 16 characters or more.
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
            f"the key file {path} is no plain text", fix=f"remove it, and a new key is made: rm {path}"
        ) from None
    except OSError as error:
        raise ConfigError(f"the key file {path}: {error.strerror}", fix="name another with --key-file") from None
    if others and os.name == "posix":
        raise ConfigError(f"the key file {path} can be read by others than its owner", fix=f"chmod 600 {path}")
    if len(text) < _LEAST or any(letter.isspace() for letter in text):
        raise ConfigError(
            f"the key file {path} holds no key of {_LEAST} characters or more",
            fix=f"remove it, and a new key is made: rm {path}",
        )
    return Secret(text), False


def _make(path: Path) -> Secret:
    key = _PREFIX + secrets.token_urlsafe(32)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # O_EXCL: of two servers that start at once, one makes the key and the other reads it.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(key + "\n")
    return Secret(key)
