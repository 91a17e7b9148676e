"""`ingate trust`: shows what a project's configuration may do, and trusts it."""

from __future__ import annotations

import os
from pathlib import Path

import click

EXAMPLES = """\b
Examples:
  ingate trust                    show what the files found from here may do, and ask
  ingate trust ../project --yes   trust a folder without asking
  ingate trust --never            use only its harmless settings, and do not ask again
  ingate trust --list             list the folders that were decided about
  ingate trust --revoke           forget the decision about this folder

\b
Trust is by path and content: after a change the files are asked about again. Until then only models and generation
parameters are read from them: no address, key, header, variable, command or MCP server. INGATE_TRUST_WORKSPACE=1 trusts
every folder, for CI and containers; 0 trusts none and asks nothing."""


@click.command(epilog=EXAMPLES)
@click.argument("path", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("-y", "--yes", is_flag=True, help="Trust without asking.")
@click.option("--never", is_flag=True, help="Do not trust it, and do not ask again, whatever it contains.")
@click.option("--list", "list_", is_flag=True, help="List the folders that were decided about.")
@click.option("--revoke", is_flag=True, help="Forget the decision.")
@click.pass_obj
def command(config: str | None, path: Path | None, yes: bool, never: bool, list_: bool, revoke: bool) -> int:
    """Show what a project's configuration may do, and trust it.

    PATH is a folder or a file in it. By default all files are meant that ingate finds from the working directory.
    """
    if yes + never + list_ + revoke > 1:
        raise click.UsageError("--yes, --never, --list and --revoke exclude each other.")
    if list_:
        return _list()
    if revoke:
        return _revoke(path)
    return _decide(config, path, yes=yes, never=never)


def _decide(config: str | None, path: Path | None, *, yes: bool, never: bool) -> int:
    from ingate import environment
    from ingate.cli.workspace import can_ask, describe
    from ingate.config import load, trust
    from ingate.config.notice import printable
    from ingate.config.trees import has_fast_agent_files, with_fast_agent_files

    folder = _folder(path)
    environ = environment.snapshot()
    found = load(config, environ=environ, cwd=Path(folder), review=True)
    folders = [with_fast_agent_files(one, sessions=True) for one in found.folders if path is None or one.path == folder]
    if folder not in {one.path for one in folders} and has_fast_agent_files(folder, sessions=True):
        folders.append(with_fast_agent_files(trust.Folder(folder, "untrusted", {}), sessions=True))
    if not folders:
        click.echo("There is no configuration here that needs trust.", err=True)
        return 0
    undecided = 0
    for one in folders:
        state, _ = trust.state_of(one.path, one.files, environ)
        click.echo(f"{printable(one.path)}: {_STATES[state]}")
        for line in describe(one, found.skipped):
            click.echo(line)
        if never:
            trust.remember(one.path, {}, "refused")
            click.echo("It is not trusted, and nothing will ask again.")
        elif yes or (state != "trusted" and can_ask() and click.confirm("Trust it?", err=True)):
            trust.remember(one.path, one.files)
            click.echo("It is trusted now, until one of these files changes.")
        elif state != "trusted":
            undecided += 1
    if undecided and not can_ask():
        click.echo("Nothing was decided: `ingate trust --yes` trusts it without asking.", err=True)
    return 1 if undecided else 0


_STATES = {"trusted": "trusted", "untrusted": "not trusted", "refused": "not trusted, and not asked about"}


def _list() -> int:
    from ingate.config import trust
    from ingate.config.notice import printable

    decisions = trust.decisions()
    for one in decisions:
        changed = [name for name, known in one.files.items() if _digest(Path(one.folder, name)) != known]
        note = f" (changed since: {', '.join(changed)})" if changed else ""
        click.echo(f"{_STATES[one.state]}  {printable(one.folder)}  {one.date}{printable(note)}")
    if not decisions:
        click.echo("No folder was decided about yet.", err=True)
    return 0


def _digest(file: Path) -> str:
    from ingate.config import Layer
    from ingate.config.content import read
    from ingate.config.trees import ENV_FILE, FAST_AGENT_FOLDER, digest
    from ingate.errors import ConfigError

    if file.name in {FAST_AGENT_FOLDER, ENV_FILE}:
        return digest(file)
    try:
        return read(Layer(str(file), "project")).digest()
    except ConfigError:
        return ""


def _revoke(path: Path | None) -> int:
    from ingate.config import trust
    from ingate.config.notice import printable

    here = Path(_folder(path))
    for folder in (here, *(here.parents if path is None else ())):
        if trust.forget(str(folder)):
            click.echo(f"Forgotten: {printable(str(folder))}")
            return 0
    click.echo("There was no decision about it.", err=True)
    return 0


def _folder(path: Path | None) -> str:
    """The folder that is meant, with symbolic links resolved."""
    if path is None:
        return os.path.realpath(Path.cwd())
    return os.path.realpath(path if path.is_dir() else path.parent)
