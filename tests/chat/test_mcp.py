"""Tools of real MCP servers, written with the official package."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from ingate.chat.mcp_servers import Server, Servers, _list_tools, _silence_logging, _text, configured, parse_server
from ingate.chat.talk import Talk
from ingate.chat.tools import Toolbox
from ingate.config import load
from ingate.errors import BadRequestError, MissingExtraError
from ingate.secret import Secret
from support.chat import Recorder, log_of, scripted_gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytest.importorskip("mcp")

FILE = Path(__file__).parent / "mcp_server_for_tests.py"
COMMAND = shlex.join([sys.executable, str(FILE)])


@pytest.fixture
async def small() -> AsyncIterator[Servers]:
    servers = Servers()
    servers.add(parse_server(COMMAND))
    await servers.ready()
    yield servers
    await servers.aclose()


async def test_a_model_uses_the_tools_of_a_stdio_server(small: Servers) -> None:
    gateway, engine = scripted_gateway()
    engine.enqueue_tool_calls(("add", {"a": 2, "b": 3}), ("fail", {}))
    engine.enqueue("Five.")
    toolbox = Toolbox(allow_all=True)
    toolbox.replace(small.tools())
    assert set(toolbox.named) == {"add", "environment", "fail", "die"}
    log, view = log_of(), Recorder()
    log.record("user", content="Add 2 and 3")
    await Talk(gateway, log, view, toolbox).answer()
    results = dict(view.results)
    assert results["add"].text == "5"
    assert not results["add"].error
    assert results["fail"].error
    assert "fail" in results["fail"].text
    sent = engine.requests[0][1]["tools"][0]["function"]
    assert sent["name"] == "add"
    assert sent["parameters"]["required"] == ["a", "b"]


async def test_a_child_sees_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = {
        "OPENAI_API_KEY": "sk-planted-openai",
        "ANTHROPIC_API_KEY": "sk-planted-anthropic",
        "LITELLM_API_KEY": "sk-planted-proxy",
        "AWS_SECRET_ACCESS_KEY": "sk-planted-aws",
        "MY_OWN_NAME": "sk-planted-own",
        "A_COMPANYS_OWN_TOKEN": "sk-planted-company",
        "LC_TIME": "C",
    }
    for name, value in planted.items():
        monkeypatch.setenv(name, value)
    servers = Servers()
    try:
        servers.add(parse_server(COMMAND))
        await servers.ready()
        tools = {tool.name: tool for tool in servers.tools()}
        text, _ = await tools["environment"].run({})
    finally:
        await servers.aclose()
    assert "sk-planted" not in text
    assert json.loads(text)["LC_TIME"] == "C"
    assert json.loads(text)["PATH"]


async def test_the_configurations_own_variables_reach_the_child_they_are_for() -> None:
    words = [sys.executable, str(FILE)]
    config = load({"mcp": {"small": {"command": words, "env": {"SMALL_TOKEN": "given-to-it"}}}}, environ={})
    servers = Servers()
    try:
        (server,) = configured(config)
        assert "given-to-it" not in repr(server)
        servers.add(server)
        await servers.ready()
        tools = {tool.name: tool for tool in servers.tools()}
        text, _ = await tools["environment"].run({})
    finally:
        await servers.aclose()
    assert json.loads(text)["SMALL_TOKEN"] == "given-to-it"


async def test_a_server_over_http() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    child = subprocess.Popen(
        [sys.executable, str(FILE), "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    servers = Servers()
    try:
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.05)
                    continue
                writer.close()
                await writer.wait_closed()
                break
        connection = servers.add(parse_server(f"http://127.0.0.1:{port}/mcp"))
        await servers.ready()
        assert connection.problem is None
        tools = {tool.name: tool for tool in servers.tools()}
        assert await tools["add"].run({"a": 20, "b": 22}) == ("42", False)
    finally:
        await servers.aclose()
        child.terminate()
        child.wait(10)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (f"{COMMAND} --broken", "cannot find its database"),
        ("/nowhere/at/all", "cannot be used"),
        ("http://127.0.0.1:9/mcp", "cannot be used"),
    ],
)
async def test_a_server_that_cannot_be_used_says_why(command: str, said: str) -> None:
    servers = Servers()
    connection = servers.add(parse_server(command))
    await servers.ready()
    assert connection.problem is not None
    assert said in str(connection.problem)
    assert connection.problem.fix
    assert servers.tools() == []
    await servers.aclose()


async def test_leaving_ends_the_child_processes(small: Servers) -> None:
    tools = {tool.name: tool for tool in small.tools()}
    connections = list(small.connections)
    await small.aclose()
    assert small.connections == []
    for one in connections:
        assert one._task.done()
        assert not one._task.cancelled(), "it was asked to leave"
    text, error = await tools["add"].run({"a": 1, "b": 1})
    assert error
    assert "not running any more" in text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("uvx mcp-server-time --local", "mcp-server-time"),
        ("npx -y @scope/server-files@1.2 /tmp", "server-files"),
        ("python3.13 tools/weather.py", "weather"),
        ("https://mcp.example.com/mcp", "mcp.example.com"),
    ],
)
def test_a_server_is_named_for_what_it_runs(text: str, name: str) -> None:
    assert parse_server(text).name == name


@pytest.mark.parametrize("text", ["", "  ", 'python "unclosed'])
def test_what_is_not_a_server_is_rejected(text: str) -> None:
    with pytest.raises(BadRequestError):
        parse_server(text)


async def test_two_servers_of_one_name_get_two_names(small: Servers) -> None:
    second = small.add(Server(name=small.connections[0].server.name, command=(sys.executable, str(FILE))))
    await small.ready()
    assert second.server.name.endswith("2")
    toolbox = Toolbox()
    toolbox.replace(small.tools())
    assert len(toolbox) == 8
    assert any(name.endswith("2_add") for name in toolbox.named)


def test_a_relative_program_is_beside_the_file_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a server of the user's own configuration could be replaced by any folder a chat is started in."""
    file = tmp_path / "own" / "ingate.yaml"
    file.parent.mkdir()
    file.write_text(
        "mcp: {a: {command: ./server -v}, b: {command: [bin/server]}, c: {command: uvx x}, d: {command: /x/y}}"
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    found = {server.name: server.command for server in configured(load(file, environ={}))}
    assert found == {
        "a": (str(file.parent / "server"), "-v"),
        "b": (str(file.parent / "bin" / "server"),),
        "c": ("uvx", "x"),
        "d": ("/x/y",),
    }


async def test_a_server_that_prints_on_its_protocol_is_tolerated_silently(capfd: pytest.CaptureFixture[str]) -> None:
    servers = Servers()
    connection = servers.add(parse_server(f"{COMMAND} --noisy"))
    await servers.ready()
    assert connection.problem is None
    tools = {tool.name: tool for tool in servers.tools()}
    assert await tools["add"].run({"a": 1, "b": 1}) == ("2", False)
    await servers.aclose()
    assert capfd.readouterr() == ("", "")


async def test_a_server_that_dies_during_a_call_is_an_error_of_the_tool(small: Servers) -> None:
    gateway, engine = scripted_gateway()
    engine.enqueue_tool_call("die", {})
    engine.enqueue_tool_call("add", {"a": 1, "b": 1})
    engine.enqueue("It is gone.")
    toolbox = Toolbox(allow_all=True)
    toolbox.replace(small.tools())
    log, view = log_of(), Recorder()
    log.record("user", content="Die")
    async with asyncio.timeout(30):
        await Talk(gateway, log, view, toolbox).answer()
    assert [result.error for _, result in view.results] == [True, True]
    assert "".join(view.texts) == "It is gone."


async def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    servers = Servers()
    connection = servers.add(parse_server(COMMAND))
    await servers.ready()
    assert isinstance(connection.problem, MissingExtraError)
    assert "mcp" in connection.problem.fix
    await servers.aclose()


async def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingate.chat.mcp_servers.CONNECT_S", 0.2)
    servers = Servers()
    connection = servers.add(Server(name="cat", command=("sleep", "60")))
    await servers.ready()
    assert str(connection.problem) == "the MCP server cat cannot be used: no response within 0.2 s"
    assert connection.problem is not None
    assert connection.problem.fix == "run it by itself: sleep 60"
    await servers.aclose()


async def test_a_long_list_of_tools_is_read_page_by_page() -> None:
    class Session:
        cursors: ClassVar[list[str | None]] = []

        async def list_tools(self, params: Any = None) -> Any:
            cursor = params.cursor if params else None
            self.cursors.append(cursor)
            following = {None: "2", "2": "3", "3": None}[cursor]
            return SimpleNamespace(tools=[f"tool {cursor}"], nextCursor=following)

    assert await _list_tools(Session()) == ["tool None", "tool 2", "tool 3"]
    assert Session.cursors == [None, "2", "3"]


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ({"content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]}, "one\ntwo"),
        ({"content": [{"type": "image", "mimeType": "image/png"}]}, "[image: image/png, not shown]"),
        ({"content": [{"type": "audio"}]}, "[audio: audio, not shown]"),
        ({"content": [{"type": "resource", "resource": {"text": "inside"}}]}, "inside"),
        (
            {"content": [{"type": "resource", "resource": {"blob": "AA"}, "mime_type": "x/y"}]},
            "[resource: x/y, not shown]",
        ),
        ({"content": [{"type": "resource_link", "uri": "file:///a"}]}, "file:///a"),
        ({"content": [], "structuredContent": {"sum": 5}}, '{"sum":5}'),
        ({"content": [{"type": "text", "text": "five"}], "structured_content": {"sum": 5}}, "five"),
        ({"content": []}, ""),
    ],
)
def test_results_become_text(result: dict[str, Any], text: str) -> None:
    decoded = json.loads(json.dumps(result), object_hook=lambda fields: SimpleNamespace(**fields))
    for name in ("structured_content", "structuredContent"):
        if name in result:
            setattr(decoded, name, result[name])
    assert _text(decoded) == text


def test_configured_servers_have_a_command_or_a_url() -> None:
    environ = {"TOKEN": "secret-token"}
    config = load(
        {
            "mcp": {
                "files": {"command": "uvx 'server files'", "args": ["/tmp"], "env": {"KEY": "${TOKEN}"}},
                "words": {"command": ["uvx", "server words"]},
                "web": {"url": "https://mcp.test/mcp", "headers": {"Authorization": "env:TOKEN"}},
            }
        },
        environ=environ,
    )
    files, words, web = configured(config)
    assert files.command == ("uvx", "server files", "/tmp")
    assert files.env["KEY"].reveal() == "secret-token"
    assert str(files) == "uvx 'server files' /tmp"
    assert words.command == ("uvx", "server words")
    assert (web.command, web.url, str(web)) == ((), "https://mcp.test/mcp", "https://mcp.test/mcp")
    assert web.headers["Authorization"].reveal() == "secret-token"
    assert "secret-token" not in repr((files, words, web))


async def test_three_servers_of_one_name_are_numbered() -> None:
    servers = Servers()
    names = [servers.add(Server(name="same", command=("/nowhere",))).server.name for _ in range(3)]
    assert names == ["same", "same2", "same3"]
    assert servers.tools() == []
    gone = servers.connections[1]
    await servers.remove(gone)
    assert gone._task.done()
    assert [one.server.name for one in servers.connections] == ["same", "same3"]
    await servers.aclose()
    assert servers.connections == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("uv run python -m server", "server"),
        ("docker run --rm x/y", "y"),
        ("node /srv/app.js", "app"),
        ("python3", "python3"),
        ("/opt/bin/node", "node"),
        ("uvx ./tools/quiz/", "quiz"),
        ("npx -y @scope/FooZ@latest", "FooZ"),
        ("pipx run --quiet python3.12 x.js.py", "x"),
        ("deno run tool.js", "tool"),
        ("bunx tool uv", "bunx"),
    ],
)
def test_launchers_do_not_name_a_server(text: str, name: str) -> None:
    assert parse_server(text).name == name


