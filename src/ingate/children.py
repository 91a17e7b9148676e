"""Child processes: which variables they get, and where their programs are looked up."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ingate import environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# What a program needs to run at all, to find its files, to show text, and to reach the network. No variable whose purpose is
# to hold a key is among them.
CHILD_VARIABLES: Final = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "TZ", "TMPDIR", "TMP", "TEMP", "LANG", "LANGUAGE",
        "TERM", "TERMINFO", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR",
        "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "DOCKER_HOST", "DOCKER_CONTEXT",
        "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "LD_LIBRARY_PATH", "NVM_DIR",
        # Windows
        "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "APPDATA", "LOCALAPPDATA", "USERPROFILE", "USERNAME",
        "USERDOMAIN", "COMPUTERNAME", "HOMEDRIVE", "HOMEPATH", "PROGRAMFILES", "PROGRAMFILES(X86)", "PROGRAMW6432",
        "PROGRAMDATA", "ALLUSERSPROFILE", "PUBLIC", "PROCESSOR_ARCHITECTURE", "NUMBER_OF_PROCESSORS", "OS",
    }
)  # fmt: skip
_CHILD_PREFIXES: Final = ("LC_", "XDG_")
# The names of proxy settings are also written in lower case.
_LOWER: Final = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy"})


def for_child(environ: Mapping[str, str] | None = None, also: Iterable[str] = ()) -> dict[str, str]:
    """The environment of a child process: what every program needs, and nothing else of this process's environment.

    Entries of `PATH` that are empty or relative are left out: they would be looked up in the working directory.

    Args:
        environ: The environment to choose from; None: this process's.
        also: Further variables by name; a name that ends with `*` is a prefix.
    """
    source = environment.snapshot() if environ is None else environ
    names = set(also)
    prefixes = (*_CHILD_PREFIXES, *(name[:-1] for name in names if name.endswith("*")))
    windows = os.name == "nt"
    kept = {
        name: value
        for name, value in source.items()
        if (name.upper() if windows else name) in CHILD_VARIABLES
        or name in names
        or name in _LOWER
        or name.startswith(prefixes)
    }
    path = next((name for name in kept if name.upper() == "PATH"), None)
    if path is not None:
        kept[path] = absolute_path(kept[path])
    return kept


def absolute_path(path: str) -> str:
    """A `PATH` without the entries that depend on the working directory."""
    entries = _absolute(path) or _absolute(os.defpath)
    return os.pathsep.join(entries)


def program(words: Sequence[str], environ: Mapping[str, str], folder: Path | None = None) -> list[str]:
    """A command line whose program is never looked up in the working directory.

    Args:
        words: The program and its arguments.
        environ: The environment of the child process.
        folder: The folder from which a relative path to the program (`./run`) starts; None: the working directory.
    """
    name, *arguments = words
    if Path(name).name != name:
        return [str((folder or Path.cwd()) / name), *arguments]
    if os.name == "nt":  # where a bare name is looked up in the working directory first
        places = (shutil.which(str(Path(entry, name))) for entry in _absolute(environ.get("PATH", "")))
        name = next((place for place in places if place is not None), name)
    return [name, *arguments]


def _absolute(path: str) -> list[str]:
    return [entry for entry in path.split(os.pathsep) if Path(entry).is_absolute()]
