"""LlamaIndex over the in-process transports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ingate.client import async_http_client, http_client
from support.hosts import MODEL, WEATHER, Weather, run_example, schema_of, scripted, tool_names, tool_results
from support.local import needs_model

openai_like = pytest.importorskip("llama_index.llms.openai_like")
workflow = pytest.importorskip("llama_index.core.agent.workflow")
llms = pytest.importorskip("llama_index.core.llms")
tools = pytest.importorskip("llama_index.core.tools")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import ingate

QUESTION = [llms.ChatMessage(role="user", content="Where is it warm?")]


@pytest.fixture
def desk() -> Iterator[tuple[ingate.ScriptedEngine, Any]]:
    engine, gateway = scripted()
    with http_client(gateway=gateway) as client:
        yield (
            engine,
            openai_like.OpenAILike(
                MODEL,
                api_base="http://ingate/v1",
                api_key="none",
                http_client=client,
                async_http_client=async_http_client(gateway=gateway),
                is_chat_model=True,
                is_function_calling_model=True,
                context_window=8192,
            ),
        )


def lookup_weather(city: str) -> str:
    """The weather in a city."""
    return f"21 degrees in {city}"


def test_a_streamed_answer_comes_word_by_word(desk: Any) -> None:
    engine, model = desk
    engine.enqueue("Blue light scatters most.")
    words = [piece.delta for piece in model.stream_chat(QUESTION) if piece.delta]
    assert words == ["Blue", " light", " scatters", " most."]


async def test_an_agent_calls_its_tools_and_answers(desk: Any) -> None:
    engine, model = desk
    engine.enqueue_tool_calls(("lookup_weather", {"city": "Ghent"}), ("lookup_weather", {"city": "Lima"}))
    engine.enqueue("Both are warm.")
    agent = workflow.FunctionAgent(tools=[tools.FunctionTool.from_defaults(lookup_weather)], llm=model)
    assert str(await agent.run("Where is it warm?")) == "Both are warm."
    assert tool_names(engine) == ["lookup_weather"]
    assert sorted(tool_results(engine)) == ["21 degrees in Ghent", "21 degrees in Lima"]


def test_structured_output_comes_parsed_by_schema_and_by_tool(desk: Any) -> None:
    engine, model = desk
    engine.enqueue(WEATHER)
    engine.enqueue_tool_call("Weather", WEATHER)
    by_schema = model.model_copy(update={"should_use_structured_outputs": True})
    assert by_schema.as_structured_llm(Weather).chat(QUESTION).raw == Weather(city="Ghent", celsius=21)
    assert model.as_structured_llm(Weather).chat(QUESTION).raw == Weather(city="Ghent", celsius=21)
    assert set(schema_of(engine)["properties"]) == {"city", "celsius"}
    assert tool_names(engine, 1) == ["Weather"]


@pytest.mark.model
@needs_model[1]
def test_the_example_runs(tmp_path: Path) -> None:
    lines = run_example("llama_index_chat.py", tmp_path).splitlines()
    assert lines[0]
    assert any("21 degrees and sunny" in line for line in lines)
    assert lines[-1].startswith("colour=")
