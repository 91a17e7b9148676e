"""The SDK's Responses API over the in-process transport: scripted answers, and a chat provider on the loopback."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
from pydantic import BaseModel

import ingate
from ingate import errors
from support.upstream import Reply, Upstream, chunks, completion, upstream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

MODEL = "scripted/any"
CHAT_ONLY = "cerebras/some-model"  # a provider without the Responses API
GROQ = "groq/some-model"  # one that has it
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


class City(BaseModel):
    name: str
    people: int


class GetWeather(BaseModel):
    """The weather in a city."""

    city: str


@pytest.fixture
def engine() -> ingate.ScriptedEngine:
    return ingate.ScriptedEngine()


@pytest.fixture
async def client(engine: ingate.ScriptedEngine) -> AsyncIterator[ingate.AsyncIngate]:
    async with (
        ingate.Gateway({}, engines={"scripted": engine}) as gateway,
        ingate.AsyncIngate(gateway=gateway, max_retries=0) as made,
    ):
        yield made


@pytest.fixture
def provider() -> Iterator[Upstream]:
    with upstream() as listening:
        yield listening


@pytest.fixture
async def provider_client(provider: Upstream) -> AsyncIterator[ingate.AsyncIngate]:
    section = {"base_url": provider.url, "api_key": "gsk-test"}
    async with ingate.AsyncIngate({"groq": section, "cerebras": section}, max_retries=0) as made:
        yield made


async def test_create(client: ingate.AsyncIngate, engine: ingate.ScriptedEngine) -> None:
    engine.enqueue("Blue light scatters most.", usage={"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11})
    response = await client.responses.create(
        model=MODEL, instructions="Be brief.", input="Why is the sky blue?", max_output_tokens=50, temperature=0.5
    )
    assert response.output_text == "Blue light scatters most."
    assert (response.object, response.status, response.error, response.incomplete_details) == (
        "response",
        "completed",
        None,
        None,
    )
    assert response.instructions == "Be brief."
    assert (response.max_output_tokens, response.temperature) == (50, 0.5)
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens, response.usage.total_tokens) == (7, 4, 11)
    assert response._request_id
    [(_, body)] = engine.requests
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why is the sky blue?"},
    ]
    assert body["temperature"] == 0.5


async def test_a_conversation_goes_back_as_the_sdk_returned_it(
    client: ingate.AsyncIngate, engine: ingate.ScriptedEngine
) -> None:
    engine.enqueue("Blue light scatters most.", reasoning="Rayleigh.")
    engine.enqueue("Air molecules.")
    turns: list[Any] = [{"role": "user", "content": "Why is the sky blue?"}]
    first = await client.responses.create(model=MODEL, input=turns)
    assert [item.type for item in first.output] == ["reasoning", "message"]
    turns += [*first.output, {"role": "user", "content": [{"type": "input_text", "text": "By what?"}]}]
    second = await client.responses.create(model=MODEL, input=turns)
    assert second.output_text == "Air molecules."
    roles = [message["role"] for message in engine.requests[-1][1]["messages"]]
    assert roles == ["user", "assistant", "user"]
    assert engine.requests[-1][1]["messages"][1]["content"] == "Blue light scatters most."


async def test_streamed_events_come_one_by_one(client: ingate.AsyncIngate, engine: ingate.ScriptedEngine) -> None:
    release = asyncio.Event()

    class Paced(ingate.ScriptedEngine):
        """Waits for the reader after each word."""

        async def stream(self, route: Any, body: Any, report: Any) -> Any:
            async for piece in super().stream(route, body, report):
                yield piece
                if piece["choices"] and piece["choices"][0]["delta"].get("content"):
                    await release.wait()
                    release.clear()

    paced = Paced()
    paced.enqueue("one two three")
    words = []
    async with ingate.Gateway({}, engines={"scripted": paced}) as gateway, ingate.AsyncIngate(gateway=gateway) as asked:
        async for event in await asked.responses.create(model=MODEL, input="count", stream=True):
            if event.type == "response.output_text.delta":
                words.append(event.delta)
                release.set()
    assert words == ["one", " two", " three"]


async def test_streamed_events_are_the_apis(client: ingate.AsyncIngate, engine: ingate.ScriptedEngine) -> None:
    engine.enqueue("Hello there", reasoning="Greet.")
    stream = await client.responses.create(model=MODEL, input="hi", stream=True)
    events: list[Any] = [event async for event in stream]
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    added = [event.item.type for event in events if event.type == "response.output_item.added"]
    done = [event.item.type for event in events if event.type == "response.output_item.done"]
    assert added == done == ["reasoning", "message"]
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "Hello there"
    final = events[-1].response
    assert final.output_text == "Hello there"
    assert final.usage.output_tokens > 0
    assert events[0].response.id == final.id


async def test_the_stream_helper_collects_the_response(
    client: ingate.AsyncIngate, engine: ingate.ScriptedEngine
) -> None:
    engine.enqueue("Hello there")
    async with client.responses.stream(model=MODEL, input="hi") as stream:
        deltas = [event.delta async for event in stream if event.type == "response.output_text.delta"]
        final = await stream.get_final_response()
    assert deltas == ["Hello", " there"]
    assert final.output_text == "Hello there"


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_structured_output(client: ingate.AsyncIngate, engine: ingate.ScriptedEngine, streamed: bool) -> None:
    engine.enqueue('{"name": "Ghent", "people": 270000}')
    if streamed:
        async with client.responses.stream(model=MODEL, input="A city?", text_format=City) as stream:
            response = await stream.get_final_response()
    else:
        response = await client.responses.parse(model=MODEL, input="A city?", text_format=City)
    assert response.output_parsed == City(name="Ghent", people=270000)
    [(_, body)] = engine.requests
    assert body["response_format"]["type"] == "json_schema"
    assert set(body["response_format"]["json_schema"]["schema"]["properties"]) == {"name", "people"}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_parallel_tool_calls_and_their_results(
    client: ingate.AsyncIngate, engine: ingate.ScriptedEngine, streamed: bool
) -> None:
    engine.enqueue_tool_calls(("get_weather", {"city": "Ghent"}), ("get_weather", {"city": "Lima"}), reasoning="Ask.")
    engine.enqueue("Both are warm.")
    turns: list[Any] = [{"role": "user", "content": "Where is it warm?"}]
    if streamed:
        async with client.responses.stream(model=MODEL, input=turns, tools=[WEATHER]) as stream:
            arguments = [
                event.arguments async for event in stream if event.type == "response.function_call_arguments.done"
            ]
            response: Any = await stream.get_final_response()
        assert [json.loads(one) for one in arguments] == [{"city": "Ghent"}, {"city": "Lima"}]
    else:
        response = await client.responses.create(model=MODEL, input=turns, tools=[WEATHER])
    calls = [item for item in response.output if item.type == "function_call"]
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [
        ("get_weather", {"city": "Ghent"}),
        ("get_weather", {"city": "Lima"}),
    ]
    assert len({call.call_id for call in calls}) == 2
    assert engine.requests[0][1]["tools"][0]["function"]["name"] == "get_weather"

    turns += response.output
    turns += [
        {
            "type": "function_call_output",
            "call_id": call.call_id,
            "output": f"21 in {json.loads(call.arguments)['city']}",
        }
        for call in calls
    ]
    final = await client.responses.create(model=MODEL, input=turns, tools=[WEATHER])
    assert final.output_text == "Both are warm."
    messages = engine.requests[-1][1]["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool"]
    assert [call["id"] for call in messages[1]["tool_calls"]] == [call.call_id for call in calls]
    assert [message["content"] for message in messages[2:]] == ["21 in Ghent", "21 in Lima"]


async def test_arguments_of_a_pydantic_tool_are_parsed(
    client: ingate.AsyncIngate, engine: ingate.ScriptedEngine
) -> None:
    engine.enqueue_tool_call("GetWeather", {"city": "Ghent"})
    tools: Any = [openai.pydantic_function_tool(GetWeather)]
    tools = [{"type": "function", **tools[0]["function"]}]
    response: Any = await client.responses.parse(model=MODEL, input="Weather?", tools=tools)
    assert response.output[0].parsed_arguments == {"city": "Ghent"}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_a_chat_provider_answers(provider: Upstream, provider_client: ingate.AsyncIngate, streamed: bool) -> None:
    provider.say(Reply(events=chunks("Hel", "lo")) if streamed else Reply(body=completion("Hello")))
    if streamed:
        async with provider_client.responses.stream(model=CHAT_ONLY, input="hi", temperature=0.2) as stream:
            response: Any = await stream.get_final_response()
    else:
        response = await provider_client.responses.create(model=CHAT_ONLY, input="hi", temperature=0.2)
    assert response.output_text == "Hello"
    assert (response.usage.input_tokens, response.usage.output_tokens) == (3, 2)
    [seen] = provider.seen
    assert seen.path == "/v1/chat/completions"
    assert seen.headers["authorization"] == "Bearer gsk-test"
    assert seen.body["model"] == "some-model"
    assert seen.body["messages"] == [{"role": "user", "content": "hi"}]
    assert seen.body["temperature"] == 0.2
    assert seen.body.get("stream", False) is streamed


async def test_a_chat_providers_tool_calls(provider: Upstream, provider_client: ingate.AsyncIngate) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Ghent"}'}}
    choice = {"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "tool_calls": [call]}}
    provider.say(Reply(body=completion(choices=[choice])), Reply(body=completion("Warm.")))
    first: Any = await provider_client.responses.create(model=CHAT_ONLY, input="Weather?", tools=[WEATHER])
    [item] = first.output
    assert (item.type, item.call_id, item.name, item.arguments) == (
        "function_call",
        "call_1",
        "get_weather",
        '{"city": "Ghent"}',
    )
    result: Any = {"type": "function_call_output", "call_id": "call_1", "output": "21 degrees"}
    await provider_client.responses.create(model=CHAT_ONLY, input=[*first.output, result], tools=[WEATHER])
    sent = provider.seen[-1].body
    assert sent["messages"][0]["tool_calls"] == [call]
    assert sent["messages"][1] == {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees"}
    assert sent["tools"][0]["function"]["parameters"] == WEATHER["parameters"]


WHOLE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "some-model",
    "output": [
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Hello", "annotations": [], "newer_than_the_sdk": 1}],
        }
    ],
    "usage": {
        "input_tokens": 3,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 5,
    },
    "tools": [],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
}


async def test_a_provider_with_the_same_api_gets_the_request_and_gives_the_response_unchanged(
    provider: Upstream, provider_client: ingate.AsyncIngate
) -> None:
    request: Any = {
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
        "include": ["reasoning.encrypted_content"],
        "extra_body": {"newer_than_ingate": {"a": [1, None]}},
    }
    provider.say(Reply(body=WHOLE))
    response = await provider_client.responses.create(model=f"{GROQ}?temperature=0.2", **request)
    assert response.output_text == "Hello"
    [seen] = provider.seen
    assert seen.path == "/v1/responses"
    assert seen.headers["authorization"] == "Bearer gsk-test"
    assert seen.body["model"] == "some-model"
    assert seen.body["temperature"] == 0.2
    assert seen.body["input"] == request["input"]
    assert seen.body["include"] == request["include"]
    assert seen.body["newer_than_ingate"] == {"a": [1, None]}
    got = response.to_dict()
    assert got["output"] == WHOLE["output"]
    assert got["usage"] == WHOLE["usage"]


async def test_a_provider_with_the_same_api_streams_its_own_events(
    provider: Upstream, provider_client: ingate.AsyncIngate
) -> None:
    item = WHOLE["output"][0]  # ty: ignore[not-subscriptable]
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    started = {**WHOLE, "status": "in_progress", "output": []}
    part = {"type": "output_text", "text": "", "annotations": []}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": started},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
        {"type": "response.content_part.added", **place, "part": part},
        {"type": "response.output_text.delta", **place, "delta": "Hel", "logprobs": []},
        {"type": "response.something_new", "hint": 7},
        {"type": "response.output_text.delta", **place, "delta": "lo", "logprobs": []},
        {"type": "response.output_text.done", **place, "text": "Hello", "logprobs": []},
        {"type": "response.completed", "response": WHOLE},
    ]
    events = [{**event, "sequence_number": number} for number, event in enumerate(events)]
    provider.say(Reply(events=events))
    stream = await provider_client.responses.create(model=GROQ, input="hi", stream=True)
    got: list[Any] = [event async for event in stream]
    assert [event.type for event in got] == [event["type"] for event in events]
    assert [event.delta for event in got if event.type == "response.output_text.delta"] == ["Hel", "lo"]
    assert got[4].hint == 7
    assert got[-1].response.output_text == "Hello"
    assert provider.seen[0].body["stream"] is True


BY_STATUS = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    429: openai.RateLimitError,
    503: openai.InternalServerError,
}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    "error",
    [
        errors.BadRequestError("temperature is out of range", fix="lower it"),
        errors.AuthenticationError("the key was rejected", fix="renew it"),
        errors.PermissionDeniedError("not for this key", fix="ask for access"),
        errors.ModelNotFoundError("no such model", fix="choose another"),
        errors.RateLimitError("too many requests", fix="wait", retry_after_s=7),
        errors.UnavailableError("the provider is down", fix="wait"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_errors_are_the_sdks(
    client: ingate.AsyncIngate, engine: ingate.ScriptedEngine, error: errors.IngateError, streamed: bool
) -> None:
    engine.enqueue(error)
    with pytest.raises(BY_STATUS[error.status]) as caught:
        await client.responses.create(model=MODEL, input="hi", stream=streamed)
    assert type(caught.value) is BY_STATUS[error.status]
    assert caught.value.status_code == error.status
    body: Any = caught.value.body
    assert body["message"].startswith(error.message)
    assert body["fix"] == error.fix
    assert caught.value.code == error.code
    if error.retry_after_s:
        assert caught.value.response.headers["retry-after"] == "7"


async def test_a_context_that_is_too_long(client: ingate.AsyncIngate, engine: ingate.ScriptedEngine) -> None:
    """A stream reports it in an event, as OpenAI's does: Codex compacts the conversation on it."""
    for _ in range(2):
        engine.enqueue(errors.ContextTooLongError("the prompt is too long"))
    with pytest.raises(openai.BadRequestError, match="too long") as whole:
        await client.responses.create(model=MODEL, input="hi")

    async def read() -> None:
        async for event in await client.responses.create(model=MODEL, input="hi", stream=True):
            assert event.type in {"response.created", "response.in_progress"}

    with pytest.raises(openai.APIError, match="too long") as streamed:
        await read()
    assert whole.value.code == streamed.value.code == "context_length_exceeded"


