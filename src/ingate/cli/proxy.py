"""`ingate proxy`: exports, starts and checks a central LiteLLM proxy with the same configuration."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ingate.gateway import Gateway
    from ingate.proxy.check import Checked
    from ingate.proxy.export import Export

EXAMPLES = """\b
Examples:
  ingate proxy export --out deploy          write its configuration, a compose file, and the variables to fill in
  ingate proxy up                           run one on this machine until Ctrl-C
  ingate proxy list                         list the configured proxy's deployments
  ingate proxy check                        call each of its deployments once
  LITELLM_API_BASE=http://host:4000 LITELLM_API_KEY=sk-… ingate proxy check"""

_local_url = click.option(
    "--local-url",
    metavar="URL",
    help="Where `ingate serve` serves local models to the proxy; without it they are left out.",
)
_wildcards = click.option(
    "--wildcards", is_flag=True, help="Include every ready provider as a whole: groq/*, openai/*, …"
)
_model = click.option("--model", "specs", multiple=True, metavar="SPEC", help="An additional model (repeatable).")


@click.group(epilog=EXAMPLES)
def command() -> None:
    """A central LiteLLM proxy: shared keys, budgets and limits for many machines.

    Applications only change the model's name: litellm/<name> instead of <provider>/<model>.
    """


@command.command(epilog="\b\nExample:\n  ingate proxy export --out deploy --model groq/openai/gpt-oss-120b")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="The folder to write to.")
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@_local_url
@_wildcards
@_model
@click.pass_obj
def export(
    config: str | None, out: Path | None, force: bool, local_url: str | None, wildcards: bool, specs: tuple[str, ...]
) -> None:
    """Export a proxy's configuration. Without --out it is printed. It contains no key."""
    from ingate.cli.workspace import open_gateway
    from ingate.errors import ConfigError
    from ingate.proxy.export import CONFIG_FILE

    written = _export(open_gateway(config), local_url, wildcards=wildcards, specs=specs)
    if out is None:
        click.echo(written.files[CONFIG_FILE], nl=False)
    else:
        for name in written.files:
            if os.path.lexists(out / name) and not force:
                raise ConfigError(f"{out / name} exists", fix="--force overwrites it, --out chooses another folder")
        try:
            out.mkdir(parents=True, exist_ok=True)
            for name, text in written.files.items():
                (out / name).unlink(missing_ok=True)  # a link is replaced, and what it points to is not
                (out / name).write_text(text, encoding="utf-8")
                click.echo(f"wrote {out / name}")
        except OSError as error:
            raise ConfigError(
                f"cannot write to {out}: {error.strerror}", fix="choose another folder with --out"
            ) from None
        click.echo(
            f"{len(written.models.entries)} models; next: cp .env.example .env, fill it in, docker compose up -d"
        )
    for note in written.models.notes:
        click.echo(f"note: {note}", err=True)


