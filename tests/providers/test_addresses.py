"""Base URLs: as users write them, as the native lane and litellm want them."""

from __future__ import annotations

import pytest

from ingate.providers.address import ollama_host
from support.credentials import NOTHING, config, everything_installed, resolve, status


def base(name, lane, environ=None, **section):
    settings = config(**{name: {"api_key": "k", **section}})
    return resolve(name, environ=environ or {}, config=settings, lane=lane, installed=everything_installed)[1]


@pytest.mark.parametrize(
    ("name", "written", "native", "litellm"),
    [
        ("groq", "http://x/v1/", "http://x/v1", "http://x/v1"),
        ("groq", "http://x/v1/chat/completions", "http://x/v1", "http://x/v1"),
        ("anthropic", "https://x/v1", "https://x", "https://x"),
        ("anthropic", "https://x/v1/messages", "https://x", "https://x"),
        ("cohere_chat", "https://x", "https://x/v2", "https://x/v2/chat"),
        ("cohere_chat", "https://x/v2/chat", "https://x/v2", "https://x/v2/chat"),
        ("heroku", "https://x", "https://x/v1", "https://x"),
        ("heroku", "https://x/v1", "https://x/v1", "https://x"),
        ("gemini", "https://x", "https://x/v1beta", "https://x/v1beta"),
        ("gemini", "https://x/v1alpha", "https://x/v1alpha", "https://x/v1alpha"),
        ("huggingface", "https://x", "https://x/v1", "https://x/v1"),
        ("datarobot", "https://x/api/v2", "https://x/api/v2/genai/llmgw", "https://x"),
        ("datarobot", "https://x", "https://x/api/v2/genai/llmgw", "https://x"),
        ("snowflake", "https://x", "https://x/api/v2/cortex/v1", "https://x"),
        ("gradient_ai", "https://agent", "https://agent/api/v1", "https://agent"),
        ("perplexity", "https://x", "https://x", "https://x"),
    ],
)
def test_a_written_address_suits_both_lanes(name, written, native, litellm):
    assert base(name, "native", base_url=written) == native
    assert base(name, "litellm", base_url=written) == litellm


@pytest.mark.parametrize(
    ("name", "native", "litellm"),
    [
        ("groq", "https://api.groq.com/openai/v1", None),
        ("deepseek", "https://api.deepseek.com/beta", None),
        ("perplexity", "https://api.perplexity.ai", None),
        ("sambanova", "https://api.sambanova.ai/v1", None),
        ("huggingface", "https://router.huggingface.co/v1", None),
        ("github", "https://models.github.ai/inference", "https://models.github.ai/inference"),
        ("docker_model_runner", "http://localhost:12434/engines/v1", "http://localhost:12434/engines/v1"),
        ("xinference", "http://127.0.0.1:9997/v1", "http://127.0.0.1:9997/v1"),
        ("cohere_chat", "https://api.cohere.com/v2", None),
        ("helicone", "https://ai-gateway.helicone.ai", None),
    ],
)
def test_litellm_is_told_a_default_only_where_its_own_would_not_do(name, native, litellm):
    assert base(name, "native") == native
    assert base(name, "litellm") == litellm


def test_an_account_is_part_of_the_address_and_no_argument():
    environ = {"CLOUDFLARE_API_KEY": "k", "CLOUDFLARE_ACCOUNT_ID": "abc"}
    for lane in ("native", "litellm"):
        credential, address = resolve("cloudflare", environ=environ, config=NOTHING, lane=lane)
        assert address == "https://api.cloudflare.com/client/v4/accounts/abc/ai/v1"
        assert dict(credential.params) == {}


def test_an_account_may_stand_in_the_configuration():
    assert base("cloudflare", "native", account_id="abc").endswith("/accounts/abc/ai/v1")


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_vertex_has_a_host_for_each_kind_of_location(location, host, tmp_path):
    path = tmp_path / "c.json"
    path.write_text('{"project_id": "p"}')
    environ = {"VERTEXAI_CREDENTIALS": str(path), "VERTEXAI_LOCATION": location}
    assert (
        status("vertex_ai", environ=environ, config=NOTHING, installed=everything_installed).api_base
        == f"https://{host}"
    )


@pytest.mark.parametrize(
    ("variable", "name"), [("MISTRAL_API_BASE", "mistral"), ("BASETEN_API_BASE", "baseten"), ("POE_API_BASE", "poe")]
)
def test_addresses_that_litellm_ignores_are_honoured(variable, name):
    found = status(name, environ={variable: "http://x/v1"}, config=config(**{name: {"api_key": "k"}}))
    assert (found.api_base, found.api_base_source) == ("http://x/v1", f"env {variable}")
    assert base(name, "litellm", {variable: "http://x/v1"}) == "http://x/v1"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        (":8080", "http://127.0.0.1:8080"),
        ("box", "http://box:11434"),
        ("box:1234/", "http://box:1234"),
        ("http://box", "http://box:80"),
        ("https://box/ollama", "https://box:443/ollama"),
        ("[::1]:1234", "http://[::1]:1234"),
        ("[::1]", "http://[::1]:11434"),
    ],
)
def test_ollama_host_is_read_as_ollama_reads_it(written, read):
    assert ollama_host(written) == read


def test_litellm_gets_only_arguments_it_has():
    credential, _ = resolve("anthropic", environ={"ANTHROPIC_AUTH_TOKEN": "t"}, config=NOTHING, lane="litellm")
    assert {name: value.reveal() for name, value in credential.params.items()} == {"auth_token": "t"}
    credential, _ = resolve("snowflake", environ={"SNOWFLAKE_JWT": "t", "SNOWFLAKE_ACCOUNT_ID": "a"}, config=NOTHING)
    assert "account_id" not in credential.params
    credential, _ = resolve("anthropic", environ={"ANTHROPIC_AUTH_TOKEN": "t"}, config=NOTHING)
    assert credential.params["auth_token"].reveal() == "t"
