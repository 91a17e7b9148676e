"""Three turns of a tool conversation with reasoning, for each client API against each provider format."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ingate import Gateway
from ingate.gateway.requests import api_request
from ingate.wire.completion import assemble
from support.downstream import Client, message_from
from support.thinkers import THINKERS, thinking

APIS = ("chat", "messages", "responses")


async def turn(gateway: Gateway, client: Client, *, streamed: bool) -> dict[str, Any]:
    """One answer, whole or assembled from a stream."""
    if not streamed:
        return await gateway.complete(client.body(), api=client.api)
    parts = [part async for part in gateway.stream(client.body(), api=client.api)]
    if client.api == "chat":
        return assemble(parts)
    return message_from(parts) if client.api == "messages" else parts[-1]["response"]


def call_id(client: Client, answer: dict[str, Any]) -> str:
    match client.api:
        case "chat":
            (call,) = answer["choices"][0]["message"]["tool_calls"]
            return call["id"]
        case "messages":
            (call,) = [block for block in answer["content"] if block["type"] == "tool_use"]
            return call["id"]
    (call,) = [item for item in answer["output"] if item["type"] == "function_call"]
    return call["call_id"]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("form", THINKERS)
@pytest.mark.parametrize("api", APIS)
async def test_reasoning_comes_back_as_its_provider_sent_it(api: Any, form: str, streamed: bool) -> None:
    thinker = THINKERS[form]
    client = Client(api, thinker.spec)
    async with thinking(thinker) as running, Gateway(running.config, retries=0) as gateway:
        for _ in range(3):
            answer = await turn(gateway, client, streamed=streamed)
            client.add(answer, call_id(client, answer))
        assert len(running.requests) == 3
        for number, (answering, body) in enumerate(running.requests):
            assert answering.found(body) == [answering.sent(earlier) for earlier in range(number)]


OPAQUE = {"responses": "gAAAA", "messages": "EqQB", "gemini": "CiQ"}  # how what each provider signs or encrypts begins
PAIRS = [(first, second) for first in OPAQUE for second in OPAQUE if first != second]


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("api", APIS)
async def test_reasoning_of_another_provider_is_left_out_with_a_warning(api: Any, first: str, second: str) -> None:
    mine, other = THINKERS[first], THINKERS[second]
    client = Client(api, mine.spec)
    async with thinking(mine, other) as running, Gateway(running.config, retries=0) as gateway:
        for spec in (mine.spec, other.spec, mine.spec):
            client.model = spec
            reply = await gateway.respond(api_request(api, client.body(), None, stream=False))
            answer = json.loads(reply.content() or b"")
            client.add(answer, call_id(client, answer))
            if spec == other.spec:
                warnings = reply.metadata()["warnings"]
    (_, at_other), (_, again) = running.requests[1:]
    assert OPAQUE[first] not in json.dumps(at_other)
    assert OPAQUE[second] not in json.dumps(again)
    assert [one for one in mine.found(again) if one is not None][:1] == [mine.sent(0)]
    assert any("reasoning" in one or "thinking" in one for one in warnings), warnings


@pytest.mark.parametrize(("early", "tokens"), [(True, 3), (False, 0)])
async def test_a_messages_stream_begins_with_the_input_tokens_if_they_are_known_by_then(
    early: bool, tokens: int
) -> None:
    """Some servers report usage with every chunk."""
    thinker = THINKERS["chat"]
    usage = b'"usage": {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}, "choices": [{'
    counted = replace(thinker, events=lambda turn: thinker.events(turn).replace(b'"choices": [{', usage))
    client = Client("messages", thinker.spec)
    async with thinking(counted if early else thinker) as running, Gateway(running.config, retries=0) as gateway:
        events = [event async for event in gateway.stream(client.body(), api="messages")]
    assert events[0]["message"]["usage"]["input_tokens"] == tokens
    message = message_from(events)
    assert (message["usage"]["input_tokens"], message["usage"]["output_tokens"]) == (3, 2)
