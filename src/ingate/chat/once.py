"""One answer without a terminal: the answer on standard output, everything else on standard error."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from ingate.chat import mcp_servers
from ingate.chat.talk import Talk
from ingate.chat.terminal import escape_control_chars
from ingate.chat.tools import Toolbox

if TYPE_CHECKING:
    from ingate.chat.mcp_servers import Server
    from ingate.chat.session import Turn
    from ingate.chat.store import Log
    from ingate.chat.tools import Answer, Call, Result
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


class Plain:
    """A `View` for pipes: text as it comes, no colours, no questions."""

    def __init__(self) -> None:
        self._ended_line = True
        self._terminal = sys.stdout.isatty()  # where only standard input is a pipe

    def begin(self, spec: str) -> None:
        """Nothing to show yet."""

    def reasoning(self, text: str) -> None:
        """Reasoning is no part of the answer."""

    def text(self, text: str) -> None:
        """A piece of the answer."""
        sys.stdout.write(escape_control_chars(text) if self._terminal else text)
        sys.stdout.flush()
        self._ended_line = text.endswith("\n")

    def settle(self) -> None:
        """End the line."""
        if not self._ended_line:
            sys.stdout.write("\n")
            sys.stdout.flush()
            self._ended_line = True

    def note(self, text: str) -> None:
        """A line to the person."""
        self.settle()
        _tell(f"note: {text}")

    def end(self, turn: Turn) -> None:
        """The turn is over."""
        self.settle()

    async def allow(self, call: Call) -> Answer:
        """Nobody can be asked."""
        _tell(f"refused: {call.server} · {call.name}. --yes lets every tool be called.")
        return "no"

    def tool_started(self, call: Call) -> None:
        """A call runs."""
        _tell(f"{call.server} · {call.name}({call.spelt})")

    def tool_ended(self, call: Call, result: Result) -> None:
        """A call is over."""
        if result.error:
            _tell(f"failed: {call.name}: {result.text[:500]}")


def _tell(line: str) -> None:
    sys.stderr.write(f"{escape_control_chars(line)}\n")
    sys.stderr.flush()
