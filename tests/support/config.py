"""Short ways to write configuration files in tests."""

from __future__ import annotations

import os
from textwrap import dedent
from typing import TYPE_CHECKING

from ingate.config import Config, load, trust

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    """Write `text`, freed of its indentation; the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")
    path.chmod(mode)
    return path


def load_here(folder: Path, **environ: str) -> Config:
    """Discovery from `folder`, whose files are trusted, with `environ` as all the environment but HOME."""
    return load(environ={"HOME": os.environ["HOME"], "INGATE_TRUST_WORKSPACE": "1", **environ}, cwd=folder)


def trust_here(folder: Path | None = None) -> None:
    """Trust the configuration files found from `folder` as they are now, as `ingate trust --yes` does."""
    for found in load(environ={"HOME": os.environ["HOME"]}, cwd=folder, review=True).folders:
        trust.remember(found.path, found.files)


def load_text(folder: Path, text: str, **environ: str) -> Config:
    """The configuration in `text` alone, as a file."""
    return load(write(folder / "ingate.yaml", text), environ=environ, cwd=folder)
