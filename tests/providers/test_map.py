"""The map of providers: whole, well-formed, and true to the installed litellm."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ingate.config import provider_names
from ingate.errors import UnknownProviderError
from ingate.providers import aliases, litellm_arguments, provider, providers, secret_variables
from ingate.providers.registry import is_credential

ALL = tuple(providers().values())
IDS = tuple(providers())
# Read by a package below litellm, or put together there at run time.
READ_ELSEWHERE = {
    "AZURE_OPENAI_AD_TOKEN": "the openai package reads it",
    "AICORE_CLIENT_ID": "built from AICORE_ and a field's name",
    "AICORE_CLIENT_SECRET": "built from AICORE_ and a field's name",
    "AICORE_AUTH_URL": "built from AICORE_ and a field's name",
    "AICORE_BASE_URL": "built from AICORE_ and a field's name",
    "AICORE_CERT_FILE_PATH": "built from AICORE_ and a field's name",
    "AICORE_KEY_FILE_PATH": "built from AICORE_ and a field's name",
    "AICORE_CERT_URL": "built from AICORE_ and a field's name",
    "AICORE_RESOURCE_GROUP": "built from AICORE_ and a field's name",
    "AWS_DEFAULT_REGION": "the AWS SDK reads it",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "the AWS SDK reads it",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "the AWS SDK reads it",
    "AWS_PROFILE": "the AWS SDK reads it",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "the AWS SDK reads it",
    "AWS_ROLE_ARN": "the AWS SDK reads it",
    "GOOGLE_APPLICATION_CREDENTIALS": "google-auth reads it",
}
# ingate honours these itself and passes the value on.
OWN = {
    "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION", "VERTEXAI_API_KEY", "OLLAMA_HOST", "LITELLM_API_BASE", "LITELLM_API_KEY", "MISTRAL_API_BASE",
    "COMPACTIFAI_API_BASE", "CLARIFAI_API_BASE", "SNOWFLAKE_API_BASE", "HELICONE_API_BASE", "VENICE_AI_API_BASE",
    "XIAOMI_MIMO_API_BASE", "SCW_API_BASE", "SYNTHETIC_API_BASE", "STIMA_API_BASE", "NANOGPT_API_BASE", "POE_API_BASE", "CHUTES_API_BASE",
    "ABLITERATION_API_BASE", "LLAMAGATE_API_BASE", "GMI_API_BASE", "SARVAM_API_BASE", "ASSEMBLYAI_API_BASE", "CHARITY_ENGINE_API_BASE",
}  # fmt: skip


@cache
def litellm_folder() -> Path:
    spec = find_spec("litellm")
    if spec is None or spec.origin is None:
        pytest.skip("litellm is not installed")
    return Path(spec.origin).parent


@cache
def names_in_litellm() -> frozenset[str]:
    folder = litellm_folder()
    names: set[str] = set()
    for path in (*folder.rglob("*.py"), folder / "llms" / "openai_like" / "providers.json"):
        if "proxy" not in path.relative_to(folder).parts[:1]:
            names.update(re.findall(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+", path.read_text(encoding="utf-8")))
    return frozenset(names)


def test_there_are_118_providers_under_the_names_the_configuration_knows():
    assert len(ALL) == 118
    assert set(providers()) == set(provider_names().names)


def test_names_are_unique_also_among_the_aliases():
    data = json.loads((Path(find_spec("ingate").origin).parent / "data" / "providers.json").read_bytes())
    assert len({record["name"] for record in data}) == len(data)
    assert not set(aliases()) & set(providers())
    assert set(aliases().values()) <= set(providers())


@pytest.mark.parametrize("known", ALL, ids=IDS)
def test_every_variable_is_one_that_litellm_reads_or_a_known_exception(known):
    known_names = names_in_litellm() | set(READ_ELSEWHERE) | OWN
    assert known.variables() - known_names == set()


def test_no_exception_is_listed_without_need():
    read = {name for known in ALL for name in known.variables()}
    assert set(READ_ELSEWHERE) | OWN <= read


@pytest.mark.parametrize("known", ALL, ids=IDS)
def test_every_group_has_at_most_one_key_and_names_only_variables_it_explains(known):
    for group in known.env:
        assert sum(known.target(variable) == "api_key" for variable in group) <= 1
    assert set(known.also) <= {variable for group in known.env for variable in group}
    assert set(known.litellm_only) | set(known.needs_for) <= known.variables() | {"*", "files"}


@pytest.mark.parametrize("known", ALL, ids=IDS)
def test_params_go_to_arguments_that_the_configuration_takes_too(known):
    assert set(known.params_env.values()) <= litellm_arguments() | {"", "auth_token", "project", "exchange_url"}


@pytest.mark.parametrize("known", ALL, ids=IDS)
def test_addresses_are_whole_and_end_without_a_slash(known):
    docs = urlsplit(known.docs_url)
    assert docs.scheme == "https"
    assert "." in docs.netloc
    if known.default_api_base is None:
        return
    base = urlsplit(known.default_api_base)
    assert base.scheme == "https" or base.hostname in {"localhost", "127.0.0.1"}
    assert not known.default_api_base.endswith("/") or not known.wire_format
    assert not known.default_api_base.endswith("/chat/completions")


def test_an_openai_provider_without_a_default_address_demands_one():
    for known in ALL:
        if known.wire_format == "chat" and known.default_api_base is None:
            assert known.api_base_required, known.name


def test_openai_providers_of_litellms_own_list_have_its_address():
    listed = json.loads((litellm_folder() / "llms" / "openai_like" / "providers.json").read_bytes())
    moved = {"crusoe"}  # the newer litellm has the newer address
    for name, facts in listed.items():
        if name in providers() and name not in moved:
            assert providers()[name].default_api_base == facts["base_url"].rstrip("/"), name
            assert (facts["api_key_env"],) in providers()[name].env, name


def test_a_name_that_is_near_is_no_variable_of_another_provider():
    for known in ALL:
        read = {name for other in ALL for name in other.variables()}
        assert not set(known.near) & read, known.name


@pytest.mark.parametrize(
    ("word", "name"), [("google", "gemini"), ("cohere", "cohere_chat"), ("together", "together_ai"), ("groq", "groq")]
)
def test_other_words_for_a_provider_are_understood(word, name):
    assert provider(word).name == name


@pytest.mark.parametrize(("word", "nearest"), [("gorq", "groq"), ("antropic", "anthropic"), ("vertx", "vertex_ai")])
def test_an_unknown_provider_is_an_error_with_the_nearest_names(word, nearest):
    with pytest.raises(UnknownProviderError) as caught:
        provider(word)
    assert caught.value.nearest[0] == nearest
    assert nearest in str(caught.value)


def test_nonsense_has_no_nearest_name():
    with pytest.raises(UnknownProviderError) as caught:
        provider("xyzzy")
    assert caught.value.nearest == ()


def test_every_key_is_a_secret_variable_and_no_address_is():
    secret = secret_variables()
    for known in ALL:
        for group in known.env:
            for variable in group:
                if known.target(variable) == "api_key":
                    assert variable in secret, variable
        assert not secret & set(known.api_base_env)
    assert {
        "LITELLM_API_KEY",
        "LITELLM_PROXY_API_KEY",
        "LITELLM_MASTER_KEY",
        "AWS_SESSION_TOKEN",
        "AZURE_CLIENT_SECRET",
    } <= secret
    assert not {"AWS_PROFILE", "AWS_REGION", "VERTEXAI_PROJECT", "AZURE_TENANT_ID", "OLLAMA_HOST"} & secret
    assert all(is_credential(name) for name in secret)
