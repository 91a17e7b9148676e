"""HTTP connections: URLs in messages, proxies of the environment, limits of bodies, and what failures become."""

from __future__ import annotations

import asyncio
import base64
import json
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


@pytest.mark.parametrize(
    ("error", "kind", "words", "fix", "retryable"),
    [
        (aiohttp.ConnectionTimeoutError(), errors.RequestTimeoutError, "within 5 s", "base URL of acme", True),
        (aiohttp.SocketTimeoutError(), errors.RequestTimeoutError, "acme sent nothing for 5 s", "?timeout=", True),
        (TimeoutError(), errors.RequestTimeoutError, "acme sent nothing for 5 s", "?timeout=", True),
        (aiohttp.InvalidURL("x"), errors.UnavailableError, "not a valid URL", "base URL of acme", False),
        (ValueError("line break"), errors.UnavailableError, "cannot be sent", "line breaks", False),
        (aiohttp.ClientPayloadError("cut"), errors.UnavailableError, "before the response was complete", "", True),
        (ConnectionResetError(), errors.UnavailableError, "before the response was complete", "", True),
    ],
)
def test_a_failure_says_what_happened_and_what_helps(
    error: BaseException, kind: type[errors.IngateError], words: str, fix: str, retryable: bool
) -> None:
    found = describe(error, _call(provider="acme", spec="acme/m"))
    assert type(found) is kind
    assert words in str(found)
    assert fix in found.fix
    assert (found.retryable, found.provider, found.spec) == (retryable, "acme", "acme/m")


def test_a_short_timeout_also_limits_the_connection() -> None:
    found = describe(aiohttp.ConnectionTimeoutError(), _call(timeout_s=0.5))
    assert isinstance(found, errors.RequestTimeoutError)
    assert found.timeout_s == 0.5
    slow = describe(aiohttp.ConnectionTimeoutError(), _call(timeout_s=600.0))
    assert isinstance(slow, errors.RequestTimeoutError)
    assert slow.timeout_s == 10.0


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://localhost:1/v1", "nothing listens at http://localhost:1"),
        ("https://api.example/v1", "cannot connect to https://api.example: Connection refused"),
    ],
)
def test_a_refused_connection_on_this_machine_asks_whether_the_server_runs(url: str, words: str) -> None:
    error = aiohttp.ClientConnectorError(_connection_key(url), OSError(111, "Connection refused"))
    found = describe(error, _call(url, provider="acme"))
    assert words in str(found)
    assert found.retryable


def test_a_name_that_cannot_be_resolved_is_named() -> None:
    error = aiohttp.ClientConnectorDNSError(_connection_key("https://api.example"), OSError(8, "unknown"))
    assert "host name of https://api.example cannot be resolved" in str(describe(error, _call()))


def test_a_failing_http_proxy_is_named_as_one() -> None:
    error = aiohttp.ClientProxyConnectionError(_connection_key("https://api.example"), OSError(111, "refused"))
    found = describe(error, _call())
    assert "HTTP proxy for https://api.example" in str(found)
    assert "HTTPS_PROXY" in found.fix


def test_an_untrusted_certificate_is_not_worth_a_retry() -> None:
    key: Any = _connection_key("https://api.example")
    found = describe(aiohttp.ClientConnectorCertificateError(key, Exception("self-signed")), _call())
    assert "secure connection" in str(found)
    assert "SSL_CERT_FILE" in found.fix
    assert not found.retryable


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
        assert 1000 < len(await read(100_000, "400 Bad Request")) <= 100_000


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


async def test_closing_everything_closes_the_sessions_of_loops_that_have_ended() -> None:
    made = Connections()
    loop = asyncio.new_event_loop()
    try:
        session = await asyncio.to_thread(loop.run_until_complete, made.session())
        assert not session.closed
        await made.aclose()
    finally:
        loop.close()
    assert session.closed
    await made.aclose()
