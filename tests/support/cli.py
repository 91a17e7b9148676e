"""A command in this process, as the console script runs it."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, NamedTuple

from ingate.cli.main import run as run_command

if TYPE_CHECKING:
    from collections.abc import Callable


class Done(NamedTuple):
    """What a command left: its exit code, and what it wrote."""

    code: int
    out: str
    err: str


class Stream(io.TextIOWrapper):
    """Standard input or output in memory, which may claim to be a terminal."""

    def __init__(
        self,
        text: str = "",
        *,
        terminal: bool = False,
        encoding: str = "utf-8",
        wrote: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(io.BytesIO(text.encode()), encoding=encoding, write_through=True)
        self._terminal = terminal
        self._wrote = wrote

    def write(self, text: str) -> int:
        count = super().write(text)
        if self._wrote is not None:
            self._wrote(self.written)
        return count

    def isatty(self) -> bool:
        return self._terminal

    @property
    def written(self) -> str:
        """What was written so far."""
        return self.buffer.getvalue().decode(self.encoding)  # ty: ignore[unresolved-attribute]


def run(
    *arguments: str,
    stdin: str = "",
    terminal: bool = False,
    errors_elsewhere: bool = False,
    code: int | None = 0,
    wrote: Callable[[str], None] | None = None,
) -> Done:
    """Run `ingate` with arguments.

    Args:
        arguments: The command line.
        stdin: Standard input: piped, or typed if `terminal`.
        terminal: Whether input, output and errors are a terminal.
        errors_elsewhere: Whether standard error is not the terminal.
        code: The exit code to expect, None for any.
        wrote: Called with all of standard output whenever something is written to it.
    """
    before = sys.stdin, sys.stdout, sys.stderr
    given, out = Stream(stdin, terminal=terminal), Stream(terminal=terminal, wrote=wrote)
    err = Stream(terminal=terminal and not errors_elsewhere)
    sys.stdin, sys.stdout, sys.stderr = given, out, err
    try:
        found = run_command(list(arguments))
        done = Done(found, out.written, err.written)
    finally:
        sys.stdin, sys.stdout, sys.stderr = before
    assert code is None or done.code == code, done
    return done
