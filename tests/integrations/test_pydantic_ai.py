"""Pydantic AI on ingate's client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import ingate
from support.hosts import MODEL, WEATHER, Weather, run_example, schema_of, scripted, tool_names, tool_results
from support.local import needs_model

pydantic_ai = pytest.importorskip("pydantic_ai")
openai_models = pytest.importorskip("pydantic_ai.models.openai")
openai_providers = pytest.importorskip("pydantic_ai.providers.openai")

if TYPE_CHECKING:
    from pathlib import Path


def agent(client: Any, **details: Any) -> Any:
    return pydantic_ai.Agent(model(MODEL, client), **details)


def model(name: str, client: Any) -> Any:
    return openai_models.OpenAIChatModel(name, provider=openai_providers.OpenAIProvider(openai_client=client))


def lookup_weather(city: str) -> str:
    """The weather in a city."""
    return f"21 degrees in {city}"


async def test_a_streamed_answer_comes_word_by_word_with_its_usage() -> None:
    engine, gateway = scripted()
    engine.enqueue("Blue light scatters most.")
    async with (
        gateway,
        ingate.AsyncIngate(gateway=gateway) as client,
        agent(client).run_stream("Why is the sky blue?") as answer,
    ):
        words = [word async for word in answer.stream_text(delta=True, debounce_by=None)]
        tokens = sum(part.usage.output_tokens for part in answer.all_messages() if part.kind == "response")
    assert words == ["Blue", " light", " scatters", " most."]
    assert tokens == 4


async def test_reasoning_comes_as_thinking() -> None:
    engine, gateway = scripted()
    engine.enqueue("Yes.", reasoning="Let me think.")
    async with gateway, ingate.AsyncIngate(gateway=gateway) as client:
        run = await agent(client).run("Sure?")
    parts = {part.part_kind: part.content for part in run.all_messages()[-1].parts}
    assert parts == {"thinking": "Let me think.", "text": "Yes."}


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
async def test_parallel_tool_calls_run_and_their_results_go_back(streamed: bool) -> None:
    engine, gateway = scripted()
    engine.enqueue_tool_calls(("lookup_weather", {"city": "Ghent"}), ("lookup_weather", {"city": "Lima"}))
    engine.enqueue("Both are warm.")
    async with gateway, ingate.AsyncIngate(gateway=gateway) as client:
        caller = agent(client, tools=[lookup_weather])
        if streamed:
            async with caller.run_stream("Where is it warm?") as answer:
                output = await answer.get_output()
        else:
            output = (await caller.run("Where is it warm?")).output
    assert output == "Both are warm."
    assert tool_names(engine) == ["lookup_weather"]
    assert tool_results(engine) == ["21 degrees in Ghent", "21 degrees in Lima"]


async def test_structured_output_comes_parsed_by_schema_and_by_tool() -> None:
    engine, gateway = scripted()
    engine.enqueue(WEATHER)
    engine.enqueue_tool_call("final_result", WEATHER)
    async with gateway, ingate.AsyncIngate(gateway=gateway) as client:
        by_schema = await agent(client, output_type=pydantic_ai.NativeOutput(Weather)).run("Weather?")
        by_tool = await agent(client, output_type=Weather).run("Weather?")
    assert by_schema.output == by_tool.output == Weather(city="Ghent", celsius=21)
    assert set(schema_of(engine)["properties"]) == {"city", "celsius"}
    assert tool_names(engine, 1) == ["final_result"]


async def test_structured_output_streams_as_it_grows() -> None:
    engine, gateway = scripted()
    engine.enqueue_tool_call("final_result", WEATHER)
    async with (
        gateway,
        ingate.AsyncIngate(gateway=gateway) as client,
        agent(client, output_type=Weather).run_stream("Weather?") as answer,
    ):
        seen = [output async for output in answer.stream_output(debounce_by=None)]
    assert seen[-1] == Weather(city="Ghent", celsius=21)


async def test_a_missing_key_is_told_with_its_variable() -> None:
    async with ingate.AsyncIngate({}) as client:
        with pytest.raises(pydantic_ai.ModelHTTPError, match="GROQ_API_KEY") as caught:
            await pydantic_ai.Agent(model("groq/some-model", client)).run("hi")
    assert caught.value.status_code == 401


@pytest.mark.model
@needs_model[1]
def test_the_example_runs(tmp_path: Path) -> None:
    lines = run_example("pydantic_ai_agent.py", tmp_path).splitlines()
    assert lines[0]
    assert any("21 degrees and sunny" in line for line in lines)
    assert lines[-1].startswith("colour=")
