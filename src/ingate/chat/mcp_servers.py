"""MCP servers: started or connected to, their tools listed, and stopped at the end.

Child processes get what every program needs (`children.for_child`) and the variables that their own entry names.
"""

from __future__ import annotations

import asyncio
import logging
import shlex
import tempfile
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

import msgspec

from ingate import children
from ingate.chat.tools import Tool
from ingate.engines.accept import origin_of, redirect_error
from ingate.errors import BadRequestError, IngateError, MissingExtraError, UnavailableError
from ingate.secret import scrub

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ingate.config import Config
    from ingate.config.schema import McpServerSettings
    from ingate.secret import Secret

CONNECT_S: Final = 30.0
CALL_S: Final = 300.0


class Server(msgspec.Struct, frozen=True):
    """How a server is reached.

    Attributes:
        name: Its name here.
        command: Program and arguments, empty if it has a URL.
        url: Its address, empty if it has a command.
        env: Additional variables for the child process.
        headers: Additional headers for the URL.
    """

    name: str
    command: tuple[str, ...] = ()
    url: str = ""
    env: Mapping[str, Secret] = {}
    headers: Mapping[str, Secret] = {}

    def __str__(self) -> str:
        return self.url or shlex.join(self.command)


class Connection:
    """One server, in its own task, since the client's scopes must be left by the task that entered them.

    Attributes:
        server: The server.
        problem: Why it cannot be used, None if it can.
        tools: Its tools, once it is connected.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.problem: IngateError | None = None
        self.tools: list[Tool] = []
        self._session: Any = None
        self._ready = asyncio.Event()
        self._started = asyncio.Event()
        self._leave = asyncio.Event()
        self._task = asyncio.create_task(self._live(), name=f"mcp {server.name}")

    async def ready(self) -> None:
        """Wait until its tools are listed, or `problem` is set."""
        await self._ready.wait()

    async def aclose(self) -> None:
        """Disconnect, and end the child process."""
        self._leave.set()
        if self._ready.is_set():
            await asyncio.wait([self._task], timeout=10.0)
        else:  # asyncio may wait for ever for a process whose start is cancelled
            with suppress(TimeoutError):
                await asyncio.wait_for(self._started.wait(), timeout=5.0)
        self._task.cancel()  # if it is still connecting, or the server does not let go
        await asyncio.wait([self._task], timeout=5.0)

    async def _live(self) -> None:
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as stderr:
            try:
                async with AsyncExitStack() as stack:
                    async with asyncio.timeout(CONNECT_S):
                        self._session = await self._connect(stack, stderr)
                        self.tools = [self._tool(entry) for entry in await _list_tools(self._session)]
                    self._ready.set()
                    await self._leave.wait()
                    self._session = None
            except Exception as error:  # noqa: BLE001 -- the package and its transports raise many kinds
                self.problem = self._failure(error, stderr)
            finally:
                self._session, self.tools = None, self.tools if self.problem is None else []
                self._started.set()
                self._ready.set()

    async def _connect(self, stack: AsyncExitStack, stderr: Any) -> Any:
        try:
            from mcp import ClientSession, StdioServerParameters, stdio_client
            from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client
        except ImportError:
            raise MissingExtraError("MCP servers need the mcp package", extra="mcp") from None
        _silence_logging()
        server = self.server
        if server.url:
            client = await stack.enter_async_context(create_mcp_http_client(headers=_revealed(server.headers)))
            client.event_hooks["response"].append(self._stay_at_origin)
            streams = await stack.enter_async_context(streamable_http_client(server.url, http_client=client))
        else:
            child = {**children.for_child(), **_revealed(server.env)}
            command, *arguments = children.program(server.command, child, None)
            parameters = StdioServerParameters(command=command, args=arguments)
            parameters.env = child  # not validated, which would make plain strings of revealed secrets
            streams = await stack.enter_async_context(stdio_client(parameters, errlog=stderr))
        self._started.set()
        session = await stack.enter_async_context(ClientSession(streams[0], streams[1]))
        await session.initialize()
        return session

    async def _stay_at_origin(self, response: Any) -> None:
        """Refuse a redirect to another origin, which the package would follow with the configured headers."""
        target = response.headers.get("location", "")
        if response.is_redirect and origin_of(urljoin(str(response.url), target)) != origin_of(str(response.url)):
            raise redirect_error(
                str(response.url), response.status_code, target, provider=f"MCP server {self.server.name}"
            )

    def _tool(self, entry: Any) -> Tool:
        schema = _field(entry, "input_schema", "inputSchema") or {"type": "object", "properties": {}}

        async def run(arguments: dict[str, Any]) -> tuple[str, bool]:
            if self._session is None:
                return f"the server {self.server.name} is not running any more", True
            async with asyncio.timeout(CALL_S):
                result = await self._session.call_tool(entry.name, arguments)
            return _text(result), bool(_field(result, "is_error", "isError"))

        return Tool(self.server.name, entry.name, entry.description or entry.name, schema, run)

    def _failure(self, error: BaseException, stderr: Any) -> IngateError:
        """One error, from the exception groups that task groups raise, with the last line the child wrote to stderr."""
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, IngateError):
            return error
        reason = str(error) or type(error).__name__
        if isinstance(error, TimeoutError):
            reason = f"no response within {CONNECT_S:g} s"
        stderr.seek(0)
        lines = [line.strip() for line in stderr.read()[-4000:].splitlines() if line.strip()]
        printed = f"; its last output: {lines[-1][:300]}" if lines else ""
        fix = "check the address" if self.server.url else f"run it by itself: {self.server}"
        secrets = (*self.server.env.values(), *self.server.headers.values())
        message = scrub(f"the MCP server {self.server.name} cannot be used: {reason}{printed}", secrets)
        return UnavailableError(message, fix=fix)


class Servers:
    """The connections of a chat.

    Attributes:
        connections: In the order they were added.
    """

    def __init__(self) -> None:
        self.connections: list[Connection] = []

    def add(self, server: Server) -> Connection:
        """Start connecting; `ready` waits for the result."""
        taken = {connection.server.name for connection in self.connections}
        name, number = server.name, 2
        while name in taken:
            name, number = f"{server.name}{number}", number + 1
        connection = Connection(msgspec.structs.replace(server, name=name))
        self.connections.append(connection)
        return connection

    async def ready(self) -> None:
        """Wait until every connection is ready or has failed."""
        await asyncio.gather(*(connection.ready() for connection in self.connections))

    async def remove(self, connection: Connection) -> None:
        """Disconnect from one server."""
        self.connections.remove(connection)
        await connection.aclose()

    def tools(self) -> list[Tool]:
        """The tools of all connected servers."""
        return [tool for connection in self.connections for tool in connection.tools]

    async def aclose(self) -> None:
        """Disconnect from all servers."""
        connections, self.connections = self.connections, []
        await asyncio.gather(*(connection.aclose() for connection in connections))


def parse_server(text: str) -> Server:
    """Parse the argument of `--mcp`: a URL or a command line.

    Raises:
        BadRequestError: It is neither.
    """
    text = text.strip()
    if text.startswith(("http://", "https://")):
        from urllib.parse import urlsplit

        return Server(name=urlsplit(text).hostname or "mcp", url=text)
    try:
        command = tuple(shlex.split(text))
    except ValueError as error:
        raise BadRequestError(f"--mcp {text!r} is not a command line: {error}", fix="close the quotes") from None
    if not command:
        raise BadRequestError("--mcp is empty", fix='--mcp "COMMAND ARGUMENTS" or --mcp https://…')
    return Server(name=_name_of(command), command=command)


def configured(config: Config) -> list[Server]:
    """The servers in the configuration's `mcp:` section. Resolves references, and so may run commands.

    Raises:
        BadRequestError: A server has neither command nor URL.
        ConfigError: A reference has no value.
    """
    return [_server(name, settings, config) for name, settings in config.settings.mcp.items()]


def _server(name: str, settings: McpServerSettings, config: Config) -> Server:
    command, environ = settings.command or (), config.environ
    words = shlex.split(command) if isinstance(command, str) else list(command)
    place = config.where("mcp", name, "command")
    if words and place is not None and place.file is not None:
        # `./server` is beside the file that names it, not in whatever folder the chat is started.
        words = children.program(words, environ, Path(place.file).parent)
    if not words and not settings.url:
        raise BadRequestError(f"the MCP server {name} in the configuration has neither command nor url")
    return Server(
        name=name,
        command=(*words, *settings.args) if words else (),
        url="" if words else settings.url or "",
        env={key: value.resolve(environ) for key, value in settings.env.items()},
        headers={key: value.resolve(environ) for key, value in settings.headers.items()},
    )


async def _list_tools(session: Any) -> list[Any]:
    from mcp import types

    found: list[Any] = []
    cursor = None
    while True:
        params = types.PaginatedRequestParams(cursor=cursor) if cursor else None
        page = await session.list_tools(params=params)
        found += page.tools
        cursor = _field(page, "next_cursor", "nextCursor")
        if not cursor:
            return found


def _text(result: Any) -> str:
    parts = list(_texts(result))
    if not parts and (data := _field(result, "structured_content", "structuredContent")) is not None:
        return msgspec.json.encode(data).decode()
    return "\n".join(parts)


def _texts(result: Any) -> Iterator[str]:
    for block in result.content:
        match block.type:
            case "text":
                yield block.text
            case "resource" if getattr(block.resource, "text", None) is not None:
                yield block.resource.text
            case "resource_link":
                yield str(block.uri)
            case kind:
                media_type = _field(block, "mime_type", "mimeType") or kind
                yield f"[{kind}: {media_type}, not shown]"


def _silence_logging() -> None:
    """Keep the package's log off the terminal: without a handler, Python would print it into the conversation."""
    logger = logging.getLogger("mcp")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
        logger.propagate = False


def _revealed(values: Mapping[str, Secret]) -> dict[str, str]:
    return {name: value.reveal() for name, value in values.items()}


def _field(value: Any, name: str, older: str) -> Any:
    """A field by its name in mcp 2, else by its name in mcp 1."""
    return getattr(value, name, None) if hasattr(value, name) else getattr(value, older, None)


def _name_of(command: tuple[str, ...]) -> str:
    """A name for a command line: the program, or what a launcher such as `uvx` or `python` runs."""
    launchers = {"uvx", "npx", "uv", "run", "python", "python3", "node", "docker", "pipx", "bunx", "deno", "tool"}
    for word in command:
        base = word.rstrip("/").rpartition("/")[2].partition("@")[0]
        if base and not word.startswith("-") and base not in launchers and not base.startswith("python3."):
            return base.removesuffix(".py").removesuffix(".js")
    return command[0].rpartition("/")[2]
