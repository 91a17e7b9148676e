"""A part of `make kill`: nothing that a chat has shown is missing after SIGKILL, also while the disk is full."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the rounds are forked")
def test_nothing_that_was_shown_is_missing_after_sigkill() -> None:
    command = [sys.executable, "-W", "ignore", "-m", "chaos.kill", "--rounds", "8"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=100, env={**os.environ, "PYTHONPATH": str(TESTS)}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "killed 8 times" in done.stdout
