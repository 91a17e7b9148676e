"""`ingate init`: writes a commented configuration to start from."""

from __future__ import annotations

from pathlib import Path

import click

EXAMPLES = """\b
Examples:
  ingate init                     writes ./ingate.yaml
  ingate init --user              writes the configuration for all your projects"""


@click.command(epilog=EXAMPLES)
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--user", is_flag=True, help="Write it to your own configuration folder.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def command(path: Path | None, user: bool, force: bool) -> None:
    """Write a starter ingate.yaml in which every setting is explained and commented out."""
    from ingate.config import write_starter
    from ingate.paths import config_dir

    written = write_starter(path or (config_dir() if user else Path()) / "ingate.yaml", force=force)
    click.echo(f"Wrote {written}. Put keys into {written.with_name('ingate.secrets.yaml')} or the environment.")
    click.echo("Next: ingate doctor")
