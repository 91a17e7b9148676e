"""`ingate serve`: serves the gateway to any OpenAI or Anthropic client over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ingate.secret import Secret

EXAMPLES = """\b
Examples:
  ingate serve
  ingate serve --port 8080 --cors https://app.example
  ingate serve --host 0.0.0.0                    for other machines too, with a key that is created at the first start
  curl http://127.0.0.1:4100/v1/models
  OPENAI_BASE_URL=http://127.0.0.1:4100/v1 OPENAI_API_KEY=none python my_program.py
  ANTHROPIC_BASE_URL=http://127.0.0.1:4100 ANTHROPIC_API_KEY=none my-agent --model local/smollm2"""


@click.command(epilog=EXAMPLES)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=4100, show_default=True, type=click.IntRange(0, 65535), help="0 chooses a free port.")
@click.option(
    "--key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Clients must send the key in this file, which is created, readable only by you, if it does not exist. "
    "Default: no key on loopback; otherwise a key in ingate's state folder.",
)
@click.option("--cors", multiple=True, metavar="ORIGIN", help="Allow web pages of this origin (repeatable).")
@click.option(
    "--grace",
    default=30,
    show_default=True,
    type=click.IntRange(0),
    help="Seconds to finish running requests after Ctrl-C.",
)
@click.option(
    "--no-store",
    is_flag=True,
    help="Store no responses; previous_response_id then works only if the provider stores them.",
)
@click.option("--no-access-log", is_flag=True, help="Do not log each request on standard error.")
@click.pass_obj
def command(
    config: str | None,
    host: str,
    port: int,
    key_file: Path | None,
    cors: tuple[str, ...],
    grace: int,
    no_access_log: bool,
    no_store: bool,
) -> None:
    """Serve all models over OpenAI's Chat Completions and Responses and Anthropic's Messages until Ctrl-C."""
    import asyncio
    import logging

    from ingate.cli.workspace import open_gateway
    from ingate.paths import state_dir
    from ingate.serve.guard import guarded
    from ingate.serve.key import default_key_file, read_or_make
    from ingate.serve.server import address_of, bind, is_loopback, serve

    key: Secret | None = None
    made = False
    if key_file is None and not is_loopback(host):
        key_file = default_key_file()
    if key_file is not None:
        key, made = read_or_make(key_file)
    gateway = open_gateway(config, store=False if no_store else state_dir() / "responses.sqlite3")
    bound = bind(host, port)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("ingate.access").setLevel(logging.WARNING if no_access_log else logging.INFO)
    address = address_of(bound)

    def ready() -> None:
        click.echo(f"ingate serves on {address}/v1 (Ctrl-C stops it)")
        for line in _how(address, key_file, made=made):
            click.echo(f"  {line}")

    def stopping(running: int) -> None:
        requests = "1 request" if running == 1 else f"{running} requests"
        rest = f"; finishing {requests} within {grace} s (Ctrl-C again stops at once)" if running else ""
        click.echo(f"stopping{rest}", err=True)

    app = guarded(gateway.asgi, key=key, cors=cors)
    asyncio.run(serve(app, bound, grace_s=grace, ready=ready, stopping=stopping))


def _how(address: str, key_file: Path | None, *, made: bool) -> list[str]:
    """How to call it, without showing the key."""
    if key_file is None:
        return [
            "no key is needed: only this machine can reach it",
            f"OpenAI clients:    OPENAI_BASE_URL={address}/v1 OPENAI_API_KEY=none",
            f"Anthropic clients: ANTHROPIC_BASE_URL={address} ANTHROPIC_API_KEY=none",
        ]
    return [
        f"key: {'created now, ' if made else ''}in {key_file}",
        f'OpenAI clients:    OPENAI_BASE_URL={address}/v1 OPENAI_API_KEY="$(cat {key_file})"',
        f'Anthropic clients: ANTHROPIC_BASE_URL={address} ANTHROPIC_API_KEY="$(cat {key_file})"',
    ]