@command.command(epilog="\b\nExample:\n  ingate proxy check --timeout 20 --json")
@click.option(
    "--timeout", "timeout_s", default=60.0, show_default=True, type=click.FloatRange(1), help="Seconds per call."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def check(config: str | None, timeout_s: float, as_json: bool) -> int:
    """Call each of its deployments once, without the proxy's own retries and fallbacks.

    Exits with 1 if one does not answer."""
    import asyncio

    from ingate.cli.workspace import open_gateway
    from ingate.proxy.check import check as checked

    async def run() -> list[Checked]:
        found: list[Checked] = []
        async with open_gateway(config) as gateway:
            async for one in checked(gateway, timeout_s=timeout_s):
                found.append(one)
                if sys.stderr.isatty():
                    click.echo(f"\r\033[K{len(found)} checked", nl=False, err=True)
        if sys.stderr.isatty():
            click.echo("\r\033[K", nl=False, err=True)
        return sorted(found, key=lambda one: one.deployment)

    found = asyncio.run(run())
    if as_json:
        from ingate.cli.console import show_json

        show_json(found)
    else:
        _show(found)
    return int(any(one.state == "missing" for one in found))


@command.command("list", epilog="\b\nExample:\n  ingate proxy list --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: the proxy's own model objects.")
@click.pass_obj
def list_(config: str | None, as_json: bool) -> None:
    """List the configured proxy's chat deployments, with limits and prices if the key may read them."""
    import asyncio

    from ingate.catalog.format import price, tokens
    from ingate.cli.console import show_json, table
    from ingate.cli.workspace import open_gateway
    from ingate.picker.data import rows_of

    async def run() -> list[dict[str, Any]]:
        async with open_gateway(config) as gateway:
            gateway.routes("litellm/any")  # the error says what to set if no proxy is configured
            return await gateway.proxy_deployments()

    models = asyncio.run(run())
    if as_json:
        show_json(models)
        return
    head = tuple(click.style(cell, bold=True) for cell in ("model", "context", "$/M in", "$/M out", "features"))
    rows = [
        (f"litellm/{row.model}", tokens(row.context_tokens), price(row.input_usd_per_mtok),
         price(row.output_usd_per_mtok), " ".join(row.caps))
        for row in rows_of("litellm_proxy", models, lambda *_: None)
    ]  # fmt: skip
    for line in table([head, *rows], right=frozenset({1, 2, 3})) if rows else []:
        click.echo(line)
    click.echo(f"{len(rows)} deployments", err=True)


@command.command(epilog="\b\nExample:\n  ingate proxy up --port 4000")
@click.option("--port", default=4000, show_default=True, type=click.IntRange(0, 65535), help="0 chooses a free port.")
@click.option(
    "--litellm",
    metavar="PATH",
    help="The litellm command to run (default: that of this environment, or of the .venv-proxy beside it).",
)
@click.option("--proxy-config", type=click.Path(dir_okay=False, exists=True, path_type=Path), metavar="FILE",
              help="Use this proxy configuration instead of the export.")  # fmt: skip
@click.option(
    "--redis", is_flag=True, help="Share limits and cooldowns through the Redis server at REDIS_HOST and REDIS_PORT."
)
@click.option(
    "--pass-env",
    multiple=True,
    metavar="NAME",
    help="A variable to pass on (repeatable). Otherwise the proxy gets those that its configuration refers to.",
)
@_local_url
@_wildcards
@_model
@click.pass_obj
def up(
    config: str | None,
    port: int,
    litellm: str | None,
    proxy_config: Path | None,
    redis: bool,
    pass_env: tuple[str, ...],
    local_url: str | None,
    wildcards: bool,
    specs: tuple[str, ...],
) -> None:
    """Run a LiteLLM proxy on this machine until Ctrl-C.

    It has no database; virtual keys and budgets need the exported compose file."""
    import asyncio

    from ingate.cli.workspace import open_gateway
    from ingate.errors import ConfigError
    from ingate.paths import state_dir, write_private
    from ingate.proxy.export import CONFIG_FILE
    from ingate.proxy.up import child_environment, find_litellm, named_variables
    from ingate.secret import Secret
    from ingate.serve.key import read_or_make
    from ingate.serve.server import bind

    command = find_litellm(litellm)
    gateway = open_gateway(config)
    environ = gateway.config.environ
    folder = state_dir() / "proxy"
    keys: dict[str, Secret] = {}
    models = 0
    exported = proxy_config is None
    if proxy_config is None:
        written = _export(gateway, local_url, wildcards=wildcards, specs=specs)
        for note in written.models.notes:
            click.echo(f"note: {note}", err=True)
        keys = written.models.values(environ)
        models = len(written.models.entries)
        proxy_config = folder / CONFIG_FILE
        write_private(proxy_config, written.files[CONFIG_FILE].encode())
    try:
        named = named_variables(proxy_config.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise ConfigError(f"{proxy_config} cannot be read: {error.strerror}") from None
    if exported and not redis:  # the export refers to them in any case
        named = {name for name in named if not name.startswith("REDIS_")}
    key_file = folder / "master.key"
    given = environ.get("LITELLM_MASTER_KEY", "").strip()
    master = Secret(given) if given else read_or_make(key_file)[0]
    with bind("127.0.0.1", port) as free:  # fails here, and not in the proxy's log, if the port is in use
        port = free.getsockname()[1]
    proxy_config = proxy_config.absolute()
    child = child_environment(environ, keys, master, redis=redis, names=named | set(pass_env))
    where = "LITELLM_MASTER_KEY" if given else str(key_file)
    shown = '"$LITELLM_MASTER_KEY"' if given else f'"$(cat {key_file})"'
    if models:
        click.echo(f"starting a LiteLLM proxy with {models} models (its key: {where})", err=True)
    asyncio.run(_run(command, proxy_config, port, child, folder / "proxy.log", shown))


async def _run(command: list[str], config: Path, port: int, child: dict[str, str], log: Path, key: str) -> None:
    import asyncio
    import contextlib
    import signal

    from ingate.proxy.up import start

    running = await start(command, config, port=port, environ=child, log=log)
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    stopping = asyncio.ensure_future(stop.wait())
    healthy = asyncio.ensure_future(running.wait_until_healthy(progress=_Progress()))
    ended = asyncio.ensure_future(running.process.wait())
    tasks = (stopping, healthy, ended)
    try:
        await asyncio.wait({healthy, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if healthy.done():
            healthy.result()
            click.echo(f"the proxy answers at {running.address} (Ctrl-C stops it; log: {log})")
            click.echo(f"  export LITELLM_API_BASE={running.address} LITELLM_API_KEY={key}")
            click.echo("  ingate proxy check")
            click.echo('  ingate ask "Hello" --model litellm/<name>')
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not stopping.done():
                raise running.ended()
        click.echo("stopping the proxy", err=True)
    finally:
        for task in (stopping, healthy):
            task.cancel()
        await running.stop()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Progress:
    """Shows how long the proxy has been starting: one line on a terminal, otherwise a line every ten seconds."""

    def __init__(self) -> None:
        self._printed_s = 0.0

    def __call__(self, waited_s: float) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\033[Kthe proxy is starting ({waited_s:.0f} s)", nl=False, err=True)
        elif waited_s - self._printed_s >= 10:
            self._printed_s = waited_s
            click.echo(f"the proxy is starting ({waited_s:.0f} s)", err=True)


def _export(gateway: Gateway, local_url: str | None, *, wildcards: bool, specs: tuple[str, ...]) -> Export:
    from ingate.errors import ConfigError
    from ingate.paths import state_dir
    from ingate.picker import memory
    from ingate.proxy.export import collect, export

    models = collect(
        gateway.config,
        gateway.router,
        gateway.catalog(),
        favourites=(*specs, *memory.read(state_dir()).favourites),
        local_url=local_url,
        wildcards=wildcards,
    )
    if not models.entries:
        raise ConfigError(
            "there is nothing to export: no alias, no default model, and no curated model is ready",
            fix="name a model with --model, set a key, or add aliases to ingate.yaml",
        )
    return export(models, gateway.config)


def _show(found: list[Checked]) -> None:
    from ingate.cli.console import mark, table

    rows: list[Any] = []
    for one in found:
        took = f"{one.latency_s:.2f} s" if one.latency_s is not None else ""
        rows.append((f"{mark(one.state)} {one.deployment}", took, one.model, one.detail))
    for line in table(rows, right=frozenset({1})) if rows else []:
        click.echo(line)
    for one in found:
        if one.fix:
            click.echo(f"  {one.deployment}: {one.fix}", err=True)
    count = {state: sum(one.state == state for one in found) for state in ("ready", "missing", "attention")}
    skipped = f", {count['attention']} not called" if count["attention"] else ""
    click.echo(f"{count['ready']} of {count['ready'] + count['missing']} deployments answer{skipped}", err=True)
