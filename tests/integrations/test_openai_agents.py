"""The OpenAI Agents SDK on ingate's client, with its default model class (Responses) and with chat completions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest

import ingate
from support.hosts import MODEL, WEATHER, Weather, run_example, schema_of, scripted, tool_names, tool_results
from support.local import needs_model

agents = pytest.importorskip("agents")

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def no_traces() -> None:
    agents.set_tracing_disabled(True)


@pytest.fixture(params=["responses", "chat"])
def model(request: pytest.FixtureRequest) -> Any:
    """Makes a model over a client."""
    kind = agents.OpenAIResponsesModel if request.param == "responses" else agents.OpenAIChatCompletionsModel
    return lambda client: kind(model=MODEL, openai_client=client)


@agents.function_tool
def lookup_weather(city: str) -> str:
    """The weather in a city."""
    return f"21 degrees in {city}"


async def test_a_streamed_answer_comes_word_by_word(model: Any) -> None:
    engine, gateway = scripted()
    engine.enqueue("Blue light scatters most.")
    async with gateway, ingate.AsyncIngate(gateway=gateway) as client:
        settings = agents.ModelSettings(include_usage=True)
        agent = agents.Agent(name="a", model=model(client), model_settings=settings)
        run = agents.Runner.run_streamed(agent, "Why is the sky blue?")
        words = [
            event.data.delta
            async for event in run.stream_events()
            if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
        ]
    assert words == ["Blue", " light", " scatters", " most."]
    assert run.final_output == "Blue light scatters most."
    assert run.context_wrapper.usage.output_tokens == 4


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
async def test_parallel_tool_calls_run_and_their_results_go_back(model: Any, streamed: bool) -> None:
    engine, gateway = scripted()
    engine.enqueue_tool_calls(("lookup_weather", {"city": "Ghent"}), ("lookup_weather", {"city": "Lima"}))
    engine.enqueue("Both are warm.")
    async with gateway, ingate.AsyncIngate(gateway=gateway) as client:
        agent = agents.Agent(name="a", model=model(client), tools=[lookup_weather])
        if streamed:
            run = agents.Runner.run_streamed(agent, "Where is it warm?")
            assert [event async for event in run.stream_events()]
        else:
            run = await agents.Runner.run(agent, "Where is it warm?")
    assert run.final_output == "Both are warm."
    assert tool_names(engine) == ["lookup_weather"]
    assert tool_results(engine) == ["21 degrees in Ghent", "21 degrees in Lima"]


async def test_a_handoff_reaches_the_other_agent(model: Any) -> None:
    engine, gateway = scripted()
    engine.enqueue_tool_call("transfer_to_forecaster", {})
    engine.enqueue("Sunny tomorrow.")
    async with gateway, ingate.AsyncIngate(gateway=gateway) as client:
        forecaster = agents.Agent(name="forecaster", instructions="You forecast.", model=model(client))
        desk = agents.Agent(name="desk", instructions="You pass on.", model=model(client), handoffs=[forecaster])
        run = await agents.Runner.run(desk, "And tomorrow?")
    assert run.final_output == "Sunny tomorrow."
    assert run.last_agent.name == "forecaster"
    assert [body["messages"][0]["content"] for _, body in engine.requests] == ["You pass on.", "You forecast."]


async def test_structured_output_is_asked_for_by_schema_and_comes_parsed(model: Any) -> None:
    engine, gateway = scripted()
    engine.enqueue(WEATHER)
    async with gateway, ingate.AsyncIngate(gateway=gateway) as client:
        agent = agents.Agent(name="a", model=model(client), output_type=Weather)
        run = await agents.Runner.run(agent, "Weather?")
    assert run.final_output == Weather(**json.loads(WEATHER))
    assert set(schema_of(engine)["properties"]) == {"city", "celsius"}


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
async def test_a_provider_takes_specs_as_models_and_uses_responses(streamed: bool) -> None:
    engine, gateway = scripted()
    engine.enqueue_tool_call("lookup_weather", {"city": "Ghent"}, reasoning="Look it up.")
    engine.enqueue("It is warm.")
    async with gateway, ingate.AsyncIngate(gateway=gateway) as client:
        provider = agents.OpenAIProvider(openai_client=client)
        assert type(provider.get_model(MODEL)) is agents.OpenAIResponsesModel
        config = agents.RunConfig(model_provider=provider)
        agent = agents.Agent(name="a", instructions="Be brief.", model=MODEL, tools=[lookup_weather])
        if streamed:
            run: Any = agents.Runner.run_streamed(agent, "Where is it warm?", run_config=config)
            kinds = [event.item.type async for event in run.stream_events() if event.type == "run_item_stream_event"]
            assert kinds == ["reasoning_item", "tool_call_item", "tool_call_output_item", "message_output_item"]
        else:
            run = await agents.Runner.run(agent, "Where is it warm?", run_config=config)
    assert run.final_output == "It is warm."
    assert run.context_wrapper.usage.requests == 2
    assert run.context_wrapper.usage.output_tokens > 0
    assert tool_results(engine) == ["21 degrees in Ghent"]
    assert [message["role"] for message in engine.requests[-1][1]["messages"]] == [
        "system",
        "user",
        "assistant",
        "tool",
    ]


async def test_a_session_carries_the_conversation() -> None:
    engine, gateway = scripted()
    engine.enqueue("Blue.")
    engine.enqueue("Air.")
    async with gateway, ingate.AsyncIngate(gateway=gateway) as client:
        agent = agents.Agent(name="a", model=agents.OpenAIResponsesModel(model=MODEL, openai_client=client))
        session = agents.SQLiteSession("one")
        await agents.Runner.run(agent, "What colour is the sky?", session=session)
        run = await agents.Runner.run(agent, "Why?", session=session)
        session.close()
    assert run.final_output == "Air."
    assert [message["content"] for message in engine.requests[-1][1]["messages"]] == [
        "What colour is the sky?",
        "Blue.",
        "Why?",
    ]


async def test_the_server_side_history_of_the_responses_model_works() -> None:
    """Each turn sends only what is new, and ingate adds what came before."""
    engine, gateway = scripted()
    engine.enqueue_tool_call("lookup_weather", {"city": "Ghent"})
    engine.enqueue("It is warm.")
    engine.enqueue("Because of the sun.")
    async with gateway, ingate.AsyncIngate(gateway=gateway) as client:
        model = agents.OpenAIResponsesModel(model=MODEL, openai_client=client)
        agent = agents.Agent(name="a", model=model, tools=[lookup_weather])
        first = await agents.Runner.run(agent, "Where is it warm?", auto_previous_response_id=True)
        second = await agents.Runner.run(agent, "Why?", previous_response_id=first.last_response_id)
    assert (first.final_output, second.final_output) == ("It is warm.", "Because of the sun.")
    assert [message["role"] for message in engine.requests[-1][1]["messages"]] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
    ]
    assert tool_results(engine) == ["21 degrees in Ghent"]


async def test_a_conversations_session_is_kept_by_ingate() -> None:
    engine, gateway = scripted()
    engine.enqueue("Blue.")
    async with gateway, ingate.AsyncIngate(gateway=gateway) as client:
        agent = agents.Agent(name="a", model=agents.OpenAIResponsesModel(model=MODEL, openai_client=client))
        session = agents.OpenAIConversationsSession(openai_client=client)
        await agents.Runner.run(agent, "What colour is the sky?", session=session)
        await agents.Runner.run(agent, "Why?", session=session)
        assert len(await session.get_items()) == 4
        popped: Any = await session.pop_item()
        assert popped["role"] == "assistant"
        assert len(await session.get_items()) == 3
        await session.clear_session()
    assert [message["content"] for message in engine.requests[-1][1]["messages"]] == [
        "What colour is the sky?",
        "Blue.",
        "Why?",
    ]


async def test_an_error_of_the_provider_is_the_sdks(model: Any) -> None:
    engine, gateway = scripted()
    engine.enqueue(ingate.AuthenticationError("the key was rejected", fix="renew it"))
    async with gateway, ingate.AsyncIngate(gateway=gateway, max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError, match="the key was rejected"):
            await agents.Runner.run(agents.Agent(name="a", model=model(client)), "hi")


@pytest.mark.model
@needs_model[1]
def test_the_example_runs(tmp_path: Path) -> None:
    lines = run_example("openai_agents.py", tmp_path).splitlines()
    assert lines[0]
    assert any("21 degrees and sunny" in line for line in lines)
    assert lines[-1].startswith("colour=")
