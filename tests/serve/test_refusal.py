"""What is answered before a request reaches the application: whole responses, in the format of each API."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

import pytest

from ingate.secret import Secret
from ingate.serve.admission import admitted
from ingate.serve.app import create_app
from ingate.serve.guard import guarded
from ingate.serve.limits import Limits
from ingate.serve.origin import OriginPolicy, read_origins
from support.client import FakeGateway, ask

KEY = "sk-ingate-the-key-of-this-server"
HARDENING = {"x-content-type-options": "nosniff", "cross-origin-resource-policy": "same-origin"}
JSON = "application/json"


async def get(app: Any, path: str = "/v1/models", *, method: str = "GET", **headers: str) -> Any:
    return await ask(app, method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})


async def raw(
    app: Any, path: str, headers: list[tuple[bytes, bytes]], *, method: str = "GET"
) -> tuple[int, dict[str, str], bytes]:
    """A request whose headers may occur twice."""
    sent: list[Any] = []

    async def receive() -> Any:
        return await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": headers, "query_string": b"", "root_path": ""}
    await app(scope, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    head = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    assert len(head) == len(sent[0]["headers"])
    return sent[0]["status"], head, sent[1]["body"]


async def test_a_missing_and_a_wrong_key_are_answered_in_full() -> None:
    app = guarded(create_app(FakeGateway()), key=Secret(KEY), log=False)
    missing = await get(app)
    error = missing.json()["error"]
    assert missing.status == 401
    assert error == {
        "message": error["message"], "type": "authentication_error", "param": None, "code": "missing_api_key",
        "fix": "send the header `Authorization: Bearer KEY`; the key is in the server's key file",
    }  # fmt: skip
    assert missing.headers["content-length"] == str(len(missing.body))
    assert {name: missing.headers[name] for name in (*HARDENING, "www-authenticate", "x-should-retry", "content-type")} == {
        **HARDENING, "www-authenticate": "Bearer", "x-should-retry": "false", "content-type": JSON,
    }  # fmt: skip
    assert re.fullmatch("req_[0-9a-f]{32}", missing.headers["x-request-id"])
    assert "request-id" not in missing.headers
    wrong = await get(app, "/v1/messages", method="POST", x_api_key="not-the-key")
    assert wrong.status == 401
    assert wrong.headers["request-id"] == wrong.headers["x-request-id"]
    assert wrong.json() == {
        "type": "error", "request_id": wrong.headers["request-id"], "error": wrong.json()["error"],
    }  # fmt: skip
    assert wrong.json()["error"]["type"] == "authentication_error"
    assert (
        "www-authenticate" not in (await get(guarded(create_app(FakeGateway()), key=None), host="evil.example")).headers
    )


@pytest.mark.parametrize(
    ("headers", "status", "code", "fix"),
    [
        ([(b"x-api-key", b"a"), (b"x-api-key", b"b")], 400, "invalid_http", "send it once"),
        ([(b"host", b"localhost"), (b"host", b"localhost")], 400, "invalid_http", "send it once"),
        ([(b"content-length", b"1"), (b"transfer-encoding", b"chunked")], 400, "invalid_http", "send one of them"),
        ([(b"x-%d" % number, b"") for number in range(257)], 431, "too_many_headers", "send at most 256 headers"),
        ([(b"x-%d" % number, b"") for number in range(256)], 200, "", ""),
        ([(b"accept", b"a"), (b"accept", b"b")], 200, "", ""),
        ([(b"content-length", b"0")], 200, "", ""),
    ],
)
async def test_what_two_programs_could_read_in_two_ways_is_refused(
    headers: list[tuple[bytes, bytes]], status: int, code: str, fix: str
) -> None:
    app = guarded(create_app(FakeGateway()), key=None, log=False)
    found, head, body = await raw(app, "/health", headers)
    assert found == status
    if status != 200:
        assert f'"code":"{code}"'.encode() in body
        assert f'"fix":"{fix}"'.encode() in body
        assert head["connection"] == "close"
        assert head["content-length"] == str(len(body))
    else:
        assert "connection" not in head


async def test_a_request_to_a_proxy_is_refused() -> None:
    app = guarded(create_app(FakeGateway()), key=None, log=False)
    status, _, body = await raw(app, "http://other.example/", [])
    assert status == 400
    assert b'"fix":"call the server directly, not as a proxy"' in body


CORS = {
    "access-control-allow-methods": "GET, POST, DELETE, OPTIONS",
    "access-control-allow-headers": "*, authorization, content-type, x-api-key",
    "access-control-expose-headers": "*",
    "access-control-max-age": "600",
    "vary": "Origin",
}


async def test_a_preflight_request_is_answered_with_these_headers_and_no_body() -> None:
    app = guarded(create_app(FakeGateway()), key=Secret(KEY), cors=("https://app.example",), log=False)
    page = [(b"origin", b"https://app.example"), (b"host", b"ai.example")]
    preflight = [*page, (b"access-control-request-method", b"POST")]
    allowed = {**HARDENING, **CORS, "access-control-allow-origin": "https://app.example"}
    assert await raw(app, "/v1/models", preflight, method="OPTIONS") == (204, allowed, b"")
    private = [*preflight, (b"access-control-request-private-network", b"true")]
    assert await raw(app, "/v1/models", private, method="OPTIONS") == (
        204, {**allowed, "access-control-allow-private-network": "true"}, b"",
    )  # fmt: skip
    # Without the header it is a request like any other, which needs the key.
    assert (await raw(app, "/v1/models", page, method="OPTIONS"))[0] == 401
    assert (await raw(app, "/v1/models", preflight))[0] == 401
    for headers, shown in ((page, "https://app.example"), ([(b"host", b"ai.example")], None)):
        status, head, _ = await raw(app, "/health", headers)
        assert (status, head.get("access-control-allow-origin")) == (200, shown)
    everyone = OriginPolicy(("*",), local_only=False)
    assert dict(everyone.cors_headers({b"origin": b"https://any.example"}))[b"access-control-allow-origin"] == b"*"
    assert everyone.cors_headers({}) == []
    assert OriginPolicy(local_only=False).cors_headers({b"origin": b"https://any.example"}) == []


@pytest.mark.parametrize(
    ("headers", "code", "fix"),
    [
        ({"host": "a b"}, "invalid_host", "send the server's address as the Host header, for example 127.0.0.1:4100"),
        ({"host": "localhost:65536"}, "invalid_host", "send the server's address as the Host header, for example 127.0.0.1:4100"),
        ({"host": "evil.example"}, "foreign_host", "call it as http://127.0.0.1, or start it with --key-file"),
        ({"host": "[::2]:80"}, "foreign_host", "call it as http://127.0.0.1, or start it with --key-file"),
        ({"host": "localhost", "origin": "https://a.example"}, "foreign_origin",
         "if it is your own application, start the server with --cors https://a.example"),
        ({"host": "localhost", "origin": "null"}, "foreign_origin",
         "if it is your own application, start the server with --cors null and --key-file FILE"),
        ({"host": "localhost", "sec-fetch-site": "cross-site"}, "foreign_origin",
         "if it is your own application, start the server with --cors ORIGIN"),
        ({"host": "localhost", "origin": ""}, "foreign_origin",
         "if it is your own application, start the server with --cors ORIGIN"),
        ({"host": "localhost:65535"}, None, None),
        ({"host": "localhost:"}, None, None),
        ({"host": "127.0.0.2"}, None, None),
        ({"host": "[::1]"}, None, None),
        ({}, None, None),
        ({"host": "localhost", "sec-fetch-site": "none"}, None, None),
        ({"host": "localhost", "sec-fetch-site": "Same-Origin"}, None, None),
        ({"host": "localhost:80", "origin": "http://localhost:80"}, None, None),
        ({"host": "localhost:80", "origin": "HTTP://LOCALHOST:80", "sec-fetch-site": "same-origin"}, None, None),
        ({"host": "localhost:80", "origin": "http://localhost:80", "sec-fetch-site": "same-site"}, "foreign_origin",
         "if it is your own application, start the server with --cors http://localhost:80"),
    ],
)  # fmt: skip
def test_hosts_and_pages(headers: dict[str, str], code: str | None, fix: str | None) -> None:
    policy = OriginPolicy(local_only=True)
    error = policy.refusal({name.encode(): value.encode() for name, value in headers.items()})
    assert (error and error.code, error and error.fix) == (code, fix)


@pytest.mark.parametrize(
    ("given", "guess"),
    [
        ("https://app.example/page", "app.example"), ("app.example", "app.example"), ("localhost:3000", "localhost:3000"),
        ("https://", "app.example"), ("", "app.example"), ("ftp://user@a.example/x", "user@a.example"),
    ],
)  # fmt: skip
def test_the_right_form_of_an_origin_is_guessed(given: str, guess: str) -> None:
    with pytest.raises(Exception, match="is not an origin") as caught:
        read_origins([given], has_key=True)
    assert str(getattr(caught.value, "fix", "")).endswith(f"--cors https://{guess}")
    assert read_origins(["*", "null", "http://a.example:443", "https://a.example:80"], has_key=True) == (
        "*", "null", "http://a.example:443", "https://a.example:80",
    )  # fmt: skip


class Held:
    """An application that waits, after it has read a body, until it may answer."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.begun = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        while message.get("more_body"):
            message = {**await receive(), "start": message["body"]}
        self.bodies.append(message.get("body", b""))
        self.begun.set()
        await self.go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def test_a_request_too_many_is_refused_until_another_has_ended(caplog: pytest.LogCaptureFixture) -> None:
    held = Held()
    app = admitted(held, Limits(max_requests=1))
    first = asyncio.create_task(get(app))
    await held.begun.wait()
    refused = await get(app)
    assert refused.status == 503
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["error"] == {
        "message": "this server is busy: 1 requests are running, which is its limit", "type": "server_error", "param": None,
        "code": "server_busy", "fix": "try again after the time in Retry-After",
    }  # fmt: skip
    assert caplog.messages == ["a request was refused: 1 are running (--max-requests)"]
    health = asyncio.create_task(get(app, "/health"))
    held.go.set()
    assert [(await one).status for one in (first, health)] == [200, 200]
    assert (await get(app)).status == 200


