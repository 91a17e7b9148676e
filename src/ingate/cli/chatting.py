"""`ingate go` in a terminal: the picker where no model is named, then the chat, on one event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from ingate.chat.repl import Chat, Options
from ingate.chat.services import GatewayServices, picker_data
from ingate.chat.store import Log
from ingate.chat.terminal import leaving_cleanly

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rich.console import Console

    from ingate.chat.mcp_servers import Server
    from ingate.gateway import Gateway
    from ingate.picker import PickerData
    from ingate.picker.screen import Screen


TERMINATED = 143  # what a shell reports for a program that SIGTERM ended


class Begin(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says; `spec` is None where the picker, which may be on the screen already, is to tell."""

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


async def converse(gateway: Gateway, begin: Begin) -> int:
    """Pick where needed, and chat; the gateway is closed at the end."""
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
        if any(way.engine == "litellm" for way in gateway.explain(spec)):
            services.warm()  # it loads while the first message is typed
        chat = Chat(gateway, _log(begin, spec), _console(), _options(gateway, begin, choose))
        with leaving_cleanly(task):
            return await chat.run()
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


def _options(gateway: Gateway, begin: Begin, choose: Callable[[str], Awaitable[str | None]]) -> Options:
    def explain(spec: str) -> list[str]:
        from ingate.cli.explain import lines_of

        return [line for one in gateway.explain(spec) for line in lines_of(one)]

    return Options(
        message=begin.message,
        leave=begin.leave,
        allow_all=begin.yes,
        servers=begin.servers,
        pick=choose,
        explain=explain,
    )


def _console() -> Console:
    from rich.console import Console

    return Console()
