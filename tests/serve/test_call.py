"""Pieces of the ASGI application: reading bodies, headers that report metadata, paths, pages of models, CORS."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from ingate.engines.base import Forwarded
from ingate.errors import InvalidRequestError, MethodNotAllowedError, NotSupportedError
from ingate.gateway.reply import Reply
from ingate.serve import endpoints
from ingate.serve.call import Call, ClientDisconnectedError, decode_body, metadata_headers, read_body
from ingate.serve.guard import guarded

JSON = {b"content-type": b"application/json"}
MODELS = [{"id": name} for name in "abcdef"]


def _receiving(*messages: dict[str, Any]) -> Any:
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    return receive


def _part(body: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_in_parts_is_joined() -> None:
    receive = _receiving(_part(b'{"a"', True), {"type": "http.request", "more_body": True}, _part(b": 1}"))
    assert await read_body(receive, JSON) == b'{"a": 1}'


@pytest.mark.parametrize(
    "media_type", [b"application/json", b"Application/JSON ; charset=utf-8", b"application/x+json"]
)
async def test_json_media_types_are_accepted(media_type: bytes) -> None:
    assert await read_body(_receiving(_part(b"{}")), {b"content-type": media_type}) == b"{}"


@pytest.mark.parametrize(
    "media_type", [b"text/plain", b"application/x-www-form-urlencoded", b"text/json5", b"text/x+json", b""]
)
async def test_other_media_types_are_415(media_type: bytes) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await read_body(_receiving(_part(b"{}")), {b"content-type": media_type})
    assert (caught.value.status, caught.value.code) == (415, "unsupported_media_type")


@pytest.mark.parametrize(("size", "accepted"), [(9, True), (10, True), (11, False)])
async def test_the_limit_counts_whether_or_not_the_length_is_announced(size: int, accepted: bool) -> None:
    for length in ({b"content-length": str(size).encode()}, {}, {b"content-length": b"x"}):
        headers = {**JSON, **length}
        receive = _receiving(_part(b"x" * (size - 4), True), _part(b"x" * 4))
        if accepted:
            assert len(await read_body(receive, headers, limit=10)) == size
            continue
        with pytest.raises(InvalidRequestError) as caught:
            await read_body(receive, headers, limit=10)
        assert (caught.value.status, caught.value.code) == (413, "request_too_large")


async def test_an_empty_body_and_a_disconnected_client_are_told_apart() -> None:
    assert await read_body(_receiving(_part(b"")), {}) == b""
    with pytest.raises(InvalidRequestError, match="empty") as caught:
        decode_body(b"")
    assert caught.value.code == "invalid_json"
    with pytest.raises(ClientDisconnectedError):
        await read_body(_receiving(_part(b"{", True), {"type": "http.disconnect"}), JSON)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"null", "JSON null"),
        (b"true", "JSON boolean"),
        (b"1", "JSON number"),
        (b"1.5", "JSON number"),
        (b'"a"', "JSON string"),
        (b"[]", "JSON array"),
        (b"{", "not valid JSON"),
        (b"\xff", "not valid JSON"),
    ],
)
def test_a_body_that_is_not_an_object_is_named(body: bytes, words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words) as caught:
        decode_body(body)
    assert caught.value.code == "invalid_json"


def test_metadata_becomes_headers() -> None:
    metadata = {
        "spec": "groq/m",
        "engine": "native",
        "provider": "groq",
        "dropped": ["top_k", "seed"],
        "headers": {
            "X-RateLimit-Limit": "1",
            "anthropic-ratelimit-x": "2",
            "x-litellm-cost": "3",
            "x-request-id": "r",
            "cf-ray": "c",
        },
    }
    assert metadata_headers(metadata) == {
        "x-ingate-spec": "groq/m",
        "x-ingate-engine": "native",
        "x-ingate-provider": "groq",
        "x-ingate-dropped": "top_k, seed",
        "x-ratelimit-limit": "1",
        "anthropic-ratelimit-x": "2",
        "x-litellm-cost": "3",
        "x-ingate-provider-request-id": "r",
    }
    assert metadata_headers({"spec": "", "dropped": [], "headers": {"request-id": "q"}}) == {
        "x-ingate-provider-request-id": "q"
    }
    assert metadata_headers(None) == {}


@pytest.mark.parametrize(
    ("path", "root", "expected"),
    [
        ("/v1/models", "", "/models"),
        ("/models", "", "/models"),
        ("/v1/models/", "", "/models"),
        ("/ai/v1/models", "/ai", "/models"),
        ("/ai/models", "/ai/", "/models"),
        ("/v1", "", "/"),
        ("/v10/models", "", "/v10/models"),
        ("/aide/models", "/ai", "/aide/models"),
        ("/", "", "/"),
    ],
)
def test_the_endpoint_is_the_path_without_mount_point_and_version(path: str, root: str, expected: str) -> None:
    assert endpoints.endpoint({"path": path, "root_path": root}) == expected


@pytest.mark.parametrize(
    ("path", "anthropic", "api"),
    [
        ("/messages", False, "messages"),
        ("/messages/count_tokens", False, "messages"),
        ("/messagesx", False, "chat"),
        ("/models", True, "messages"),
        ("/models", False, "chat"),
        ("/responses", False, "responses"),
        ("/responses/r", False, "responses"),
        ("/responsesx", False, "chat"),
    ],
)
def test_errors_come_in_the_format_of_the_api_that_was_called(path: str, anthropic: bool, api: str) -> None:
    assert endpoints.api_of(path, {b"anthropic-version": b"x"} if anthropic else {}) == api
    if not anthropic:
        assert endpoints.api_of(path) == api


def test_a_handler_is_found_by_path_and_method() -> None:
    assert endpoints.handler("POST", "/responses") is endpoints.responses
    assert endpoints.handler("HEAD", "/models") is endpoints.list_models
    assert endpoints.handler("GET", "/models/a/b") is endpoints.retrieve_model
    assert endpoints.handler("POST", "/responses/compact") is endpoints.compact
    with pytest.raises(MethodNotAllowedError) as caught:
        endpoints.handler("DELETE", "/chat/completions")
    assert caught.value.allowed == ("POST",)
    with pytest.raises(NotSupportedError, match="GET /v1/files") as missing:
        endpoints.handler("GET", "/files")
    assert "/v1/chat/completions" in missing.value.fix
    assert "/v1/models/" not in missing.value.fix


@pytest.mark.parametrize(
    ("query", "ids", "has_more"),
    [
        ({}, "abcdef", False),
        ({"limit": "2"}, "ab", True),
        ({"limit": "6"}, "abcdef", False),
        ({"limit": "2", "after_id": "b"}, "cd", True),
        ({"limit": "2", "after_id": "d"}, "ef", False),
        ({"limit": "2", "after_id": "?"}, "ab", True),
        ({"limit": "2", "before_id": "e"}, "cd", True),
        ({"limit": "4", "before_id": "e"}, "abcd", False),
        ({"limit": "9", "before_id": "b"}, "a", False),
    ],
)
def test_models_are_listed_a_page_at_a_time(query: dict[str, str], ids: str, has_more: bool) -> None:
    page = endpoints._anthropic_page(MODELS, query)
    assert "".join(model["id"] for model in page["data"]) == ids
    assert (page["has_more"], page["first_id"], page["last_id"]) == (has_more, ids[0], ids[-1])


def test_a_page_may_be_empty_and_its_limit_is_checked() -> None:
    page = endpoints._anthropic_page(MODELS, {"after_id": "f"})
    assert page == {"data": [], "has_more": False, "first_id": None, "last_id": None}
    for limit in ("0", "1001", "-1", "x"):
        with pytest.raises(InvalidRequestError, match="from 1 to 1000") as caught:
            endpoints._anthropic_page(MODELS, {"limit": limit})
        assert caught.value.param == "limit"
    assert endpoints._anthropic_page(MODELS, {"limit": "1000"})["data"] == MODELS
    assert endpoints._anthropic_page(MODELS, {"limit": "1"})["data"] == MODELS[:1]


def test_a_model_in_anthropics_format_has_a_date_and_a_name() -> None:
    assert endpoints._anthropic_model({"id": "a/b", "created": 86_400}) == {
        "type": "model",
        "id": "a/b",
        "display_name": "a/b",
        "created_at": "1970-01-02T00:00:00Z",
    }
    assert endpoints._anthropic_model({"id": "a", "display_name": "A"})["display_name"] == "A"


def test_vectors_are_packed_as_openai_packs_them() -> None:
    assert endpoints._to_base64([1.0, -2.0]) == "AACAPwAAAMA="
    assert endpoints._to_floats("AACAPwAAAMA=") == [1.0, -2.0]
    assert endpoints._to_base64("AACAPw==") == "AACAPw=="
    assert endpoints._to_floats([1.0]) == [1.0]


async def _guarded(
    headers: dict[str, str], *, method: str = "GET", cors: tuple[str, ...] = ()
) -> tuple[int, dict[str, str]]:
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-own", b"1")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async def send(message: Any) -> None:
        sent.append(message)

    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": "/models", "headers": pairs}
    await guarded(app, key=None, cors=cors)(scope, _receiving(), send)
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}


@pytest.mark.parametrize(
    ("cors", "origin", "expected", "allowed"),
    [
        ((), "https://a.example", 403, None),
        (("https://a.example",), "https://a.example", 200, "https://a.example"),
        (("https://a.example",), "https://b.example", 403, None),
        (("*",), "https://b.example", 200, "*"),
        (("*",), "", 200, None),
    ],
)
async def test_only_named_origins_get_cors_headers(
    cors: tuple[str, ...], origin: str, expected: int, allowed: str | None
) -> None:
    status, headers = await _guarded({"origin": origin} if origin else {}, cors=cors)
    assert (status, headers.get("x-own")) == (expected, "1" if expected == 200 else None)
    assert headers.get("access-control-allow-origin") == allowed
    assert ("vary" in headers) is (allowed is not None)


async def test_a_preflight_request_is_answered_only_if_cors_is_on() -> None:
    ask = {"origin": "https://a.example", "access-control-request-method": "POST"}
    status, headers = await _guarded(ask, method="OPTIONS", cors=("*",))
    assert status == 204
    assert "POST" in headers["access-control-allow-methods"]
    assert "content-length" not in headers
    assert (await _guarded(ask, method="OPTIONS"))[0] == 403
    assert (await _guarded({"origin": "https://a.example"}, method="OPTIONS", cors=("*",)))[0] == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("", 200),
        ("LOCALHOST:80", 200),
        ("[::1]", 200),
        ("127.0.0.1.evil.example", 403),
        ("[::2]:80", 403),
    ],
)
async def test_a_server_without_a_key_checks_the_host(host: str, status: int) -> None:
    assert (await _guarded({"host": host} if host else {}))[0] == status


async def test_the_log_names_the_client_and_scopes_other_than_http_pass(caplog: pytest.LogCaptureFixture) -> None:
    kinds: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        del receive
        kinds.append(scope["type"])
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"x-ingate-spec", b"a/b")]})
            await send({"type": "http.response.body", "body": b""})

    async def send(message: Any) -> None:
        del message

    application = guarded(app, key=None)
    await application({"type": "lifespan"}, _receiving(), send)
    scope = {"type": "http", "method": "GET", "path": "/x\ny", "headers": [], "client": ("10.0.0.7", 5)}
    with caplog.at_level(logging.INFO, "ingate.access"):
        await application(scope, _receiving(), send)
        await application({**scope, "client": None}, _receiving(), send)
    assert kinds == ["lifespan", "http", "http"]
    first, second = caplog.messages
    assert first.startswith("10.0.0.7 GET /x?y 200 ")
    assert first.endswith(" ms a/b -")
    assert second.startswith("- GET ")


async def test_a_passed_through_stream_is_sent_as_it_comes_and_then_ended() -> None:
    async def pieces() -> Any:
        yield b"data: 1\n\n"
        yield b"data: 2\n\n"

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    gateway: Any = None
    call = Call(gateway, "POST", "/messages", "messages", send, "req_1")
    forwarded = Forwarded(pieces=pieces(), content_type="text/event-stream")
    await call.stream(Reply(api="messages", forwarded=forwarded, metadata=lambda: {"spec": "a/b"}))
    head, *bodies = sent
    headers = {name.decode(): value.decode() for name, value in head["headers"]}
    assert (head["type"], head["status"]) == ("http.response.start", 200)
    assert headers == {
        "x-request-id": "req_1",
        "request-id": "req_1",
        "content-type": "text/event-stream",
        "cache-control": "no-cache",
        "x-accel-buffering": "no",
        "x-ingate-spec": "a/b",
    }
    assert bodies == [
        {"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True},
        {"type": "http.response.body", "body": b"data: 2\n\n", "more_body": True},
        {"type": "http.response.body", "body": b"", "more_body": False},
    ]
