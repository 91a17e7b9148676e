"""Text without a form in UTF-8: refused by name in a request, replaced in an answer, never a failure of a finished call."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from ingate import Gateway, ScriptedEngine
from ingate.errors import BadRequestError, InvalidRequestError
from ingate.wire.passthrough import ApiRequest
from support.serve import served

HALF = "\ud800"
SCHEMA = {"type": "object", "properties": {"a": {"type": "string", "description": HALF}}}
REQUESTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "an echoed schema": ("responses", {"input": "hi", "text": {"format": {"type": "json_schema", "name": "x", "schema": SCHEMA}}}),
    "echoed metadata": ("responses", {"input": "hi", "metadata": {"a": HALF}}),
    "an object": ("responses", {"input": "hi", "metadata": {"a": object()}}),
    "a tool": ("messages", {"max_tokens": 5, "messages": [], "tools": [{"name": "f", "input_schema": SCHEMA}]}),
    "a tool's result": (
        "responses", {"input": [{"type": "function_call_output", "call_id": "c", "output": [{"type": "x", "y": HALF}]}]}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_request_that_cannot_be_written_is_refused_before_it_is_sent(name: str, stream: bool):
    api, body = REQUESTS[name]
    engine = ScriptedEngine()
    engine.enqueue("Hello")
    async with Gateway({}, engines={"scripted": engine}) as gateway:
        request = ApiRequest(api=api, body={**body, "model": "scripted/x", "stream": stream})
        with pytest.raises(InvalidRequestError, match="cannot be written as JSON"):
            await gateway.respond(request)
    assert len(engine.requests) == 0


async def test_the_litellm_lane_does_not_blame_the_provider():
    pytest.importorskip("litellm")
    config = {"openai": {"api_key": "sk-0123456789", "base_url": "http://127.0.0.1:9/v1"}}
    body = {"model": "litellm.openai/gpt-4.1", "messages": [{"role": "user", "content": HALF}]}
    async with Gateway(config, retries=0) as gateway:
        with pytest.raises(BadRequestError, match="cannot be written as JSON"):
            await gateway.complete(body)


BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
    "responses": ("/v1/responses", {"input": "hi"}),
    "messages": ("/v1/messages", {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}),
}


@pytest.mark.parametrize("api", BODIES)
@pytest.mark.parametrize("stream", [False, True])
async def test_half_a_character_in_an_answer_is_replaced_and_the_answer_is_stored(api: str, stream: bool):
    path, body = BODIES[api]
    engine = ScriptedEngine()
    engine.enqueue(f"Hello {HALF}", reasoning=HALF)
    engine.enqueue("again")
    async with (
        Gateway({}, engines={"scripted": engine}, retries=0) as gateway,
        served(gateway.asgi) as base,
        aiohttp.ClientSession() as session,
    ):
        request = {**body, "model": "scripted/x", "stream": stream}
        async with session.post(base + path, json=request) as answer:
            text = await answer.text()
            assert answer.status == 200, text
        assert "\ufffd" in text
        assert "internal_error" not in text
        if api != "responses":
            return
        stored = json.loads(text.split("data: ")[-1])["response"]["id"] if stream else json.loads(text)["id"]
        more = {"model": "scripted/x", "input": "go on", "previous_response_id": stored}
        async with session.post(base + path, json=more) as answer:
            assert answer.status == 200, await answer.text()
