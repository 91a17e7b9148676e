"""One answer without a terminal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ingate.chat import mcp_servers
from ingate.chat.plain import Plain
from ingate.chat.talk import Talk
from ingate.chat.tools import Toolbox

if TYPE_CHECKING:
    from ingate.chat.mcp_servers import Server
    from ingate.chat.store import Log
    from ingate.gateway import Gateway


async def answer(gateway: Gateway, log: Log, question: str, servers: tuple[Server, ...], *, allow_all: bool) -> None:
    """Answer `question` on standard output, and close everything.

    Raises:
        IngateError: No answer, a broken one, or a tool server that does not start: a script is not answered by less
            than it asked for.
    """
    toolbox = Toolbox(allow_all=allow_all)
    connections = mcp_servers.Servers(gateway.config)
    view = Plain()
    try:
        configured = await asyncio.to_thread(mcp_servers.configured, gateway.config)
        for server in (*configured, *servers):
            connections.add(server)
        await connections.ready()
        for connection in connections.connections:
            if connection.problem is not None:
                raise connection.problem
        toolbox.replace(connections.tools())
        log.record("user", content=question)
        await Talk(gateway, log, view, toolbox).answer()
    finally:
        view.settle()
        await connections.aclose()
        await gateway.aclose()
        log.close()
