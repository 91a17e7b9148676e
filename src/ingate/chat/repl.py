"""`ingate go` in a terminal: the picker if no model is named, then the loop that reads messages and answers them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from ingate.chat import mcp_servers
from ingate.chat.actions import run_command
from ingate.chat.app import Chat, Options
from ingate.chat.commands import is_command
from ingate.chat.model import model_info
from ingate.chat.services import GatewayServices, picker_data
from ingate.chat.store import Log
from ingate.chat.summary import total_line
from ingate.chat.terminal import escaped, quiet_input, termination_cancels
from ingate.errors import IngateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingate.chat.mcp_servers import Server
    from ingate.gateway import Gateway
    from ingate.picker import PickerData
    from ingate.picker.screen import Screen

TERMINATED = 143  # what a shell reports for a program that SIGTERM ended


class Begin(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks for.

    Attributes:
        config: The configuration file to use, None for the one found by itself.
        log: The conversation to continue, None for a new one.
        spec: The model; None to let the picker choose, for which `data` is then needed.
        system: The system message, None to leave it as it is.
        message: The first message, empty to wait for one.
        leave: Whether to leave after its answer.
        servers: MCP servers besides the configured ones.
        yes: Whether every tool may be called without asking.
        data: What the picker shows.
        screen: The picker's first frame, if it is on the screen already.
        explain: Returns where a call of a spec would go, as lines for the terminal.
    """

    config: str | None
    log: Log | None
    spec: str | None
    system: str | None
    message: str
    leave: bool
    servers: tuple[Server, ...]
    yes: bool
    data: PickerData | None
    screen: Screen | None
    explain: Callable[[str], list[str]]


async def converse(gateway: Gateway, begin: Begin) -> int:
    """Pick a model if none is named, and chat; closes the gateway and returns the exit code."""
    from rich.console import Console

    from ingate.picker import pick

    task = asyncio.current_task()
    assert task is not None
    services = GatewayServices(gateway, begin.config)

    async def choose(current: str) -> str | None:
        return await pick(picker_data(gateway, current=current), services)

    try:
        spec = begin.spec
        if spec is None:
            assert begin.data is not None
            spec = await pick(begin.data, services, screen=begin.screen)
            if spec is None:
                return 0
        model = model_info(gateway, spec)
        if model.uses_litellm:
            services.warm()  # litellm loads while the first message is typed
        options = Options(
            message=begin.message,
            leave=begin.leave,
            allow_all=begin.yes,
            servers=begin.servers,
            pick=choose,
            explain=begin.explain,
        )
        with termination_cancels(task):
            return await run(Chat(gateway, _log(begin, spec), Console(), options, model=model))
    except asyncio.CancelledError:
        return TERMINATED
    finally:
        await gateway.aclose()


def _log(begin: Begin, spec: str) -> Log:
    if begin.log is None:
        return Log.fresh(model=spec, system=begin.system or "")
    if begin.log.session.model != spec:
        begin.log.record("model", spec=spec)
    if begin.system is not None:
        begin.log.record("system", text=begin.system)
    return begin.log


async def run(chat: Chat) -> int:
    """Chat until the user leaves.

    Returns:
        The exit code of the answer to the first message if the options say to leave after it, else 0.
    """
    with quiet_input():
        code = 0
        try:
            await _connect(chat)
            _greet(chat)
            if chat.options.message:
                chat.say(f"[bold cyan]›[/] {escaped(chat.options.message)}")
                code = await chat.send(chat.options.message)
            if not chat.options.leave:
                code = 0
                await _read_and_answer(chat)
        finally:
            await chat.servers.aclose()
            _goodbye(chat)
            chat.log.close()
        return code


async def _connect(chat: Chat) -> None:
    """Start connecting to the configured servers and those of the command line."""
    try:
        servers = await asyncio.to_thread(mcp_servers.configured, chat.gateway.config)
    except IngateError as error:
        chat.show_error(error)
        servers = []
    for server in (*servers, *chat.options.servers):
        chat.servers.add(server)


async def _read_and_answer(chat: Chat) -> None:
    hinted = False
    while not chat.leaving:
        draft, chat.draft = chat.draft, ""
        try:
            text = await chat.prompt.read(default=draft, attached=[one.name for one in chat.attached])
        except EOFError:
            return
        except KeyboardInterrupt:
            if not hinted:
                chat.say("[dim]Ctrl-D leaves.[/]")
            hinted = True
            continue
        hinted = False
        if not text.strip():
            continue
        if is_command(text):
            await run_command(chat, text)
        else:
            await chat.send(text[1:] if text.startswith("//") else text)


def _greet(chat: Chat) -> None:
    session = chat.log.session
    chat.say(f"[bold]{escaped(session.model)}[/] [dim]· /help lists the commands, Ctrl-D leaves[/]")
    if chat.log.copied_from:
        chat.say(f"[yellow]{chat.log.copied_from} is open in another terminal, so this is a copy of it.[/]")
    if session.entries:
        chat.show_last()


def _goodbye(chat: Chat) -> None:
    session = chat.log.session
    if not session.turns:
        return
    with suppress(OSError, ValueError):
        saved = chat.log.path and not chat.log.problem
        chat.say(
            f"[dim]{total_line(session)}{f' · ingate go --continue resumes it ({session.id})' if saved else ''}[/]"
        )
