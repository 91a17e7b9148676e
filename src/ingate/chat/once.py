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
    from ingate.chat.tools import Call, Permission, Result
    from ingate.gateway import Gateway


async def answer(gateway: Gateway, log: Log, question: str, servers: tuple[Server, ...], *, allow_all: bool) -> None:
    """Answer `question` on standard output, then close the gateway and the log.

    Args:
        gateway: Makes the calls.
        log: The session that the question is added to.
        question: The question.
        servers: MCP servers besides the configured ones.
        allow_all: Whether the model may call every tool. If not, every call is denied, since nobody can be asked.

    Raises:
        IngateError: There was no answer, or an incomplete one, or an MCP server did not start. In a script, an answer
            without the requested tools would go unnoticed.
    """
    toolbox = Toolbox(allow_all=allow_all)
    connections = mcp_servers.Servers()
    view = PlainView()
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


class PlainView:
    """A `View` for pipes: text as it arrives, no colours, no questions."""

    def __init__(self) -> None:
        self._ended_line = True
        self._terminal = sys.stdout.isatty()  # true if only standard input is a pipe

    def begin(self, spec: str) -> None:
        """Nothing to show yet."""

    def reasoning(self, text: str) -> None:
        """Reasoning is not part of the answer."""

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
        """One line to the user."""
        self.settle()
        _print_error(f"note: {text}")

    def end(self, turn: Turn) -> None:
        """The turn is over."""
        self.settle()

    async def allow(self, call: Call) -> Permission:
        """Deny the call, since nobody can be asked."""
        _print_error(f"denied: {call.server} · {call.name}. --yes allows all tools.")
        return "no"

    def tool_started(self, call: Call) -> None:
        """The call has begun."""
        _print_error(f"{call.server} · {call.name}({call.raw})")

    def tool_ended(self, call: Call, result: Result) -> None:
        """The call is over."""
        if result.error:
            _print_error(f"failed: {call.name}: {result.text[:500]}")


def _print_error(line: str) -> None:
    sys.stderr.write(f"{escape_control_chars(line)}\n")
    sys.stderr.flush()
