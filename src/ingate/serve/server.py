"""Serves the application on a socket, with uvicorn, and shuts down without interrupting responses."""

from __future__ import annotations

import ipaddress
import logging
import math
import socket
from typing import TYPE_CHECKING, Final

from ingate.errors import ConfigError, MissingExtraError
from ingate.serve.descriptors import connections_within
from ingate.serve.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingate.serve.call import ASGIApp

logger = logging.getLogger("ingate.serve")

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
    limits: Limits | None = None,
    grace_s: float = DEFAULT_GRACE_S,
    ready: Callable[[], None] | None = None,
    stopping: Callable[[int, bool], None] | None = None,
    signalled: Callable[[int], None] | None = None,
) -> None:
    """Serve `app` on a bound socket until SIGINT or SIGTERM.

    At the first signal it accepts no new connections and lets running requests finish, for `grace_s` seconds at most; at
    a second one, of either kind, it cuts them.

    Args:
        app: The application; its lifespan is run, which closes the gateway.
        bound: From `bind`; closed at the end.
        limits: The limits on time and connections; those on requests are `admitted`'s.
        grace_s: How long running requests may take after the first signal, in seconds.
        ready: Called once the server accepts requests.
        stopping: Called at each signal, with the number of running requests and whether they are cut now.
        signalled: Called in the signal handler, with the number of signals so far, even while the event loop is blocked.

    Raises:
        MissingExtraError: uvicorn is not installed.
    """
    try:
        import uvicorn
    except ImportError:
        bound.close()
        raise MissingExtraError("`ingate serve` requires uvicorn, which is not installed", extra="serve") from None

    from ingate.serve.uvicorn_server import Server

    limits = limits or Limits()
    most = connections_within(limits)
    if most < limits.max_connections:
        logger.warning(
            "only %d connections can be open at the same time, because this process may open few files; "
            "`ulimit -n %d` allows %d",
            most, 2 * limits.max_connections, limits.max_connections,
        )  # fmt: skip
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_keep_alive=math.ceil(limits.idle_timeout_s),
    )
    server = Server(
        config,
        limits=limits,
        most_connections=most,
        grace_s=grace_s,
        ready=ready,
        stopping=stopping,
        signalled=signalled,
    )
    try:
        await server.serve(sockets=[bound])
    finally:
        bound.close()
