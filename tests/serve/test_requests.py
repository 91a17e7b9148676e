"""What the application refuses before it asks anybody, and how it says so."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ingate.serve.app import create_app
from ingate.serve.call import MAX_BODY_BYTES
from support.client import FakeGateway, ask

CHAT = "/v1/chat/completions"
GOOD = {"model": "scripted/echo", "messages": [{"role": "user", "content": "hi"}]}


def bad(**changes: Any) -> dict[str, Any]:
    return {**GOOD, **changes}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": GOOD["messages"]}, "model"),
        (bad(model=None), "model"),
        (bad(model=3), "model"),
        (bad(model=" "), "model"),
        ({"model": "x"}, "messages"),
        (bad(messages=[]), "messages"),
        (bad(messages="hi"), "messages"),
        (bad(messages=["hi"]), "messages[0]"),
        (bad(messages=[{"content": "hi"}]), "messages[0].role"),
        (bad(messages=[{"role": 1}]), "messages[0].role"),
        (bad(messages=[GOOD["messages"][0], {"role": "user", "content": 1}]), "messages[1].content"),
        (bad(messages=[{"role": "user", "content": ["hi"]}]), "messages[0].content[0]"),
        (bad(messages=[{"role": "assistant", "tool_calls": {}}]), "messages[0].tool_calls"),
        (bad(messages=[{"role": "assistant", "tool_calls": [1]}]), "messages[0].tool_calls[0]"),
        (bad(temperature="hot"), "temperature"),
        (bad(temperature=True), "temperature"),
        (bad(max_tokens=1.5), "max_tokens"),
        (bad(stream="yes"), "stream"),
        (bad(stream_options=[]), "stream_options"),
        (bad(stream_options={"include_usage": 1}), "stream_options.include_usage"),
        (bad(tools={}), "tools"),
        (bad(tools=[1]), "tools[0]"),
        (bad(tool_choice=[]), "tool_choice"),
        (bad(response_format="json"), "response_format"),
        (bad(stop=1), "stop"),
    ],
)
async def test_a_malformed_chat_is_refused_naming_its_parameter(body: dict[str, Any], param: str) -> None:
    gateway = FakeGateway()
    answer = await ask(create_app(gateway), "POST", CHAT, body)
    assert answer.status == 400
    error = answer.json()["error"]
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"
    assert param in error["message"]
    assert answer.headers["x-should-retry"] == "false"
    assert gateway.bodies == []


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "x"}, "input"),
        ({"model": "x", "input": []}, "input"),
        ({"model": "x", "input": 3}, "input"),
        ({"input": "hi"}, "model"),
        ({"model": "x", "input": "hi", "encoding_format": "hex"}, "encoding_format"),
        ({"model": "x", "input": "hi", "dimensions": "many"}, "dimensions"),
    ],
)
async def test_a_malformed_embeddings_request_is_refused_naming_its_parameter(body: Any, param: str) -> None:
    answer = await ask(create_app(FakeGateway()), "POST", "/v1/embeddings", body)
    assert (answer.status, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b"[]", b'"text"', b"null", b"\xff\xfe", b"[" * 100_000])
async def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    answer = await ask(create_app(FakeGateway()), "POST", CHAT, body)
    assert answer.status == 400
    assert answer.json()["error"]["code"] == "invalid_json"


async def test_null_means_absent_and_unknown_parameters_pass() -> None:
    gateway = FakeGateway()
    body = bad(temperature=None, tools=None, stop=None, stream=None, stream_options=None, my_own={"a": 1})
    assert (await ask(create_app(gateway), "POST", CHAT, body)).status == 200
    assert gateway.bodies == [{name: value for name, value in body.items() if name != "stream"}]


async def test_a_body_over_the_limit_is_refused_before_it_is_read() -> None:
    headers = {"content-type": "application/json", "content-length": str(MAX_BODY_BYTES + 1)}
    answer = await ask(create_app(FakeGateway()), "POST", CHAT, b"{}", headers=headers)
    assert answer.status == 413
    assert answer.json()["error"]["code"] == "request_too_large"


async def test_a_body_over_the_limit_that_does_not_say_so_is_refused_on_the_way() -> None:
    piece = {"type": "http.request", "body": b" " * (1024 * 1024), "more_body": True}
    taken, sent = 0, []

    async def receive() -> Any:
        nonlocal taken
        taken += 1
        return piece

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": CHAT, "headers": headers}
    await create_app(FakeGateway())(scope, receive, send)
    assert sent[0]["status"] == 413
    assert taken == MAX_BODY_BYTES // (1024 * 1024) + 1


async def test_another_media_type_is_refused_so_that_web_pages_cannot_post() -> None:
    answer = await ask(create_app(FakeGateway()), "POST", CHAT, GOOD, headers={"content-type": "text/plain"})
    assert answer.status == 415
    answer = await ask(create_app(FakeGateway()), "POST", CHAT, GOOD, headers={"x-no-content-type": "1"})
    assert (answer.status, answer.json()["error"]["code"]) == (415, "unsupported_media_type")
    assert answer.json()["error"]["fix"] == "send the header content-type: application/json"
    accepted = {"content-type": "application/json; charset=utf-8"}
    assert (await ask(create_app(FakeGateway()), "POST", CHAT, GOOD, headers=accepted)).status == 200


async def test_a_client_that_leaves_while_it_sends_gets_no_answer() -> None:
    sent = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": CHAT, "headers": [(b"content-type", b"application/json")]}
    await create_app(FakeGateway())(scope, receive, send)
    assert sent == []


@pytest.mark.parametrize("path", ["/v1/files", "/v1/audio/speech", "/v1/images/generations", "/nowhere"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_what_is_not_served_says_so_and_is_not_to_be_retried(method: str, path: str) -> None:
    answer = await ask(create_app(FakeGateway()), method, path)
    assert answer.status == 501
    assert answer.headers["x-should-retry"] == "false"
    error = answer.json()["error"]
    assert method in error["message"]
    assert path.removeprefix("/v1") in error["message"]
    assert "/v1/chat/completions" in error["fix"]


@pytest.mark.parametrize(("method", "path", "allowed"), [("GET", CHAT, "POST"), ("POST", "/v1/models/a/b", "GET")])
async def test_a_wrong_method_is_refused_with_the_right_one(method: str, path: str, allowed: str) -> None:
    answer = await ask(create_app(FakeGateway()), method, path)
    assert answer.status == 405
    assert answer.headers["allow"] == allowed


async def test_a_websocket_is_refused() -> None:
    sent = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await create_app(FakeGateway())({"type": "websocket", "path": "/v1/realtime"}, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]


async def test_the_lifespan_ends_with_a_closed_gateway() -> None:
    gateway = FakeGateway()
    incoming: asyncio.Queue[Any] = asyncio.Queue()
    for kind in ("startup", "shutdown"):
        incoming.put_nowait({"type": f"lifespan.{kind}"})
    sent = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await create_app(gateway)({"type": "lifespan"}, incoming.get, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert gateway.closed == 1


async def test_compaction_is_a_404_so_that_clients_do_it_themselves() -> None:
    answer = await ask(create_app(FakeGateway()), "POST", "/v1/responses/compact", {"model": "m", "input": []})
    assert answer.status == 404
    assert "does not compact" in answer.json()["error"]["message"]
