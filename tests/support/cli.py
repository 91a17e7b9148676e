"""A command in this process, as the console script runs it."""

from __future__ import annotations

import io
import sys
from typing import NamedTuple

from ingate.cli.main import run as run_command


class Done(NamedTuple):
    """What a command left: its exit code, and what it wrote."""

    code: int
    out: str
    err: str


class Stream(io.TextIOWrapper):
    """Standard input or output in memory, which may claim to be a terminal."""

    def __init__(self, text: str = "", *, terminal: bool = False, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(text.encode()), encoding=encoding, write_through=True)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    @property
    def written(self) -> str:
        """What was written so far."""
        return self.buffer.getvalue().decode(self.encoding)  # ty: ignore[unresolved-attribute]


def run(*arguments: str, stdin: str = "", terminal: bool = False, code: int | None = 0) -> Done:
    """Run `ingate` with arguments.

    Args:
        arguments: The command line.
        stdin: Standard input: piped, or typed if `terminal`.
        terminal: Whether input, output and errors are a terminal.
        code: The exit code to expect, None for any.
    """
    before = sys.stdin, sys.stdout, sys.stderr
    given, out, err = (Stream(text, terminal=terminal) for text in (stdin, "", ""))
    sys.stdin, sys.stdout, sys.stderr = given, out, err
    try:
        found = run_command(list(arguments))
        done = Done(found, out.written, err.written)
    finally:
        sys.stdin, sys.stdout, sys.stderr = before
    assert code is None or done.code == code, done
    return done
