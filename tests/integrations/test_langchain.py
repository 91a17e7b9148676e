"""LangChain and LangGraph over the in-process transports."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from ingate.client import async_http_client, http_client
from support.hosts import MODEL, WEATHER, Weather, run_example, schema_of, scripted, tool_names, tool_results
from support.local import needs_model

langchain_openai = pytest.importorskip("langchain_openai")
langchain_agents = pytest.importorskip("langchain.agents")
langchain_tools = pytest.importorskip("langchain_core.tools")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import ingate


class Desk:
    """A chat model, and the scripted engine behind it."""

    def __init__(self) -> None:
        self.engine, self.gateway = scripted()
        self.sync: Any = http_client(gateway=self.gateway)
        self.asynchronous: Any = async_http_client(gateway=self.gateway)
        self.model = langchain_openai.ChatOpenAI(
            model=MODEL,
            api_key="none",
            base_url="http://ingate/v1",
            http_client=self.sync,
            http_async_client=self.asynchronous,
            stream_usage=True,
        )


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    with made.sync:
        yield made


@langchain_tools.tool
def lookup_weather(city: str) -> str:
    """The weather in a city."""
    return f"21 degrees in {city}"


def call_both(engine: ingate.ScriptedEngine) -> None:
    engine.enqueue_tool_calls(("lookup_weather", {"city": "Ghent"}), ("lookup_weather", {"city": "Lima"}))
    engine.enqueue("Both are warm.")


def test_a_streamed_answer_comes_word_by_word_with_its_usage(desk: Desk) -> None:
    desk.engine.enqueue("Blue light scatters most.")
    pieces = list(desk.model.stream("Why is the sky blue?"))
    assert [piece.text for piece in pieces if piece.text] == ["Blue", " light", " scatters", " most."]
    whole = pieces[0]
    for piece in pieces[1:]:
        whole += piece
    assert whole.usage_metadata["output_tokens"] == 4


async def test_a_streamed_answer_comes_in_an_event_loop_too(desk: Desk) -> None:
    desk.engine.enqueue("Blue light scatters most.")
    words = [piece.text async for piece in desk.model.astream("Why is the sky blue?")]
    assert "".join(words) == "Blue light scatters most."


def test_one_model_serves_one_event_loop_after_another(desk: Desk) -> None:
    for word in ("one", "two"):
        desk.engine.enqueue(word)
        assert asyncio.run(desk.model.ainvoke("Count.")).text == word


def test_an_agent_calls_its_tools_and_answers(desk: Desk) -> None:
    call_both(desk.engine)
    state = langchain_agents.create_agent(desk.model, [lookup_weather]).invoke(
        {"messages": [("user", "Where is it warm?")]}
    )
    assert state["messages"][-1].text == "Both are warm."
    assert tool_names(desk.engine) == ["lookup_weather"]
    assert sorted(tool_results(desk.engine)) == ["21 degrees in Ghent", "21 degrees in Lima"]


async def test_an_agents_tokens_stream_through_its_graph(desk: Desk) -> None:
    call_both(desk.engine)
    graph = langchain_agents.create_agent(desk.model, [lookup_weather])
    words = [
        message.text
        async for message, _ in graph.astream({"messages": [("user", "Where?")]}, stream_mode="messages")
        if message.type == "AIMessageChunk" and message.text
    ]
    assert words == ["Both", " are", " warm."]


def test_structured_output_comes_parsed_by_schema_and_by_tool(desk: Desk) -> None:
    desk.engine.enqueue(WEATHER)
    desk.engine.enqueue_tool_call("Weather", WEATHER)
    by_schema = desk.model.with_structured_output(Weather).invoke("Weather?")
    by_tool = desk.model.with_structured_output(Weather, method="function_calling").invoke("Weather?")
    assert by_schema == by_tool == Weather(city="Ghent", celsius=21)
    assert set(schema_of(desk.engine)["properties"]) == {"city", "celsius"}


@pytest.mark.model
@needs_model[1]
def test_the_example_runs(tmp_path: Path) -> None:
    lines = run_example("langchain_agent.py", tmp_path).splitlines()
    assert lines[0]
    assert any("21 degrees and sunny" in line for line in lines)
    assert lines[-1].startswith("colour=")
