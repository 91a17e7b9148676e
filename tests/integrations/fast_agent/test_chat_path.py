"""fast-agent's own OpenAI path over the in-process client: what an agent does with a model of ours."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("fast_agent")

from pydantic import BaseModel

from support.fast_agent import talking

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("default::ResourceWarning")

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
GROQ = "litellm.groq/openai/gpt-oss-120b"
CLAUDE = "litellm.anthropic/claude-sonnet-5-5"


async def test_an_answer_streams_to_the_listeners_piece_by_piece(tmp_path: Path) -> None:
    async with talking(tmp_path, GROQ) as talk:
        talk.engine.enqueue("Blue light scatters most.")
        pieces: list[str] = []
        talk.llm.add_stream_listener(lambda chunk: pieces.append(chunk.text) if chunk.text else None)
        assert await talk.agent.send("Why is the sky blue?") == "Blue light scatters most."
        assert pieces == ["Blue", " light", " scatters", " most."]
        [(route, body)] = talk.engine.requests
        assert (route.engine, route.provider, route.model) == ("litellm", "groq", "openai/gpt-oss-120b")
        assert body["messages"][-1]["role"] == "user"
        assert "tools" not in body


async def test_a_tool_of_a_real_mcp_server_is_called_and_its_result_sent_back(tmp_path: Path) -> None:
    async with talking(tmp_path, GROQ, servers=True) as talk:
        talk.engine.enqueue_tool_call("shop__price", {"item": "apple"})
        talk.engine.enqueue("Five euros.")
        assert await talk.agent.send("What is an apple?") == "Five euros."
        first, second = talk.bodies
        names = {tool["function"]["name"] for tool in first["tools"]}
        assert {"shop__price", "shop__stock"} <= names
        *_, call, result = second["messages"]
        assert call["tool_calls"][0]["function"]["name"] == "shop__price"
        assert result["role"] == "tool"
        assert result["tool_call_id"] == call["tool_calls"][0]["id"]
        assert "apple costs 5 euros" in str(result["content"])


async def test_parallel_tool_calls_each_get_their_result(tmp_path: Path) -> None:
    async with talking(tmp_path, GROQ, servers=True) as talk:
        talk.engine.enqueue_tool_calls(("shop__price", {"item": "fig"}), ("shop__stock", {}), text="Let me look.")
        talk.engine.enqueue("3 euros, 7 apples.")
        assert "7 apples" in await talk.agent.send("Figs? Apples?")
        results = [message for message in talk.bodies[1]["messages"] if message["role"] == "tool"]
        assert ["fig costs 3 euros" in str(results[0]), "7 apples" in str(results[1])] == [True, True]
        assert len({result["tool_call_id"] for result in results}) == 2


async def test_a_tool_without_parameters_has_an_empty_object_of_them(tmp_path: Path) -> None:
    async with talking(tmp_path, GROQ, servers=True) as talk:
        await talk.agent.send("Hello")
        parameters = {tool["function"]["name"]: tool["function"]["parameters"] for tool in talk.bodies[0]["tools"]}
        assert parameters["shop__stock"]["properties"] == {}


class Fruit(BaseModel):
    name: str
    euros: int


async def test_structured_output_is_asked_for_by_schema_and_parsed(tmp_path: Path) -> None:
    async with talking(tmp_path, CLAUDE) as talk:
        talk.engine.enqueue('{"name": "fig", "euros": 3}')
        fruit, _ = await talk.agent.structured("A fruit, please.", Fruit)
        assert fruit == Fruit(name="fig", euros=3)
        wanted = talk.bodies[0]["response_format"]
        assert wanted["type"] == "json_schema"
        assert set(wanted["json_schema"]["schema"]["properties"]) == {"name", "euros"}


async def test_a_model_that_streams_no_structured_output_gets_the_schema_in_the_prompt(tmp_path: Path) -> None:
    async with talking(tmp_path, GROQ) as talk:
        talk.engine.enqueue('{"name": "fig", "euros": 3}')
        fruit, _ = await talk.agent.structured("A fruit, please.", Fruit)
        assert fruit == Fruit(name="fig", euros=3)
        assert "response_format" not in talk.bodies[0]
        assert '"euros"' in str(talk.bodies[0]["messages"])


async def test_an_effort_in_the_spec_reaches_the_request_and_reasoning_is_shown(tmp_path: Path) -> None:
    async with talking(tmp_path, f"{GROQ}?reasoning=high") as talk:
        talk.engine.enqueue("Forty-two.", reasoning="Let me think.")
        shown: list[str] = []
        talk.llm.add_stream_listener(lambda chunk: shown.append(chunk.text) if chunk.is_reasoning else None)
        assert await talk.agent.send("Six times seven?") == "Forty-two."
        assert "".join(shown).strip() == "Let me think."
        assert talk.bodies[0]["reasoning_effort"] == "high"


@pytest.mark.parametrize("settings", ["", "openai: {api_key: sk-x, reasoning: high}\n"])
async def test_without_an_effort_in_the_spec_none_is_sent(tmp_path: Path, settings: str) -> None:
    async with talking(tmp_path, GROQ, settings=settings) as talk:
        await talk.agent.send("Hello")
        assert "reasoning_effort" not in talk.bodies[0]
        assert "max_tokens" not in talk.bodies[0]
        assert "max_completion_tokens" not in talk.bodies[0]


async def test_usage_with_cached_tokens_is_counted(tmp_path: Path) -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 9,
        "total_tokens": 109,
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": 4},
    }
    async with talking(tmp_path, CLAUDE) as talk:
        talk.engine.enqueue("Yes.", usage=usage)
        await talk.agent.send("Cached?")
        [turn] = talk.llm.usage_accumulator.turns
        assert (turn.prompt.total, turn.completion.total) == (100, 9)
        assert turn.prompt.cache_read == 64
        assert talk.bodies[0]["stream_options"] == {"include_usage": True}


async def test_an_image_goes_inside_the_request(tmp_path: Path) -> None:
    from fast_agent.mcp.prompt import Prompt

    picture = tmp_path / "dot.png"
    picture.write_bytes(PNG)
    async with talking(tmp_path, CLAUDE) as talk:
        await talk.agent.generate([Prompt.user("What is this?", picture)])
        parts = talk.bodies[0]["messages"][-1]["content"]
        [image] = [part for part in parts if part["type"] == "image_url"]
        assert image["image_url"]["url"] == f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


async def test_a_pdf_goes_inside_the_request_instead_of_an_upload(tmp_path: Path) -> None:
    from fast_agent.mcp.prompt import Prompt

    paper = tmp_path / "paper.pdf"
    paper.write_bytes(b"%PDF-1.4 tiny")
    async with talking(tmp_path, CLAUDE) as talk:
        await talk.agent.generate([Prompt.user("What is this?", paper)])
        parts = talk.bodies[0]["messages"][-1]["content"]
        [file] = [part["file"] for part in parts if part["type"] == "file"]
        encoded = base64.b64encode(b"%PDF-1.4 tiny").decode()
        assert file["file_data"] == f"data:application/pdf;base64,{encoded}"


async def test_sampling_parameters_that_the_sdk_does_not_know_go_along(tmp_path: Path) -> None:
    async with talking(tmp_path, f"{GROQ}?temperature=0.5&top_k=7&max_tokens=50") as talk:
        await talk.agent.send("Hello")
        body = talk.bodies[0]
        assert (body["temperature"], body["top_k"], body["max_tokens"]) == (0.5, 7, 50)


async def test_the_context_size_comes_from_the_catalog(tmp_path: Path) -> None:
    async with talking(tmp_path, CLAUDE) as talk:
        assert talk.llm.usage_accumulator.context_window_size == 1_000_000
        assert talk.llm.model_info.supports_vision


@pytest.mark.parametrize(
    ("model", "engine", "provider", "name"),
    [
        ("litellm/team", "native", "litellm_proxy", "team"),
        ("litellm/groq/x", "native", "litellm_proxy", "groq/x"),
        ("litellm.groq/x", "litellm", "groq", "x"),
        ("ingate/groq/x", "native", "groq", "x"),
        ("ingate.local/smollm2", "local", "local", "smollm2"),
        ("local/smollm2", "local", "local", "smollm2"),
        ("litellm.ollama/llama3.2:1b", "litellm", "ollama", "llama3.2:1b"),
    ],
)
async def test_what_the_user_wrote_decides_the_lane(
    tmp_path: Path, model: str, engine: str, provider: str, name: str
) -> None:
    from support.fast_agent import scripted_gateway

    proxy = {"api_base": "http://localhost:4000", "api_key": "sk-master"}
    gateway, scripted = scripted_gateway({"litellm": proxy, "groq": {"api_key": "gsk-in-config"}})
    async with talking(tmp_path, model, gateway=gateway, engine=scripted) as talk:
        await talk.agent.send("Hello")
        [(route, _)] = talk.engine.requests
        assert (route.engine, route.provider, route.model) == (engine, provider, name)


async def test_an_mcp_server_inherits_no_key_of_the_configuration(tmp_path: Path) -> None:
    async with talking(tmp_path, GROQ, servers=True) as talk:
        talk.engine.enqueue_tool_call("shop__variable", {"name": "GROQ_API_KEY"})
        await talk.agent.send("Tell me its key")
        assert "not set" in str(talk.bodies[1]["messages"][-1]["content"])
