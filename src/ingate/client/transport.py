"""httpx transports whose requests never leave the process, for httpx and httpx2 alike.

`async_http_client` and `http_client` make whole clients: what LangChain, LlamaIndex and provider SDKs take as their
`http_client=`. `AsyncTransport` and `Transport` are the transports alone, over the httpx that the installed openai
package uses.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import importlib.util
import weakref
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ingate.client.exchange import BrokenExchangeError, Exchange, ResponseTimeoutError, http_scope
from ingate.client.portal import Portal, PortalClosedError
from ingate.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from pathlib import Path
    from types import ModuleType

    from ingate.serve.protocol import ASGIApp, GatewayLike

BASE_URL: Final = "http://ingate/v1"
"""Where an in-process client believes the API to be. The host is never looked up."""

TIMEOUT_S: Final = 600.0
"""How long a client waits for an answer and between two of its pieces unless told otherwise, in seconds; as OpenAI's."""


class Transports(NamedTuple):
    """The two transport classes over one httpx module.

    Attributes:
        asynchronous: Made with `(gateway, owned=True)`; drives the gateway in the caller's event loop.
        sync: The same for callers that are not async, over an event loop in a thread.
    """

    asynchronous: type[Any]
    sync: type[Any]


def async_http_client(
    config: str | Path | Mapping[str, Any] | None = None,
    *,
    gateway: GatewayLike | None = None,
    module: ModuleType | None = None,
    **client_arguments: Any,
) -> Any:
    """An `httpx.AsyncClient` (or httpx2's) whose requests are answered in this process.

    Args:
        config: As for `Gateway`: None, a path or a mapping. The client closes the gateway it makes.
        gateway: A gateway to use instead; its owner closes it.
        module: `httpx` or `httpx2`; by default the one that the installed openai package uses.
        **client_arguments: Passed to the client. `base_url` is `http://ingate/v1` and `timeout` 600 seconds unless
            given here.

    Raises:
        MissingExtraError: Neither httpx nor httpx2 is installed.
        ConfigError: The configuration is wrong.
    """
    module = module or default_module()
    transport = transports(module).asynchronous(_gateway(config, gateway), owned=gateway is None)
    return module.AsyncClient(transport=transport, **_with_defaults(client_arguments))


def http_client(
    config: str | Path | Mapping[str, Any] | None = None,
    *,
    gateway: GatewayLike | None = None,
    module: ModuleType | None = None,
    **client_arguments: Any,
) -> Any:
    """An `httpx.Client` (or httpx2's) whose requests are answered in this process; see `async_http_client`.

    The work runs in an event loop in a thread, which starts with the first request and ends when the client is
    closed. It may be used from several threads, and inside a running event loop.
    """
    module = module or default_module()
    transport = transports(module).sync(_gateway(config, gateway), owned=gateway is None)
    return module.Client(transport=transport, **_with_defaults(client_arguments))


def default_module() -> ModuleType:
    """The httpx module that the installed openai package uses; without one, whichever is installed.

    Raises:
        MissingExtraError: There is none.
    """
    if importlib.util.find_spec("openai") is not None:
        from openai import DefaultAsyncHttpxClient

        for kind in DefaultAsyncHttpxClient.__mro__:
            if (root := kind.__module__.partition(".")[0]) in {"httpx", "httpx2"}:
                return importlib.import_module(root)
    for name in ("httpx2", "httpx"):
        if importlib.util.find_spec(name) is not None:
            return importlib.import_module(name)
    raise MissingExtraError("the in-process client needs httpx, which comes with the openai package", extra="openai")


