"""httpx transports whose requests never leave the process, for httpx and httpx2.

`async_http_client` and `http_client` make complete clients, which LangChain, LlamaIndex and provider SDKs take as their
`http_client=`. `AsyncTransport` and `Transport` are the transports themselves, over the httpx that the installed openai
package uses.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import importlib.util
import weakref
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from ingate.client.exchange import BrokenExchangeError, Exchange, ResponseTimeoutError, http_scope
from ingate.client.portal import Portal, PortalClosedError
from ingate.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
    from pathlib import Path
    from types import ModuleType

    from ingate.gateway import Gateway

BASE_URL: Final = "http://ingate/v1"
"""The base URL of in-process clients. Its host is never resolved."""

_MARGIN_S: Final = 0.25  # so that the client's own timer fires first, and the SDK raises its own error

_HTTPX: Final = ("httpx2", "httpx")

# The clients made here. A client's transport is not public in httpx, so this is how they are recognised.
_in_process: weakref.WeakSet[Any] = weakref.WeakSet()


class Transports(NamedTuple):
    """The two transport classes over one httpx module.

    Attributes:
        asynchronous: For async clients; runs the gateway in the caller's event loop.
        sync: For sync clients; runs the gateway in an event loop in a thread.
    """

    asynchronous: type[Any]
    sync: type[Any]


def async_http_client(
    config: str | Path | Mapping[str, Any] | None = None,
    *,
    gateway: Gateway | None = None,
    module: ModuleType | None = None,
    **client_arguments: Any,
) -> Any:
    """An `httpx.AsyncClient`, or httpx2's, whose requests are answered in this process.

    Args:
        config: As for `Gateway`: None, a path or a mapping. The client closes the gateway it makes from it.
        gateway: An existing gateway to use instead. The client does not close it.
        module: `httpx`, `httpx2`, or the package of an SDK that is built on one of them (`anthropic`, `openai`). By
            default, the module that the installed openai package uses.
        **client_arguments: Passed to the client's class. `base_url` defaults to `http://ingate/v1`, and `timeout` to
            the time limits of the configuration.

    Raises:
        MissingExtraError: Neither httpx nor httpx2 is installed.
        ConfigError: The configuration is wrong.
        TypeError: Both `config` and `gateway` are given, or a `transport` is.
    """
    module = _httpx_of(module)
    return _client(module.AsyncClient, transports(module).asynchronous, config, gateway, client_arguments)


def http_client(
    config: str | Path | Mapping[str, Any] | None = None,
    *,
    gateway: Gateway | None = None,
    module: ModuleType | None = None,
    **client_arguments: Any,
) -> Any:
    """An `httpx.Client`, or httpx2's, whose requests are answered in this process; see `async_http_client`.

    The work runs in an event loop in a background thread, which starts with the first request and ends when the client
    is closed. The client may be shared by threads, and works inside a running event loop.
    """
    module = _httpx_of(module)
    return _client(module.Client, transports(module).sync, config, gateway, client_arguments)


def is_in_process(client: Any) -> bool:
    """Whether `client` was made by `async_http_client` or `http_client`."""
    with contextlib.suppress(TypeError):  # not hashable, or without weak references
        return client in _in_process
    return False


def default_module() -> ModuleType:
    """The httpx module that the installed openai package uses; without openai, whichever is installed.

    Raises:
        MissingExtraError: Neither is installed.
    """
    if importlib.util.find_spec("openai") is not None:
        return _httpx_of(importlib.import_module("openai"))
    for name in _HTTPX:
        if importlib.util.find_spec(name) is not None:
            return importlib.import_module(name)
    raise MissingExtraError("the in-process client needs httpx, which comes with the openai package", extra="openai")


def _httpx_of(module: ModuleType | None) -> ModuleType:
    """`module` if it is httpx or httpx2, otherwise the one that the SDK `module` is built on."""
    if module is None:
        return default_module()
    if module.__name__ in _HTTPX:
        return module
    # OpenAI's and Anthropic's SDKs derive this class from the AsyncClient of the httpx they use.
    default_client = getattr(module, "DefaultAsyncHttpxClient", None)
    for base in getattr(default_client, "__mro__", ()):
        if (root := base.__module__.partition(".")[0]) in _HTTPX:
            return importlib.import_module(root)
    raise TypeError(f"module must be httpx, httpx2 or an SDK built on one of them, not {module.__name__}")


@functools.cache
def transports(module: ModuleType) -> Transports:
    """The transport classes over `module`, which is `httpx` or `httpx2`."""
    async_body = type("AsyncBody", (_AsyncBody, module.AsyncByteStream), {"httpx": module})
    body = type("Body", (_Body, module.SyncByteStream), {"httpx": module})
    return Transports(
        type("AsyncTransport", (_AsyncTransport, module.AsyncBaseTransport), {"httpx": module, "body": async_body}),
        type("Transport", (_Transport, module.BaseTransport), {"httpx": module, "body": body}),
    )


def __getattr__(name: str) -> Any:
    """`AsyncTransport` and `Transport`, made on first use because they derive from an httpx module's classes."""
    if name == "AsyncTransport":
        return transports(default_module()).asynchronous
    if name == "Transport":
        return transports(default_module()).sync
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _AsyncBody:
    """The body of a response, piece by piece. Closing it early stops the model."""

    httpx: ClassVar[ModuleType]

    def __init__(self, exchange: Exchange, timeout_s: float | None) -> None:
        self.exchange = exchange
        self.timeout_s = timeout_s

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx_errors(self.httpx):
            while (piece := await self.exchange.read(self.timeout_s)) is not None:
                yield piece

    async def aclose(self) -> None:
        await self.exchange.aclose()

    def __del__(self) -> None:
        self.exchange.cancel_soon()


