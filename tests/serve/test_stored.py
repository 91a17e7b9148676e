"""`/v1/responses/{id}` and `/v1/conversations`: whole answers, and requests that go on to the provider that stores a response."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from ingate import Gateway, ScriptedEngine
from support.client import ask
from support.http import Conversation, Loopback, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RESPONSE: dict[str, Any] = {
    "id": "resp_up", "object": "response", "status": "queued", "background": True, "model": "m", "error": None, "output": [],
}  # fmt: skip
WHOLE = {**RESPONSE, "status": "completed", "background": False}


@contextlib.asynccontextmanager
async def provider(answers: dict[str, tuple[str, Any]], made: Any = RESPONSE) -> AsyncIterator[tuple[Any, Loopback]]:
    """An application with one response that its provider stores: `answers` by `METHOD path`, status line and body."""

    async def answer(talk: Conversation) -> None:
        method, path, _ = talk.head.split("\r\n")[0].split(" ")
        if path == "/v1/responses":
            await talk.answer(json.dumps(made).encode())
        else:
            status, body = answers[f"{method} {path}"]
            await talk.answer(json.dumps(body).encode(), status=status, kind="application/json; charset=utf-8")

    async with (
        serving(answer) as server,
        Gateway({"openai": {"api_key": "sk-none-of-yours-0123", "base_url": server.base}}) as gateway,
    ):
        body = {"model": "openai/gpt-5.1", "input": "Hi", "background": made["background"]}
        assert (await ask(gateway.asgi, "POST", "/v1/responses", body)).status == 200
        yield gateway.asgi, server


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/responses/resp_up"), ("GET", "/v1/responses/resp_up/input_items"), ("POST", "/v1/responses/resp_up/cancel")],
)  # fmt: skip
async def test_a_response_that_is_still_made_is_asked_for_at_its_provider(method: str, path: str) -> None:
    current = {**RESPONSE, "status": "in_progress"}
    async with provider({f"{method} {path}": ("200 OK", current)}) as (app, server):
        answer = await ask(app, method, path)
    assert (answer.status, answer.json()) == (200, current)
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert server.asked[-1].headers["authorization"] == "Bearer sk-none-of-yours-0123"


async def test_what_the_provider_refuses_is_passed_on_except_for_its_opinion_of_the_key() -> None:
    path = "/v1/responses/resp_up"
    refusal = {"error": {"message": "gone", "type": "invalid_request_error", "param": None, "code": None}}
    async with provider({f"GET {path}": ("404 Not Found", refusal)}) as (app, _):
        answer = await ask(app, "GET", path)
        assert (answer.status, answer.json()) == (404, refusal)
    async with provider({f"GET {path}": ("401 Unauthorized", refusal)}) as (app, _):
        answer = await ask(app, "GET", path)
        assert answer.status == 502  # 401 would be about the server's own key
        error = answer.json()["error"]
        assert error["message"].startswith("openai rejected the key")
        assert error["fix"] == "check the key of openai with `ingate doctor`"


async def test_only_a_response_made_in_the_background_can_be_cancelled() -> None:
    gateway = Gateway({}, engines={"scripted": ScriptedEngine()})
    async with gateway:
        made = (await ask(gateway.asgi, "POST", "/v1/responses", {"model": "scripted/m", "input": "Hi"})).json()
        refused = await ask(gateway.asgi, "POST", f"/v1/responses/{made['id']}/cancel")
        assert (refused.status, refused.json()["error"]["param"]) == (400, "response_id")
        read = await ask(gateway.asgi, "GET", f"/v1/responses/{made['id']}")
        assert read.json()["status"] == "completed"


@pytest.mark.parametrize(
    ("upstream", "status"),
    [
        ("200 OK", 200),
        ("404 Not Found", 200),
        ("400 Bad Request", 400),
        ("403 Forbidden", 403),
        ("503 Unavailable", 503),
    ],
)
async def test_a_deleted_response_is_deleted_at_its_provider_too(upstream: str, status: int) -> None:
    path = "/v1/responses/resp_up"
    async with provider({f"DELETE {path}": (upstream, {})}, WHOLE) as (app, server):
        answer = await ask(app, "DELETE", path)
        assert answer.status == status
        if status == 200:
            assert answer.json() == {"id": "resp_up", "object": "response", "deleted": True}
        assert (await ask(app, "GET", path)).status == (404 if status == 200 else 200)
        assert [talk.head.split(" ")[0] for talk in server.asked] == ["POST", "DELETE"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/responses/resp_up/cancel"),
        ("POST", "/v1/responses/resp_up"),
        ("POST", "/v1/responses/resp_up/input_items"),
        ("GET", "/v1/responses/resp_up/events"),
    ],
)
async def test_paths_that_the_api_does_not_have_are_named(method: str, path: str) -> None:
    async with provider({}, WHOLE) as (app, _):
        answer = await ask(app, method, path, {} if method == "POST" else None)
        assert answer.status == 501
        assert answer.json()["error"]["message"].startswith(f"ingate does not serve {method} {path}")


async def test_a_conversation_is_made_changed_and_deleted_exactly() -> None:
    async with Gateway({}, engines={"scripted": ScriptedEngine()}) as gateway:

        async def call(method: str, path: str, body: Any = None) -> tuple[int, Any]:
            answer = await ask(gateway.asgi, method, f"/v1/conversations{path}", body)
            return answer.status, answer.json()

        status, made = await call("POST", "", {"metadata": {"topic": "a"}})
        place = f"/{made['id']}"
        expected = {
            "id": made["id"], "object": "conversation", "created_at": made["created_at"], "metadata": {"topic": "a"},
        }  # fmt: skip
        assert (status, made) == (200, expected)
        assert await call("GET", place) == (200, expected)
        empty = {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}
        assert await call("GET", f"{place}/items") == (200, empty)
        items = [
            {"type": "message", "id": "msg_1", "role": "user", "content": "x"},
            {"type": "message", "id": "msg_2", "role": "assistant", "content": "y", "status": "incomplete"},
            {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"},
        ]
        listed = [
            {**items[0], "content": [{"type": "input_text", "text": "x"}], "status": "completed"},
            {**items[1], "content": [{"type": "output_text", "text": "y", "annotations": [], "logprobs": []}]},
            items[2],
        ]
        whole = {"object": "list", "data": listed, "first_id": "msg_1", "last_id": "fc_1", "has_more": False}
        assert await call("POST", f"{place}/items", {"items": items}) == (200, whole)
        newest = {**whole, "data": listed[::-1], "first_id": "fc_1", "last_id": "msg_1"}
        assert await call("GET", f"{place}/items") == (200, newest)
        page = {"object": "list", "data": listed[1:2], "first_id": "msg_2", "last_id": "msg_2", "has_more": True}
        assert await call("GET", f"{place}/items?limit=1&after=fc_1") == (200, page)
        for query in ("limit=1", "limit=100"):
            assert (await call("GET", f"{place}/items?{query}"))[0] == 200
        assert await call("GET", f"{place}/items/msg_1") == (200, listed[0])
        assert await call("DELETE", f"{place}/items/msg_1") == (200, expected)
        status, missing = await call("GET", f"{place}/items/msg_1")
        assert (status, missing["error"]["code"]) == (404, "not_found")
        assert await call("POST", place, {"metadata": {"topic": "b"}}) == (
            200,
            {**expected, "metadata": {"topic": "b"}},
        )
        for method, path, body in (
            ("POST", f"{place}/items/msg_2", {}), ("DELETE", f"{place}/items", None), ("GET", f"{place}/x", None),
        ):  # fmt: skip
            assert (await call(method, path, body))[0] == 501
        for wrong in ({"items": "x"}, {"items": ["x"]}, {}):
            status, refused = await call("POST", f"{place}/items", wrong)
            assert (status, refused["error"]["param"], refused["error"]["code"]) == (400, "items", "invalid_type")
        status, refused = await call("POST", place, {"metadata": []})
        assert (status, refused["error"]["param"], refused["error"]["code"]) == (400, "metadata", "invalid_type")
        assert await call("DELETE", place) == (
            200, {"id": made["id"], "object": "conversation.deleted", "deleted": True},
        )  # fmt: skip
        status, gone = await call("GET", place)
        assert (status, gone["error"]["param"], gone["error"]["code"]) == (404, "conversation_id", "not_found")


async def test_a_server_that_stores_nothing_says_so() -> None:
    async with Gateway({}, engines={"scripted": ScriptedEngine()}, store=False) as gateway:
        for method, path in (
            ("GET", "/v1/responses/resp_1"),
            ("POST", "/v1/conversations"),
            ("GET", "/v1/conversations/c"),
        ):
            answer = await ask(gateway.asgi, method, path, {} if method == "POST" else None)
            assert answer.status == 501
            assert answer.json()["error"]["fix"] == "start it without --no-store, or send the whole conversation"
