"""What commands share: standard input, output and error, and the option `--lane`.

Only terminals get colours. Errors go to standard error.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from ingate.errors import IngateError

_NARROW: Final = str.maketrans("✓○✗·…–", "vox...")
MARKS: Final = {"ready": ("✓", "green"), "attention": ("○", "yellow"), "missing": ("✗", "red")}
_PLAIN: Final = {"✓": "v", "○": "o", "✗": "x", "·": "-", "…": "...", "–": "-", "—": "-", "→": "->", "▶": ">"}

lane_option = click.option(
    "--lane",
    type=click.Choice(["litellm", "native"]),
    help="Call through embedded litellm, or in the provider's own format. Default: the shorter lane.",
)


def mark(state: str) -> str:
    """The coloured mark of a readiness state."""
    sign, colour = MARKS[state]
    return click.style(sign, fg=colour)


def show_error(error: IngateError) -> None:
    """Print an error on standard error: what happened, the provider's message, and what to do next."""
    from ingate.chat.terminal import escape_control_chars
    from ingate.errors import MissingCredentialsError

    lines = [f"error: {error}"]
    if error.provider_message and error.provider_message not in str(error):
        lines.append(f"  the provider's message: {error.provider_message}")
    if error.credential_source and error.credential_source not in str(error):
        lines.append(f"  the key: {error.credential_source}")
    lines += [f"  {note}" for note in getattr(error, "near_misses", ())]
    lines += [f"  tried before: {note}" for note in getattr(error, "__notes__", ())]
    if error.fix:
        lines.append(f"  fix: {error.fix}")
    if isinstance(error, MissingCredentialsError) and error.docs_url:
        lines.append(f"  docs: {error.docs_url}")
    # Names in it may come from a file that somebody else wrote, and a message from a server.
    text = escape_control_chars("\n".join(lines)).removeprefix("error:")
    text = text.replace("\n  fix:", f"\n  {click.style('fix:', bold=True)}", 1)
    click.echo(f"{click.style('error:', fg='red', bold=True)}{text}", err=True)


def on_terminal() -> bool:
    """Whether standard output is a terminal; False if it is closed."""
    return sys.stdout is not None and not sys.stdout.closed and sys.stdout.isatty()


def show_answer(text: str, *, nl: bool = True) -> None:
    """Print a model's text: unchanged, but with control characters escaped on a terminal."""
    from ingate.chat.terminal import escape_control_chars

    # `color=True`: click would remove what looks like a style from a pipe.
    click.echo(escape_control_chars(text) if on_terminal() else text, nl=nl, color=True)


def show_json(value: Any) -> None:
    """Print a value that msgspec can encode as indented JSON."""
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def table(rows: list[tuple[str, ...]], *, right: frozenset[int] = frozenset()) -> list[str]:
    """Rows as lines with aligned columns, by the width of their cells on a terminal.

    Args:
        rows: Rows of the same length; at least one.
        right: The indexes of the columns to align right.
    """

    def width(cell: str) -> int:
        plain = click.unstyle(cell)
        if plain.translate(_NARROW).isascii():
            return len(plain)
        from wcwidth import wcswidth  # takes 20 ms to import, and few names need it

        return max(wcswidth(plain), 0)

    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for place, cell in enumerate(row):
            gap = " " * (widths[place] - width(cell))
            cells.append(gap + cell if place in right else cell + gap)
        lines.append("  ".join(cells).rstrip())
    return lines


def piped_text() -> str:
    """Standard input as text if it is a pipe or a file; empty if it is a terminal or closed."""
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        return ""
    return sys.stdin.buffer.read().decode(errors="replace").strip()


def any_encoding() -> None:
    """Print characters that the output's encoding lacks as similar ones: `v` for `✓`, otherwise `?`."""
    codecs.register_error("ingate-plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="ingate-plain")


def settle_output() -> None:
    """Flush standard output. If that fails, discard the rest, so that the flush at exit does not fail again."""
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