@functools.cache
def transports(module: ModuleType) -> Transports:
    """The transport classes over `module`, which is `httpx` or `httpx2`."""

    class AsyncBody(module.AsyncByteStream):
        """An answer's body as it comes. Closing it early stops the model."""

        def __init__(self, exchange: Exchange, timeout_s: float | None) -> None:
            self.exchange, self.timeout_s = exchange, timeout_s

        async def __aiter__(self) -> AsyncIterator[bytes]:
            with _as_httpx_errors(module):
                while (piece := await self.exchange.read(self.timeout_s)) is not None:
                    yield piece

        async def aclose(self) -> None:
            await self.exchange.aclose()

        def __del__(self) -> None:
            self.exchange.cancel_soon()

    class AsyncTransport(module.AsyncBaseTransport):
        """Answers an async client's requests from a gateway, in the client's own event loop.

        It keeps nothing between requests, so one client may live through many event loops.

        Args:
            gateway: What answers.
            owned: Whether closing the transport closes the gateway.
        """

        def __init__(self, gateway: GatewayLike, *, owned: bool = False) -> None:
            self.gateway = gateway
            self._app = _app(gateway)
            self._owned = owned
            self._open: weakref.WeakSet[Exchange] = weakref.WeakSet()

        async def handle_async_request(self, request: Any) -> Any:
            body = await request.aread()
            timeout_s = _read_timeout_s(request)
            exchange = Exchange(self._app, _scope(request), body)
            self._open.add(exchange)
            with _as_httpx_errors(module):
                await _started(exchange, timeout_s)
            return _response(module, exchange, AsyncBody, timeout_s)

        async def aclose(self) -> None:
            """Stop the answers still running, and close the gateway if it is owned. May be called twice."""
            here = asyncio.get_running_loop()
            for exchange in list(self._open):
                if exchange.loop is here:
                    await exchange.aclose()
                else:
                    exchange.cancel_soon()
            owned, self._owned = self._owned, False
            if owned:
                await self.gateway.aclose()

    class Body(module.SyncByteStream):
        """An answer's body as it comes, for a caller that is not async."""

        def __init__(self, exchange: Exchange, timeout_s: float | None, transport: Transport) -> None:
            # The transport, so that its thread lives as long as an answer that is still read.
            self.exchange, self.timeout_s, self.transport = exchange, timeout_s, transport

        def __iter__(self) -> Iterator[bytes]:
            portal = self.transport.portal
            with _as_httpx_errors(module):
                while (piece := portal.run(lambda: self.exchange.read(self.timeout_s))) is not None:
                    yield piece

        def close(self) -> None:
            portal = self.transport.portal
            if self.exchange.done or portal.inside():
                self.exchange.cancel_soon()
                return
            with contextlib.suppress(PortalClosedError):  # which ended everything
                portal.run(self.exchange.aclose)

        def __del__(self) -> None:
            self.exchange.cancel_soon()

    class Transport(module.BaseTransport):
        """Answers a sync client's requests from a gateway, in an event loop of its own in a thread.

        The thread starts with the first request, and ends with `close()`, with the garbage collection of the
        transport, or with the interpreter.

        Args:
            gateway: What answers.
            owned: Whether closing the transport closes the gateway.
        """

        def __init__(self, gateway: GatewayLike, *, owned: bool = False) -> None:
            self.gateway = gateway
            self._app = _app(gateway)
            self.portal = Portal(gateway.aclose if owned else None)
            weakref.finalize(self, self.portal.stop).atexit = False

        def handle_request(self, request: Any) -> Any:
            body = request.read()
            timeout_s = _read_timeout_s(request)
            scope = _scope(request)

            begun: list[Exchange] = []

            async def begin() -> None:
                begun.append(Exchange(self._app, scope, body))
                await _started(begun[0], timeout_s)

            try:
                with _as_httpx_errors(module):
                    self.portal.run(begin)
            except BaseException:
                # Ctrl-C may come when the answer has begun and nobody holds it yet.
                for exchange in begun:
                    exchange.cancel_soon()
                raise
            [exchange] = begun
            return _response(module, exchange, functools.partial(Body, transport=self), timeout_s)

        def close(self) -> None:
            """Stop the answers still running, close the gateway if it is owned, and end the thread."""
            self.portal.close()

    for kind in (AsyncTransport, Transport):
        kind.__qualname__ = kind.__name__
    return Transports(AsyncTransport, Transport)


def __getattr__(name: str) -> Any:
    """`AsyncTransport` and `Transport`, made when first asked for: they need an httpx module to derive from."""
    if name == "AsyncTransport":
        return transports(default_module()).asynchronous
    if name == "Transport":
        return transports(default_module()).sync
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


async def _started(exchange: Exchange, timeout_s: float | None) -> None:
    """Wait for the answer's beginning; on any other way out, end its task first."""
    try:
        await exchange.start(timeout_s)
    except BaseException:
        await exchange.aclose()
        raise


def _response(module: ModuleType, exchange: Exchange, body: Any, timeout_s: float | None) -> Any:
    whole = exchange.whole()
    stream = body(exchange, timeout_s) if whole is None else module.ByteStream(whole)
    return module.Response(exchange.status, headers=exchange.headers, stream=stream)


class _as_httpx_errors:  # noqa: N801 - reads as the `with` statement it is
    """Raises what the exchange cannot do as the errors that an SDK knows from its HTTP library."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, ResponseTimeoutError):
            raise self.module.ReadTimeout("no answer in time") from None
        if isinstance(error, BrokenExchangeError | PortalClosedError):
            raise self.module.ReadError(str(error)) from None


def _read_timeout_s(request: Any) -> float | None:
    # There is no connection to wait for: of httpx's four timeouts only this one has a meaning here.
    return (request.extensions.get("timeout") or {}).get("read")


def _scope(request: Any) -> Any:
    url = request.url
    return http_scope(request.method, url.path, url.raw_path.partition(b"?")[0], url.query, request.headers.raw)


def _gateway(config: str | Path | Mapping[str, Any] | None, gateway: GatewayLike | None) -> GatewayLike:
    if gateway is not None:
        if config is not None:
            raise TypeError("pass either a config or a gateway, not both")
        return gateway
    from ingate.gateway import Gateway

    return Gateway(config)


def _app(gateway: GatewayLike) -> ASGIApp:
    """The gateway's own ASGI face where it has one."""
    own = getattr(gateway, "asgi", None)
    if own is not None:
        return own
    from ingate.serve.app import create_app

    return create_app(gateway)


def _with_defaults(client_arguments: dict[str, Any]) -> dict[str, Any]:
    if "transport" in client_arguments:
        raise TypeError("transport is what this function is for; it cannot be passed")
    return {"base_url": BASE_URL, "timeout": TIMEOUT_S, **client_arguments}
