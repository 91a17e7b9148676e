"""Standard output and error that take what is printed, whatever their encoding, and that may go away."""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import Final

_PLAIN: Final = {"✓": "v", "○": "o", "✗": "x", "·": "-", "…": "...", "–": "-", "—": "-", "→": "->", "▶": ">"}


def any_encoding() -> None:
    """Let a sign that the terminal's or pipe's encoding lacks be printed as a near one: `v` for `✓`, else `?`."""
    codecs.register_error("ingate-plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="ingate-plain")


def settle_output() -> None:
    """Write what is still unwritten; where that fails, send it nowhere, or the flush at exit would fail once more."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(sign, "?") for sign in error.object[error.start : error.end]), error.end
