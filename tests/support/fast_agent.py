"""What the tests inside fast-agent share: a gateway behind it, an MCP server beside it, and an agent to talk to."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingate import Gateway, ScriptedEngine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

SERVER = '''\
"""A real MCP server on standard input and output."""

import os

from mcp.server.mcpserver import MCPServer

server = MCPServer("shop")


@server.tool()
def price(item: str) -> str:
    """The price of an item."""
    return f"{item} costs {len(item)} euros"


@server.tool()
def stock() -> str:
    """What is there."""
    return "7 apples"


@server.tool()
def variable(name: str) -> str:
    """The value of an environment variable."""
    return os.environ.get(name, "not set")


server.run("stdio")
'''


@dataclass
class Talk:
    """An agent of fast-agent's, and the engine that answers it."""

    agent: Any
    engine: ScriptedEngine

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """Every request as it reached the engine."""
        return [body for _, body in self.engine.requests]

    @property
    def llm(self) -> Any:
        return self.agent.llm


def write_server(folder: Path) -> Path:
    """The MCP server as a file."""
    path = folder / "shop_server.py"
    path.write_text(SERVER)
    return path


def scripted_gateway(config: Mapping[str, Any] | None = None) -> tuple[Gateway, ScriptedEngine]:
    """A gateway all of whose engines are one scripted engine."""
    engine = ScriptedEngine()
    engines = dict.fromkeys(("scripted", "litellm", "native", "local"), engine)
    keys = {"groq": {"api_key": "gsk-in-config"}, "anthropic": {"api_key": "sk-ant-in-config"}}
    return Gateway(config or keys, engines=engines), engine


@asynccontextmanager
async def talking(
    folder: Path,
    model: str,
    *,
    gateway: Gateway | None = None,
    servers: bool = False,
    settings: str = "",
    engine: ScriptedEngine | None = None,
    **agent: Any,
) -> AsyncIterator[Talk]:
    """An agent of `model` in a project of its own in `folder`; with `servers`, the MCP server is one of its."""
    import ingate.integrations.fast_agent as fa

    path = folder / "fastagent.config.yaml"
    command = f"mcp:\n  servers:\n    shop: {{command: {sys.executable}, args: [{write_server(folder)}]}}\n"
    retries = "" if "llm_retries" in settings else "llm_retries: 0\n"  # it waits 10 seconds before each
    path.write_text(f"{retries}logger: {{type: none, progress_display: false, show_chat: false}}\n{command}{settings}")
    if gateway is None and engine is None:
        gateway, engine = scripted_gateway()
    fa.register(gateway=gateway)
    from fast_agent import FastAgent

    fast = FastAgent("test", config_path=str(path), parse_cli_args=False, quiet=True)

    @fast.agent(name="it", instruction="Be brief.", model=model, servers=["shop"] if servers else [], **agent)
    async def it() -> None:
        pass

    async with fast.run() as running:
        yield Talk(running.it, engine or ScriptedEngine())
