"""Run a LiteLLM proxy as a process of its own on the loopback interface."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ingate import children
from ingate.errors import ConfigError, MissingExtraError, RequestTimeoutError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ingate.secret import Secret

LIMIT_S: Final = 180.0
_STOP_S: Final = 15.0
_POLL_S: Final = 0.25
_TAIL_LINES: Final = 15
# What the proxy and its clouds' libraries read besides the variables that its configuration names: its own settings, and
# where credentials' files are.
_PASSED: Final = (
    "LITELLM_*", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
    "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CONFIG", "AZURE_CONFIG_DIR",
)  # fmt: skip
_CLIENT_KEYS: Final = frozenset({"LITELLM_API_KEY", "LITELLM_PROXY_API_KEY"})
_NAMED: Final = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)")


def find_litellm(given: str | None) -> list[str]:
    """The command that starts a LiteLLM proxy.

    In order: the one given; the `litellm` beside this Python, if its `proxy` extra is installed; `.venv-proxy` beside this
    Python's environment, which `make setup-proxy` creates. Nothing is looked for in the working directory.

    Raises:
        ConfigError: The one given does not exist.
        MissingExtraError: There is none.
    """
    if given is not None:
        if not Path(given).is_file():
            raise ConfigError(f"there is no litellm command at {given!r}", fix="--litellm .venv-proxy/bin/litellm")
        return [str(Path(given).absolute())]
    beside = Path(sys.executable).with_name("litellm")
    if beside.is_file() and find_spec("litellm_proxy_extras") is not None:
        return [str(beside)]
    made = Path(sys.prefix).with_name(".venv-proxy") / "bin" / "litellm"
    if made.is_file():
        return [str(made)]
    raise MissingExtraError(
        "no LiteLLM proxy is installed here",
        extra="proxy",
        fix="run `make setup-proxy` in ingate's folder, name one with --litellm PATH, or pip install '.[proxy]'",
    )


def named_variables(config: str) -> frozenset[str]:
    """The variables that a proxy's configuration refers to as `os.environ/NAME`."""
    return frozenset(_NAMED.findall(config))


def child_environment(
    environ: Mapping[str, str],
    keys: Mapping[str, Secret],
    master_key: Secret,
    *,
    redis: bool,
    names: Iterable[str] = (),
) -> dict[str, str]:
    """The proxy's environment: what every program needs, the proxy's settings, and what its configuration refers to.

    Args:
        environ: This process's environment.
        keys: Variables whose values are in ingate's own configuration.
        master_key: The proxy's own key.
        redis: Whether it may use the Redis server of the `REDIS_` variables.
        names: Further variables by name.
    """
    passed = (*_PASSED, *names, *(("REDIS_*",) if redis else ()))
    kept = children.for_child(environ, passed)
    for name in _CLIENT_KEYS - set(names):
        kept.pop(name, None)
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
        config: Its configuration file, by its absolute path.
        port: The port on 127.0.0.1 to listen on.
        environ: From `child_environment`.
        log: The file for its output; replaced, readable only by its owner.

    Raises:
        UnavailableError: The command cannot be run.
    """
    # It runs in its log's folder, since programs read files such as `.env` from the folder they are started in.
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
            cwd=log.parent,
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
