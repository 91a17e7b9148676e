"""The endpoints beside the three APIs: token counts, models in both formats, the root."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingate import Gateway, ScriptedEngine
from support.client import ask
from support.http import Conversation, serving

ANTHROPIC = {"content-type": "application/json", "anthropic-version": "2023-06-01"}
HI: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi there"}]}


async def counted(talk: Conversation) -> None:
    await talk.answer(b'{"input_tokens": 42}')


async def test_tokens_are_counted_by_the_provider_if_it_can() -> None:
    async with (
        serving(counted) as server,
        Gateway({"anthropic": {"api_key": "k" * 20, "base_url": server.base}}) as gateway,
    ):
        body = {**HI, "model": "anthropic/m", "max_tokens": 9, "stream": True}
        answer = await ask(
            gateway.asgi, "POST", "/v1/messages/count_tokens", body, headers={**ANTHROPIC, "anthropic-beta": "b"}
        )
    assert answer.json() == {"input_tokens": 42}
    [talk] = server.asked
    assert talk.head.startswith("POST /v1/messages/count_tokens ")
    assert json.loads(talk.body) == {**HI, "model": "m"}
    assert talk.headers["anthropic-beta"] == "b"


@pytest.mark.parametrize(("path", "body"), [
    ("/v1/messages/count_tokens", HI),
    ("/v1/responses/input_tokens", {"input": "Hi there"}),
])  # fmt: skip
async def test_tokens_are_estimated_otherwise_and_the_answer_says_so(path: str, body: Any) -> None:
    async with Gateway({}, engines={"scripted": ScriptedEngine()}) as gateway:
        few = (await ask(gateway.asgi, "POST", path, {**body, "model": "scripted/m"})).json()
        longer = json.loads(json.dumps(body).replace("Hi there", "Hi there " * 100))
        many = (await ask(gateway.asgi, "POST", path, {**longer, "model": "scripted/m"})).json()
    assert few["ingate"]["estimated"] is True
    assert 3 <= few["input_tokens"] <= 30
    assert 200 <= many["input_tokens"] <= 400


async def test_a_provider_that_refuses_to_count_is_quoted() -> None:
    async def refuse(talk: Conversation) -> None:
        error = {"type": "error", "error": {"type": "invalid_request_error", "message": "messages: too short"}}
        await talk.answer(json.dumps(error).encode(), status="400 Bad Request")

    async with (
        serving(refuse) as server,
        Gateway({"anthropic": {"api_key": "k" * 20, "base_url": server.base}}) as gateway,
    ):
        answer = await ask(gateway.asgi, "POST", "/v1/messages/count_tokens", {**HI, "model": "anthropic/m"})
    assert answer.status == 400
    assert answer.json()["error"]["message"] == "messages: too short"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_root_says_what_this_is(method: str) -> None:
    async with Gateway({}) as gateway:
        answer = await ask(gateway.asgi, method, "/")
    assert answer.status == 200
    assert (answer.body == b"") is (method == "HEAD")
    if method == "GET":
        assert answer.json()["name"] == "ingate"
        assert answer.json()["apis"] == ["/v1/chat/completions", "/v1/responses", "/v1/messages"]


async def test_anthropics_clients_get_models_in_their_format_page_by_page() -> None:
    config = {"aliases": {"claude-mine": "groq/x", "other": "groq/y"}, "groq": {"api_key": "k" * 20}}
    async with Gateway(config) as gateway:
        whole = (await ask(gateway.asgi, "GET", "/v1/models?limit=1000", headers=ANTHROPIC)).json()
        first = (await ask(gateway.asgi, "GET", "/v1/models?limit=4", headers=ANTHROPIC)).json()
        assert len(whole["data"]) > 8
        assert whole["has_more"] is False
        assert first["data"] == whole["data"][:4]
        assert first["has_more"] is True
        second = (
            await ask(gateway.asgi, "GET", f"/v1/models?limit=4&after_id={first['last_id']}", headers=ANTHROPIC)
        ).json()
        assert second["data"] == whole["data"][4:8]
        before = (
            await ask(gateway.asgi, "GET", f"/v1/models?before_id={second['first_id']}&limit=2", headers=ANTHROPIC)
        ).json()
        assert before["data"] == whole["data"][2:4]
        assert (await ask(gateway.asgi, "GET", "/v1/models?limit=x", headers=ANTHROPIC)).status == 400
        assert {"type", "id", "display_name", "created_at"} <= first["data"][0].keys()
        assert {"claude-mine", "other"} <= {model["id"] for model in whole["data"]}
        one = (await ask(gateway.asgi, "GET", "/v1/models/claude-mine", headers=ANTHROPIC)).json()
        assert one["type"] == "model"
        missing = await ask(gateway.asgi, "GET", "/v1/models/nothing", headers=ANTHROPIC)
        assert missing.json()["type"] == "error"
        plain = (await ask(gateway.asgi, "GET", "/v1/models")).json()
        assert plain["object"] == "list"
        assert [model["id"] for model in plain["data"]] == [model["id"] for model in whole["data"]]
