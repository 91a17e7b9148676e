"""smolagents over the in-process transport."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ingate.client import http_client
from support.hosts import MODEL, WEATHER, Weather, run_example, schema_of, scripted, tool_names, tool_results
from support.local import needs_model

smolagents = pytest.importorskip("smolagents")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import ingate

QUESTION = [{"role": "user", "content": [{"type": "text", "text": "Where is it warm?"}]}]


@smolagents.tool
def lookup_weather(city: str) -> str:
    """The weather in a city.

    Args:
        city: The city's name.
    """
    return f"21 degrees in {city}"


@pytest.fixture
def desk() -> Iterator[tuple[ingate.ScriptedEngine, Any]]:
    engine, gateway = scripted()
    with http_client(gateway=gateway) as client:
        yield engine, smolagents.OpenAIModel(MODEL, "http://ingate/v1", "none", client_kwargs={"http_client": client})


def test_a_streamed_answer_comes_word_by_word_with_its_usage(desk: Any) -> None:
    engine, model = desk
    engine.enqueue("Blue light scatters most.")
    pieces = list(model.generate_stream(QUESTION))
    assert [piece.content for piece in pieces if piece.content] == ["Blue", " light", " scatters", " most."]
    assert pieces[-1].token_usage.output_tokens == 4


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
def test_an_agent_calls_its_tools_and_answers(desk: Any, streamed: bool) -> None:
    engine, model = desk
    engine.enqueue_tool_calls(("lookup_weather", {"city": "Ghent"}), ("lookup_weather", {"city": "Lima"}))
    engine.enqueue_tool_call("final_answer", {"answer": "Both are warm."})
    agent = smolagents.ToolCallingAgent(
        tools=[lookup_weather], model=model, stream_outputs=streamed, verbosity_level=smolagents.LogLevel.OFF
    )
    assert agent.run("Where is it warm?") == "Both are warm."
    assert tool_names(engine) == ["lookup_weather", "final_answer"]
    observed = json.dumps(engine.requests[-1][1]["messages"])
    assert "21 degrees in Ghent" in observed
    assert "21 degrees in Lima" in observed


def test_an_agent_that_writes_code_runs_it(desk: Any) -> None:
    engine, model = desk
    engine.enqueue('Thought: one call.\n<code>\nfinal_answer(lookup_weather("Ghent"))\n</code>')
    agent = smolagents.CodeAgent(tools=[lookup_weather], model=model, verbosity_level=smolagents.LogLevel.OFF)
    assert agent.run("Where is it warm?") == "21 degrees in Ghent"


def test_structured_output_is_asked_for_by_schema(desk: Any) -> None:
    engine, model = desk
    engine.enqueue(WEATHER)
    schema = {"name": "weather", "schema": Weather.model_json_schema()}
    answer = model.generate(QUESTION, response_format={"type": "json_schema", "json_schema": schema})
    assert Weather.model_validate_json(answer.content) == Weather(city="Ghent", celsius=21)
    assert set(schema_of(engine)["properties"]) == {"city", "celsius"}
    assert tool_results(engine) == []


@pytest.mark.model
@needs_model[1]
def test_the_example_runs(tmp_path: Path) -> None:
    lines = run_example("smolagents_tools.py", tmp_path).splitlines()
    assert lines[0]
    assert any("21 degrees and sunny" in line for line in lines)
    assert lines[-1].startswith("colour=")
