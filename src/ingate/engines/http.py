"""HTTP connections to providers: one aiohttp session per event loop, closed with the loop, and typed errors."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from ingate._version import __version__
from ingate.engines.accept import ELSEWHERE, limit_for, origin_of, redirect_error, too_large
from ingate.engines.timeouts import DEFAULTS, timeout_error
from ingate.errors import IngateError, RequestTimeoutError, UnavailableError
from ingate.secret import Secret, revealed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    import aiohttp

_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1", "host.docker.internal"})


@dataclass(slots=True)
class Call:
    """One HTTP request, complete except for its credential.

    Attributes:
        url: The complete URL.
        body: The request's body; empty for GET.
        headers: The request's headers, names in lower case. Those that authenticate are secrets until the HTTP library
            takes them.
        timeout_s: Longest wait for the next bytes of the response, in seconds.
        connect_s: Longest wait for a connection, in seconds; `timeout_s` if that is shorter.
        method: The HTTP method.
        provider: The provider's name, for error messages.
        spec: The model spec, for errors.
    """

    url: str
    body: bytes
    headers: dict[str, str | Secret]
    timeout_s: float
    method: str = "POST"
    provider: str | None = None
    spec: str | None = None
    connect_s: float = DEFAULTS.connect_s


class Connections:
    """One session per event loop. A session is closed when its loop shuts down its asynchronous generators, as
    `asyncio.run` does at the end, so that short-lived loops leave no sockets open; `aclose` closes all sessions."""

    def __init__(self) -> None:
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = WeakKeyDictionary()
        self._guards: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncGenerator[None, None]] = WeakKeyDictionary()
        self._proxies: dict[str, Any] = {}

    async def session(self) -> aiohttp.ClientSession:
        """The session of the running event loop."""
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is not None and not session.closed:
            return session
        self._forget_dead_loops()
        import aiohttp

        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300, keepalive_timeout=15),
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"user-agent": f"ingate/{__version__}"},
            read_bufsize=2**18,
            # `_proxy` reads the proxies: aiohttp's trust_env would also send credentials from ~/.netrc, and it uses
            # two threads before each request.
            trust_env=False,
        )
        self._sessions[loop] = session
        guard = self._close_with(loop, session)
        await anext(guard)
        self._guards[loop] = guard
        return session

    @contextlib.asynccontextmanager
    async def send(self, call: Call) -> AsyncGenerator[aiohttp.ClientResponse]:
        """Send `call`; the response's head has been read. Leaving early closes the connection. No redirect is followed.

        Raises:
            UnavailableError: The connection failed or broke, or the response is a redirect.
            RequestTimeoutError: No connection or no response in time.
        """
        import aiohttp
        from yarl import URL

        session = await self.session()
        # `connect` covers DNS and TLS too; there is no pool to wait for.
        timeout = aiohttp.ClientTimeout(
            total=None, connect=min(call.connect_s, call.timeout_s), sock_read=call.timeout_s
        )
        try:
            proxy, login = self._proxy(call.url)
            response = await session.request(
                call.method,
                # Not re-encoded: a signature covers the exact bytes of the path.
                URL(call.url, encoded=call.url.isascii()),
                data=call.body or None,
                # Through a tunnel only the proxy gets the login; without one, the proxy reads the request's headers.
                headers=revealed({**call.headers, **login} if login and call.url.startswith("http:") else call.headers),
                timeout=timeout,
                allow_redirects=False,
                proxy=proxy,
                proxy_headers=revealed(login) if login else None,
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise describe(error, call) from None
        release = _end_with_connection(response)
        try:
            if 300 <= response.status < 400:
                where = response.headers.get("location", "")
                raise redirect_error(call.url, response.status, where, provider=call.provider, spec=call.spec)
            yield response
        finally:
            release()
            # Does nothing after the whole body was read; before that, it closes the connection, which stops the provider.
            response.close()

    async def aclose(self) -> None:
        """Close every session, including those of other event loops. May be called twice."""
        here = asyncio.get_running_loop()
        for loop in list(self._sessions):
            guard = self._guards.pop(loop, None)
            if guard is None:
                continue
            if loop is here:
                await guard.aclose()
            elif loop.is_running():
                with contextlib.suppress(RuntimeError):
                    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_end(guard), loop))
            elif not loop.is_closed():
                with contextlib.suppress(RuntimeError):  # another thread runs it by now
                    await asyncio.to_thread(loop.run_until_complete, _end(guard))
        self._forget_dead_loops()

    async def _close_with(
        self, loop: asyncio.AbstractEventLoop, session: aiohttp.ClientSession
    ) -> AsyncGenerator[None, None]:
        """A suspended generator that closes the session when `loop.shutdown_asyncgens()` closes it."""
        try:
            yield
        finally:
            if self._sessions.get(loop) is session:
                del self._sessions[loop]
            await session.close()

    def _proxy(self, url: str) -> tuple[Any, dict[str, Secret] | None]:
        """The environment's proxy for a URL and its login headers; (None, None) if it has none."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._proxies:
            from urllib.request import getproxies, proxy_bypass

            found = Secret(getproxies().get(parts.scheme) or "")  # it may have a login
            self._proxies[origin] = (None, None)
            if found and not proxy_bypass(parts.hostname or ""):
                self._proxies[origin] = _without_login(found)
        return self._proxies[origin]

    def _forget_dead_loops(self) -> None:
        for loop, session in list(self._sessions.items()):
            if loop.is_closed():
                self._sessions.pop(loop, None)
                self._guards.pop(loop, None)
                _drop(session)


