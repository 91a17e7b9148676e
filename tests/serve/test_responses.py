"""`/v1/responses`, called by OpenAI's own SDK over HTTP: any provider answers in its words."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import openai
import pydantic
import pytest

from ingate.errors import ContextTooLongError, InvalidRequestError, RateLimitError, StreamInterruptedError
from ingate.serve.app import create_app
from ingate.wire.downstream import translate
from support.client import FakeGateway, ask, chunk, completion, text_chunks, tool_call, tool_chunks
from support.serve import served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MODEL = "scripted/echo"
TOOL: Any = {"type": "function", "name": "get_weather", "parameters": {"type": "object", "properties": {}}}


@contextlib.asynccontextmanager
async def client_of(gateway: FakeGateway) -> AsyncIterator[openai.AsyncOpenAI]:
    async with (
        served(create_app(gateway)) as address,
        openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="x", max_retries=0) as client,
    ):
        yield client


async def test_a_whole_response() -> None:
    gateway = FakeGateway()
    async with client_of(gateway) as client:
        answer = await client.responses.create(
            model=MODEL, input="hi", instructions="Be kind.", max_output_tokens=9, reasoning={"effort": "low"}
        )
    assert answer.output_text == "hello there"
    assert (answer.status, answer.model) == ("completed", "echo")
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (3, 2, 5)
    (body,) = gateway.bodies
    assert body["messages"][0] == {"role": "system", "content": "Be kind."}
    assert (body["max_completion_tokens"], body["reasoning_effort"]) == (9, "low")


async def test_a_stream_builds_the_same_response_event_by_event() -> None:
    async with (
        client_of(FakeGateway(chunks=text_chunks("Hel", "lo"))) as client,
        client.responses.stream(model=MODEL, input="hi") as stream,
    ):
        events = [event async for event in stream]
        final = await stream.get_final_response()
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[-1] == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.delta for event in events if event.type == "response.output_text.delta"] == ["Hel", "lo"]
    assert final.output_text == "Hello"
    assert final.usage is not None
    assert final.usage.total_tokens == 5


async def test_parallel_tool_calls_stream_each_in_an_item_of_its_own() -> None:
    chunks = tool_chunks(("get_weather", '{"city":"Paris"}'), ("get_time", '{"zone":"UTC"}'))
    chunks[2], chunks[3] = chunks[3], chunks[2]  # parts that come mixed
    async with (
        client_of(FakeGateway(chunks=chunks)) as client,
        client.responses.stream(model=MODEL, input="hi", tools=[TOOL]) as stream,
    ):
        final = await stream.get_final_response()
    assert [(item.call_id, item.name, item.arguments) for item in final.output] == [  # type: ignore[union-attr]
        ("call_0", "get_weather", '{"city":"Paris"}'),
        ("call_1", "get_time", '{"zone":"UTC"}'),
    ]


async def test_what_was_thought_and_called_goes_back_with_the_next_turn() -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": "sig"}
    called = tool_call(0, "get_weather", '{"city": "Paris"}')
    gateway = FakeGateway(completion(None, reasoning_content="hm", thinking_blocks=[block], tool_calls=[called]))
    async with client_of(gateway) as client:
        first = await client.responses.create(model=MODEL, input="hi", tools=[TOOL])
        assert [item.type for item in first.output] == ["reasoning", "function_call"]
        history: list[Any] = [{"role": "user", "content": "hi"}, *first.output]
        history.append({"type": "function_call_output", "call_id": "call_0", "output": "18 °C"})
        await client.responses.create(model=MODEL, input=history, tools=[TOOL], tool_choice="none")
    user, assistant, tool = gateway.bodies[1]["messages"]
    assert user == {"role": "user", "content": "hi"}
    assert assistant["thinking_blocks"] == [{**block, "provider": "scripted"}]
    assert assistant["reasoning_content"] == "hm"
    assert assistant["tool_calls"] == [called]
    assert tool == {"role": "tool", "tool_call_id": "call_0", "content": "18 °C"}


async def test_streamed_reasoning_is_an_item_before_the_message() -> None:
    block = {"type": "thinking", "thinking": "let me see", "signature": "sig"}
    chunks = [
        chunk(role="assistant", content=""),
        chunk(reasoning_content="let me "),
        chunk(reasoning_content="see"),
        chunk(thinking_blocks=[block]),
        *text_chunks("So")[1:],
    ]
    async with (
        client_of(FakeGateway(chunks=chunks)) as client,
        client.responses.stream(model=MODEL, input="hi") as stream,
    ):
        final = await stream.get_final_response()
    thought: Any = final.output[0]
    assert thought.summary[0].text == "let me see"
    assert final.output_text == "So"
    again = translate("responses", {"model": MODEL, "input": [item.model_dump() for item in final.output]}).chat
    assert again["messages"][0]["thinking_blocks"] == [block]


async def test_structured_answers_are_parsed() -> None:
    class City(pydantic.BaseModel):
        name: str

    gateway = FakeGateway(completion('{"name": "Paris"}'))
    async with client_of(gateway) as client:
        answer = await client.responses.parse(model=MODEL, input="hi", text_format=City)
    assert answer.output_parsed == City(name="Paris")
    assert gateway.bodies[0]["response_format"]["json_schema"]["name"] == "City"


async def test_errors_are_the_sdks_own_classes() -> None:
    async with client_of(FakeGateway(RateLimitError("slow down"), chunks=[RateLimitError("slow down")])) as client:
        for stream in (False, True):
            with pytest.raises(openai.RateLimitError, match="slow down"):
                await client.responses.create(model=MODEL, input="hi", stream=stream)
        with pytest.raises(openai.BadRequestError, match="not stored here"):
            await client.responses.create(model=MODEL, input="hi", previous_response_id="resp_1")


async def test_a_stream_that_breaks_raises_and_tells_what_came() -> None:
    broken = StreamInterruptedError("it broke", partial_text="Hel")
    async with client_of(FakeGateway(chunks=[*text_chunks("Hel")[:2], broken])) as client:
        stream: Any = await client.responses.create(model=MODEL, input="hi", stream=True)
        with pytest.raises(openai.APIError, match="it broke") as caught:
            async for _ in stream:
                pass
    assert caught.value.body["partial_text"] == "Hel"  # type: ignore[index]


async def test_a_context_that_is_too_long_fails_the_stream_as_openai_does() -> None:
    """Codex compacts the conversation on the failed response, and on nothing else."""
    too_long = ContextTooLongError("the conversation is too long")
    async with client_of(FakeGateway(too_long, chunks=[too_long])) as client:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.responses.create(model=MODEL, input="hi")
        assert refused.value.code == "context_length_exceeded"
        stream: Any = await client.responses.create(model=MODEL, input="hi", stream=True)
        with pytest.raises(openai.APIError) as caught:
            async for _ in stream:
                pass
        assert caught.value.code == "context_length_exceeded"
    body = {"model": MODEL, "input": "hi", "stream": True}
    answer = await ask(create_app(FakeGateway(chunks=[too_long])), "POST", "/v1/responses", body)
    events = [json.loads(event.split("data: ")[1]) for event in answer.body.decode().split("\n\n") if event]
    kinds = [event["type"] for event in events]
    assert kinds == ["response.created", "response.in_progress", "error", "response.failed"]
    assert events[-1]["response"]["error"]["code"] == "context_length_exceeded"
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_an_answer_that_was_cut_is_incomplete() -> None:
    cut = completion("hel")
    cut["choices"][0]["finish_reason"] = "length"
    async with client_of(FakeGateway(cut)) as client:
        answer = await client.responses.create(model=MODEL, input="hi")
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": None}, "model"),
        ({"input": []}, "input"),
        ({"input": None}, "input"),
        ({"input": [5]}, "input[0]"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].id"),
        ({"input": [{"role": "user", "content": [{"type": "hologram"}]}]}, "input[0].content[0]"),
        ({"instructions": 5}, "instructions"),
        ({"background": True}, "background"),
        ({"conversation": "c"}, "conversation"),
        ({"tools": [{"name": "code_interpreter"}]}, "tools[0].type"),
        ({"tools": [TOOL], "tool_choice": {"type": "mcp"}}, "tool_choice"),
        ({"text": {"format": {"type": "xml"}}}, "text.format"),
        ({"text": "x"}, "text"),
    ],
)
def test_a_malformed_request_names_the_parameter(change: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        translate("responses", {"model": MODEL, "input": "hi", **change})
    assert caught.value.param == param
