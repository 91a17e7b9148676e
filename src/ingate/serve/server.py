"""Serves the application on a socket, with uvicorn, and shuts down without interrupting responses."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import socket
from typing import TYPE_CHECKING, Final

from ingate.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from ingate.serve.call import ASGIApp

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 4100
DEFAULT_GRACE_S: Final = 30
_BACKLOG: Final = 2048


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server on `host`. Names other than `localhost` do not count as loopback."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 means a free one.

    Raises:
        ConfigError: The address is not one of this machine's, or the port is in use.
    """
    host = host.strip("[]")
    bound: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        if bound is not None:
            bound.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"cannot listen on {host} port {port}: {reason}",
            fix="choose another with --port, or --port 0 for a free one",
        ) from None
    bound.setblocking(False)
    return bound


def address_of(bound: socket.socket) -> str:
    """The URL for a client on this machine; `0.0.0.0` is replaced by the loopback address."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(
    app: ASGIApp,
    bound: socket.socket,
    *,
    grace_s: int = DEFAULT_GRACE_S,
    ready: Callable[[], None] | None = None,
    stopping: Callable[[int], None] | None = None,
) -> None:
    """Serve `app` on a bound socket until SIGINT or SIGTERM.

    At the first signal it accepts no new connections and lets running requests finish, for `grace_s` seconds at most; at
    a second one it stops at once.

    Args:
        app: The application; its lifespan is run, which closes the gateway.
        bound: From `bind`; closed at the end.
        grace_s: How long running requests may take after the first signal, in seconds.
        ready: Called once the server accepts requests.
        stopping: Called at the first signal, with the number of running requests.

    Raises:
        MissingExtraError: uvicorn is not installed.
    """
    try:
        import uvicorn
    except ImportError:
        bound.close()
        raise MissingExtraError("`ingate serve` requires uvicorn, which is not installed", extra="serve") from None

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Generator[None]:
            # uvicorn would raise the signal again at the end, which would kill the process after a clean shutdown.
            loop = asyncio.get_running_loop()
            handled = []
            for number in (signal.SIGINT, signal.SIGTERM):
                with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # Windows; not the main thread
                    loop.add_signal_handler(number, stop, number)
                    handled.append(number)
            try:
                yield
            finally:
                for number in handled:
                    loop.remove_signal_handler(number)

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            if self.started and ready is not None:
                ready()

    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=grace_s,
        backlog=_BACKLOG,
    )
    server = Server(config)

    def stop(number: int) -> None:
        if not server.should_exit and stopping is not None:
            stopping(len(server.server_state.tasks))
        server.handle_exit(number, None)

    try:
        await server.serve(sockets=[bound])
    finally:
        bound.close()
