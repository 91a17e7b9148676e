"""The public API's types: `py.typed` ships, and `tests/typing/` type-checks."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TY = Path(sys.executable).with_name("ty")


def check(*paths: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TY, "check", "--error", "unused-ignore-comment", "--output-format", "concise", *paths],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


@pytest.mark.skipif(not TY.exists(), reason="ty is not installed in this environment")
def test_the_public_api_type_checks() -> None:
    """Its ignores are expected errors: one that is not needed fails too."""
    done = check(ROOT / "tests" / "typing")
    assert done.returncode == 0, done.stdout
    assert "All checks passed" in done.stdout + done.stderr


def test_the_wheel_says_that_it_is_typed(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"ingate/py.typed", "ingate/client/sdk.py"} <= names
    assert not [name for name in names if not name.startswith(("ingate/", "ingate-"))]
