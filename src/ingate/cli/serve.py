"""`ingate serve`: serves the gateway to any OpenAI or Anthropic client over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ingate.serve.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingate.secret import Secret

_MB: Final = 1024 * 1024
_LIMITS: Final = Limits()
_FORCE_AFTER_S: Final = 10

EXAMPLES = """\b
Examples:
  ingate serve
  ingate serve --port 8080 --cors https://app.example
  ingate serve --host 0.0.0.0                    for other machines too, with a key that is created at the first start
  curl http://127.0.0.1:4100/v1/models
  OPENAI_BASE_URL=http://127.0.0.1:4100/v1 OPENAI_API_KEY=none python my_program.py
  ANTHROPIC_BASE_URL=http://127.0.0.1:4100 ANTHROPIC_API_KEY=none my-agent --model local/smollm2"""


def _limit(option: str, default: float, text: str) -> Callable[[Any], Any]:
    kind: Any = click.FloatRange(0, min_open=True) if "timeout" in option else click.IntRange(1)
    return click.option(option, default=int(default), show_default=True, type=kind, metavar="N", help=text)


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
@click.option(
    "--cors",
    multiple=True,
    metavar="ORIGIN",
    help="Answer web pages of this origin, as the browser sends it (repeatable; '*' for all, which requires a key). "
    "All others are refused.",
)
@click.option(
    "--grace",
    default=30,
    show_default=True,
    type=click.IntRange(0),
    help="Seconds to finish running requests after Ctrl-C.",
)
@_limit("--max-requests", _LIMITS.max_requests, "Requests that run at the same time; others get 503 and Retry-After.")
@_limit("--max-connections", _LIMITS.max_connections, "Open connections; idle ones make room for new ones.")
@_limit(
    "--max-buffer",
    _LIMITS.max_buffered_bytes // _MB,
    "MB that the bodies of all running requests may use; others get 503.",
)
@_limit("--header-timeout", _LIMITS.header_timeout_s, "Seconds for a request's headers.")
@_limit("--body-timeout", _LIMITS.body_timeout_s, "Seconds for its body; one more for every 10 kB received.")
@_limit("--idle-timeout", _LIMITS.idle_timeout_s, "Seconds to keep an idle connection open.")
@_limit("--send-timeout", _LIMITS.send_timeout_s, "Seconds to wait for a client that stops reading its response.")
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
    max_buffer: int,
    no_access_log: bool,
    no_store: bool,
    **limits: Any,
) -> None:
    """Serve all models over OpenAI's Chat Completions and Responses and Anthropic's Messages until Ctrl-C."""
    import asyncio
    import logging

    from ingate.cli.workspace import open_gateway
    from ingate.paths import state_dir
    from ingate.serve.admission import admitted
    from ingate.serve.guard import guarded
    from ingate.serve.key import default_key_file, read_or_make
    from ingate.serve.origin import read_origins
    from ingate.serve.output import Output, OutputHandler
    from ingate.serve.server import address_of, bind, is_loopback, serve

    bounds = Limits(
        max_buffered_bytes=max_buffer * _MB,
        **{f"{name}_s" if name.endswith("timeout") else name: value for name, value in limits.items()},
    )
    key: Secret | None = None
    made = False
    if key_file is None and not is_loopback(host):
        key_file = default_key_file()
    origins = read_origins(cors, has_key=key_file is not None)
    if key_file is not None:
        key, made = read_or_make(key_file)
    gateway = open_gateway(config, store=False if no_store else state_dir() / "responses.sqlite3")
    bound = bind(host, port)
    output = Output()
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", handlers=[OutputHandler(output)]
    )
    logging.getLogger("ingate.access").setLevel(logging.WARNING if no_access_log else logging.INFO)
    address = address_of(bound)

    def ready() -> None:
        output.say(f"ingate serves on {address}/v1 (Ctrl-C stops it)")
        for line in _how(address, key_file, made=made):
            output.say(f"  {line}")

    def stopping(running: int, cut: bool) -> None:
        requests = "1 request" if running == 1 else f"{running} requests"
        if cut:
            output.say(f"stopping now; {requests} cut", err=True)
        else:
            rest = f"; finishing {requests} within {grace} s (Ctrl-C again stops at once)" if running else ""
            output.say(f"stopping{rest}", err=True)

    app = guarded(admitted(gateway.asgi, bounds), key=key, cors=origins)
    try:
        asyncio.run(
            serve(
                app,
                bound,
                limits=bounds,
                grace_s=grace,
                ready=ready,
                stopping=stopping,
                signalled=lambda number: _end_by_force(grace if number == 1 else 0),
            )
        )
    finally:
        output.close()


def _end_by_force(grace_s: int) -> None:
    """End the process if a signal has not ended it in time: a thread or the event loop may be stuck."""
    import os
    import threading

    timer = threading.Timer(grace_s + _FORCE_AFTER_S, os._exit, [1])
    timer.daemon = True
    timer.start()


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