@pytest.mark.parametrize("model", [GROQ, CHAT_ONLY])
async def test_a_refused_key_of_a_provider(provider: Upstream, provider_client: ingate.AsyncIngate, model: str) -> None:
    provider.say(Reply(401, {"error": {"message": "Invalid API Key", "code": "invalid_api_key"}}))
    with pytest.raises(openai.AuthenticationError) as caught:
        await provider_client.responses.create(model=model, input="hi")
    assert caught.value.code == "invalid_api_key"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"input": 7}, "input"),
        ({"input": [{"role": "user", "content": 7}]}, "content"),
        ({"input": [{"type": "no_such_item"}]}, "no_such_item"),
        ({"input": "hi", "tools": "all"}, "tools"),
        ({"input": "hi", "temperature": "warm"}, "temperature"),
    ],
)
async def test_a_wrong_request_is_refused_before_anything_is_sent(
    client: ingate.AsyncIngate, engine: ingate.ScriptedEngine, wrong: Any, field: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=field) as caught:
        await client.responses.create(model=MODEL, **wrong)
    body: Any = caught.value.body
    assert body["type"] == "invalid_request_error"
    assert engine.requests == []


async def test_a_stream_that_breaks_raises_after_what_had_come(
    client: ingate.AsyncIngate, engine: ingate.ScriptedEngine
) -> None:
    engine.enqueue(["Hel", "lo"], breaks_with=errors.UnavailableError("the provider hung up"))
    deltas: list[str] = []

    async def read() -> None:
        async for event in await client.responses.create(model=MODEL, input="hi", stream=True):
            if event.type == "response.output_text.delta":
                deltas.append(event.delta)

    with pytest.raises(openai.APIError, match="hung up") as caught:
        await read()
    assert deltas == ["Hel", "lo"]
    assert caught.value.code == "stream_interrupted"
    body: Any = caught.value.body
    assert body["partial_text"] == "Hello"


