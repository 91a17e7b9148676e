"""`/v1/messages`, called by Anthropic's own SDK over HTTP: any provider answers in its words."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from ingate.errors import InvalidRequestError, RateLimitError, StreamInterruptedError
from ingate.serve.app import create_app
from ingate.wire.downstream import translate
from support.client import FakeGateway, chunk, completion, text_chunks, tool_call, tool_chunks
from support.serve import served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

anthropic = pytest.importorskip("anthropic")

MODEL = "scripted/echo"
HI: list[Any] = [{"role": "user", "content": "hi"}]
TOOL = {"name": "get_weather", "description": "d", "input_schema": {"type": "object", "properties": {}}}


@contextlib.asynccontextmanager
async def calls(gateway: FakeGateway) -> AsyncIterator[Any]:
    async with (
        served(create_app(gateway)) as address,
        anthropic.AsyncAnthropic(base_url=address, api_key="x", max_retries=0) as client,
    ):
        yield client


async def test_a_whole_answer() -> None:
    async with calls(FakeGateway()) as client:
        message = await client.messages.create(model=MODEL, max_tokens=50, messages=HI)
        assert message.content[0].text == "hello there"
        assert (message.role, message.stop_reason, message.model) == ("assistant", "end_turn", MODEL)
        assert (message.usage.input_tokens, message.usage.output_tokens) == (3, 2)
        assert message.ingate["engine"] == "scripted"


async def test_a_stream_is_text_and_a_final_message() -> None:
    async with calls(FakeGateway(chunks=text_chunks("Hel", "lo"))) as client:
        async with client.messages.stream(model=MODEL, max_tokens=50, messages=HI) as stream:
            assert [text async for text in stream.text_stream] == ["Hel", "lo"]
            final = await stream.get_final_message()
        assert final.content[0].text == "Hello"
        assert final.stop_reason == "end_turn"
        assert (final.usage.input_tokens, final.usage.output_tokens) == (3, 2)


@pytest.mark.parametrize("mixed", [False, True])
async def test_parallel_tool_calls_stream_whole_even_where_their_parts_come_mixed(mixed: bool) -> None:
    chunks = tool_chunks(("get_weather", '{"city":"Paris"}'), ("get_time", '{"zone":"UTC"}'))
    if mixed:
        chunks[2], chunks[3] = chunks[3], chunks[2]
    async with (
        calls(FakeGateway(chunks=chunks)) as client,
        client.messages.stream(model=MODEL, max_tokens=50, messages=HI, tools=[TOOL]) as stream,
    ):
        final = await stream.get_final_message()
    assert [(block.id, block.name, block.input) for block in final.content] == [
        ("call_0", "get_weather", {"city": "Paris"}),
        ("call_1", "get_time", {"zone": "UTC"}),
    ]
    assert final.stop_reason == "tool_use"


async def test_text_inside_an_unfinished_call_comes_after_it() -> None:
    chunks = tool_chunks(("get_weather", '{"city":"Paris"}'))
    chunks.insert(2, chunk(content="meanwhile"))
    async with (
        calls(FakeGateway(chunks=chunks)) as client,
        client.messages.stream(model=MODEL, max_tokens=50, messages=HI, tools=[TOOL]) as stream,
    ):
        final = await stream.get_final_message()
    assert [block.type for block in final.content] == ["tool_use", "text"]
    assert final.content[0].input == {"city": "Paris"}


async def test_a_tool_turn_goes_in_and_thinking_comes_back_signed() -> None:
    thinking = {"type": "thinking", "thinking": "hm", "signature": "sig"}
    gateway = FakeGateway(
        completion(
            None,
            reasoning_content="hm",
            thinking_blocks=[thinking],
            tool_calls=[tool_call(0, "get_weather", '{"city": "Paris"}')],
        )
    )
    async with calls(gateway) as client:
        first = await client.messages.create(
            model=MODEL,
            max_tokens=3000,
            system=[{"type": "text", "text": "Be kind."}],
            thinking={"type": "enabled", "budget_tokens": 2000},
            tools=[TOOL],
            tool_choice={"type": "any", "disable_parallel_tool_use": True},
            messages=HI,
        )
        assert [block.type for block in first.content] == ["thinking", "tool_use"]
        assert first.content[0].signature == "sig"
        result = {"type": "tool_result", "tool_use_id": first.content[1].id, "content": "18 °C"}
        again = [*HI, {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
        await client.messages.create(model=MODEL, max_tokens=3000, tools=[TOOL], messages=again)
    asked, answered = gateway.bodies
    assert asked["messages"][0] == {"role": "system", "content": "Be kind."}
    assert asked["reasoning_effort"] == "low"
    assert asked["tool_choice"] == "required"
    assert asked["parallel_tool_calls"] is False
    assert asked["tools"][0]["function"]["name"] == "get_weather"
    assistant, tool = answered["messages"][1:]
    assert assistant["thinking_blocks"][0]["signature"] == "sig"
    assert json.loads(assistant["tool_calls"][0]["function"]["arguments"]) == {"city": "Paris"}
    assert tool == {"role": "tool", "tool_call_id": "call_0", "content": "18 °C"}


class TurnByTurn(FakeGateway):
    """Answers each call with the next of its turns."""

    def __init__(self, *turns: dict[str, Any]) -> None:
        super().__init__()
        self.turns = list(turns)

    async def complete(self, body: Any) -> dict[str, Any]:
        self.bodies.append(body)
        return self.turns.pop(0)

    async def stream(self, body: Any) -> Any:
        message = (await self.complete(body))["choices"][0]["message"]
        if called := message.get("tool_calls"):
            pieces = tool_chunks(*((call["function"]["name"], call["function"]["arguments"]) for call in called))
        else:
            pieces = text_chunks(message["content"])
        for piece in pieces:
            yield piece


@pytest.mark.parametrize("streamed", [False, True])
async def test_the_sdks_tool_runner_sends_the_whole_history_since_threads_are_not_stored(streamed: bool) -> None:
    called = tool_call(0, "get_weather", '{"city": "Paris"}')
    gateway = TurnByTurn(completion(None, tool_calls=[called]), completion("18 °C in Paris"))

    @anthropic.beta_async_tool
    async def get_weather(city: str) -> str:
        """The weather in a city.

        Args:
            city: The city.
        """
        return f"18 °C in {city}"

    async with calls(gateway) as client:
        runner = client.beta.messages.tool_runner(
            model=MODEL, max_tokens=50, messages=HI, tools=[get_weather], stream=streamed
        )
        final = await runner.until_done()
    assert final.content[0].text == "18 °C in Paris"
    assert [len(body["messages"]) for body in gateway.bodies] == [1, 3]
    assert gateway.bodies[1]["messages"][-1] == {"role": "tool", "tool_call_id": "call_0", "content": "18 °C in Paris"}
    assert gateway.bodies[1]["tools"]


async def test_streamed_thinking_is_one_signed_block() -> None:
    whole = {"type": "thinking", "thinking": "let me see", "signature": "sig"}
    chunks = [
        chunk(role="assistant", content=""),
        chunk(reasoning_content="let me "),
        chunk(reasoning_content="see"),
        chunk(thinking_blocks=[whole]),
        *text_chunks("So")[1:],
    ]
    async with (
        calls(FakeGateway(chunks=chunks)) as client,
        client.messages.stream(model=MODEL, max_tokens=50, messages=HI) as stream,
    ):
        final = await stream.get_final_message()
    assert [(block.type) for block in final.content] == ["thinking", "text"]
    assert (final.content[0].thinking, final.content[0].signature) == ("let me see", "sig")


async def test_errors_are_the_sdks_own_classes() -> None:
    async with calls(FakeGateway(RateLimitError("slow down", retry_after_s=2, fix="wait"))) as client:
        with pytest.raises(anthropic.RateLimitError) as caught:
            await client.messages.create(model=MODEL, max_tokens=5, messages=HI)
        assert caught.value.body["error"]["type"] == "rate_limit_error"
        assert caught.value.body["error"]["fix"] == "wait"
        assert caught.value.response.headers["retry-after"] == "2"
        with pytest.raises(anthropic.BadRequestError, match="max_tokens"):
            await client.post("/v1/messages", body={"model": MODEL, "messages": HI}, cast_to=object)
        with pytest.raises(anthropic.APIStatusError, match="does not serve"):
            await client.messages.batches.list()


async def test_a_stream_that_breaks_raises_and_tells_what_came() -> None:
    broken = StreamInterruptedError("it broke", partial_text="Hel")
    async with calls(FakeGateway(chunks=[*text_chunks("Hel")[:2], broken])) as client:
        stream = await client.messages.create(model=MODEL, max_tokens=50, messages=HI, stream=True)
        with pytest.raises(anthropic.APIError, match="it broke") as caught:
            async for _ in stream:
                pass
        assert caught.value.body["error"]["partial_text"] == "Hel"


def test_images_documents_and_cache_marks() -> None:
    mark = {"type": "ephemeral"}
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QQ=="}}
    pdf = {"type": "document", "title": "a.pdf", "source": {"type": "url", "url": "https://a.example/a.pdf"}}
    text = {"type": "text", "text": "look", "cache_control": mark}
    body = {"max_tokens": 5, "messages": [{"role": "user", "content": [image, pdf, text]}]}
    parts = translate("messages", {**body, "model": "groq/m"}).chat["messages"][0]["content"]
    assert parts[0] == {"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}}
    assert parts[1] == {"type": "file", "file": {"filename": "a.pdf", "file_data": "https://a.example/a.pdf"}}
    assert parts[2] == {"type": "text", "text": "look"}
    marked = translate("messages", {**body, "model": "anthropic/claude-x"}).chat["messages"][0]["content"]
    assert marked[2]["cache_control"] == mark


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": ""}, "model"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": ["x"]}, "messages[0]"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"tools": [{}]}, "tools[0].name"),
        ({"tools": [TOOL], "tool_choice": {"type": "perhaps"}}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": "auto"}, "tool_choice"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format"),
    ],
)
def test_a_malformed_request_names_the_parameter(change: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        translate("messages", {"model": MODEL, "max_tokens": 5, "messages": HI, **change})
    assert caught.value.param == param