def _end_with_connection(response: aiohttp.ClientResponse) -> Callable[[], None]:
    """Let a body end with an error when its connection is closed; returns a function that undoes this.

    After a violation of the chunked encoding, aiohttp closes the connection, but tells neither the reader of the body nor
    its own read timer, so that the reader would wait for ever.
    """
    import aiohttp

    content = response.content
    protocol = response.connection.protocol if response.connection is not None else None
    if content.is_eof() or protocol is None or (closed := protocol.closed) is None:
        return lambda: None

    def end(_: object) -> None:
        if not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("the body violates the HTTP protocol"))

    closed.remove_done_callback(_retrieve)  # of an earlier response on this connection
    closed.add_done_callback(_retrieve)
    closed.add_done_callback(end)

    def release() -> None:
        closed.remove_done_callback(end)

    return release


def _without_login(proxy: Secret) -> tuple[Any, dict[str, Secret] | None]:
    """A proxy's URL without its login, and the headers with which it logs in."""
    from yarl import URL

    if "://" not in proxy.reveal():
        proxy = Secret(f"http://{proxy.reveal()}")
    basic = Secret(_basic(URL(proxy.reveal())))
    return URL(proxy.reveal()).with_user(None), {"proxy-authorization": basic} if basic else None


def _basic(proxy: Any) -> str:
    login = base64.b64encode(f"{proxy.user}:{proxy.password or ''}".encode()).decode()
    return f"Basic {login}" if proxy.user else ""


def _retrieve(closed: asyncio.Future[None]) -> None:
    """Mark the exception with which a connection ended as retrieved: the body's reader has one of its own."""
    if not closed.cancelled():
        closed.exception()


async def _end(guard: AsyncGenerator[None, None]) -> None:
    await guard.aclose()


def _drop(session: aiohttp.ClientSession) -> None:
    """Release a session whose loop is closed: without a loop, its connector closes in one step."""
    connector = session.connector
    session.detach()
    if connector is not None:
        with contextlib.suppress(RuntimeError, StopIteration):
            next(connector.close().__await__())


async def read_body(response: aiohttp.ClientResponse, call: Call) -> bytes:
    """Read a whole response body.

    Raises:
        UnavailableError: The connection broke, or the body is too large.
        RequestTimeoutError: The next piece did not arrive in time.
    """
    import aiohttp

    limit = limit_for(response.status)
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in response.content.iter_any():
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                if response.status >= 400:
                    break
                raise too_large(call.provider)
    except (aiohttp.ClientError, OSError) as error:
        if response.status >= 400:  # the status is enough to report the error
            return b"".join(pieces)
        raise describe(error, call) from None
    return b"".join(pieces)


def describe(error: BaseException, call: Call) -> IngateError:
    """The `IngateError` for an exception of aiohttp or the operating system."""
    import aiohttp

    provider, origin = call.provider or "the provider", origin_of(call.url)
    details: dict[str, Any] = {"provider": call.provider, "spec": call.spec}
    is_local = urlsplit(call.url).hostname in _LOCAL
    if isinstance(error, (asyncio.TimeoutError, TimeoutError)):
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            fix = f"check the network and the base URL of {provider}, or raise the limit with ?connect_timeout=SECONDS"
            return timeout_error("connect", min(call.connect_s, call.timeout_s), origin, fix=fix, **details)
        return RequestTimeoutError(
            f"{provider} sent nothing for {call.timeout_s:g} s",
            timeout_s=call.timeout_s,
            fix="try again, or raise the limit with ?timeout=SECONDS after the model's name",
            **details,
        )
    if isinstance(error, aiohttp.InvalidURL):
        return UnavailableError(
            f"{call.url!r} is not a valid URL", retryable=False, fix=f"correct the base URL of {provider}", **details
        )
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError)):
        return UnavailableError(
            f"cannot establish a secure connection to {origin}: {error.__cause__ or error}",
            retryable=False,
            fix="set SSL_CERT_FILE to your organisation's certificates if a proxy inspects TLS; check the system clock",
            **details,
        )
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return UnavailableError(
            f"cannot connect to the HTTP proxy for {origin}", fix="check HTTPS_PROXY and NO_PROXY", **details
        )
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return UnavailableError(
            f"the HTTP proxy for {origin} answered {error.status}: {_first_line(error.message)}",
            fix="check HTTPS_PROXY, its user name and password, and NO_PROXY",
            **details,
        )
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return UnavailableError(
            f"the host name of {origin} cannot be resolved",
            fix=f"check the network and the base URL of {provider}",
            **details,
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        if is_local and error.os_error.errno == errno.ECONNREFUSED:
            return UnavailableError(
                f"nothing listens at {origin}: is the server running?",
                fix=f"start {provider}, or correct its base URL",
                **details,
            )
        reason = error.os_error.strerror or error.os_error
        return UnavailableError(
            f"cannot connect to {origin}: {reason}", fix=f"check the network and the base URL of {provider}", **details
        )
    if isinstance(error, ValueError):
        return UnavailableError(
            f"the request to {origin} cannot be sent: a header or the URL is invalid",
            retryable=False,
            fix="check the key and the configured headers for line breaks, and the base URL for a user name",
            **details,
        )
    if isinstance(error, aiohttp.ClientResponseError):
        return UnavailableError(
            f"{origin} violates the HTTP protocol: {_first_line(error.message)}",
            fix=f"check the base URL of {provider}, and any proxy on the way",
            **details,
        )
    return UnavailableError(
        f"the connection to {origin} broke before the response was complete",
        code="connection_broken",
        fix=ELSEWHERE,
        **details,
    )


def _first_line(text: str) -> str:
    return text.partition("\n")[0][:200]
