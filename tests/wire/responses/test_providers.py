"""The table of providers with a Responses endpoint: every row can be checked, and names a provider that exists."""

from __future__ import annotations

import re

import pytest

from ingate.providers import providers
from ingate.wire.responses.providers import DEFAULT, PROVIDERS, responses_provider, responses_providers

# Providers whose documentation offers the endpoint.
DOCUMENTED = {
    "openai",
    "azure",
    "xai",
    "groq",
    "deepseek",
    "openrouter",
    "perplexity",
    "databricks",
    "bedrock_mantle",
    "github_copilot",
    "ollama",
    "lm_studio",
    "hosted_vllm",
    "litellm_proxy",
}


def test_every_documented_provider_has_a_row() -> None:
    assert responses_providers() >= DOCUMENTED


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_a_row_has_a_source_and_names_a_known_provider(name: str) -> None:
    row = PROVIDERS[name]
    assert row.source.startswith("https://")
    assert name in providers()
    assert not row.path or re.fullmatch(r"(/[a-z0-9-]+)+", row.path)
    assert row.stores or row.refused >= {"previous_response_id"} or not row.store


def test_an_unknown_provider_is_taken_to_follow_the_specification() -> None:
    assert responses_provider("nobody") is DEFAULT
    assert responses_provider("groq").store is False
