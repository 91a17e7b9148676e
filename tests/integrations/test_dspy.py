"""DSPy with ingate as its engine."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

import ingate
from ingate.integrations.dspy import lm
from support.hosts import MODEL, WEATHER, Weather, run_example, schema_of, scripted, tool_results
from support.local import needs_model

dspy = pytest.importorskip("dspy")

if TYPE_CHECKING:
    from pathlib import Path

MARKED = "[[ ## answer ## ]]\nBlue light scatters most.\n\n[[ ## completed ## ]]"


def lookup_weather(city: str) -> str:
    """The weather in a city."""
    return f"21 degrees in {city}"


class Report(dspy.Signature):
    """Report the weather."""

    city: str = dspy.InputField()
    weather: Weather = dspy.OutputField()


def test_a_program_answers_with_its_usage_in_the_history() -> None:
    engine, gateway = scripted()
    engine.enqueue(MARKED)
    model = lm(MODEL, gateway=gateway, cache=False)
    with dspy.context(lm=model):
        assert dspy.Predict("question -> answer")(question="Why is the sky blue?").answer == "Blue light scatters most."
    assert model.history[-1]["usage"]["completion_tokens"] > 0
    assert "Why is the sky blue?" in json.dumps(engine.requests[0][1]["messages"])


async def test_a_field_streams_as_it_grows() -> None:
    engine, gateway = scripted()
    engine.enqueue(MARKED)
    listener = dspy.streaming.StreamListener(signature_field_name="answer")
    with dspy.context(lm=lm(MODEL, gateway=gateway, cache=False)):
        program = dspy.streamify(dspy.Predict("question -> answer"), stream_listeners=[listener])
        pieces = [piece async for piece in program(question="Why is the sky blue?")]
    words = [piece.chunk for piece in pieces if isinstance(piece, dspy.streaming.StreamResponse)]
    assert "".join(words).strip() == "Blue light scatters most."
    assert len(words) > 1
    assert pieces[-1].answer == "Blue light scatters most."


def test_an_agent_calls_its_tool_and_answers() -> None:
    engine, gateway = scripted()
    for thought, name, arguments in (
        ("Look it up.", "lookup_weather", {"city": "Ghent"}),
        ("That is all.", "finish", {}),
    ):
        engine.enqueue(json.dumps({"next_thought": thought, "next_tool_name": name, "next_tool_args": arguments}))
    engine.enqueue(json.dumps({"reasoning": "It said so.", "answer": "21 degrees"}))
    with dspy.context(lm=lm(MODEL, gateway=gateway, cache=False), adapter=dspy.JSONAdapter()):
        found = dspy.ReAct("question -> answer", tools=[lookup_weather])(question="How warm is Ghent?")
    assert found.answer == "21 degrees"
    assert found.trajectory["observation_0"] == "21 degrees in Ghent"


def test_the_models_own_tool_calls_reach_the_program() -> None:
    engine, gateway = scripted()
    engine.enqueue_tool_calls(("lookup_weather", {"city": "Ghent"}), ("lookup_weather", {"city": "Lima"}))

    class Choose(dspy.Signature):
        question: str = dspy.InputField()
        tools: list[dspy.Tool] = dspy.InputField()
        calls: dspy.ToolCalls = dspy.OutputField()

    adapter = dspy.ChatAdapter(use_native_function_calling=True)
    with dspy.context(lm=lm(MODEL, gateway=gateway, cache=False), adapter=adapter):
        found = dspy.Predict(Choose)(question="Where is it warm?", tools=[dspy.Tool(lookup_weather)])
    assert [call.args for call in found.calls.tool_calls] == [{"city": "Ghent"}, {"city": "Lima"}]
    assert engine.requests[0][1]["tools"][0]["function"]["name"] == "lookup_weather"
    assert tool_results(engine) == []


async def test_typed_output_is_asked_for_by_schema_and_comes_parsed() -> None:
    engine, gateway = scripted()
    engine.enqueue('{"weather": %s}' % WEATHER)  # noqa: UP031 - braces all around
    with dspy.context(lm=lm(MODEL, gateway=gateway, cache=False), adapter=dspy.JSONAdapter()):
        found = await dspy.Predict(Report).acall(city="Ghent")
    assert found.weather == Weather(city="Ghent", celsius=21)
    assert set(schema_of(engine)["properties"]) == {"weather"}


def test_its_own_cache_answers_a_second_time() -> None:
    engine, gateway = scripted()
    engine.enqueue(MARKED)
    dspy.configure_cache(enable_disk_cache=False)
    with dspy.context(lm=lm(MODEL, gateway=gateway)):
        for _ in range(2):
            assert dspy.Predict("question -> answer")(question="Why?").answer == "Blue light scatters most."
    assert len(engine.requests) == 1


def test_what_the_catalog_knows_decides_what_a_model_is_asked_for() -> None:
    known: Any = lm("litellm.openai/gpt-4o-mini", {})
    assert known.supports_function_calling
    assert known.supports_response_schema
    assert not known.supports_reasoning


def test_a_missing_key_is_told_with_its_variable() -> None:
    with (
        dspy.context(lm=lm("groq/some-model", {}, cache=False)),
        pytest.raises(Exception, match="GROQ_API_KEY"),
    ):
        dspy.Predict("question -> answer")(question="hi")


def test_a_copied_program_asks_the_same_gateway() -> None:
    engine, gateway = scripted()
    engine.enqueue(MARKED)
    program = dspy.Predict("question -> answer")
    program.set_lm(lm(MODEL, gateway=gateway, cache=False))
    assert copy.deepcopy(program)(question="Why?").answer == "Blue light scatters most."
    assert len(engine.requests) == 1


def test_a_gateway_and_a_configuration_are_one_too_many() -> None:
    _, gateway = scripted()
    with pytest.raises(TypeError, match="not both"):
        lm(MODEL, {}, gateway=gateway)
    with pytest.raises(ingate.SpecError):
        lm("", {})


@pytest.mark.model
@needs_model[1]
def test_the_example_runs(tmp_path: Path) -> None:
    lines = run_example("dspy_program.py", tmp_path).splitlines()
    assert "21 degrees and sunny" in lines[0]
    assert lines[-1].startswith("colour=")
