"""What an export holds, without a proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from ingate import Gateway
from ingate.proxy.export import COMPOSE_FILE, CONFIG_FILE, ENV_FILE, collect, export

if TYPE_CHECKING:
    import pytest


def exported(config: dict[str, Any], **options: Any) -> tuple[dict[str, Any], Any]:
    gateway = Gateway(config)
    models = collect(gateway.config, gateway.router, gateway.catalog(), **options)
    files = export(models, gateway.config)
    return yaml.safe_load(files.files[CONFIG_FILE]), files


def by_name(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {entry["model_name"]: entry["litellm_params"] for entry in config["model_list"]}


def test_aliases_and_their_fallbacks_become_deployments_and_router_fallbacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk-secret")
    config, files = exported({"aliases": {"quick": ["groq/m?temperature=0.1", "mistral/n"]}, "default_model": "quick"})
    models = by_name(config)
    assert models["quick"] == {"model": "groq/m", "api_key": "os.environ/GROQ_API_KEY", "temperature": 0.1}
    assert models["mistral/n"] == {"model": "mistral/n", "api_key": "os.environ/MISTRAL_API_KEY"}
    assert config["router_settings"]["fallbacks"] == [{"quick": ["mistral/n"]}]
    assert any("mistral has no credential here" in note for note in files.models.notes)
    assert config["general_settings"] == {"master_key": "os.environ/LITELLM_MASTER_KEY"}
    assert config["router_settings"]["redis_host"] == "os.environ/REDIS_HOST"
    assert "gsk-secret" not in "".join(files.files.values())


def test_a_ready_providers_curated_models_and_favourites_are_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    config, _ = exported({}, favourites=("openai/my-favourite", "litellm.openai/other", "no such thing"))
    models = by_name(config)
    assert {"openai/my-favourite", "openai/other"} <= set(models)
    assert all(params["model"].startswith("openai/") for params in models.values())
    assert len(models) > 2


def test_a_configured_key_becomes_a_variable_whose_value_stays_here() -> None:
    config, files = exported(
        {"aliases": {"q": "groq/m"}, "groq": {"api_key": "gsk-in-config", "base_url": "http://h/v1"}}
    )
    params = by_name(config)["q"]
    assert params["api_key"] == "os.environ/GROQ_API_KEY"
    assert params["api_base"].startswith("http://h")
    assert files.models.values({})["GROQ_API_KEY"].reveal() == "gsk-in-config"
    assert files.models.values({"GROQ_API_KEY": "set"}) == {}
    assert "GROQ_API_KEY=\n" in files.files[ENV_FILE]


def test_a_server_is_exported_in_the_format_it_speaks() -> None:
    servers = {
        "box": {"base_url": "http://box/v1", "api_key": "box-key"},
        "my-claude": {"base_url": "http://claude/v1", "wire_format": "messages"},
        "new": {"base_url": "http://new/v1", "wire_format": "responses"},
    }
    aliases = {"one": "box/m", "two": "my-claude/m?temperature=0.5", "three": "new/m"}
    config, files = exported({"servers": servers, "aliases": aliases})
    models = by_name(config)
    assert models["one"] == {"model": "openai/m", "api_base": "http://box/v1", "api_key": "os.environ/BOX_API_KEY"}
    assert models["two"] == {
        "model": "anthropic/m",
        "api_base": "http://claude",  # litellm appends /v1/messages
        "api_key": "none",
        "temperature": 0.5,
    }
    assert models["three"] == {"model": "openai/responses/m", "api_base": "http://new/v1", "api_key": "none"}
    assert files.models.values({})["BOX_API_KEY"].reveal() == "box-key"


def test_local_models_need_an_address() -> None:
    config, files = exported({"aliases": {"small": "local/smollm2", "q": "groq/m"}})
    assert "small" not in by_name(config)
    assert any("--local-url" in note for note in files.models.notes)
    config, _ = exported({"aliases": {"small": "local/smollm2"}}, local_url="http://127.0.0.1:4100/")
    here = by_name(config)["small"]
    assert here == {"model": "openai/local/smollm2", "api_base": "http://127.0.0.1:4100/v1", "api_key": "none"}
    config, _ = exported({"aliases": {"small": "local/smollm2"}}, local_url="https://box.example")
    assert by_name(config)["small"]["api_key"] == "os.environ/INGATE_SERVE_KEY"


def test_deployments_of_the_proxy_itself_are_not_put_into_it() -> None:
    config, _ = exported({"aliases": {"there": "litellm/already", "q": ["groq/m", "litellm/already"]}})
    assert set(by_name(config)) == {"q"}
    assert config["router_settings"]["fallbacks"] == [{"q": ["already"]}]


def test_an_alias_that_cannot_be_read_is_noted_and_the_rest_goes_on() -> None:
    config, files = exported({"aliases": {"bad": "nonsuch/m", "q": "groq/m"}})
    assert set(by_name(config)) == {"q"}
    assert any(note.startswith("bad is left out") for note in files.models.notes)


def test_the_compose_file_has_the_proxy_redis_and_postgres() -> None:
    _, files = exported({"aliases": {"q": "groq/m"}})
    compose = yaml.safe_load(files.files[COMPOSE_FILE])
    assert set(compose["services"]) == {"litellm", "redis", "postgres"}
    assert compose["services"]["litellm"]["depends_on"]["redis"] == {"condition": "service_healthy"}
    names = [line.partition("=")[0] for line in files.files[ENV_FILE].splitlines() if not line.startswith("#")]
    assert {"LITELLM_MASTER_KEY", "LITELLM_SALT_KEY", "REDIS_PASSWORD", "POSTGRES_PASSWORD", "GROQ_API_KEY"} == set(
        names
    )
