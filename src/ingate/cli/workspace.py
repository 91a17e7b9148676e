"""The gateway of a command, and the question whether to trust the folder it is run in.

A command that makes calls asks on a terminal, before anything of an untrusted file is used. Without a terminal, and for
commands that only show something, one line on standard error says what is left out.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingate.config import Config
    from ingate.config.restrict import Skipped
    from ingate.config.trust import Folder
    from ingate.gateway import Gateway

_ROUNDS: Final = 3
_SHOWN: Final = 12
_WIDTH: Final = 160


def open_gateway(config: str | None, *, ask: bool = True, **options: Any) -> Gateway:
    """A gateway with the configuration of a command.

    Args:
        config: The value of `--config`.
        ask: Whether the command makes calls, and may therefore ask about a folder that is not trusted.
        **options: Passed to `Gateway`.

    Raises:
        ConfigError: The configuration is wrong.
    """
    from ingate.gateway import Gateway

    return Gateway(open_config(config, ask=ask), **options)


def open_config(config: str | None, *, ask: bool = True) -> Config:
    """The configuration of a command; see `open_gateway`."""
    from ingate import environment
    from ingate.config import load
    from ingate.config.notice import notice, was_shown

    environ = environment.snapshot()
    loaded = load(config, environ=environ)
    for _ in range(_ROUNDS if ask and can_ask() else 0):
        folders = [folder.path for folder in loaded.folders if folder.state == "untrusted" and _matters(folder, loaded)]
        if not folders:
            return loaded
        review = load(config, environ=environ, review=True)
        ask_about([one for one in review.folders if one.path in folders], review.skipped)
        loaded = load(config, environ=environ)
    if line := notice(loaded):
        click.echo(f"note: {line}", err=True)
        was_shown(loaded)
    return loaded


def can_ask() -> bool:
    """Whether a question reaches a user: standard input and standard error are a terminal."""
    return all(stream is not None and not stream.closed and stream.isatty() for stream in (sys.stdin, sys.stderr))


def require_default(config: Config) -> None:
    """Refuse to choose another model than the default model of a file that is not trusted.

    Raises:
        ConfigError: The default model was left out.
    """
    from ingate.gateway.trust import untrusted_default

    if (problem := untrusted_default(config)) is not None:
        raise problem


def describe(folder: Folder, skipped: tuple[Skipped, ...], *, limit: int | None = None) -> Iterator[str]:
    """What a folder's files would be allowed to do, as lines: programs first.

    Args:
        folder: The folder, from a configuration loaded for review.
        skipped: That configuration's `skipped`.
        limit: The most settings to list; None: all.
    """
    from ingate.config.notice import printable
    from ingate.config.trees import ENV_FILE, FAST_AGENT_FOLDER

    for name in folder.files:
        notes = [
            *(["changed since it was trusted"] if name in folder.changed else []),
            *(["owned by another user"] if name in folder.foreign else []),
            *(["other users can write it"] if name in folder.shared else []),
        ]
        yield f"  {name} ({', '.join(notes)})" if notes else f"  {name}"
    inside = sorted((one for one in skipped if one.folder == folder.path), key=lambda one: not one.runs)
    for one in inside[:limit]:
        name, value = printable(one.name), printable(one.shown)
        if limit is not None:
            value = _short(value)
        colour = "red" if one.runs else None
        yield f"    {printable(str(one.where))}  {click.style(name, bold=True, fg=colour)}: {value}"
        yield click.style(f"      {one.risk}", dim=True)
    if limit is not None and len(inside) > limit:
        yield f"    and {len(inside) - limit} more: `ingate trust` lists them all"
    if FAST_AGENT_FOLDER in folder.files:
        yield f"    {FAST_AGENT_FOLDER}: agents, tools, plugins and sessions that fast-agent loads, if it is started here"
    if ENV_FILE in folder.files:
        yield f"    {ENV_FILE}: addresses, keys and programs that fast-agent takes from it, if it is started here"
    if not inside and not {FAST_AGENT_FOLDER, ENV_FILE} & folder.files.keys():
        yield "    nothing that ingate itself needs trust for; fast-agent, if it is started here, reads all of its own files"


def _matters(folder: Folder, config: Config) -> bool:
    return bool(folder.foreign) or any(one.folder == folder.path for one in config.skipped)


def ask_about(folders: Sequence[Folder], skipped: tuple[Skipped, ...] = ()) -> None:
    """Ask about each folder, and keep the answer.

    Args:
        folders: The folders, with the files that would be trusted.
        skipped: What is left out of them, from a configuration loaded for review.
    """
    from ingate.config import trust
    from ingate.config.notice import printable
    from ingate.config.trees import with_fast_agent_files

    for folder in map(with_fast_agent_files, folders):
        click.echo(
            f"The configuration in {printable(folder.path)} is not trusted yet. It would be allowed to do this:",
            err=True,
        )
        for line in describe(folder, skipped, limit=_SHOWN):
            click.echo(line, err=True)
        answer = click.prompt(
            "Trust it? (y)es, (n)o: leave this out now, ne(v)er: do not ask again",
            type=click.Choice(["y", "n", "v"], case_sensitive=False),
            default="n",
            show_choices=False,
            err=True,
        )
        if answer == "y":
            trust.remember(folder.path, folder.files)
        elif answer == "v":
            trust.remember(folder.path, {}, "refused")
        else:
            trust.decline(folder.path)


def _short(value: str) -> str:
    """A long value with its middle left out: what matters may be at its end."""
    value = " ".join(value.split())
    if len(value) <= _WIDTH:
        return value
    half = _WIDTH // 2
    return f"{value[:half]} … {len(value) - 2 * half} characters … {value[-half:]}"
