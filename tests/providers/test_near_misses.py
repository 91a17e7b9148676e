"""Variables that are set under a wrong name are named, and nothing else is."""

from __future__ import annotations

import pytest

from ingate.errors import MissingCredentialsError
from support.credentials import NOTHING, resolve, status, statuses


def misses(name, **environ):
    return status(name, environ=environ, config=NOTHING).near_misses


@pytest.mark.parametrize(
    ("variable", "name", "meant"),
    [
        ("OPENAI_KEY", "openai", "OPENAI_API_KEY"),
        ("OPENAI_TOKEN", "openai", "OPENAI_API_KEY"),
        ("ANTROPIC_API_KEY", "anthropic", "ANTHROPIC_API_KEY"),
        ("MOONSHOOT_API_KEY", "moonshot", "MOONSHOT_API_KEY"),
        ("OPENRUOTER_API_KEY", "openrouter", "OPENROUTER_API_KEY"),
        ("GITHUB_TOKEN", "github", "GITHUB_API_KEY"),
        ("CLOUDFLARE_API_TOKEN", "cloudflare", "CLOUDFLARE_API_KEY"),
        ("CF_ACCOUNT_ID", "cloudflare", "CLOUDFLARE_ACCOUNT_ID"),
        ("VERCEL_API_KEY", "vercel_ai_gateway", "VERCEL_AI_GATEWAY_API_KEY"),
        ("META_AI_API_KEY", "meta", "META_API_KEY"),
        ("AZURE_OPENAI_ENDPOINT", "azure", "AZURE_API_BASE"),
        ("ARK_API_KEY", "volcengine", "VOLCENGINE_API_KEY"),
        ("GROK_API_KEY", "xai", "XAI_API_KEY"),
        ("openai_api_key", "openai", "OPENAI_API_KEY"),
    ],
)
def test_a_near_miss_is_named_with_the_variable_that_is_read(variable, name, meant):
    assert misses(name, **{variable: "x"}) == (f"{variable} is set; this provider reads {meant}",)


def test_an_empty_variable_is_named():
    assert misses("groq", GROQ_API_KEY="") == ("GROQ_API_KEY is set but empty",)


@pytest.mark.parametrize(
    "variable",
    ["SSH_KEY", "NPM_TOKEN", "SLACK_TOKEN", "NOTION_API_KEY", "STRIPE_SECRET_KEY", "LINEAR_API_KEY", "SENTRY_AUTH_TOKEN", "DISCORD_TOKEN", "DATABASE_KEY", "API_KEY", "TOKEN", "KEY", "JIRA_API_TOKEN", "PYPI_TOKEN", "CODECOV_TOKEN", "GITLAB_TOKEN"],
)  # fmt: skip
def test_other_peoples_secrets_are_no_near_miss(variable):
    found = statuses({variable: "x"}, NOTHING)
    assert {name: one.near_misses for name, one in found.items() if one.near_misses} == {}


def test_a_variable_that_another_provider_reads_is_no_near_miss():
    found = statuses({"COHERE_API_KEY": "x", "META_API_KEY": "x", "NVIDIA_NIM_API_KEY": "x"}, NOTHING)
    assert {name for name, one in found.items() if one.near_misses} == set()


def test_a_miss_under_an_empty_value_is_none():
    assert misses("openai", OPENAI_KEY=" ") == ()


def test_the_error_carries_the_near_miss():
    with pytest.raises(MissingCredentialsError) as caught:
        resolve("openai", environ={"OPENAI_KEY": "sk-123456"}, config=NOTHING)
    assert caught.value.near_misses == ("OPENAI_KEY is set; this provider reads OPENAI_API_KEY",)
    assert str(caught.value) == (
        "openai needs a key: set OPENAI_API_KEY (OPENAI_KEY is set; this provider reads OPENAI_API_KEY)"
    )
    assert caught.value.fix == "export OPENAI_API_KEY=…, or set openai.api_key in ingate.yaml"
    assert "sk-123456" not in repr(caught.value)
