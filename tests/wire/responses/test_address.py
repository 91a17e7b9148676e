"""The address of each provider's Responses endpoint, whatever form of base URL is configured."""

from __future__ import annotations

import pytest

from ingate.wire.codec import Target, codec_for

AZURE = "https://r.openai.azure.com"
V1 = f"{AZURE}/openai/v1/responses"
MANTLE = "https://bedrock-mantle.us-east-1.api.aws"


@pytest.mark.parametrize(
    ("provider", "api_base", "url"),
    [
        ("openai", "https://api.openai.com/v1", "https://api.openai.com/v1/responses"),
        ("openai", " https://api.openai.com/v1/ ", "https://api.openai.com/v1/responses"),
        ("openai", "https://api.openai.com/v1/responses", "https://api.openai.com/v1/responses"),
        ("openai", "https://api.openai.com/v1/chat/completions", "https://api.openai.com/v1/responses"),
        ("openai", "https://gw.example/openai?team=a", "https://gw.example/openai/responses?team=a"),
        ("xai", "https://api.x.ai/v1", "https://api.x.ai/v1/responses"),
        ("groq", "https://api.groq.com/openai/v1", "https://api.groq.com/openai/v1/responses"),
        ("deepseek", "https://api.deepseek.com/beta", "https://api.deepseek.com/responses"),
        ("deepseek", "https://api.deepseek.com/v1", "https://api.deepseek.com/v1/responses"),
        ("openrouter", "https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1/responses"),
        ("perplexity", "https://api.perplexity.ai", "https://api.perplexity.ai/v1/responses"),
        ("perplexity", "https://api.perplexity.ai/v2", "https://api.perplexity.ai/v2/responses"),
        ("databricks", "https://dbc.example", "https://dbc.example/serving-endpoints/responses"),
        ("databricks", "https://dbc.example/serving-endpoints/", "https://dbc.example/serving-endpoints/responses"),
        ("github_copilot", "https://api.githubcopilot.com", "https://api.githubcopilot.com/responses"),
        ("ollama", "http://localhost:11434", "http://localhost:11434/v1/responses"),
        ("ollama_chat", "http://localhost:11434/v1", "http://localhost:11434/v1/responses"),
        ("lm_studio", "http://127.0.0.1:1234", "http://127.0.0.1:1234/v1/responses"),
        ("hosted_vllm", "http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1/responses"),
        ("litellm_proxy", "http://127.0.0.1:4000", "http://127.0.0.1:4000/responses"),
        ("a server of mine", "http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1/responses"),
        ("azure", AZURE, V1),
        ("azure", f"{AZURE}/openai", V1),
        ("azure", f"{AZURE}/openai/v1/", V1),
        ("azure", f"{AZURE}/openai/deployments/gpt-5", V1),
        ("azure", f"{AZURE}/openai/deployments/gpt-5/chat/completions?api-version=2024-10-21", V1),
        ("azure", f"{AZURE}?api-version=preview", f"{V1}?api-version=preview"),
        ("azure_ai", "https://r.services.ai.azure.com/models", "https://r.services.ai.azure.com/openai/v1/responses"),
        (
            "azure_ai",
            "https://r.services.ai.azure.com/api/projects/p",
            "https://r.services.ai.azure.com/api/projects/p/openai/v1/responses",
        ),
    ],
)
def test_the_endpoint_is_found_under_any_base_url(provider: str, api_base: str, url: str) -> None:
    target = Target(model="m", api_base=api_base, provider=provider)
    assert codec_for("responses").url(target) == url
    assert codec_for("responses").request({"messages": [{"role": "user", "content": "x"}]}, target).url == url


@pytest.mark.parametrize(
    ("version", "query"), [("preview", "?api-version=preview"), ("2025-04-01-preview", ""), ("2024-10-21", "")]
)
def test_azures_newest_surface_has_only_the_preview_version(version: str, query: str) -> None:
    target = Target(model="m", api_base=AZURE, provider="azure", params={"api_version": version})
    assert codec_for("responses").url(target) == V1 + query


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("openai.gpt-5.6-luna", "/openai/v1"),
        ("openai.gpt-oss-120b", "/v1"),
        ("deepseek.v4", "/v1"),
    ],
)
@pytest.mark.parametrize("suffix", ["", "/v1", "/openai/v1", "/v1/chat/completions"])
def test_bedrock_mantle_serves_openais_closed_models_elsewhere(model: str, path: str, suffix: str) -> None:
    target = Target(model=model, api_base=MANTLE + suffix, provider="bedrock_mantle")
    if path == "/v1" and suffix == "/openai/v1" and "gpt" not in model:
        return  # a base URL that names the other path is taken at its word
    assert codec_for("responses").url(target) == f"{MANTLE}{path}/responses"
