"""What commands print with: colour on a terminal only, errors on standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ingate.errors import IngateError

_NARROW = str.maketrans("✓○✗·…–", "vox...")
MARKS = {"ready": ("✓", "green"), "attention": ("○", "yellow"), "missing": ("✗", "red")}


def mark(state: str) -> str:
    """The coloured mark of a credential state."""
    sign, colour = MARKS[state]
    return click.style(sign, fg=colour)


def show_error(error: IngateError) -> None:
    """Tell an error on standard error: what happened, what the provider said, what to do next."""
    from ingate.errors import MissingCredentialsError

    lines = [f"{click.style('error:', fg='red', bold=True)} {error}"]
    if error.provider_message and error.provider_message not in str(error):
        lines.append(f"  it said: {error.provider_message}")
    if error.credential_source and error.credential_source not in str(error):
        lines.append(f"  the key: {error.credential_source}")
    lines += [f"  {note}" for note in getattr(error, "near_misses", ())]
    lines += [f"  tried before: {note}" for note in getattr(error, "__notes__", ())]
    if error.fix:
        lines.append(f"  {click.style('fix:', bold=True)} {error.fix}")
    if isinstance(error, MissingCredentialsError) and error.docs_url:
        lines.append(f"  docs: {error.docs_url}")
    click.echo("\n".join(lines), err=True)


def on_terminal() -> bool:
    """Whether standard output is a terminal; false where it is closed."""
    return sys.stdout is not None and not sys.stdout.closed and sys.stdout.isatty()


def show_answer(text: str, *, nl: bool = True) -> None:
    """Print what a model wrote: to a terminal without what it would act on, to anything else as it is."""
    from ingate.chat.control_chars import escape_control_chars

    click.echo(escape_control_chars(text) if on_terminal() else text, nl=nl)


def show_json(value: Any) -> None:
    """Print any value of ours as indented JSON."""
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def table(rows: list[tuple[str, ...]], *, right: frozenset[int] = frozenset()) -> list[str]:
    """Lines with the cells of each column set one below the other, by their width on a terminal."""

    def width(cell: str) -> int:
        plain = click.unstyle(cell)
        if plain.translate(_NARROW).isascii():
            return len(plain)
        from wcwidth import wcswidth  # 20 ms, for the few names that need it

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
