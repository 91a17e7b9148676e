"""Which lane a spec takes, why, and the address that `explain` shows for it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ingate import Gateway
from ingate.errors import BadRequestError, SpecError
from ingate.providers.lanes import format_and_base
from support.simulators import PROVIDERS, simulated

if TYPE_CHECKING:
    from pathlib import Path

KEY = "sk-secret-0123456789"
AWS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": KEY, "aws_region_name": "eu-west-1"}
GOOGLE = {"vertex_project": "p", "vertex_location": "europe-west4"}
VERTEX = "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4/publishers"
TOOL = {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}}
AZURE = {"api_key": KEY, "base_url": "https://mine.openai.azure.com"}


@pytest.mark.parametrize(
    ("spec", "section", "url"),
    [
        ("openai/gpt-4o", {"api_key": KEY}, "https://api.openai.com/v1/chat/completions"),
        ("anthropic/claude-opus-4-8", {"api_key": KEY}, "https://api.anthropic.com/v1/messages"),
        (
            "gemini/gemini-2.5-flash",
            {"api_key": KEY},
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent",
        ),
        (
            "vertex_ai/gemini-2.5-flash",
            {**GOOGLE, "vertex_credentials": '{"type": "service_account"}'},
            f"{VERTEX}/google/models/gemini-2.5-flash:generateContent",
        ),
        (
            "vertex_ai/claude-opus-4-8",
            {**GOOGLE, "vertex_credentials": '{"type": "service_account"}'},
            f"{VERTEX}/anthropic/models/claude-opus-4-8:rawPredict",
        ),
        (
            "vertex_ai/gemini-2.5-flash",
            {"api_key": KEY},
            "https://aiplatform.googleapis.com/v1/publishers/google/models/gemini-2.5-flash:generateContent",
        ),
        (
            "bedrock/amazon.nova-lite-v1:0",
            AWS,
            "https://bedrock-runtime.eu-west-1.amazonaws.com/model/amazon.nova-lite-v1%3A0/converse",
        ),
        ("cohere_chat/command-a-03-2025", {"api_key": KEY}, "https://api.cohere.com/v2/chat"),
        ("ollama/llama3.2:1b", {}, "http://localhost:11434/api/chat"),
        (
            "azure/mine",
            {**AZURE, "api_version": "2025-01-01-preview"},
            "https://mine.openai.azure.com/openai/deployments/mine/chat/completions?api-version=2025-01-01-preview",
        ),
        (
            "azure/gpt-5",
            {**AZURE, "base_url": "https://mine.openai.azure.com/openai/v1"},
            "https://mine.openai.azure.com/openai/v1/chat/completions",
        ),
        (
            "azure_ai/claude-opus-4-8",
            {"api_key": KEY, "base_url": "https://mine.services.ai.azure.com/models"},
            "https://mine.services.ai.azure.com/anthropic/v1/messages",
        ),
        (
            "groq/m",
            {"api_key": KEY, "base_url": f"https://me:{KEY}@box/v1?key={KEY}"},
            "https://box/v1/chat/completions",
        ),
    ],
)
async def test_explain_shows_the_lane_and_the_exact_address_and_no_secret(spec: str, section: Any, url: str) -> None:
    async with Gateway({spec.partition("/")[0]: section}) as gateway:
        (told,) = gateway.explain(spec)
    assert (told.engine, told.lane, told.url) == ("native", "native", url)
    assert "straight to it" in told.why
    assert KEY not in repr(told)


async def test_explain_needs_neither_a_key_nor_a_project() -> None:
    async with Gateway({}) as gateway:
        (gemini,) = gateway.explain("gemini/gemini-2.5-flash")
        (vertex,) = gateway.explain("vertex_ai/gemini-2.5-flash")
    assert (gemini.state, gemini.url is not None) == ("missing", True)
    assert vertex.state == "missing"


@pytest.mark.parametrize(
    ("spec", "lane", "why"),
    [
        ("anthropic/m?lane=litellm", "litellm", "the litellm lane was requested"),
        ("litellm.anthropic/m", "litellm", "always through embedded litellm"),
        ("litellm.anthropic/m?lane=native", "native", "the native lane was requested"),
        ("replicate/m", "litellm", "replicate has a wire format of its own"),
        ("vertex_ai/meta/llama-4", "litellm", "serves this model in a format of its own"),
        ("azure_ai/claude-x", "native", "Anthropic's Messages format"),
        ("local/smollm2", "local", "inside this process"),
    ],
)
async def test_the_lane_and_why(spec: str, lane: str, why: str) -> None:
    async with Gateway({}) as gateway:
        (told,) = gateway.explain(spec)
    assert told.lane == lane
    assert why in told.why


@pytest.mark.parametrize("spec", ["replicate/m?lane=native", "groq/m?lane=fast", "vertex_ai/meta/llama?lane=native"])
async def test_a_lane_that_is_not_there_is_an_error(spec: str) -> None:
    async with Gateway({}) as gateway:
        with pytest.raises(SpecError, match="lane"):
            gateway.explain(spec)


@pytest.mark.parametrize("ending", ["", "/", "/models", "/openai/v1", "/anthropic", "/anthropic/v1/messages", "/v1"])
def test_foundry_serves_claude_beside_its_other_models(ending: str) -> None:
    base = f"https://mine.services.ai.azure.com{ending}"
    assert format_and_base("azure_ai", "azure", "claude-opus-4-8", base) == (
        "messages",
        "https://mine.services.ai.azure.com/anthropic",
    )
    assert format_and_base("azure_ai", "azure", "grok-4", base) == ("azure", base)


async def test_a_projects_name_is_read_from_a_configured_credential(tmp_path: Path) -> None:
    account = {"type": "service_account", "project_id": "carried"}
    (tmp_path / "account.json").write_text(json.dumps(account))
    for credentials in (json.dumps(account), str(tmp_path / "account.json")):
        async with Gateway({"vertex_ai": {"vertex_credentials": credentials}}) as gateway:
            (route,) = gateway.routes("vertex_ai/gemini-2.5-flash")
        assert route.credential.params["vertex_project"].reveal() == "carried"


@pytest.mark.parametrize(
    ("spec", "section", "asked", "dropped"),
    [
        ("anthropic/claude-opus-4-8", {"api_key": KEY}, {"temperature": 0.5, "seed": 7}, {"temperature", "seed"}),
        ("gemini/gemini-2.5-flash", {"api_key": KEY}, {"logit_bias": {"1": 2}}, {"logit_bias"}),
        ("bedrock/amazon.nova-lite-v1:0", AWS, {"seed": 7, "n": 1}, {"seed"}),
        ("cohere_chat/command-a-03-2025", {"api_key": KEY}, {"logit_bias": {"1": 2}}, {"logit_bias"}),
        (
            "ollama/llama3.2:1b",
            {},
            {"tool_choice": "required", "tools": [TOOL]},
            {"tool_choice"},
        ),
        ("openai/o3", {"api_key": KEY}, {"temperature": 0.5, "max_tokens": 5}, {"temperature"}),
        ("azure/gpt-5", AZURE, {"top_k": 4}, {"top_k"}),
        ("mistral/mistral-small", {"api_key": KEY}, {"logit_bias": {"1": 2}}, {"logit_bias"}),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_the_metadata_tells_what_was_left_out_and_strict_refuses(
    spec: str, section: Any, asked: dict[str, Any], dropped: set[str], stream: bool
) -> None:
    name = (
        "bedrock, Nova"
        if spec.startswith("bedrock")
        else {"mistral": "openai", "ollama": "ollama"}.get(spec.partition("/")[0], spec.partition("/")[0])
    )
    provider = replace(PROVIDERS[name], check=lambda body: None, path="")
    async with simulated(provider, any_path=True) as running:
        config = {spec.partition("/")[0]: {**section, "base_url": running.base}}
        async with Gateway(config, retries=0) as gateway:
            body = {"model": spec, "messages": [{"role": "user", "content": "Hi"}], **asked}
            if stream:
                about = [chunk async for chunk in gateway.stream(body)][-1]["ingate"]
            else:
                about = (await gateway.complete(body))["ingate"]
            with pytest.raises(BadRequestError):
                await gateway.complete({**body, "model": f"{spec}?drop_params=strict"})
    assert set(about["dropped"]) == dropped - {"tool_choice"}  # a choice that is lowered to auto is not dropped
    for word in dropped:
        assert any(word in warning for warning in about["warnings"])