async def test_bodies_share_a_buffer_and_one_alone_may_fill_it(caplog: pytest.LogCaptureFixture) -> None:
    held = Held()
    app = admitted(held, Limits(max_buffered_bytes=2 * 1024 * 1024))

    async def post(size: int, **headers: str) -> Any:
        return await ask(app, "POST", "/v1/models", b"a" * size, headers={"content-type": JSON, **headers})

    first = asyncio.create_task(post(1024 * 1024))
    await held.begun.wait()
    refused = await post(2, **{"content-length": str(1024 * 1024 + 1)})
    assert refused.status == 503
    assert refused.json()["error"]["message"] == (
        "this server is busy: the bodies of the running requests use 1 MB, close to its limit"
    )
    assert caplog.messages == ["a request was refused: 1 MB of bodies are buffered (--max-buffer)"]
    held.go.set()
    assert (await first).status == 200
    assert (await post(1024 * 1024 * 3)).status == 200  # the first one's share was given back
    assert (await post(1024 * 1024, **{"content-length": str(1024 * 1024)})).status == 200


async def test_the_log_names_status_model_and_request_and_hides_what_is_not_printable(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "ingate.access")
    app = guarded(create_app(FakeGateway()), key=None)
    answer = await get(app, "/v1/mod\x1bels")
    [line] = caplog.messages
    assert re.sub(r"\d+ ms", "N ms", line) == f"- GET /v1/mod?els 501 N ms - {answer.headers['x-request-id']}"
    caplog.clear()
    body = {"model": "scripted/echo", "messages": [{"role": "user", "content": "x"}]}
    answer = await ask(app, "POST", "/v1/chat/completions", body)
    [line] = caplog.messages
    assert re.sub(r"\d+ ms", "N ms", line) == (
        f"- POST /v1/chat/completions 200 N ms scripted/echo {answer.headers['x-request-id']}"
    )
    caplog.clear()
    await get(guarded(create_app(FakeGateway()), key=None, log=False))
    assert caplog.messages == []