class _AsyncTransport:
    """Answers an async client's requests from a gateway, in the client's event loop.

    It keeps no state between requests, so a client may be used in several event loops, one after another.

    Args:
        gateway: The gateway that answers.
        owned: Whether closing the transport closes the gateway.
    """

    httpx: ClassVar[ModuleType]
    body: ClassVar[type[_AsyncBody]]

    def __init__(self, gateway: Gateway, *, owned: bool = False) -> None:
        self.gateway = gateway
        self._app = gateway.asgi
        self._owned = owned
        self._open: weakref.WeakSet[Exchange] = weakref.WeakSet()

    async def handle_async_request(self, request: Any) -> Any:
        body = await request.aread()
        timeout_s = _read_timeout_s(request)
        exchange = Exchange(self._app, _scope(request), body)
        self._open.add(exchange)
        with _httpx_errors(self.httpx):
            await _start(exchange, timeout_s)
        return _response(self.httpx, exchange, lambda: self.body(exchange, timeout_s))

    async def aclose(self) -> None:
        """Stop the responses that are still running, and close the gateway if it is owned. May be called twice."""
        loop = asyncio.get_running_loop()
        for exchange in list(self._open):
            if exchange.loop is loop:
                await exchange.aclose()
            else:
                exchange.cancel_soon()
        owned, self._owned = self._owned, False
        if owned:
            await self.gateway.aclose()


class _Body:
    """The body of a response, piece by piece, for a sync client."""

    httpx: ClassVar[ModuleType]

    def __init__(self, exchange: Exchange, timeout_s: float | None, transport: _Transport) -> None:
        self.exchange = exchange
        self.timeout_s = timeout_s
        self.transport = transport  # keeps the thread alive for as long as the response is read

    def __iter__(self) -> Iterator[bytes]:
        portal = self.transport.portal
        with _httpx_errors(self.httpx):
            while (piece := portal.run(lambda: self.exchange.read(self.timeout_s))) is not None:
                yield piece

    def close(self) -> None:
        portal = self.transport.portal
        if self.exchange.done or portal.inside():
            self.exchange.cancel_soon()
            return
        with contextlib.suppress(PortalClosedError):  # closing the portal ended the exchange
            portal.run(self.exchange.aclose)

    def __del__(self) -> None:
        self.exchange.cancel_soon()


