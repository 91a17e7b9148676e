"""The anthropic SDK over the in-process transport: the Messages API to any provider."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import ingate
from ingate import async_http_client, http_client
from support.hosts import MODEL, WEATHER, Weather, run_example, scripted, tool_names, tool_results
from support.local import needs_model

anthropic = pytest.importorskip("anthropic")

if TYPE_CHECKING:
    from pathlib import Path

QUESTION: list[Any] = [{"role": "user", "content": "Where is it warm?"}]
TOOL = {
    "name": "lookup_weather",
    "description": "The weather in a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def client(gateway: ingate.Gateway) -> Any:
    transport = http_client(gateway=gateway, module=anthropic)
    return anthropic.Anthropic(api_key="none", base_url="http://ingate", http_client=transport)


def test_a_streamed_message_comes_word_by_word_with_its_usage() -> None:
    engine, gateway = scripted()
    engine.enqueue("Blue light scatters most.")
    with (
        client(gateway) as asked,
        asked.messages.stream(model=MODEL, max_tokens=100, system="Be brief.", messages=QUESTION) as stream,
    ):
        assert list(stream.text_stream) == ["Blue", " light", " scatters", " most."]
        message = stream.get_final_message()
    assert message.stop_reason == "end_turn"
    assert message.usage.output_tokens == 4
    [(_, body)] = engine.requests
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert body["max_tokens"] == 100


def async_client(gateway: ingate.Gateway) -> Any:
    transport = async_http_client(gateway=gateway, module=anthropic)
    return anthropic.AsyncAnthropic(api_key="none", base_url="http://ingate", http_client=transport, max_retries=0)


async def test_it_streams_in_an_event_loop_too() -> None:
    engine, gateway = scripted()
    engine.enqueue("Blue light scatters most.")
    async with (
        async_client(gateway) as asked,
        asked.messages.stream(model=MODEL, max_tokens=100, messages=QUESTION) as stream,
    ):
        assert [piece async for piece in stream.text_stream] == ["Blue", " light", " scatters", " most."]


async def test_a_whole_message_with_thinking() -> None:
    engine, gateway = scripted()
    engine.enqueue("Lima.", reasoning="The south.")
    async with async_client(gateway) as asked:
        thinking = {"type": "enabled", "budget_tokens": 1024}
        message = await asked.messages.create(model=MODEL, max_tokens=2000, messages=QUESTION, thinking=thinking)
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert (message.content[0].thinking, message.content[1].text) == ("The south.", "Lima.")
    assert (message.stop_reason, message.usage.output_tokens > 0) == ("end_turn", True)
    assert message._request_id


async def test_raw_events_and_headers() -> None:
    engine, gateway = scripted()
    engine.enqueue("Lima.")
    async with async_client(gateway) as asked:
        raw = await asked.messages.with_raw_response.create(model=MODEL, max_tokens=9, messages=QUESTION)
        assert raw.headers["x-ingate-provider"] == "scripted"
        assert raw.headers["request-id"] == (await raw.parse())._request_id
        stream = await asked.messages.create(model=MODEL, max_tokens=9, messages=QUESTION, stream=True)
        kinds = [event.type async for event in stream]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]


async def test_tokens_are_counted_without_a_call() -> None:
    engine, gateway = scripted()
    async with async_client(gateway) as asked:
        few = await asked.messages.count_tokens(model=MODEL, messages=QUESTION)
        many = await asked.messages.count_tokens(model=MODEL, messages=QUESTION, tools=[TOOL], system="Brief. " * 99)
    assert 0 < few.input_tokens < many.input_tokens
    assert few.model_extra["ingate"]["estimated"] is True
    assert engine.requests == []


async def test_models_are_listed_as_anthropics() -> None:
    async with async_client(ingate.Gateway({"groq": {"api_key": "gsk-test"}})) as asked:
        listed = [model async for model in asked.models.list(limit=2)]
        assert len(listed) > 2  # page by page
        assert all(model.type == "model" and model.display_name for model in listed)
        one = await asked.models.retrieve(listed[0].id)
    assert one.id == listed[0].id


async def test_an_endpoint_that_only_anthropic_has_is_named() -> None:
    async with async_client(scripted()[1]) as asked:
        with pytest.raises(anthropic.APIStatusError, match="/v1/messages/batches") as caught:
            await asked.messages.batches.list()
    assert caught.value.status_code == 501


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ingate.BadRequestError("out of range"), "BadRequestError"),
        (ingate.AuthenticationError("rejected"), "AuthenticationError"),
        (ingate.PermissionDeniedError("not for this key"), "PermissionDeniedError"),
        (ingate.ModelNotFoundError("no such model"), "NotFoundError"),
        (ingate.RateLimitError("too many requests"), "RateLimitError"),
        (ingate.UnavailableError("down"), "InternalServerError"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_errors_are_the_sdks(error: Any, kind: str, streamed: bool) -> None:
    engine, gateway = scripted()
    engine.enqueue(error)
    async with async_client(gateway) as asked:
        with pytest.raises(getattr(anthropic, kind), match=error.message) as caught:
            await asked.messages.create(model=MODEL, max_tokens=9, messages=QUESTION, stream=streamed)
    assert caught.value.body["type"] == "error"
    assert caught.value.body["error"]["message"].startswith(error.message)


async def test_leaving_and_cancelling_a_stream_stop_the_engine() -> None:
    engine, gateway = scripted()
    engine.enqueue("word " * 500, delay_s=0.001)
    engine.enqueue("word " * 500, delay_s=0.001)
    async with async_client(gateway) as asked:
        async with asked.messages.stream(model=MODEL, max_tokens=9, messages=QUESTION) as stream:
            await anext(aiter(stream.text_stream))
        assert engine.cancelled == 1
        begun = asyncio.Event()

        async def read() -> None:
            async for _ in await asked.messages.create(model=MODEL, max_tokens=9, messages=QUESTION, stream=True):
                begun.set()

        reading = asyncio.create_task(read())
        await begun.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
    assert engine.cancelled == 2
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_parallel_tool_calls_run_and_their_results_go_back() -> None:
    engine, gateway = scripted()
    engine.enqueue_tool_calls(("lookup_weather", {"city": "Ghent"}), ("lookup_weather", {"city": "Lima"}))
    engine.enqueue("Both are warm.")
    with client(gateway) as asked:
        with asked.messages.stream(model=MODEL, max_tokens=100, messages=QUESTION, tools=[TOOL]) as stream:
            message = stream.get_final_message()
        calls = [block for block in message.content if block.type == "tool_use"]
        assert message.stop_reason == "tool_use"
        assert [call.input for call in calls] == [{"city": "Ghent"}, {"city": "Lima"}]
        results = [
            {"type": "tool_result", "tool_use_id": call.id, "content": f"21 degrees in {call.input['city']}"}
            for call in calls
        ]
        turn = [*QUESTION, {"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
        final = asked.messages.create(model=MODEL, max_tokens=100, messages=turn, tools=[TOOL])
    assert final.content[0].text == "Both are warm."
    assert tool_names(engine) == ["lookup_weather"]
    assert tool_results(engine) == ["21 degrees in Ghent", "21 degrees in Lima"]


def test_the_sdks_own_tool_runner_works() -> None:
    engine, gateway = scripted()
    engine.enqueue_tool_call("lookup_weather", {"city": "Ghent"})
    engine.enqueue("It is warm.")

    @anthropic.beta_tool
    def lookup_weather(city: str) -> str:
        """The weather in a city."""
        return f"21 degrees in {city}"

    with client(gateway) as asked:
        runner = asked.beta.messages.tool_runner(model=MODEL, max_tokens=100, messages=QUESTION, tools=[lookup_weather])
        final = runner.until_done()
    assert final.content[0].text == "It is warm."
    assert tool_results(engine) == ["21 degrees in Ghent"]


def test_structured_output_comes_by_a_tool_that_must_be_called() -> None:
    engine, gateway = scripted()
    engine.enqueue_tool_call("weather", WEATHER)
    tool = {"name": "weather", "description": "The weather.", "input_schema": Weather.model_json_schema()}
    with client(gateway) as asked:
        message = asked.messages.create(
            model=MODEL,
            max_tokens=100,
            messages=QUESTION,
            tools=[tool],
            tool_choice={"type": "tool", "name": "weather"},
        )
    assert Weather(**message.content[0].input) == Weather(city="Ghent", celsius=21)
    assert engine.requests[0][1]["tool_choice"] == {"type": "function", "function": {"name": "weather"}}


def test_structured_output_is_asked_for_by_schema_and_comes_parsed() -> None:
    engine, gateway = scripted()
    engine.enqueue(WEATHER)
    with client(gateway) as asked:
        message = asked.messages.parse(model=MODEL, max_tokens=100, messages=QUESTION, output_format=Weather)
    assert message.parsed_output == Weather(city="Ghent", celsius=21)
    assert engine.requests[0][1]["response_format"]["type"] == "json_schema"


def test_a_missing_key_is_told_with_its_variable() -> None:
    transport = http_client({}, module=anthropic)
    with (
        anthropic.Anthropic(api_key="none", base_url="http://ingate", http_client=transport) as asked,
        pytest.raises(anthropic.AuthenticationError, match="GROQ_API_KEY"),
    ):
        asked.messages.create(model="groq/some-model", max_tokens=10, messages=QUESTION)


@pytest.mark.model
@needs_model[1]
def test_the_example_runs(tmp_path: Path) -> None:
    lines = run_example("anthropic_messages.py", tmp_path).splitlines()
    assert lines[0]
    assert any("21 degrees and sunny" in line for line in lines)
    assert lines[-1].startswith("colour=")
