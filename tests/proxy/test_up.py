"""Running a proxy's process: which command, which environment, and what becomes of it; with a small server in its place."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ingate.errors import ConfigError, MissingExtraError, RequestTimeoutError, UnavailableError
from ingate.proxy.up import _ending_with_parent, child_environment, find_litellm, named_variables, start, tail
from ingate.secret import Secret

if TYPE_CHECKING:
    from ingate.proxy.up import Running

# Takes litellm's arguments and answers its health check; `--config` names what it does.
SERVER = """
import http.server, json, os, signal, sys, time
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
does = open(arguments["--config"]).read()
print("arguments", json.dumps(arguments), flush=True)
print("key", os.environ.get("GROQ_API_KEY"), flush=True)
if does == "crash":
    for number in range(30):
        print("line", number, flush=True)
    sys.exit(3)
if does == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        Handler.asked += 1
        healthy = self.path == "/health/readiness" and does != "sick" and Handler.asked > 1
        self.send_response(200 if healthy else 503)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *args):
        pass
http.server.HTTPServer((arguments["--host"], int(arguments["--port"])), Handler).serve_forever()
"""


def free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


async def started(tmp_path: Path, does: str, **environ: str) -> Running:
    (tmp_path / "server.py").write_text(SERVER)
    (tmp_path / "config.yaml").write_text(does)
    command = [sys.executable, str(tmp_path / "server.py")]
    environment = {"PATH": os.environ["PATH"], **environ}
    log = tmp_path / "state" / "proxy.log"
    return await start(command, tmp_path / "config.yaml", port=free_port(), environ=environment, log=log)


def ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_it_is_waited_for_and_stopped(tmp_path: Path) -> None:
    running = await started(tmp_path, "well", GROQ_API_KEY="gsk-1")
    waited: list[float] = []
    try:
        await running.wait_until_healthy(limit_s=60, progress=waited.append)
        log = running.log.read_text()
        assert f'"--port": "{running.address.rpartition(":")[2]}"' in log
        assert '"--host": "127.0.0.1"' in log
        assert '"--telemetry": "False"' in log
        assert "key gsk-1" in log
        assert running.log.stat().st_mode & 0o777 == 0o600
        assert running.log.parent.stat().st_mode & 0o777 == 0o700
        assert waited
        assert waited == sorted(waited)
        assert os.getpgid(running.process.pid) == running.process.pid
    finally:
        await running.stop()
    assert running.process.returncode == -15
    assert ended(running.process.pid)
    await running.stop()


async def test_one_that_exits_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    running = await started(tmp_path, "crash")
    with pytest.raises(UnavailableError) as caught:
        await running.wait_until_healthy(limit_s=60)
    lines = str(caught.value).splitlines()
    assert "the proxy exited with status 3:" in lines[0]
    assert lines[1:] == [f"line {number}" for number in range(15, 30)]
    assert not caught.value.retryable
    assert str(running.log) in caught.value.fix


async def test_one_that_never_gets_healthy_is_a_timeout(tmp_path: Path) -> None:
    waited: list[float] = []
    running = await started(tmp_path, "sick")
    try:
        with pytest.raises(RequestTimeoutError) as caught:
            await running.wait_until_healthy(limit_s=0.6, progress=waited.append)
    finally:
        await running.stop()
    assert caught.value.timeout_s == 0.6
    assert len(waited) <= 3, "its health is asked for four times a second, and not all the time"
    assert str(running.log) in caught.value.fix


async def test_one_that_ignores_the_signal_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingate.proxy.up._STOP_S", 0.3)
    running = await started(tmp_path, "stubborn")
    await running.wait_until_healthy(limit_s=60)
    await running.stop()
    assert running.process.returncode == -9


# Starts the server as ingate does, tells its process id, and is killed without a chance to stop it.
KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from ingate.proxy.up import _ending_with_parent, start

async def main():
    server, config, port, log = sys.argv[1:]
    command = [sys.executable, server]
    running = await start(command, Path(config), port=int(port), environ=dict(os.environ), log=Path(log))
    await running.wait_until_healthy(limit_s=60)
    print(running.process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends a child with its parent")
async def test_a_killed_parent_takes_it_along(tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text(SERVER)
    (tmp_path / "config.yaml").write_text("well")
    arguments = [str(tmp_path / "server.py"), str(tmp_path / "config.yaml"), str(free_port()), str(tmp_path / "log")]
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, *arguments, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await asyncio.wait_for(parent.communicate(), 90)
    assert parent.returncode == -9
    pid = int(said)
    for _ in range(300):
        if not Path(f"/proc/{pid}").exists() or " Z " in Path(f"/proc/{pid}/stat").read_text():
            return
        await asyncio.sleep(0.1)
    os.kill(pid, 9)
    raise AssertionError("it outlived its parent")


async def test_a_command_that_cannot_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"cannot run .*: No such file") as caught:
        await start([str(tmp_path / "gone")], tmp_path, port=1, environ={}, log=tmp_path / "log")
    assert caught.value.fix == "--litellm PATH"
    assert not caught.value.retryable


async def test_an_earlier_log_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "proxy.log").write_text("of yesterday")
    running = await started(tmp_path, "crash")
    await asyncio.wait_for(running.process.wait(), 60)
    assert "of yesterday" not in running.log.read_text()


def test_the_end_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert tail(log) == ""
    log.write_bytes(b"\n".join(b"%d \xff\n" % number for number in range(20)))
    assert tail(log).splitlines() == [f"{number} \ufffd" for number in range(5, 20)]


def test_the_given_command_is_used_or_an_error(tmp_path: Path) -> None:
    command = tmp_path / "litellm"
    with pytest.raises(ConfigError, match="there is no litellm command at"):
        find_litellm(str(command))
    command.write_text("")
    assert find_litellm(str(command)) == [str(command)]
    with pytest.raises(ConfigError):
        find_litellm(str(tmp_path))


@pytest.mark.parametrize("extras", [True, False])
def test_the_command_beside_this_python_needs_the_proxy_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extras: bool
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "litellm").write_text("")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "ingate" / ".venv"))
    monkeypatch.setattr("ingate.proxy.up.find_spec", lambda name: object() if extras else None)
    if extras:
        assert find_litellm(None) == [str(tmp_path / "bin" / "litellm")]
        return
    with pytest.raises(MissingExtraError) as caught:
        find_litellm(None)
    assert "make setup-proxy" in caught.value.fix
    for folder in (tmp_path / "elsewhere", tmp_path / "ingate"):
        made = folder / ".venv-proxy" / "bin" / "litellm"
        made.parent.mkdir(parents=True)
        made.write_text("")
        monkeypatch.chdir(folder)  # nothing is run from the working directory
        if folder.name == "elsewhere":
            with pytest.raises(MissingExtraError):
                find_litellm(None)
    monkeypatch.chdir(tmp_path)
    assert find_litellm(None) == [str(made)]


def test_its_environment_has_the_keys_it_needs_and_no_settings_of_this_python() -> None:
    environ = {
        "PATH": "/bin",
        "PYTHONPATH": "/x",
        "PYTHONHOME": "/y",
        "VIRTUAL_ENV": "/z",
        "DATABASE_URL": "postgres://",
        "PORT": "1",
        "HOST": "h",
        "REDIS_HOST": "r",
        "LITELLM_MODE": "DEV",
        "GROQ_API_KEY": "of the environment",
        "OPENAI_API_KEY": "not in the configuration",
        "LITELLM_API_KEY": "a client's",
        "MY_SETTING": "named",
    }
    keys = {"XAI_API_KEY": Secret("xai-1")}
    named = named_variables("key: os.environ/GROQ_API_KEY\nother: 'os.environ/MY_SETTING'\n")
    made = child_environment(environ, keys, Secret("sk-master"), redis=False, names=named)
    assert made == {
        "PATH": "/bin",
        "GROQ_API_KEY": "of the environment",
        "MY_SETTING": "named",
        "XAI_API_KEY": "xai-1",
        "LITELLM_MASTER_KEY": "sk-master",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MODE": "DEV",
        "PYTHONUNBUFFERED": "1",
    }
    assert child_environment(environ, keys, Secret("sk-master"), redis=True)["REDIS_HOST"] == "r"
    assert child_environment({}, {}, Secret("k"), redis=False)["LITELLM_MODE"] == "PRODUCTION"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl is Linux's")
def test_a_proxy_ends_with_ingate() -> None:
    """What runs in the child before the proxy's program, run here: the kernel then ends it when its parent dies."""
    import ctypes
    import signal

    prctl = ctypes.CDLL(None).prctl
    found = ctypes.c_int(0)
    prctl(2, ctypes.byref(found))  # PR_GET_PDEATHSIG
    before = found.value
    ask = _ending_with_parent()
    assert ask is not None
    try:
        ask()
        prctl(2, ctypes.byref(found))
    finally:
        prctl(1, before)
    assert found.value == signal.SIGTERM


def test_a_log_is_shown_by_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert tail(log) == ""
    log.write_bytes(b"\n".join(b"line %d\n" % number for number in range(20)) + b"\xff\n")
    assert tail(log).splitlines() == [*(f"line {number}" for number in range(6, 20)), "\N{REPLACEMENT CHARACTER}"]
