"""Standard input, where something was piped in."""

from __future__ import annotations

import sys


def piped_text() -> str:
    """All of standard input as text when it is a pipe or a file; empty on a terminal or where it is closed."""
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        return ""
    return sys.stdin.buffer.read().decode(errors="replace").strip()
