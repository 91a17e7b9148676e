"""Bare httpx and httpx2 clients, without any SDK."""

from __future__ import annotations

import importlib.util
import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from ingate.client import async_http_client, http_client
from support.hosts import MODEL, WEATHER, Weather, run_example, schema_of, scripted, tool_names
from support.local import needs_model

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

QUESTION = [{"role": "user", "content": "Weather?"}]


@pytest.fixture(params=["httpx", "httpx2"])
def module(request: pytest.FixtureRequest) -> ModuleType:
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return import_module(request.param)


def body(**details: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": QUESTION, **details}


def test_server_sent_events_come_one_by_one(module: ModuleType) -> None:
    engine, gateway = scripted()
    engine.enqueue("Blue light scatters most.")
    with (
        http_client(gateway=gateway, module=module) as client,
        client.stream("POST", "/chat/completions", json=body(stream=True)) as response,
    ):
        assert isinstance(client, module.Client)
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = [line.removeprefix("data: ") for line in response.iter_lines() if line]
    assert lines.pop() == "[DONE]"
    deltas = [choice["delta"] for line in lines for choice in json.loads(line)["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "Blue light scatters most."


async def test_tools_and_schemas_go_both_ways(module: ModuleType) -> None:
    engine, gateway = scripted()
    engine.enqueue_tool_call("lookup_weather", {"city": "Ghent"})
    engine.enqueue(WEATHER)
    tool = {"type": "function", "function": {"name": "lookup_weather", "parameters": {"type": "object"}}}
    schema = {"type": "json_schema", "json_schema": {"name": "weather", "schema": Weather.model_json_schema()}}
    async with gateway, async_http_client(gateway=gateway, module=module) as client:
        called = (await client.post("/chat/completions", json=body(tools=[tool]))).json()
        told = (await client.post("/chat/completions", json=body(response_format=schema))).json()
    [call] = called["choices"][0]["message"]["tool_calls"]
    assert call["function"] == {"name": "lookup_weather", "arguments": '{"city": "Ghent"}'}
    assert Weather.model_validate_json(told["choices"][0]["message"]["content"]).celsius == 21
    assert tool_names(engine) == ["lookup_weather"]
    assert set(schema_of(engine, 1)["properties"]) == {"city", "celsius"}


async def test_an_error_has_its_status_and_its_remedy(module: ModuleType) -> None:
    async with async_http_client({}, module=module) as client:
        answer = await client.post("/chat/completions", json={**body(), "model": "groq/some-model"})
    assert answer.status_code == 401
    assert "GROQ_API_KEY" in answer.json()["error"]["fix"]
    with pytest.raises(module.HTTPStatusError):
        answer.raise_for_status()


@pytest.mark.model
@needs_model[1]
def test_the_example_runs(tmp_path: Path) -> None:
    lines = run_example("httpx_client.py", tmp_path).splitlines()
    assert lines[0]
    assert any("21 degrees and sunny" in line for line in lines)
    assert lines[-1].startswith("colour=")
