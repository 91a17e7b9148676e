"""`ingate go`: picks a model and chats; without a terminal, answers once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ingate.chat.mcp_servers import Server
    from ingate.chat.store import Log
    from ingate.gateway import Gateway
    from ingate.picker import PickerData
    from ingate.picker.screen import Screen

EXAMPLES = """\b
Examples:
  ingate go                                   pick a model, then chat
  ingate go --model local/smollm2
  ingate go --continue                        continue the last conversation
  ingate go --message "Why is the sky blue?" --quit
  ingate go --mcp "uvx mcp-server-time"       with an MCP server's tools
  echo "Name three rivers." | ingate go       without a terminal: one answer"""

LOCAL = "local/smollm2"
QUESTION = "In one sentence: what is the capital of France?"


@click.command(epilog=EXAMPLES)
@click.option("-m", "--model", metavar="SPEC", help="The model; several, separated by commas, are tried in turn.")
@click.option("-s", "--system", metavar="TEXT", help="A system message.")
@click.option("--message", metavar="TEXT", help="The first message.")
@click.option("--quit", "leave", is_flag=True, help="Quit after the answer to --message.")
@click.option("-c", "--continue", "again", is_flag=True, help="Continue the last conversation.")
@click.option(
    "--mcp", "servers", multiple=True, metavar="COMMAND|URL", help="Use the tools of an MCP server; repeatable."
)
@click.option("-y", "--yes", is_flag=True, help="Let the model call every tool without asking.")
@click.option("--no-picker", is_flag=True, help="Use the first ready model instead of asking.")
@click.pass_obj
def command(
    config: str | None,
    model: str | None,
    system: str | None,
    message: str | None,
    leave: bool,
    again: bool,
    servers: tuple[str, ...],
    yes: bool,
    no_picker: bool,
) -> int:
    """Chat with a model. Without a terminal, answer standard input, or a built-in question if that is empty."""
    if leave and not message:
        raise click.UsageError("--quit needs --message.")
    log = _last() if again else None
    return run(
        config,
        log,
        model=model,
        system=system,
        message=message,
        leave=leave,
        servers=servers,
        yes=yes,
        ask=not no_picker,
    )


def run(
    config: str | None,
    log: Log | None,
    *,
    model: str | None = None,
    system: str | None = None,
    message: str | None = None,
    leave: bool = False,
    servers: tuple[str, ...] = (),
    yes: bool = False,
    ask: bool = True,
) -> int:
    """Chat in a terminal, or answer once without one; returns the exit code.

    Args:
        config: The configuration file to use, None for the one found by itself.
        log: The conversation to continue, None for a new one.
        model: The spec; by default that of `log`, then the default model, then the user's choice.
        system: The system message; None keeps that of `log`.
        message: The first message.
        leave: Whether to leave after its answer.
        servers: MCP servers: command lines or URLs.
        yes: Whether to call every tool without asking.
        ask: Whether the picker may be shown.
    """
    from ingate.cli.console import on_terminal
    from ingate.cli.workspace import open_gateway, require_default

    parsed = _parsed(servers)
    gateway = open_gateway(config)
    if not (sys.stdin and sys.stdin.isatty() and on_terminal()):
        return _without_terminal(gateway, log, model, system, message, parsed, yes)
    spec = model or (log.session.model if log is not None else None)
    if spec is None:
        require_default(gateway.config)
        spec = gateway.default_model
    data: PickerData | None = None
    screen: Screen | None = None
    if spec is None and ask and _can_pick():
        from ingate.chat.services import picker_data
        from ingate.picker import first_frame

        data = picker_data(gateway)
        screen = first_frame(data)
    elif spec is None:
        spec = first_ready(gateway)
    try:
        import asyncio

        from ingate.chat.repl import Begin, converse

        begin = Begin(
            config=config,
            log=log,
            spec=spec,
            system=system,
            message=message or "",
            leave=leave,
            servers=parsed,
            yes=yes,
            data=data,
            screen=screen,
            explain=lambda spec: _explained(gateway, spec),
        )
        return asyncio.run(converse(gateway, begin))
    finally:
        if screen is not None:
            screen.leave()


def _last() -> Log:
    from ingate.chat import store
    from ingate.errors import BadRequestError

    unreadable = BadRequestError("no saved conversations yet", fix="ingate go")
    for path in store.paths():
        try:
            return store.Log.reopen(path)
        except (
            BadRequestError
        ) as error:  # a process was killed before it wrote anything, or the file is no conversation
            unreadable = error
    raise unreadable


def _parsed(servers: tuple[str, ...]) -> tuple[Server, ...]:
    if not servers:
        return ()
    from ingate.chat.mcp_servers import parse_server

    return tuple(parse_server(one) for one in servers)


def _explained(gateway: Gateway, spec: str) -> list[str]:
    from ingate.cli.explain import lines_of

    return [line for one in gateway.explain(spec) for line in lines_of(one)]


def _can_pick() -> bool:
    from ingate.picker.screen import usable

    return usable()


def _without_terminal(
    gateway: Gateway,
    log: Log | None,
    model: str | None,
    system: str | None,
    message: str | None,
    servers: tuple[Server, ...],
    yes: bool,
) -> int:
    """Answer once: standard input, or a built-in question if it is empty."""
    import asyncio

    from ingate.chat.once import answer
    from ingate.chat.store import Log
    from ingate.cli.console import piped_text
    from ingate.cli.workspace import require_default
    from ingate.gateway.trust import untrusted_tools

    spec = model or (log.session.model if log is not None else None)
    if spec is None:
        require_default(gateway.config)
        spec = gateway.default_model or first_ready(gateway)
    if (problem := untrusted_tools(gateway.config)) is not None:
        raise problem
    question = "\n\n".join(part for part in (message or "", piped_text()) if part.strip())
    click.echo(f"{spec} answers.", err=True)
    if not question:
        question = QUESTION
        click.echo(f"> {question}", err=True)
    if log is None:
        log = Log.fresh(model=spec, kept=False)
    elif log.session.model != spec:
        log.record("model", spec=spec)
    if system is not None:
        log.record("system", text=system)
    asyncio.run(answer(gateway, log, question, servers, allow_all=yes))
    return 0


def first_ready(gateway: Gateway) -> str:
    """The first curated model whose provider is ready, else the model in this process.

    Raises:
        MissingCredentialsError: No key is set and the local model is not installed.
    """
    from ingate.errors import MissingCredentialsError

    checker = gateway.readiness()
    for row in gateway.catalog().curated():
        if checker.state(row.provider, row.model) == "ready":
            return f"{row.provider}/{row.model}"
    if checker.check(LOCAL).state == "ready":
        return LOCAL
    raise MissingCredentialsError(
        "no model was named, no provider's key is set, and no local model is installed",
        fix="set a provider's key (`ingate doctor` lists them), or run `make setup` for local/smollm2",
    )
