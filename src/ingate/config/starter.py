"""The commented file that `ingate init` writes."""

from __future__ import annotations

import os
from pathlib import Path

from ingate import paths
from ingate.config.find import FILE_NAME
from ingate.errors import ConfigError


def write_starter(path: str | Path, *, force: bool = False) -> Path:
    """Write the starter file to `path`, or into it where it is a folder, readable by its owner alone.

    Every setting in it is commented out: as it is written, it changes nothing.

    Returns:
        The file that was written.

    Raises:
        ConfigError: The file is there already and `force` is false, or it cannot be written.
    """
    target = Path(path).expanduser()
    if target.is_dir():
        target /= FILE_NAME
    if os.path.lexists(target) and not force:
        raise ConfigError("the file is there already", file=str(target), fix="`ingate init --force` replaces it")
    text = (Path(__file__).parent.parent / "data" / "starter.yaml").read_bytes()
    try:
        paths.write_private(target, text)
    except OSError as problem:
        reason = os.strerror(problem.errno) if problem.errno else "unknown reason"
        raise ConfigError(f"the file cannot be written ({reason})", file=str(target)) from None
    return target
