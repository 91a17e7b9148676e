"""Private files: complete or not there, and readable by their owner only."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from ingate import paths
from ingate.errors import MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_a_private_file_is_its_owners(tmp_path: Path) -> None:
    target = tmp_path / "new" / "er" / "file"
    paths.write_private(target, b"one")
    paths.write_private(target, b"two")
    assert target.read_bytes() == b"two"
    assert target.stat().st_mode & 0o777 == 0o600
    assert target.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError):  # noqa: PT011 - the system's own error
        paths.write_private(tmp_path / "taken", b"text")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
    assert list((tmp_path / "taken").iterdir()) == []


def test_a_missing_package_without_an_extra_names_none() -> None:
    assert MissingExtraError("x is not installed", fix="pip install x").extra == ""
    assert MissingExtraError("x is not installed", extra="mcp").extra == "mcp"


@pytest.mark.skipif(sys.platform != "linux", reason="the XDG folders are Linux's")
def test_a_users_files_are_in_the_folders_of_the_platform(
    clean_environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = clean_environment
    assert (paths.config_dir(), paths.cache_dir(), paths.state_dir()) == (
        home / ".config" / "ingate",
        home / ".cache" / "ingate",
        home / ".local" / "state" / "ingate",
    )
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert paths.state_dir() == tmp_path / "ingate"
    assert not any(home.iterdir())
