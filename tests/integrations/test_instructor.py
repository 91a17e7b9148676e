"""instructor on ingate's clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import ingate
from support.hosts import MODEL, WEATHER, Weather, run_example, schema_of, scripted, tool_names
from support.local import needs_model

instructor = pytest.importorskip("instructor")

if TYPE_CHECKING:
    from pathlib import Path

QUESTION: list[Any] = [{"role": "user", "content": "Weather?"}]
IN_GHENT = {"city": "Ghent", "celsius": 21}


def test_data_comes_by_a_tool_call_and_by_a_schema() -> None:
    engine, gateway = scripted()
    engine.enqueue_tool_call("Weather", WEATHER)
    engine.enqueue(WEATHER)
    with ingate.Ingate(gateway=gateway) as client:
        found = instructor.from_openai(client).create(response_model=Weather, messages=QUESTION, model=MODEL)
        assert found.model_dump() == IN_GHENT
        by_schema = instructor.from_openai(client, mode=instructor.Mode.JSON_SCHEMA)
        found = by_schema.create(response_model=Weather, messages=QUESTION, model=MODEL)
        assert found.model_dump() == IN_GHENT
    assert tool_names(engine) == ["Weather"]
    assert set(schema_of(engine, 1)["properties"]) == {"city", "celsius"}


async def test_a_wrong_answer_is_asked_for_again() -> None:
    engine, gateway = scripted()
    engine.enqueue_tool_call("Weather", {"city": "Ghent", "celsius": "warm"})
    engine.enqueue_tool_call("Weather", WEATHER)
    async with gateway, ingate.AsyncIngate(gateway=gateway) as client:
        found, raw = await instructor.from_openai(client).create_with_completion(
            response_model=Weather, messages=QUESTION, model=MODEL
        )
    assert found.model_dump() == IN_GHENT
    assert raw.model_extra["ingate"]["provider"] == "scripted"
    assert len(engine.requests) == 2


async def test_data_streams_as_it_grows() -> None:
    engine, gateway = scripted()
    engine.enqueue_tool_call("Weather", WEATHER)
    async with gateway, ingate.AsyncIngate(gateway=gateway) as client:
        partial = instructor.from_openai(client).create_partial(response_model=Weather, messages=QUESTION, model=MODEL)
        seen = [found async for found in partial]
    assert seen[-1].model_dump() == IN_GHENT
    assert len(seen) > 1


def test_a_list_streams_item_by_item() -> None:
    engine, gateway = scripted()
    engine.enqueue_tool_call("IterableWeather", {"tasks": [IN_GHENT, {"city": "Lima", "celsius": 19}]})
    with ingate.Ingate(gateway=gateway) as client:
        found = list(
            instructor.from_openai(client).create_iterable(response_model=Weather, messages=QUESTION, model=MODEL)
        )
    assert [weather.city for weather in found] == ["Ghent", "Lima"]


@pytest.mark.model
@needs_model[1]
def test_the_example_runs(tmp_path: Path) -> None:
    lines = run_example("instructor_extract.py", tmp_path).splitlines()
    assert lines[0].startswith("colour=")
    assert lines[-1].startswith("colour=")
