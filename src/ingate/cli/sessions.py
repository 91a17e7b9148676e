"""`ingate sessions`: lists, shows, resumes and deletes saved conversations."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from ingate.errors import IngateError

EXAMPLES = """\b
Examples:
  ingate sessions                    list all, the most recent first
  ingate sessions show 3f2a          print one as Markdown; the end of its id is enough
  ingate sessions resume 3f2a
  ingate sessions delete 3f2a"""


@click.group(invoke_without_command=True, epilog=EXAMPLES)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List, show, resume or delete saved conversations."""
    if ctx.invoked_subcommand is None:
        _list()


@command.command("list")
def list_() -> None:
    """List all conversations, the most recently used first."""
    _list()


@command.command()
@click.argument("id_", metavar="ID")
def show(id_: str) -> None:
    """Print one as Markdown."""
    from ingate.chat import store
    from ingate.chat.summary import to_markdown
    from ingate.cli.console import show_answer

    show_answer(to_markdown(store.load(store.find(id_))), nl=False)


@command.command()
@click.argument("id_", metavar="ID")
@click.option("-m", "--model", metavar="SPEC", help="Switch to another model.")
@click.pass_obj
def resume(config: str | None, id_: str, model: str | None) -> int:
    """Continue a conversation."""
    from ingate.chat import store
    from ingate.cli.go import run

    return run(config, store.Log.reopen(store.find(id_)), model=model)


@command.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
def delete(ids: tuple[str, ...]) -> None:
    """Delete conversations. This cannot be undone."""
    from ingate.chat import store

    for path in [store.find(one) for one in ids]:
        path.unlink(missing_ok=True)
        click.echo(f"Deleted {path.stem}.")


def _list() -> None:
    from ingate.chat import store
    from ingate.cli.console import table

    rows = [row for path in store.paths() if (row := _row(path)) is not None]
    for line in table(rows) if rows else ():
        click.echo(line)
    if not rows:
        click.echo("No saved conversations yet. Start one: ingate go", err=True)


def _set_aside(path: Path, error: IngateError) -> None:
    """Move a file that is not a conversation out of the way, and say so; one that cannot be read is only named."""
    from ingate.chat import store
    from ingate.picker.cells import clean

    moved = None
    try:
        if os.access(path, os.R_OK):
            moved = store.quarantine(path)
    except OSError as problem:
        error.add_note(f"it could not be moved: {problem.strerror or problem}")
    note = f"; it is now {moved}" if moved is not None else ""
    click.echo(clean(f"note: {error}{note}"), err=True)


def _row(path: Path) -> tuple[str, ...] | None:
    from ingate.chat import store
    from ingate.chat.summary import counted
    from ingate.errors import IngateError
    from ingate.picker.cells import clean

    try:
        session = store.load(path)
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(path.stat().st_mtime))
    except IngateError as error:
        _set_aside(path, error)
        return None
    except OSError:
        return None
    messages = counted(len(session.entries), "message")
    return path.stem, when, messages, session.model, click.style(clean(session.title)[:60], dim=True)
