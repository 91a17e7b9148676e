"""Which models ingate calls itself, and at which address."""

from __future__ import annotations

import pytest

from ingate.providers.lanes import (
    format_and_base,
    litellm_format,
    tensorzero_base,
    tensorzero_model,
    tensorzero_models,
    unsupported_reason,
)


@pytest.mark.parametrize(
    ("provider", "wire_format", "model", "reason"),
    [
        ("groq", "chat", "m", ""),
        ("replicate", "", "m", "replicate has a wire format of its own"),
        ("x", "chatty", "m", "x has a wire format of its own"),
        *(("vertex_ai", "gemini", name, "") for name in (
            "gemini-3-pro", "claude-opus-4-8", "google/gemini-3-pro", "anthropic/claude-opus-4-8",
            "publishers/google/models/gemini-3-pro", "publishers/anthropic/models/claude-opus-4-8", "models/gemini-3-pro",
        )),
        ("vertex_ai", "gemini", "mistral-large", "vertex_ai serves this model in a format of its own"),
        ("vertex_ai", "gemini", "meta/llama-3.1-405b", "vertex_ai serves this model in a format of its own"),
        *(("p", name, "m", "") for name in (
            "azure", "copilot", "messages", "responses", "completions", "gemini", "bedrock", "cohere", "ollama",
        )),
    ],
)  # fmt: skip
def test_a_model_in_a_format_of_its_own_is_not_called_directly(provider, wire_format, model, reason):
    assert unsupported_reason(provider, wire_format, model) == reason


@pytest.mark.parametrize(
    "base",
    [
        "https://r.services.ai.azure.com", "https://r.services.ai.azure.com/", "https://r.services.ai.azure.com/models",
        "https://r.services.ai.azure.com/openai/v1/", "https://r.services.ai.azure.com/openai/v1/chat/completions?a=1",
        "https://r.services.ai.azure.com/models/chat/completions?api-version=1",
        "https://r.services.ai.azure.com/anthropic", "https://r.services.ai.azure.com/anthropic/v1/messages",
        "https://r.services.ai.azure.com/anthropic/v1",
    ],
)  # fmt: skip
def test_claude_in_azures_foundry_has_an_address_of_its_own(base):
    claude = format_and_base("azure_ai", "chat", "claude-opus-4-8", base)
    assert claude == ("messages", "https://r.services.ai.azure.com/anthropic")
    assert format_and_base("azure_ai", "chat", "gpt-5", base) == ("chat", base)
    assert format_and_base("azure", "azure", "claude-opus-4-8", base) == ("azure", base)
    assert format_and_base("azure_ai", "chat", "claude-opus-4-8", None) == ("chat", None)


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        ("vertex_ai", "claude-opus-4-8", "messages"),
        ("vertex_ai_beta", "claude-opus-4-8", "messages"),
        ("azure_ai", "claude-opus-4-8", "messages"),
        ("vertex_ai", "gemini-3-pro", "chat"),
        ("groq", "claude-opus-4-8", "chat"),
    ],
)
def test_litellm_calls_claude_on_other_clouds_in_anthropics_format(provider, model, expected):
    assert litellm_format(provider, "chat", model) == expected


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("greet", "tensorzero::function_name::greet"),
        ("function_name::greet", "tensorzero::function_name::greet"),
        ("model_name::small", "tensorzero::model_name::small"),
        ("small", "tensorzero::model_name::small"),
        ("openai::gpt-5", "tensorzero::model_name::openai::gpt-5"),
        ("tensorzero::anything", "tensorzero::anything"),
    ],
)
def test_tensorzeros_functions_and_models_are_told_apart(written, sent):
    assert tensorzero_model(written, frozenset({"small"})) == sent


@pytest.mark.parametrize(
    "written",
    ["http://t", "http://t/", "http://t/openai", "http://t/openai/", "http://t/openai/v1", " http://t/openai/v1/ "],
)
def test_tensorzeros_address_may_be_written_in_any_form(written):
    assert tensorzero_base(written) == "http://t/openai/v1"


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("[models.a]\n[models.b]\n[functions.b]\n[functions.c]\n", {"a"}),
        ("[models.a]\n", {"a"}),
        ("[functions.c]\n", set()),
        ("models = 5\n", set()),
        ("functions = 5\n[models.a]\n", {"a"}),
        ("not toml [", set()),
        ("", set()),
    ],
)
def test_a_name_is_a_model_unless_a_function_has_it_too(tmp_path, content, names):
    file = tmp_path / "tensorzero.toml"
    file.write_text(content)
    assert tensorzero_models(str(file)) == names
    assert tensorzero_models(str(tmp_path / "absent.toml")) == frozenset()
