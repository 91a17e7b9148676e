"""Who may call a server: its key, its Host, its CORS, and what its log tells."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from ingate.errors import ConfigError
from ingate.secret import Secret
from ingate.serve.app import create_app
from ingate.serve.guard import guarded
from ingate.serve.key import read_or_make
from ingate.serve.server import bind, is_loopback
from support.client import FakeGateway
from support.serve import served

if TYPE_CHECKING:
    from pathlib import Path

KEY = "sk-ingate-the-key-of-this-server"
BODY = {"model": "scripted/echo", "max_tokens": 5, "messages": [{"role": "user", "content": "a private prompt"}]}


async def call(address: str, path: str = "/v1/chat/completions", method: str = "POST", **headers: str) -> Any:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{address}{path}", json=BODY if method == "POST" else None, headers=headers) as answer,
    ):
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}, await answer.text()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Authorization": f"Basic {KEY}"}, 401),
        ({"Authorization": f"Bearer {KEY}x"}, 401),
        ({"Authorization": f"Bearer {KEY}"}, 200),
        ({"Authorization": f"bearer  {KEY}"}, 200),
        ({"x-api-key": KEY}, 200),
        ({"api-key": KEY}, 200),
    ],
)
async def test_a_key_is_asked_for_everywhere_but_at_health(headers: dict[str, str], status: int) -> None:
    async with served(guarded(create_app(FakeGateway()), key=Secret(KEY))) as address:
        assert (await call(address, **headers))[0] == status
        assert (await call(address, "/v1/messages", **headers))[0] == status
        assert (await call(address, "/v1/models", "GET", **headers))[0] == status
        assert (await call(address, "/health", "GET"))[0] == 200


async def test_a_refusal_says_what_to_do_in_the_words_of_the_api_and_tells_no_key() -> None:
    async with served(guarded(create_app(FakeGateway()), key=Secret(KEY))) as address:
        _, headers, text = await call(address, Authorization="Bearer my-own-wrong-key")
        assert headers["x-should-retry"] == "false"
        assert '"type":"authentication_error"' in text
        assert KEY not in text
        assert "my-own-wrong-key" not in text
        _, _, text = await call(address, "/v1/messages")
        assert text.startswith('{"type":"error"')
        # Anthropic's and OpenAI's clients share this path.
        _, headers, text = await call(address, "/v1/models", "GET", **{"anthropic-version": "2023-06-01"})
        assert text.startswith('{"type":"error"')
        assert headers["x-request-id"].startswith("req_")
        assert headers["request-id"] == headers["x-request-id"]
        assert f'"request_id":"{headers["x-request-id"]}"' in text
        _, headers, text = await call(address, "/v1/models", "GET")
        assert text.startswith('{"error"')
        assert "request-id" not in headers


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:4100", 200), ("localhost", 200), ("[::1]:80", 200), ("evil.example", 403), ("evil.example:4100", 403)],
)
async def test_without_a_key_only_this_machines_names_are_answered(host: str, status: int) -> None:
    """A web page can point a name of its own at 127.0.0.1; its requests carry that name."""
    async with served(guarded(create_app(FakeGateway()), key=None)) as address:
        assert (await call(address, Host=host))[0] == status


async def test_cors_is_off_unless_an_origin_is_named() -> None:
    ask = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    async with served(guarded(create_app(FakeGateway()), key=None)) as address:
        status, headers, _ = await call(address, method="OPTIONS", **ask)
        assert status == 403
        assert "access-control-allow-origin" not in headers
    async with served(guarded(create_app(FakeGateway()), key=Secret(KEY), cors=("https://app.example",))) as address:
        status, headers, _ = await call(address, method="OPTIONS", **ask)
        assert status == 204
        assert headers["access-control-allow-origin"] == "https://app.example"
        _, headers, _ = await call(address, Authorization=f"Bearer {KEY}", Origin="https://app.example")
        assert headers["access-control-allow-origin"] == "https://app.example"
        status, headers, _ = await call(address, Authorization=f"Bearer {KEY}", Origin="https://other.example")
        assert status == 403
        assert "access-control-allow-origin" not in headers
        status, headers, _ = await call(address, method="OPTIONS", Origin="https://other.example")
        assert "access-control-allow-origin" not in headers


async def test_the_log_has_a_line_a_request_without_prompt_query_or_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ingate.access")
    async with served(guarded(create_app(FakeGateway()), key=Secret(KEY))) as address:
        await call(address, "/v1/chat/completions?secret=in-the-query", Authorization=f"Bearer {KEY}")
        await call(address, "/v1/chat/completions")
    told = [record.getMessage() for record in caplog.records if record.name == "ingate.access"]
    assert [line.split()[1:4] for line in told] == [
        ["POST", "/v1/chat/completions", "200"],
        ["POST", "/v1/chat/completions", "401"],
    ]
    assert "scripted/echo" in told[0]
    for private in ("private", "in-the-query", KEY):
        assert private not in caplog.text


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "state" / "serve.key"
    key, made = read_or_make(file)
    assert made
    assert file.stat().st_mode & 0o777 == 0o600
    again, made = read_or_make(file)
    assert not made
    assert again == key
    assert len(key.reveal()) > 40


def test_a_key_file_that_is_no_good_is_refused_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "serve.key"
    file.write_text("a-long-enough-key-of-my-own\n")
    file.chmod(0o644)
    with pytest.raises(ConfigError) as caught:
        read_or_make(file)
    assert caught.value.fix == f"chmod 600 {file}"
    file.chmod(0o600)
    assert read_or_make(file)[0].reveal() == "a-long-enough-key-of-my-own"
    for bad in (b"short\n", b"\xff\xfe\n", b"", b"two words that are long enough"):
        file.write_bytes(bad)
        with pytest.raises(ConfigError):
            read_or_make(file)
    with pytest.raises(ConfigError, match="key file"):
        read_or_make(tmp_path)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *((host, True) for host in ("127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost")),
        *((host, False) for host in ("0.0.0.0", "::", "10.0.0.1", "my-host", "")),
    ],
)
def test_what_counts_as_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_a_taken_port_is_told_plainly() -> None:
    with bind("127.0.0.1", 0) as first, pytest.raises(ConfigError, match="cannot listen") as caught:
        bind("127.0.0.1", first.getsockname()[1])
    assert "--port" in caught.value.fix


async def test_a_client_that_leaves_is_logged_as_such(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ingate.access")
    gateway = FakeGateway(hang=True)
    async with served(guarded(create_app(gateway), key=None)) as address:
        calling = asyncio.create_task(call(address))
        await gateway.waiting.wait()
        calling.cancel()
        await gateway.stopped.wait()
    assert any(" left " in record.getMessage() for record in caplog.records)
