"""A tool conversation with reasoning between a Chat caller and a Responses provider, over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ingate.engines.base import CallReport, Route
from ingate.engines.native import NativeEngine
from ingate.errors import RateLimitError, StreamInterruptedError
from ingate.providers.credential import Credential
from ingate.secret import Secret
from ingate.spec import parse_one
from ingate.wire.completion import assemble, normalise_completion
from ingate.wire.normaliser import StreamNormaliser
from support.upstream import Reply, Upstream, upstream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

REASONING = {
    "id": "rs_1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "The weather is needed."}],
    "encrypted_content": "gAAAAABo+/é==",
    "content": [],
}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": '{ "city":"Oslo"}'}
SAID = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "phase": "final_answer",
    "content": [{"type": "output_text", "text": "Rain.", "annotations": []}],
}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


def response(*output: dict[str, Any], **more: Any) -> dict[str, Any]:
    usage = {
        "input_tokens": 5,
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 4},
        "total_tokens": 12,
    }
    return {
        "id": "resp_1",
        "object": "response",
        "model": "m",
        "status": "completed",
        "output": list(output),
        "usage": usage,
        **more,
    }


def events(*output: dict[str, Any]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = [{"type": "response.created", "response": response(status="in_progress", usage=None)}]
    for index, item in enumerate(output):
        told.append({"type": "response.output_item.done", "output_index": index, "item": item})
    return [*told, {"type": "response.completed", "response": response(*output)}]


def route(server: Upstream, provider: str = "openai", model: str = "gpt-5.4") -> Route:
    return Route(
        spec=parse_one(f"{provider}/{model}"),
        engine="native",
        provider=provider,
        model=model,
        wire_format="responses",
        api_base=server.url,
        credential=Credential(api_key=Secret("sk-of-a-test-0123456789"), source="env KEY"),
        timeout_s=10.0,
    )


@pytest.fixture
def server() -> Iterator[Upstream]:
    with upstream() as told:
        yield told


@pytest.fixture
async def engine() -> AsyncIterator[NativeEngine]:
    native = NativeEngine()
    yield native
    await native.aclose()


async def message_of(
    engine: NativeEngine, at: Route, body: dict[str, Any], *, stream: bool, report: CallReport
) -> dict[str, Any]:
    if not stream:
        return normalise_completion(await engine.complete(at, body, report), at.model)["choices"][0]["message"]
    normaliser, chunks = StreamNormaliser(at.model), []
    async for chunk in engine.stream(at, body, report):
        chunks += normaliser.feed(chunk)
    return assemble(chunks + normaliser.finish())["choices"][0]["message"]


@pytest.mark.parametrize("stream", [False, True])
async def test_reasoning_survives_a_tool_turn_and_stays_with_its_provider(
    server: Upstream, engine: NativeEngine, stream: bool
) -> None:
    def reply(*output: dict[str, Any]) -> Reply:
        return Reply(events=events(*output)) if stream else Reply(body=response(*output))

    server.say(reply(REASONING, CALL), reply({**REASONING, "id": "rs_2"}, SAID), reply(SAID))
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Weather in Oslo?"}]
    body = {"messages": messages, "tools": [TOOL], "reasoning_effort": "low"}
    report = CallReport()
    first = await message_of(engine, route(server), body, stream=stream, report=report)
    assert first["reasoning_content"] == "The weather is needed."
    assert first["reasoning_items"] == [{**REASONING, "provider": "openai"}]
    messages += [first, {"role": "tool", "tool_call_id": first["tool_calls"][0]["id"], "content": "Rain"}]
    second = await message_of(engine, route(server), body, stream=stream, report=report)
    sent = server.seen[1]
    assert sent.path == "/v1/responses"
    assert sent.headers["authorization"] == "Bearer sk-of-a-test-0123456789"
    assert (sent.body["store"], sent.body["include"]) == (False, ["reasoning.encrypted_content"])
    assert sent.body["input"][1:] == [
        REASONING,
        {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{ "city":"Oslo"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "Rain"},
    ]
    assert json.dumps(sent.body["input"][1]) == json.dumps(REASONING)  # the order of the keys, too
    assert report.warnings == []
    messages += [second, {"role": "user", "content": "And tomorrow?"}]
    await message_of(engine, route(server, "xai", "grok-5"), body, stream=stream, report=report)
    assert "gAAAA" not in json.dumps(server.seen[2].body)
    assert server.seen[2].body["input"][-2] == {"type": "message", "role": "assistant", "content": "Rain."}
    assert len(report.warnings) == 1
    assert "another provider" in report.warnings[0]


async def test_an_error_status_keeps_its_meaning(server: Upstream, engine: NativeEngine) -> None:
    error = {"error": {"message": "Slow down", "type": "requests", "code": "rate_limit_exceeded"}}
    server.say(Reply(status=429, body=error, headers={"retry-after": "3"}))
    with pytest.raises(RateLimitError) as caught:
        await engine.complete(route(server), {"messages": [{"role": "user", "content": "Hi"}]}, CallReport())
    assert (caught.value.provider, caught.value.retry_after_s) == ("openai", 3.0)


async def test_a_stream_that_breaks_off_is_interrupted(server: Upstream, engine: NativeEngine) -> None:
    delta = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Ra"}
    server.say(Reply(events=[delta], cut=True))
    chunks = []

    async def read() -> None:
        async for chunk in engine.stream(
            route(server), {"messages": [{"role": "user", "content": "Hi"}]}, CallReport()
        ):
            chunks.append(chunk)

    with pytest.raises(StreamInterruptedError):
        await read()
    assert chunks[0]["choices"][0]["delta"] == {"content": "Ra"}


async def test_a_json_answer_to_a_stream_is_a_stream(server: Upstream, engine: NativeEngine) -> None:
    server.say(Reply(body=response(SAID)))
    body = {"messages": [{"role": "user", "content": "Hi"}]}
    message = await message_of(engine, route(server), body, stream=True, report=CallReport())
    assert message["content"] == "Rain."
    assert server.seen[0].body["stream"] is True
