"""HTTP connections: URLs in messages, proxies of the environment, limits of bodies, and what failures become."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import errno
import gc
import json
import threading
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from yarl import URL

from ingate import errors
from ingate.engines import accept
from ingate.engines.accept import kept_headers, origin_of
from ingate.engines.http import Call, Connections, describe, read_body
from ingate.secret import revealed
from support.http import Conversation, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping


def _call(url: str = "https://api.example/v1/chat?x=1", **fields: Any) -> Call:
    return Call(url=url, body=b"", headers={}, timeout_s=fields.pop("timeout_s", 5.0), **fields)


@pytest.fixture
async def connections() -> AsyncIterator[Connections]:
    made = Connections()
    yield made
    await made.aclose()


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.example/v1/chat?key=x", "https://api.example"),
        ("http://user:pass@host:8080/v1", "http://host:8080"),
        ("http://[::1]:11434/v1", "http://[::1]:11434"),
        ("http://[::1]/v1", "http://[::1]"),
        ("http://host:port/v1", "http://host"),
    ],
)
def test_a_url_is_named_without_path_query_and_login(url: str, origin: str) -> None:
    assert origin_of(url) == origin


def test_only_harmless_headers_are_kept_in_lower_case() -> None:
    headers = {
        "X-Request-ID": "r",
        "x-ratelimit-remaining-tokens": "1",
        "anthropic-ratelimit-requests-limit": "2",
        "CF-Ray": "c",
        "Set-Cookie": "s",
        "Authorization": "a",
        "server": "n",
    }
    assert kept_headers(headers) == {
        "x-request-id": "r",
        "x-ratelimit-remaining-tokens": "1",
        "anthropic-ratelimit-requests-limit": "2",
        "cf-ray": "c",
    }


def _connection_key(url: str) -> Any:
    parsed = URL(url)
    return aiohttp.client_reqrep.ConnectionKey(
        parsed.host or "", parsed.port, parsed.scheme == "https", True, None, None, None
    )


_FAR, _NEAR = "https://api.example", "http://localhost:1"
_NETWORK = "check the network and the base URL of acme"


_UNTRUSTED = (
    f"cannot establish a secure connection to {_FAR}: "
    "Cannot connect to host api.example:443 ssl:True [Exception: ('self-signed',)]"
)


def _refused(url: str, code: int = errno.ECONNREFUSED, reason: str | None = "Connection refused") -> Exception:
    return aiohttp.ClientConnectorError(_connection_key(url), OSError(code, reason))


def _violation(message: str, kind: type[aiohttp.ClientResponseError] = aiohttp.ClientResponseError) -> Exception:
    return kind(Any, (), status=407, message=message)  # ty: ignore[invalid-argument-type]


@pytest.mark.parametrize(
    ("url", "error", "message", "fix", "code", "retryable"),
    [
        (
            _FAR,
            aiohttp.InvalidURL("x"),
            f"'{_FAR}/v1' is not a valid URL",
            "correct the base URL of acme",
            "unavailable",
            False,
        ),
        (
            _FAR,
            aiohttp.ClientConnectorCertificateError(_connection_key(_FAR), Exception("self-signed")),
            _UNTRUSTED,
            "set SSL_CERT_FILE to your organisation's certificates if a proxy inspects TLS; check the system clock",
            "unavailable",
            False,
        ),
        (
            _FAR,
            aiohttp.ClientProxyConnectionError(_connection_key(_FAR), OSError(111, "refused")),
            f"cannot connect to the HTTP proxy for {_FAR}",
            "check HTTPS_PROXY and NO_PROXY",
            "unavailable",
            True,
        ),
        (
            _FAR,
            _violation("Proxy Authentication Required\nmore", aiohttp.ClientHttpProxyError),
            f"the HTTP proxy for {_FAR} answered 407: Proxy Authentication Required",
            "check HTTPS_PROXY, its user name and password, and NO_PROXY",
            "unavailable",
            True,
        ),
        (
            _FAR,
            aiohttp.ClientConnectorDNSError(_connection_key(_FAR), OSError(8, "unknown")),
            f"the host name of {_FAR} cannot be resolved",
            _NETWORK,
            "unavailable",
            True,
        ),
        (
            _NEAR,
            _refused(_NEAR),
            f"nothing listens at {_NEAR}: is the server running?",
            "start acme, or correct its base URL",
            "unavailable",
            True,
        ),
        (_FAR, _refused(_FAR), f"cannot connect to {_FAR}: Connection refused", _NETWORK, "unavailable", True),
        (
            _NEAR,
            _refused(_NEAR, errno.EHOSTUNREACH, "No route to host"),
            f"cannot connect to {_NEAR}: No route to host",
            _NETWORK,
            "unavailable",
            True,
        ),
        (_FAR, _refused(_FAR, 1, None), f"cannot connect to {_FAR}: [Errno 1] None", _NETWORK, "unavailable", True),
        (
            _FAR,
            ValueError("line break"),
            f"the request to {_FAR} cannot be sent: a header or the URL is invalid",
            "check the key and the configured headers for line breaks, and the base URL for a user name",
            "unavailable",
            False,
        ),
        (
            _FAR,
            _violation("x" * 300 + "\nsecond line"),
            f"{_FAR} violates the HTTP protocol: {'x' * 200}",
            "check the base URL of acme, and any proxy on the way",
            "unavailable",
            True,
        ),
        *(
            (
                _FAR,
                error,
                f"the connection to {_FAR} broke before the response was complete",
                "try again, or name a fallback model after a comma",
                "connection_broken",
                True,
            )
            for error in (aiohttp.ClientPayloadError("cut"), ConnectionResetError(), aiohttp.ServerDisconnectedError())
        ),
    ],
)
def test_a_failure_says_what_happened_and_what_helps(
    url: str, error: BaseException, message: str, fix: str, code: str | None, retryable: bool
) -> None:
    found = describe(error, _call(f"{url}/v1", provider="acme", spec="acme/m"))
    assert type(found) is errors.UnavailableError
    assert (found.message, found.fix, found.code, found.retryable) == (message, fix, code, retryable)
    assert (found.provider, found.spec) == ("acme", "acme/m")
    unnamed = describe(error, _call(f"{url}/v1"))
    assert (unnamed.fix, unnamed.provider) == (fix.replace("acme", "the provider"), None)


def test_the_cause_of_a_failed_handshake_is_named() -> None:
    error = aiohttp.ClientConnectorSSLError(_connection_key(_FAR), OSError(1, "x"))
    error.__cause__ = OSError("certificate has expired")
    assert describe(error, _call(_FAR)).message == (
        f"cannot establish a secure connection to {_FAR}: certificate has expired"
    )


@pytest.mark.parametrize("error", [aiohttp.SocketTimeoutError(), TimeoutError()])
def test_silence_says_how_long_it_lasted(error: BaseException) -> None:
    found = describe(error, _call(provider="acme", spec="acme/m", timeout_s=2.5))
    assert type(found) is errors.RequestTimeoutError
    assert (found.message, found.timeout_s, found.limit) == ("acme sent nothing for 2.5 s", 2.5, "")
    assert found.fix == "try again, or raise the limit with ?timeout=SECONDS after the model's name"
    assert (found.provider, found.spec) == ("acme", "acme/m")


def test_a_connection_that_takes_too_long_names_its_own_limit() -> None:
    found = describe(aiohttp.ConnectionTimeoutError(), _call(_FAR, provider="acme", spec="acme/m", connect_s=1.5))
    assert type(found) is errors.RequestTimeoutError
    assert found.message == f"no connection to {_FAR} within 1.5 s (connect_timeout)"
    assert (found.limit, found.timeout_s) == ("connect", 1.5)
    assert found.fix == f"{_NETWORK}, or raise the limit with ?connect_timeout=SECONDS"
    assert (found.provider, found.spec) == ("acme", "acme/m")


def test_a_short_timeout_also_limits_the_connection() -> None:
    found = describe(aiohttp.ConnectionTimeoutError(), _call(timeout_s=0.5))
    assert isinstance(found, errors.RequestTimeoutError)
    assert found.timeout_s == 0.5
    slow = describe(aiohttp.ConnectionTimeoutError(), _call(timeout_s=600.0))
    assert isinstance(slow, errors.RequestTimeoutError)
    assert slow.timeout_s == 10.0


@pytest.mark.parametrize(
    ("environ", "url", "proxy", "login"),
    [
        ({}, "https://api.example", None, None),
        ({"HTTPS_PROXY": "http://box:3128"}, "https://api.example", "http://box:3128", None),
        ({"HTTPS_PROXY": "box:3128"}, "https://api.example", "http://box:3128", None),
        ({"HTTPS_PROXY": "http://box:3128"}, "http://api.example", None, None),
        ({"HTTPS_PROXY": "http://me:pw@box:3128"}, "https://api.example", "http://box:3128", "me:pw"),
        ({"HTTPS_PROXY": "http://me@box:3128"}, "https://api.example", "http://box:3128", "me:"),
        ({"HTTPS_PROXY": "http://box:3128", "NO_PROXY": "api.example"}, "https://api.example", None, None),
    ],
)
def test_the_proxy_of_the_environment_is_used_with_its_login(
    environ: Mapping[str, str], url: str, proxy: str | None, login: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    found, headers = Connections()._proxy(url)
    assert found == (None if proxy is None else URL(proxy))
    expected = {"proxy-authorization": "Basic " + base64.b64encode((login or "").encode()).decode()}
    assert (revealed(headers) if headers else None) == (expected if login else None)
    assert "pw" not in repr(headers)


async def test_a_response_may_be_larger_than_an_error(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accept, "_MAX_BODY", 3000)
    monkeypatch.setattr(accept, "_MAX_ERROR", 1000)

    async def answer(talk: Conversation) -> None:
        size, status = talk.body.split(b" ", 1)
        with contextlib.suppress(ConnectionError):
            await talk.answer(b"x" * int(size), status=status.decode())

    async def read(size: int, status: str) -> bytes:
        call = Call(
            url=f"{server.base}/x", body=f"{size} {status}".encode(), headers={}, timeout_s=5.0, provider="acme"
        )
        async with connections.send(call) as response:
            return await read_body(response, call)

    async with serving(answer) as server:
        assert len(await read(2500, "200 OK")) == 2500
        assert len(await read(3000, "200 OK")) == 3000
        with pytest.raises(errors.UnavailableError, match="larger than") as caught:
            await read(3001, "200 OK")
        assert not caught.value.retryable
        assert len(await read(999, "400 Bad Request")) == 999
        assert 1000 < len(await read(2_000_000, "400 Bad Request")) < 2_000_000


async def test_a_redirect_names_the_origin_of_its_target_only(connections: Connections) -> None:
    async def answer(talk: Conversation) -> None:
        await talk.answer(b"", status="308 Permanent Redirect", more="location: /v2/chat?key=secret\r\n")

    async with serving(answer) as server:
        with pytest.raises(errors.UnavailableError, match="redirects") as caught:
            async with connections.send(Call(url=f"{server.base}/v1", body=b"", headers={}, timeout_s=5.0)):
                pass
    origin = origin_of(server.base)
    assert f"from {origin} to '{origin}';" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert (caught.value.code, caught.value.retryable) == ("redirected", False)


@pytest.mark.parametrize(("status", "redirects"), [(299, False), (300, True), (304, True), (399, True), (400, False)])
async def test_every_status_from_300_to_399_is_a_redirect(
    connections: Connections, status: int, redirects: bool
) -> None:
    async def answer(talk: Conversation) -> None:
        await talk.answer(b"", status=f"{status} Status")

    async with serving(answer) as server:
        call = Call(f"{server.base}/v1", b"", {}, 5.0, provider="acme", spec="acme/m")
        if redirects:
            with pytest.raises(errors.UnavailableError) as caught:
                async with connections.send(call):
                    pass
            origin = origin_of(server.base)
            assert caught.value.message.startswith(f"acme redirects ({status}) from {origin} to '{origin}';")
            assert (caught.value.provider, caught.value.spec) == ("acme", "acme/m")
        else:
            async with connections.send(call) as response:
                assert response.status == status
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("path", "sent"),
    [("/a%2Fb%20c?x=%41", "/a%2Fb%20c?x=%41"), ("/modèle?x=ü", "/mod%C3%A8le?x=%C3%BC")],
)
async def test_a_path_that_is_encoded_already_is_sent_as_it_is(connections: Connections, path: str, sent: str) -> None:
    async def answer(talk: Conversation) -> None:
        await talk.answer(b"{}")

    async with (
        serving(answer) as server,
        connections.send(Call(f"{server.base}{path}", b"{}", {}, 5.0)) as response,
    ):
        assert response.status == 200
    assert server.asked[0].head.startswith(f"POST /v1{sent} HTTP/1.1")


async def test_the_login_of_a_proxy_goes_to_the_proxy_alone_through_a_tunnel(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(talk: Conversation) -> None:
        await talk.answer(b"", status="407 Proxy Authentication Required")

    async with serving(answer) as server:
        monkeypatch.setenv("HTTPS_PROXY", server.base.removesuffix("/v1").replace("//", "//me:pw@"))
        with pytest.raises(errors.UnavailableError, match=r"HTTP proxy for https://api\.example answered 407"):
            async with connections.send(Call("https://api.example/v1", b"", {"authorization": "Bearer k"}, 5.0)):
                pass
    [talk] = server.asked
    assert talk.head.startswith("CONNECT api.example:443 ")
    assert talk.headers["proxy-authorization"] == "Basic " + base64.b64encode(b"me:pw").decode()
    assert "authorization" not in talk.headers


@pytest.mark.parametrize("login", ["", "me:pw@"])
async def test_a_proxy_without_a_tunnel_gets_the_request_with_its_login(
    connections: Connections, monkeypatch: pytest.MonkeyPatch, login: str
) -> None:
    async def answer(talk: Conversation) -> None:
        await talk.answer(b"{}")

    async with serving(answer) as server:
        monkeypatch.setenv("HTTP_PROXY", server.base.removesuffix("/v1").replace("//", f"//{login}"))
        async with connections.send(Call("http://api.example/v1", b"", {"x-a": "b"}, 5.0)) as response:
            assert response.status == 200
    [talk] = server.asked
    assert talk.head.startswith("POST http://api.example/v1 ")
    assert talk.headers["x-a"] == "b"
    expected = "Basic " + base64.b64encode(b"me:pw").decode() if login else None
    assert talk.headers.get("proxy-authorization") == expected


async def test_a_body_that_violates_the_chunked_encoding_ends_with_an_error(connections: Connections) -> None:
    async def answer(talk: Conversation) -> None:
        await talk.begin()
        await talk.piece(b"a")
        await begun.wait()
        await talk.send(b"not a size\r\n")
        await talk.gone()

    begun = asyncio.Event()
    async with serving(answer) as server:
        call = Call(f"{server.base}/v1", b"", {}, 60.0, provider="acme")
        async with asyncio.timeout(10), connections.send(call) as response:
            begun.set()
            with pytest.raises(errors.UnavailableError):
                await read_body(response, call)


async def test_a_connection_that_breaks_while_it_is_idle_logs_nothing(
    connections: Connections, caplog: pytest.LogCaptureFixture
) -> None:
    async def answer(talk: Conversation) -> None:
        await talk.answer(b"{}")
        if len(server.asked) == 3:
            talk.writer.transport.abort()

    async with serving(answer) as server:
        call = Call(f"{server.base}/v1", b"", {}, 5.0)
        for _ in range(3):
            async with connections.send(call) as response:
                assert await read_body(response, call) == b"{}"
        await asyncio.sleep(0.01)
    await connections.aclose()
    gc.collect()
    assert caplog.records == []


async def test_a_request_without_a_body_is_a_get_with_its_headers(connections: Connections) -> None:
    async def answer(talk: Conversation) -> None:
        await talk.answer(json.dumps(talk.head.split(" ")[0]).encode())

    async with serving(answer) as server:
        call = Call(url=f"{server.base}/x", body=b"", headers={"x-a": "b"}, timeout_s=5.0, method="GET")
        async with connections.send(call) as response:
            assert await read_body(response, call) == b'"GET"'
    assert server.asked[0].headers["x-a"] == "b"
    assert "content-length" not in server.asked[0].headers


async def test_one_loop_has_one_session_until_it_is_closed(connections: Connections) -> None:
    first = await connections.session()
    assert await connections.session() is first
    await first.close()
    assert await connections.session() is not first


def test_a_loop_that_ends_closes_its_session() -> None:
    made = Connections()
    session = asyncio.run(made.session())
    assert session.closed


async def test_a_body_that_breaks_off_is_an_error_unless_the_status_is_one_already(connections: Connections) -> None:
    async def answer(talk: Conversation) -> None:
        status = talk.body.decode()
        await talk.send(f"HTTP/1.1 {status}\r\ncontent-length: 100\r\n\r\nhalf".encode())
        talk.writer.close()

    async with serving(answer) as server:
        call = Call(url=f"{server.base}/x", body=b"200 OK", headers={}, timeout_s=5.0, provider="acme")
        async with connections.send(call) as response:
            with pytest.raises(errors.UnavailableError, match="before the response was complete"):
                await read_body(response, call)
        call = Call(url=f"{server.base}/x", body=b"500 Oops", headers={}, timeout_s=5.0, provider="acme")
        async with connections.send(call) as response:
            assert await read_body(response, call) == b"half"
    assert server.asked[0].headers["user-agent"].startswith("ingate/")


async def _used(connections: Connections, base: str) -> aiohttp.ClientSession:
    """A session with an idle connection."""
    call = Call(f"{base}/v1", b"", {}, 5.0)
    async with connections.send(call) as response:
        assert await read_body(response, call) == b"{}"
    return await connections.session()


async def _empty_object(talk: Conversation) -> None:
    await talk.answer(b"{}")


async def test_closing_everything_closes_the_connections_of_a_loop_that_is_not_running(
    caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    made = Connections()
    loop = asyncio.new_event_loop()
    async with serving(_empty_object) as server:
        session = await asyncio.to_thread(loop.run_until_complete, _used(made, server.base))
        assert not session.closed
        await made.aclose()
        assert session.closed
        async with asyncio.timeout(10):
            while not server.closed:
                await asyncio.sleep(0.001)
    assert (len(made._sessions), len(made._guards)) == (0, 0)
    await asyncio.to_thread(loop.run_until_complete, loop.shutdown_asyncgens())
    loop.close()
    await made.aclose()
    gc.collect()
    assert caplog.records == []
    assert [str(one.message) for one in recwarn if "never awaited" in str(one.message)] == []


# Without their loop, transports cannot be closed but by the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("how", ["session", "aclose"])
async def test_a_loop_that_was_closed_without_a_shutdown_leaves_no_connection(
    caplog: pytest.LogCaptureFixture, how: str
) -> None:
    made = Connections()
    loop = asyncio.new_event_loop()
    async with serving(_empty_object) as server:
        session = await asyncio.to_thread(loop.run_until_complete, _used(made, server.base))
        connector: Any = session.connector
        loop.close()
        assert not session.closed
        await (made.session() if how == "session" else made.aclose())
        assert (session.closed, connector.closed) == (True, True)
        assert loop not in made._sessions
        assert loop not in made._guards
    await made.aclose()
    del connector, session
    gc.collect()
    assert [record for record in caplog.records if "Unclosed" in record.getMessage()] == []


async def test_closing_everything_closes_the_connections_of_a_loop_in_another_thread(
    connections: Connections,
) -> None:
    used: asyncio.Future[aiohttp.ClientSession] = asyncio.get_running_loop().create_future()
    here = asyncio.get_running_loop()
    leave = threading.Event()

    async def elsewhere(base: str) -> None:
        session = await _used(connections, base)
        here.call_soon_threadsafe(used.set_result, session)
        await asyncio.to_thread(leave.wait)

    async with serving(_empty_object) as server:
        thread = asyncio.create_task(asyncio.to_thread(asyncio.run, elsewhere(server.base)))
        session = await used
        await connections.aclose()
        assert session.closed
        assert (len(connections._sessions), len(connections._guards)) == (0, 0)
        leave.set()
        await thread
