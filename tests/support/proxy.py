"""Real processes on loopback: `ingate serve`, a LiteLLM proxy from `.venv-proxy`, a Redis."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
LITELLM = ROOT / ".venv-proxy" / "bin" / "litellm"
INGATE = Path(sys.executable).with_name("ingate")
MASTER = "sk-master-for-tests-0123456789"
_LIMIT_S = 110.0


def litellm_command() -> str:
    """The proxy's command; the test is skipped where its environment was not made."""
    if not LITELLM.is_file():
        pytest.skip("there is no .venv-proxy with a LiteLLM proxy: make setup-proxy")
    return str(LITELLM)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def plain_environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": str(home), **more}


class Process:
    """A server in a group of its own; its output is in `log`."""

    def __init__(self, command: list[str], *, home: Path, health: str, environ: Mapping[str, str] = {}) -> None:
        self.command = command
        self.home = home
        self.health = health
        self.environ = dict(environ)
        self.log = home / f"{Path(command[0]).name}-{free_port()}.log"
        self.running: subprocess.Popen[bytes] | None = None

    def start(self) -> Process:
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                self.command, env=plain_environment(self.home, **self.environ), cwd=self.home,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        return self

    def wait(self) -> Process:
        """Wait until its health check answers 200."""
        until_s = time.monotonic() + _LIMIT_S
        while time.monotonic() < until_s:
            assert self.running is not None
            if self.running.poll() is not None:
                raise AssertionError(f"{self.command[0]} ended: {self.log.read_text()[-3000:]}")
            with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(self.health, timeout=2):
                return self
            time.sleep(0.1)
        raise AssertionError(f"{self.command[0]} did not start: {self.log.read_text()[-3000:]}")

    def signal(self, number: int) -> None:
        if self.running is not None and self.running.poll() is None:
            os.killpg(self.running.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        self.signal(signal.SIGTERM)
        if self.running is not None:
            try:
                self.running.wait(15)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGKILL)
                self.running.wait(15)


def proxy_process(config: Mapping[str, Any] | str, home: Path, *, port: int = 0, **environ: str) -> Process:
    """A LiteLLM proxy, not started yet. Its address is `health` without its path."""
    command = litellm_command()
    port = port or free_port()
    file = home / f"proxy-{port}.yaml"
    file.write_text(config if isinstance(config, str) else yaml.safe_dump(dict(config)))
    return Process(
        [command, "--config", str(file), "--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"],
        home=home,
        health=f"http://127.0.0.1:{port}/health/readiness",
        environ={
            "LITELLM_MASTER_KEY": MASTER,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_MODE": "PRODUCTION",
            "PYTHONUNBUFFERED": "1",
            **environ,
        },
    )


def serve_process(home: Path, *arguments: str, config: str = "{}\n", port: int = 0) -> Process:
    """`ingate serve`, not started yet."""
    port = port or free_port()
    file = home / f"ingate-{port}.yaml"
    file.write_text(config)
    return Process(
        [str(INGATE), "--config", str(file), "serve", "--port", str(port), *arguments],
        home=home,
        health=f"http://127.0.0.1:{port}/health",
    )


def address(process: Process) -> str:
    return process.health.partition("/health")[0]


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[int]:
    """A Redis of its own on a free port; the test is skipped where none is installed."""
    command = shutil.which("redis-server")
    if command is None:
        pytest.skip("redis-server is not installed: apt-get install redis-server")
    port = free_port()
    arguments = [command, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    running = subprocess.Popen([*arguments, "--dir", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until_s = time.monotonic() + 20
        while time.monotonic() < until_s:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield port
    finally:
        running.terminate()
        running.wait(10)
