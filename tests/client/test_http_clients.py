"""Bare httpx and httpx2 clients, and the transports alone."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import time
from typing import Any

import openai
import pytest

import ingate.client.transport as transport_module
from ingate.client import async_http_client, http_client
from ingate.client.transport import default_module, is_in_process, transports
from ingate.errors import MissingExtraError
from ingate.serve.call import CANCELS, LIMITS
from support.client import FakeGateway

BODY = {"model": "scripted/echo", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(params=["httpx", "httpx2"])
def module(request: pytest.FixtureRequest) -> Any:
    pytest.importorskip(request.param)
    return importlib.import_module(request.param)


def test_the_default_is_the_module_the_sdk_uses() -> None:
    assert issubclass(openai.DefaultAsyncHttpxClient, default_module().AsyncClient)
    assert transport_module.AsyncTransport is transports(default_module()).asynchronous
    assert transport_module.Transport is transports(default_module()).sync
    with pytest.raises(AttributeError):
        _ = transport_module.Nothing


@pytest.mark.parametrize("package", ["openai", "anthropic"])
def test_an_sdk_may_be_named_in_place_of_its_httpx(package: str) -> None:
    sdk = pytest.importorskip(package)
    assert isinstance(sdk.DefaultAsyncHttpxClient(), type(async_http_client(gateway=FakeGateway(), module=sdk)))
    assert isinstance(sdk.DefaultHttpxClient(), type(http_client(gateway=FakeGateway(), module=sdk)))


def test_a_module_without_httpx_is_refused() -> None:
    with pytest.raises(TypeError, match="not json"):
        http_client(gateway=FakeGateway(), module=json)


def test_without_httpx_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError) as caught:
        http_client(gateway=FakeGateway())
    assert caught.value.extra == "openai"


def test_without_openai_whichever_httpx_is_installed_is_used(monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == module.__name__ or None)
    assert isinstance(http_client(gateway=FakeGateway()), module.Client)


def test_only_the_clients_made_here_are_in_process(module: Any) -> None:
    assert is_in_process(http_client(gateway=FakeGateway(), module=module))
    assert not is_in_process(module.Client())
    assert not is_in_process([])


async def test_an_async_client_speaks_the_api(module: Any) -> None:
    async with async_http_client(gateway=FakeGateway(), module=module) as client:
        assert isinstance(client, module.AsyncClient)
        answer = await client.post("/chat/completions", json=BODY)
        assert answer.json()["choices"][0]["message"]["content"] == "hello there"
        assert (await client.get("/models")).json()["object"] == "list"
        assert (await client.get("http://anywhere.example/health")).json()["status"] == "ok"
        async with client.stream("POST", "/chat/completions", json={**BODY, "stream": True}) as response:
            lines = [line async for line in response.aiter_lines() if line]
        assert len(lines) == 5


async def test_a_request_body_may_be_streamed(module: Any) -> None:
    async def pieces() -> Any:
        yield b'{"model": "scripted/echo", '
        yield b'"messages": [{"role": "user", "content": "hi"}]}'

    gateway = FakeGateway()
    async with async_http_client(gateway=gateway, module=module) as client:
        headers = {"content-type": "application/json"}
        assert (await client.post("/chat/completions", content=pieces(), headers=headers)).status_code == 200
    assert gateway.bodies == [BODY]


def test_a_sync_client_speaks_the_api(module: Any) -> None:
    gateway = FakeGateway(hang=True)
    with http_client(gateway=gateway, module=module) as client:
        assert isinstance(client, module.Client)
        assert client.get("/models").status_code == 200
        with client.stream("POST", "/chat/completions", json={**BODY, "stream": True}) as response:
            assert next(response.iter_lines()).startswith("data: {")
    assert gateway.open == 0


async def test_the_modules_own_timeout_error_is_raised(module: Any) -> None:
    gateway = FakeGateway(hang=True)
    async with async_http_client(gateway=gateway, module=module, timeout=0.02) as client:
        with pytest.raises(module.ReadTimeout):
            await client.post("/chat/completions", json=BODY)
        endless = module.Timeout(5, connect=0.0001, write=0.0001, pool=0.0001)
        gateway.hang = False
        assert (await client.post("/chat/completions", json=BODY, timeout=endless)).status_code == 200


async def test_the_sdk_takes_either(module: Any) -> None:
    try:
        client = openai.AsyncOpenAI(
            api_key="x",
            base_url="http://ingate/v1",
            http_client=async_http_client(gateway=FakeGateway(), module=module),
        )
    except TypeError:
        pytest.skip("this openai knows only the other")
    async with client:
        answer = await client.chat.completions.create(model=BODY["model"], messages=BODY["messages"])
    assert answer.choices[0].message.content == "hello there"


async def test_an_application_that_fails_raises_what_it_raised(module: Any) -> None:
    class Broken(FakeGateway):
        async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["path"] == "/v1/half":
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
            if scope["path"] != "/v1/silent":
                raise ZeroDivisionError

    async with async_http_client(gateway=Broken(), module=module) as client:
        with pytest.raises(ZeroDivisionError):
            await client.get("/whole")
        with pytest.raises(ZeroDivisionError):
            await client.get("/half")
        with pytest.raises(module.ReadError, match="without a response"):
            await client.get("/silent")


async def test_a_transport_cannot_be_passed(module: Any) -> None:
    for make in (async_http_client, http_client):
        with pytest.raises(TypeError, match="transport cannot be passed"):
            make(gateway=FakeGateway(), module=module, transport=None)


def test_defaults_that_an_argument_replaces(module: Any) -> None:
    for make in (async_http_client, http_client):
        client = make(gateway=FakeGateway(), module=module)
        assert str(client.base_url) == "http://ingate/v1/"
        assert client.timeout == module.Timeout(None)
        other = make(gateway=FakeGateway(), module=module, base_url="http://x/", timeout=3, headers={"x-app": "1"})
        assert (str(other.base_url), other.timeout, other.headers["x-app"]) == ("http://x/", module.Timeout(3), "1")


async def test_a_transport_closes_an_owned_gateway_once_and_no_other(module: Any) -> None:
    kinds = transports(module)
    for owned in (True, False):
        gateway = FakeGateway()
        transport = kinds.asynchronous(gateway, owned=owned)
        await transport.aclose()
        await transport.aclose()
        assert gateway.closed == owned


def test_a_response_outlives_a_forgotten_sync_client(module: Any) -> None:
    client = http_client(gateway=FakeGateway(), module=module)
    request = client.build_request("POST", "/chat/completions", json={**BODY, "stream": True})
    response = client.send(request, stream=True)
    del client, request
    gc.collect()
    assert response.read().endswith(b"data: [DONE]\n\n")
    response.close()


class OneApp:
    """A gateway whose ASGI application is the one given."""

    def __init__(self, app: Any) -> None:
        self.asgi = app
        self.closed = 0

    async def aclose(self) -> None:
        self.closed += 1


async def test_the_application_gets_a_scope_as_the_asgi_specification_defines_it(module: Any) -> None:
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async with async_http_client(gateway=OneApp(app), module=module) as client:
        answer = await client.post("http://ingate/v1/a%20b?x=1", content=b"{}", headers={"X-App": "1"})
    assert (answer.status_code, answer.content) == (204, b"")
    [scope] = scopes
    headers = dict(scope.pop("headers"))
    extensions = scope.pop("extensions")
    assert headers[b"x-app"] == b"1"
    assert extensions.keys() == {CANCELS, LIMITS}
    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/a b",
        "raw_path": b"/v1/a%20b",
        "query_string": b"x=1",
        "root_path": "",
        "client": None,
        "server": ("ingate", None),
    }


async def test_a_gateway_that_was_passed_in_stays_open(module: Any) -> None:
    kinds = transports(module)
    gateway = FakeGateway()
    await kinds.asynchronous(gateway).aclose()
    with module.Client(transport=kinds.sync(gateway), base_url="http://ingate/v1/") as client:
        assert client.get("models").status_code == 200
    assert gateway.closed == 0


def test_a_sync_response_that_nobody_holds_stops_the_model(module: Any) -> None:
    gateway = FakeGateway(hang=True)
    with http_client(gateway=gateway, module=module) as client:
        request = client.build_request("POST", "/chat/completions", json={**BODY, "stream": True})
        response = client.send(request, stream=True)
        assert gateway.open == 1
        del response
        gc.collect()
        deadline = time.monotonic() + 10
        while gateway.open and time.monotonic() < deadline:
            time.sleep(0.01)
        assert gateway.open == 0
