"""Run a LiteLLM proxy as a process of its own on the loopback interface."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ingate.errors import ConfigError, MissingExtraError, RequestTimeoutError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingate.secret import Secret

LIMIT_S: Final = 180.0
_STOP_S: Final = 15.0
_POLL_S: Final = 0.25
_TAIL_LINES: Final = 15
# Settings of this Python would affect the proxy's; a database is for the compose file.
_NOT_PASSED: Final = frozenset({"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "DATABASE_URL", "PORT", "HOST"})


def find_litellm(given: str | None, cwd: Path) -> list[str]:
    """The command that starts a LiteLLM proxy.

    In order: the one given; the `litellm` beside this Python, if its `proxy` extra is installed; `.venv-proxy` in the
    working directory, which `make setup-proxy` creates.

    Raises:
        ConfigError: The one given does not exist.
        MissingExtraError: There is none.
    """
    if given is not None:
        if not Path(given).is_file():
            raise ConfigError(f"there is no litellm command at {given!r}", fix="--litellm .venv-proxy/bin/litellm")
        return [given]
    beside = Path(sys.executable).with_name("litellm")
    if beside.is_file() and find_spec("litellm_proxy_extras") is not None:
        return [str(beside)]
    made = cwd / ".venv-proxy" / "bin" / "litellm"
    if made.is_file():
        return [str(made)]
    raise MissingExtraError(
        "no LiteLLM proxy is installed here",
        extra="proxy",
        fix="run `make setup-proxy` in ingate's folder and `ingate proxy up` there, or pip install '.[proxy]'",
    )


def child_environment(
    environ: Mapping[str, str], keys: Mapping[str, Secret], master_key: Secret, *, redis: bool
) -> dict[str, str]:
    """The proxy's environment: this process's, the configured keys it needs, its own key, and no downloads at start-up."""
    kept = {
        name: value
        for name, value in environ.items()
        if name not in _NOT_PASSED and (redis or not name.startswith("REDIS_"))
    }
    kept |= {name: key.reveal() for name, key in keys.items()}
    kept["LITELLM_MASTER_KEY"] = master_key.reveal()
    kept.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    kept.setdefault("LITELLM_MODE", "PRODUCTION")
    kept["PYTHONUNBUFFERED"] = "1"
    return kept


@dataclass(slots=True)
class Running:
    """A running proxy.

    Attributes:
        process: Its process, the leader of its own process group.
        address: Its URL.
        log: The file with its output.
    """

    process: asyncio.subprocess.Process
    address: str
    log: Path

    async def wait_until_healthy(
        self, *, limit_s: float = LIMIT_S, progress: Callable[[float], None] | None = None
    ) -> None:
        """Wait until its health check succeeds.

        Args:
            limit_s: How long to wait, in seconds.
            progress: Called with the seconds so far, several times a second.

        Raises:
            UnavailableError: It exited; the message has the end of its log.
            RequestTimeoutError: It did not become healthy within `limit_s` seconds.
        """
        import aiohttp

        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            while (waited_s := loop.time() - begun_s) < limit_s:
                if self.process.returncode is not None:
                    raise self.ended()
                with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                    async with session.get(f"{self.address}/health/readiness") as answer:
                        if answer.status == 200:
                            return
                if progress is not None:
                    progress(waited_s)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.process.wait(), _POLL_S)
        raise RequestTimeoutError(
            f"the proxy did not become healthy within {limit_s:g} s", timeout_s=limit_s, fix=f"read its log: {self.log}"
        )

    def ended(self) -> UnavailableError:
        """The error for a proxy that exited by itself."""
        return UnavailableError(
            f"the proxy exited with status {self.process.returncode}:\n{tail(self.log)}",
            retryable=False,
            fix=f"read its log: {self.log}",
        )

    async def stop(self) -> None:
        """Stop it and all its workers: SIGTERM, then SIGKILL after 15 seconds."""
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), _STOP_S)
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self.process.wait()

    def _signal(self, number: int) -> None:
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)


async def start(command: list[str], config: Path, *, port: int, environ: Mapping[str, str], log: Path) -> Running:
    """Start a proxy, without waiting for it to become healthy.

    Args:
        command: From `find_litellm`.
        config: Its configuration file.
        port: The port on 127.0.0.1 to listen on.
        environ: From `child_environment`.
        log: The file for its output; replaced, readable only by its owner.

    Raises:
        UnavailableError: The command cannot be run.
    """
    arguments = ["--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"]
    descriptor = _fresh(log)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            env=dict(environ),
            start_new_session=True,  # Ctrl-C goes to ingate, which stops the proxy
            preexec_fn=_ending_with_parent(),
        )
    except OSError as error:
        raise UnavailableError(
            f"cannot run {command[0]}: {error.strerror}", retryable=False, fix="--litellm PATH"
        ) from None
    finally:
        os.close(descriptor)
    return Running(process, f"http://127.0.0.1:{port}", log)


def _ending_with_parent() -> Callable[[], None] | None:
    """A function for the child process that makes Linux end it if ingate is killed; None on other systems."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    try:
        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None
    set_parent_death_signal, number = 1, int(signal.SIGTERM)

    def ask() -> None:
        prctl(set_parent_death_signal, number)

    return ask


def _fresh(log: Path) -> int:
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def tail(log: Path) -> str:
    """The last lines of a log."""
    try:
        lines = log.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "\n".join([line for line in lines if line.strip()][-_TAIL_LINES:])
