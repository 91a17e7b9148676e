"""Web search is asked for only where a model's chat completions have it; elsewhere the tool is left out and reported."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingate import Gateway
from ingate.errors import BadRequestError
from support.client import ask
from support.copilot import CHAT
from support.http import Conversation, serving

USER = {"role": "user", "content": "Hi"}
RESPONSES = {"input": "Hi", "tools": [{"type": "web_search"}]}
MESSAGES = {"max_tokens": 50, "messages": [USER], "tools": [{"type": "web_search_20250305", "name": "web_search"}]}
CHAT_BODY = {"messages": [USER], "web_search_options": {}}


async def whole(talk: Conversation) -> None:
    await talk.answer(json.dumps(CHAT).encode())


@pytest.mark.parametrize(("api", "body"), [("responses", RESPONSES), ("messages", MESSAGES)])
@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("mistral/mistral-large-latest", False),
        ("fireworks_ai/m", False),
        ("azure/gpt-4o", False),
        ("openrouter/openai/gpt-4.1?api=chat", True),
        ("openai/gpt-4.1?api=chat", False),
        ("openai/gpt-4o-search-preview?api=chat", True),
        ("perplexity/sonar", True),
        ("mybox/m", True),
    ],
)
async def test_the_tool_reaches_models_that_have_it(model: str, sent: bool, api: Any, body: dict[str, Any]) -> None:
    async with serving(whole) as far:
        section = {"api_key": "sk-a-key-0123", "base_url": far.base}
        name = model.partition("/")[0]
        settings: dict[str, Any] = {"servers": {name: section}} if name == "mybox" else {name: section}
        async with Gateway(settings, retries=0) as gateway:
            answer = await gateway.complete({"model": model, **body}, api=api)
        arrived = json.loads(far.asked[0].body)
    assert ("web_search_options" in arrived) is sent
    assert ("web_search" in answer["ingate"]["dropped"]) is not sent
    assert any("no web search" in warning for warning in answer["ingate"]["warnings"]) is not sent


async def test_a_chat_client_that_asks_for_a_search_gets_the_providers_own_answer() -> None:
    async with serving(whole) as far:
        async with Gateway({"fireworks_ai": {"api_key": "k", "base_url": far.base}}, retries=0) as gateway:
            await gateway.complete({"model": "fireworks_ai/m", **CHAT_BODY})
        assert json.loads(far.asked[0].body)["web_search_options"] == {}


async def test_a_provider_that_is_known_to_refuse_it_is_not_sent_it() -> None:
    async with serving(whole) as far:
        async with Gateway({"mistral": {"api_key": "k", "base_url": far.base}}, retries=0) as gateway:
            answer = await gateway.complete({"model": "mistral/m", **CHAT_BODY})
        assert "web_search_options" not in json.loads(far.asked[0].body)
        assert answer["ingate"]["dropped"] == ["web_search_options"]


async def test_strict_refuses_before_anything_is_sent() -> None:
    async with serving(whole) as far:
        async with Gateway({"fireworks_ai": {"api_key": "k", "base_url": far.base}}, retries=0) as gateway:
            with pytest.raises(BadRequestError, match="web_search"):
                await gateway.complete({"model": "fireworks_ai/m?drop_params=strict", **RESPONSES}, api="responses")
        assert far.asked == []


async def test_what_was_changed_is_in_the_headers_of_a_response_that_is_passed_through() -> None:
    async with serving(whole) as far:
        async with Gateway({"openai": {"api_key": "k", "base_url": far.base}}, retries=0) as gateway:
            body = {"model": "openai/gpt-4.1", "messages": [USER], "max_tokens": 10**9}
            answer = await ask(gateway.asgi, "POST", "/v1/chat/completions", body)
            plain = await ask(gateway.asgi, "POST", "/v1/chat/completions", {**body, "max_tokens": 10})
        assert json.loads(far.asked[0].body)["max_tokens"] < 10**9
    assert answer.json() == CHAT
    assert answer.headers["x-ingate-warnings"].startswith("max_tokens was lowered from 1000000000 to ")
    assert "x-ingate-warnings" not in plain.headers
