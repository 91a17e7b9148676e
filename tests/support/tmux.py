"""A real terminal to drive key by key: one tmux server of its own each."""

from __future__ import annotations

import subprocess
import time
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WAIT_S = 40.0


class Tmux:
    """One terminal.

    Args:
        home: The home folder of what runs in it.
        columns, rows: Its size.
        variables: More environment variables.
    """

    def __init__(self, home: Path, *, columns: int = 100, rows: int = 30, **variables: str) -> None:
        self.socket = f"ingate-{uuid.uuid4().hex[:8]}"
        given = {"HOME": str(home), "PATH": "/usr/bin:/bin", "TERM": "screen-256color", "PS1": "$ ", "LANG": "C.UTF-8"}
        told = [f"{name}={value}" for name, value in {**given, **variables}.items()]
        self(
            *("new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", str(home)),
            *("env", "-i", *told, "bash", "--norc", "--noprofile"),
        )
        self("set-option", "-g", "history-limit", "5000")

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self.socket, "-f", "/dev/null", *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout

    def keys(self, *keys: str) -> None:
        """Press keys by tmux's names."""
        self("send-keys", *keys)

    def type(self, text: str) -> None:
        """Type text and press Enter."""
        self("send-keys", "-l", text)
        self("send-keys", "Enter")

    def screen(self, *, all: bool = False) -> str:
        """What is seen; with `all`, also what has scrolled away."""
        return self("capture-pane", "-p", *(("-S", "-") if all else ()))

    def until(self, seen: str | Callable[[str], bool], *, all: bool = True) -> str:
        """Wait for the screen to show it; returns the screen."""
        limit = time.monotonic() + WAIT_S
        shows = seen if callable(seen) else lambda screen: seen in screen
        while not shows(screen := self.screen(all=all)):
            assert time.monotonic() < limit, f"did not appear: {seen!r}:\n{screen}"
            time.sleep(0.05)
        return screen

    def pid(self) -> int:
        """The process id of the shell."""
        return int(self("display-message", "-p", "#{pane_pid}"))

    def close(self) -> None:
        """End the server and all that runs in it."""
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], capture_output=True, check=False)