class _Transport:
    """Answers a sync client's requests from a gateway, in an event loop in a thread.

    The thread starts with the first request. It ends with `close()`, when the transport is garbage collected, or when
    the interpreter exits.

    Args:
        gateway: The gateway that answers.
        owned: Whether closing the transport closes the gateway.
    """

    httpx: ClassVar[ModuleType]
    body: ClassVar[type[_Body]]

    def __init__(self, gateway: Gateway, *, owned: bool = False) -> None:
        self.gateway = gateway
        self._app = gateway.asgi
        self.portal = Portal(gateway.aclose if owned else None)
        weakref.finalize(self, self.portal.stop).atexit = False

    def handle_request(self, request: Any) -> Any:
        body = request.read()
        timeout_s = _read_timeout_s(request)
        scope = _scope(request)
        started: list[Exchange] = []

        async def start() -> None:
            started.append(Exchange(self._app, scope, body))
            await _start(started[0], timeout_s)

        try:
            with _httpx_errors(self.httpx):
                self.portal.run(start)
        except BaseException:
            # Ctrl-C may arrive after the exchange has started and before anything refers to it.
            for exchange in started:
                exchange.cancel_soon()
            raise
        [exchange] = started
        return _response(self.httpx, exchange, lambda: self.body(exchange, timeout_s, self))

    def close(self) -> None:
        """Stop the responses that are still running, close the gateway if it is owned, and end the thread."""
        self.portal.close()


async def _start(exchange: Exchange, timeout_s: float | None) -> None:
    """Wait for the start of the response; if that fails, end the exchange before raising."""
    try:
        await exchange.start(timeout_s)
    except BaseException:
        await exchange.aclose()
        raise


def _response(httpx: ModuleType, exchange: Exchange, body: Callable[[], Any]) -> Any:
    """The response of a started exchange; `body` makes its stream, which a complete response does not need."""
    whole = exchange.whole()
    stream = body() if whole is None else httpx.ByteStream(whole)
    return httpx.Response(exchange.status, headers=exchange.headers, stream=stream)


@contextlib.contextmanager
def _httpx_errors(httpx: ModuleType) -> Generator[None]:
    """Raise failures of an exchange as the httpx errors that an SDK handles."""
    try:
        yield
    except ResponseTimeoutError:
        raise httpx.ReadTimeout("no response within the time limit") from None
    except (BrokenExchangeError, PortalClosedError) as error:
        raise httpx.ReadError(str(error)) from None


def _read_timeout_s(request: Any) -> float | None:
    return (request.extensions.get("timeout") or {}).get("read")


def _limits(request: Any) -> dict[str, float]:
    """httpx's timeouts as the gateway's time limits: `read` is the wait at any point, `connect` that for the provider."""
    given = request.extensions.get("timeout") or {}
    found = {}
    if (read_s := given.get("read")) is not None:
        found["timeout"] = read_s + _MARGIN_S
    if (connect_s := given.get("connect")) is not None:
        found["connect_timeout"] = connect_s
    return found


def _scope(request: Any) -> Any:
    url = request.url
    path = url.raw_path.partition(b"?")[0]
    return http_scope(request.method, url.path, path, url.query, request.headers.raw, _limits(request))


def _client(
    client_class: type[Any],
    transport_class: type[Any],
    config: str | Path | Mapping[str, Any] | None,
    gateway: Gateway | None,
    client_arguments: dict[str, Any],
) -> Any:
    if "transport" in client_arguments:
        raise TypeError("transport cannot be passed: the in-process transport is what this function adds")
    if gateway is not None and config is not None:
        raise TypeError("pass either a config or a gateway, not both")
    owned = gateway is None
    if gateway is None:
        from ingate.gateway import Gateway

        gateway = Gateway(config)
    transport = transport_class(gateway, owned=owned)
    client = client_class(transport=transport, **{"base_url": BASE_URL, "timeout": None, **client_arguments})
    _in_process.add(client)
    return client