async def test_a_stream_that_breaks_ends_with_a_failed_response(
    client: ingate.AsyncIngate, engine: ingate.ScriptedEngine
) -> None:
    """For clients that read events themselves."""
    engine.enqueue(["Hel", "lo"], breaks_with=errors.UnavailableError("the provider hung up"))
    async with client.responses.with_streaming_response.create(model=MODEL, input="hi", stream=True) as streaming:
        lines = [line async for line in streaming.iter_lines() if line.startswith("data: ")]
    last = json.loads(lines[-1].removeprefix("data: "))
    assert (last["type"], last["response"]["status"]) == ("response.failed", "failed")
    assert "hung up" in last["response"]["error"]["message"]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_cancelling_a_call_stops_the_engine(
    client: ingate.AsyncIngate, engine: ingate.ScriptedEngine, streamed: bool
) -> None:
    begun = asyncio.Event()

    def answer(body: Any) -> str:
        begun.set()
        return "word " * 500

    engine.enqueue(answer, delay_s=0.01)

    async def read() -> None:
        if not streamed:
            await client.responses.create(model=MODEL, input="hi")
            return
        async for _ in await client.responses.create(model=MODEL, input="hi", stream=True):
            pass

    reading = asyncio.create_task(read())
    await begun.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert engine.cancelled == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_leaving_a_stream_stops_the_engine(client: ingate.AsyncIngate, engine: ingate.ScriptedEngine) -> None:
    engine.enqueue("word " * 500, delay_s=0.001)
    async with client.responses.stream(model=MODEL, input="hi") as stream:
        async for event in stream:
            if event.type == "response.output_text.delta":
                break
    assert engine.cancelled == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_raw_and_streaming_responses(client: ingate.AsyncIngate, engine: ingate.ScriptedEngine) -> None:
    raw = await client.responses.with_raw_response.create(model=MODEL, input="hi")
    assert raw.status_code == 200
    assert raw.headers["x-ingate-provider"] == "scripted"
    assert raw.headers["x-request-id"] == raw.request_id == raw.parse()._request_id
    assert raw.parse().output_text.endswith("hi")
    assert json.loads(raw.content)["object"] == "response"
    async with client.responses.with_streaming_response.create(model=MODEL, input="hi", stream=True) as streaming:
        assert streaming.headers["content-type"].startswith("text/event-stream")
        lines = [line async for line in streaming.iter_lines() if line]
    assert lines[0] == "event: response.created"
    assert json.loads(lines[-1].removeprefix("data: "))["type"] == "response.completed"


async def test_the_gateway_metadata_is_in_the_response(client: ingate.AsyncIngate) -> None:
    response = await client.responses.create(model=MODEL, input="hi")
    assert response.model_extra is not None
    assert response.model_extra["ingate"]["engine"] == "scripted"


def test_the_sync_client_does_the_same(engine: ingate.ScriptedEngine) -> None:
    engine.enqueue("whole")
    engine.enqueue("in pieces")
    engine.enqueue('{"name": "Ghent", "people": 1}')
    engine.enqueue(errors.RateLimitError("wait"))
    gateway = ingate.Gateway({}, engines={"scripted": engine})
    with ingate.Ingate(gateway=gateway, max_retries=0) as client:
        assert client.responses.create(model=MODEL, input="hi").output_text == "whole"
        with client.responses.stream(model=MODEL, input="hi") as stream:
            deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
            assert stream.get_final_response().output_text == "in pieces"
        assert deltas == ["in", " pieces"]
        parsed = client.responses.parse(model=MODEL, input="A city?", text_format=City)
        assert parsed.output_parsed == City(name="Ghent", people=1)
        with pytest.raises(openai.RateLimitError, match="wait"):
            client.responses.create(model=MODEL, input="hi")
