"""A small MCP server over stdio, or over HTTP when given a port."""

from __future__ import annotations

import json
import os
import sys

try:
    from mcp.server import MCPServer as Server
except ImportError:
    from mcp.server.fastmcp import FastMCP as Server

server = Server("small")


@server.tool()
def add(a: int, b: int) -> str:
    """Add two numbers."""
    return str(a + b)


@server.tool()
def environment() -> str:
    """Every variable this process sees."""
    return json.dumps(dict(os.environ))


@server.tool()
def fail() -> str:
    """Always fails."""
    raise ValueError("the small server fails")


@server.tool()
def die() -> str:
    """Ends the server in the middle of the call."""
    os._exit(3)


if __name__ == "__main__":
    if "--noisy" in sys.argv:
        print("Welcome to the small server!", flush=True)
    if "--broken" in sys.argv:
        print("cannot find its database", file=sys.stderr)
        sys.exit(1)
    if "--port" in sys.argv:
        import uvicorn

        uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[sys.argv.index("--port") + 1]))
    else:
        server.run("stdio")
