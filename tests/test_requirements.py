"""What is locked is whole, comes from nowhere in particular, and is what is installed."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.markers import Marker

ROOT = Path(__file__).resolve().parents[1]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
COMPILED = [lock for lock in LOCKS if lock.name != "override.txt"]
HASHED = re.compile(
    r"(?P<name>[\w.-]+)==(?P<version>[\w.+!]+)(?: ; (?P<marker>[^\\]+))?(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)"
)


def entries(lock: Path) -> list[str]:
    """The requirements in a lock file, each on one line."""
    joined = re.sub(r" *\\\n *", " ", lock.read_text())
    return [line for line in joined.splitlines() if line and not line.startswith("#")]


def pinned(lock: Path, name: str) -> str:
    """The version that a lock file pins for this Python."""
    for entry in entries(lock):
        found = HASHED.fullmatch(entry)
        if found and found["name"] == name and (not found["marker"] or Marker(found["marker"]).evaluate()):
            return found["version"]
    raise AssertionError(f"{lock.name} does not hold {name}")


def installed_lock() -> Path:
    """The lock file that this environment was made from."""
    return ROOT / "requirements" / ("oldest.txt" if sys.prefix.endswith("-3.11") else "dev.txt")


def test_what_setup_installs_is_locked() -> None:
    assert {lock.name for lock in COMPILED} >= {"dev.txt", "model.txt", "oldest.txt"}


@pytest.mark.parametrize("lock", COMPILED, ids=lambda lock: lock.name)
def test_every_requirement_has_its_hashes(lock: Path) -> None:
    assert entries(lock)
    assert [entry for entry in entries(lock) if not HASHED.fullmatch(entry)] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_requirement_names_a_host(lock: Path) -> None:
    assert not re.search(r"https?:|index-url|find-links|trusted-host| @ ", lock.read_text())


@pytest.mark.parametrize("name", ["litellm", "openai", "xllamacpp", "mcp", "msgspec", "aiohttp"])
def test_what_is_installed_is_what_is_locked(name: str) -> None:
    assert version(name) == pinned(installed_lock(), name)


def test_the_compromised_and_the_withdrawn_litellm_are_not_locked() -> None:
    locked = [entry for lock in COMPILED for entry in entries(lock) if entry.startswith("litellm==")]
    assert len(locked) >= 2
    assert not [entry for entry in locked if re.match(r"litellm==1\.(82\.[78]|107\.)", entry)]


@pytest.mark.parametrize("script", ["setup", "test", "lint", "lock"])
def test_the_scripts_are_posix_shell(script: str) -> None:
    subprocess.run(["sh", "-n", str(ROOT / "scripts" / script)], check=True)


class TestSetup:
    """`scripts/setup`, as far as it goes without installing anything."""

    @staticmethod
    def run(tmp_path: Path, **environ: str) -> subprocess.CompletedProcess[str]:
        copy = tmp_path / "clone"
        for file in (
            "scripts/setup",
            "scripts/setup.py",
            "requirements/dev.txt",
            "requirements/model.txt",
            "pyproject.toml",
        ):
            target = copy / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / file).read_bytes())
        return subprocess.run(
            ["/bin/sh", str(copy / "scripts" / "setup")], env=environ, capture_output=True, text=True, check=False
        )

    @staticmethod
    def tools(tmp_path: Path) -> str:
        """A PATH with the shell's tools and no Python."""
        folder = tmp_path / "bin"
        folder.mkdir()
        for tool in ("dirname", "grep", "sort", "head", "cut"):
            found = next(place / tool for place in (Path("/usr/bin"), Path("/bin")) if (place / tool).exists())
            (folder / tool).symlink_to(found)
        return str(folder)

    def test_without_a_python_it_says_what_to_install(self, tmp_path: Path) -> None:
        done = self.run(tmp_path, PATH=self.tools(tmp_path), HOME=str(tmp_path))
        assert done.returncode == 1
        assert "no Python 3.11 or later" in done.stderr
        assert len(done.stderr.splitlines()) == 1

    def test_a_python_that_does_not_run_is_passed_over(self, tmp_path: Path) -> None:
        path = self.tools(tmp_path)
        shim = Path(path) / "python3.13"
        shim.write_text("#!/bin/sh\necho 'version 3.13 is not installed' >&2\nexit 127\n")
        shim.chmod(0o755)
        done = self.run(tmp_path, PATH=path, HOME=str(tmp_path))
        assert "no Python 3.11 or later" in done.stderr

    def test_an_unreachable_index_is_told_in_one_line_and_leaves_nothing_that_looks_done(self, tmp_path: Path) -> None:
        done = self.run(
            tmp_path,
            PATH=self.tools(tmp_path),
            HOME=str(tmp_path),
            PYTHON=sys.executable,
            PIP_CONFIG_FILE="/dev/null",
            PIP_INDEX_URL="http://127.0.0.1:9/simple",
            PIP_RETRIES="0",
            PIP_NO_CACHE_DIR="1",
        )
        assert done.returncode == 1
        last = done.stderr.splitlines()[-1]
        assert "cannot be reached" in last
        assert not (tmp_path / "clone" / ".venv" / ".packages").exists()