@pytest.mark.parametrize("handled", [False, True])
def test_the_packages_log_stays_off_the_terminal_unless_the_application_shows_it(
    monkeypatch: pytest.MonkeyPatch, handled: bool
) -> None:
    logger = logging.getLogger("mcp")
    own = [logging.StreamHandler()] if handled else []
    monkeypatch.setattr(logger, "handlers", list(own))
    monkeypatch.setattr(logger, "propagate", True)
    for _ in range(2):
        _silence_logging()
    assert logger.propagate is handled
    assert logger.handlers == own if handled else [type(one) for one in logger.handlers] == [logging.NullHandler]


@pytest.mark.parametrize(
    ("error", "printed", "message"),
    [
        (OSError("no route"), "", "no route"),
        (RuntimeError(), "", "RuntimeError"),
        (TimeoutError("any"), "", "no response within 30 s"),
        (ExceptionGroup("two", [ExceptionGroup("one", [OSError("inner")]), ValueError("other")]), "", "inner"),
        (OSError("gone"), "first\n  the last  \n\n", "gone; its last output: the last"),
        (OSError("gone"), "x" * 5000, f"gone; its last output: {'x' * 300}"),
        (OSError("key s3cret-token"), "s3cret-token", "key ***; its last output: ***"),
    ],
)
async def test_why_a_server_cannot_be_used_is_one_line_without_its_secrets(
    error: Exception, printed: str, message: str
) -> None:
    servers = Servers()
    server = Server(name="calc", url="http://127.0.0.1:9/mcp", headers={"Authorization": Secret("s3cret-token")})
    connection = servers.add(server)
    stderr = io.StringIO(printed)
    stderr.seek(0, io.SEEK_END)
    found = connection._failure(error, stderr)
    assert (str(found), found.fix) == (f"the MCP server calc cannot be used: {message}", "check the address")
    own = MissingExtraError("x")
    assert connection._failure(ExceptionGroup("one", [own]), stderr) is own
    await servers.aclose()


def test_a_command_line_and_an_address_are_told_apart() -> None:
    assert parse_server(" http://h:1/mcp ") == Server(name="h", url="http://h:1/mcp")
    assert parse_server("https:///mcp") == Server(name="mcp", url="https:///mcp")
    assert parse_server("uvx 'my server' --x") == Server(name="my server", command=("uvx", "my server", "--x"))
    assert str(parse_server("uvx 'my server'")) == "uvx 'my server'"
    for text, fix in (("", '--mcp "COMMAND ARGUMENTS" or --mcp https://…'), ("'a", "close the quotes")):
        with pytest.raises(BadRequestError) as caught:
            parse_server(text)
        assert caught.value.fix == fix


async def test_leaving_does_not_wait_for_a_server_that_is_still_connecting() -> None:
    servers = Servers()
    connection = servers.add(Server(name="silent", command=("sh", "-c", "cat > /dev/null")))
    await asyncio.sleep(0)
    async with asyncio.timeout(8):
        await servers.aclose()
    assert connection._task.done()
    await connection.ready()
    assert (connection.problem, connection.tools) == (None, [])
