"""What an export holds, without a proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from ingate import Gateway
from ingate.proxy.export import COMPOSE_FILE, CONFIG_FILE, ENV_FILE, collect, export
from support.chat import scripted_gateway

if TYPE_CHECKING:
    from pathlib import Path

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
    for written in ("http://127.0.0.1:4100/v1", "http://127.0.0.1:4100/v1/"):
        config, _ = exported({"aliases": {"small": "local/smollm2"}}, local_url=written)
        assert by_name(config)["small"]["api_base"] == "http://127.0.0.1:4100/v1"
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


def test_the_configuration_has_litellms_settings() -> None:
    for drop_params, dropped in [("strict", False), (False, False), (True, True), ("warn", True), ("drop", True)]:
        config, _ = exported({"litellm": {"drop_params": drop_params}})
        assert config["litellm_settings"]["drop_params"] is dropped
    timeouts = [({}, 600), ({"timeout": 7.9}, 7), ({"timeout": 7, "litellm": {"timeout": 9}}, 9)]
    for sections, seconds in timeouts:
        assert exported(sections)[0]["litellm_settings"]["request_timeout"] == seconds


def test_both_default_models_are_in_it_and_an_alias_only_once() -> None:
    config, _ = exported(
        {"default_model": "groq/a", "litellm": {"default_model": "quick"}, "aliases": {"quick": "xai/b"}}
    )
    assert sorted(by_name(config)) == ["groq/a", "quick"]


def test_one_model_with_two_sets_of_parameters_is_two_deployments() -> None:
    config, _ = exported({}, favourites=("groq/m", "groq/m?temperature=0.2", "groq/m?timeout=5", "groq/m"))
    models = by_name(config)
    assert sorted(models) == ["groq/m", "groq/m-1", "groq/m-2"]
    assert models["groq/m-1"]["temperature"] == 0.2
    assert models["groq/m-2"]["timeout"] == 5
    assert "temperature" not in models["groq/m"]


def test_a_fallback_to_itself_is_none() -> None:
    config, _ = exported({"aliases": {"q": ["groq/m", "groq/m", "xai/n", "xai/n"]}})
    assert config["router_settings"]["fallbacks"] == [{"q": ["groq/m", "xai/n"]}]


def test_wildcards_are_of_ready_providers_that_bill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk-secret")
    monkeypatch.setenv("LM_STUDIO_API_BASE", "http://localhost:1234/v1")
    config, _ = exported({}, wildcards=True)
    wildcards = {name: params for name, params in by_name(config).items() if name.endswith("/*")}
    assert wildcards == {"groq/*": {"model": "groq/*", "api_key": "os.environ/GROQ_API_KEY"}}
    assert not [name for name in by_name(exported({})[0]) if name.endswith("/*")]


def test_credentials_of_several_parts_are_each_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "aws-secret-value")
    monkeypatch.setenv("AWS_REGION_NAME", "eu-central-1")
    config, files = exported({"aliases": {"q": "bedrock/m"}})
    params = by_name(config)["q"]
    assert params["model"] == "bedrock/m"
    assert params["aws_access_key_id"] == "os.environ/AWS_ACCESS_KEY_ID"
    assert params["aws_secret_access_key"] == "os.environ/AWS_SECRET_ACCESS_KEY"
    assert "aws-secret-value" not in "".join(files.files.values())
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= set(files.models.variables)


def test_an_address_in_the_environment_is_written_and_not_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_API_KEY", "azure-secret-value")
    monkeypatch.setenv("AZURE_API_BASE", "https://mine.openai.azure.com")
    config, files = exported({"aliases": {"q": "azure/mine"}})
    params = by_name(config)["q"]
    assert params["api_base"] == "https://mine.openai.azure.com"
    assert params["api_key"] == "os.environ/AZURE_API_KEY"
    assert "AZURE_API_BASE" not in files.models.variables


def test_a_credential_in_a_file_is_noted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = tmp_path / "service.json"
    key.write_text('{"type": "service_account"}')
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    monkeypatch.setenv("VERTEXAI_PROJECT", "p")
    monkeypatch.setenv("VERTEXAI_LOCATION", "europe-west4")
    _, files = exported({"aliases": {"q": "vertex_ai/gemini-2.5-flash"}})
    assert any("the proxy's machine needs it too" in note for note in files.models.notes)
    assert len(files.models.notes) == len(set(files.models.notes))


def test_no_file_names_the_value_of_a_variable() -> None:
    _, files = exported({"aliases": {"q": "groq/m"}})
    lines = files.files[ENV_FILE].splitlines()
    assert lines[0].startswith("# Copy this file to .env")
    for comment, line in zip(lines[1::2], lines[2::2], strict=True):
        assert comment.startswith("# ")
        assert line.endswith("=")


def test_a_credential_that_a_command_left_on_this_machine_is_noted(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    left = clean_environment / ".config" / "gcloud" / "application_default_credentials.json"
    left.parent.mkdir(parents=True)
    left.write_text('{"type": "authorized_user"}')
    monkeypatch.setenv("VERTEXAI_PROJECT", "p")
    monkeypatch.setenv("VERTEXAI_LOCATION", "europe-west4")
    _, files = exported({"aliases": {"q": "vertex_ai/gemini-2.5-flash"}})
    (note,) = [note for note in files.models.notes if note.startswith("vertex_ai uses ")]
    assert note.endswith("application_default_credentials.json here: the proxy's machine needs it too")


def test_the_services_are_complete() -> None:
    """Every line counts: docker compose takes what it does not know for an error, and a wrong variable for empty."""
    _, files = exported({})
    compose = yaml.safe_load(files.files[COMPOSE_FILE])
    services = compose["services"]
    assert compose == {"services": services, "volumes": {"postgres": {}}}
    waits = {"interval": "10s", "timeout": "5s", "retries": 10, "start_period": "5s"}
    assert services["redis"] == {
        "image": "redis:7",
        "command": ["sh", "-c", 'exec redis-server --requirepass "$$REDIS_PASSWORD"'],
        "environment": {"REDIS_PASSWORD": "${REDIS_PASSWORD:?fill in .env}"},
        "healthcheck": {"test": ["CMD-SHELL", 'redis-cli -a "$$REDIS_PASSWORD" ping'], **waits},
        "restart": "unless-stopped",
    }
    assert services["postgres"] == {
        "image": "postgres:16",
        "environment": {
            "POSTGRES_DB": "litellm",
            "POSTGRES_USER": "litellm",
            "POSTGRES_PASSWORD": "${POSTGRES_PASSWORD:?fill in .env}",
        },
        "volumes": ["postgres:/var/lib/postgresql/data"],
        "healthcheck": {"test": ["CMD-SHELL", "pg_isready -U litellm"], **waits},
        "restart": "unless-stopped",
    }
    health = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:4000/health/liveliness')"
    assert services["litellm"] == {
        "image": "docker.litellm.ai/berriai/litellm:main-stable",
        "command": ["--config", "/app/config.yaml", "--port", "4000"],
        "ports": ["4000:4000"],
        "volumes": ["./litellm-config.yaml:/app/config.yaml:ro"],
        "env_file": [".env"],
        "environment": {
            "DATABASE_URL": "postgresql://litellm:${POSTGRES_PASSWORD}@postgres:5432/litellm",
            "REDIS_HOST": "redis",
            "REDIS_PORT": "6379",
        },
        "depends_on": {"postgres": {"condition": "service_healthy"}, "redis": {"condition": "service_healthy"}},
        "healthcheck": {"test": ["CMD", "python3", "-c", health], **waits, "start_period": "60s"},
        "restart": "unless-stopped",
    }


def test_the_router_retries_and_cools_down_through_redis() -> None:
    config, _ = exported({})
    assert config["router_settings"] == {
        "routing_strategy": "simple-shuffle",
        "num_retries": 2,
        "allowed_fails": 3,
        "cooldown_time": 30,
        "fallbacks": [],
        "redis_host": "os.environ/REDIS_HOST",
        "redis_port": "os.environ/REDIS_PORT",
        "redis_password": "os.environ/REDIS_PASSWORD",
    }
    assert config["general_settings"] == {"master_key": "os.environ/LITELLM_MASTER_KEY"}


def test_an_address_is_written_as_litellm_takes_it() -> None:
    sections = {
        "aliases": {"q": "anthropic/m", "r": "groq/m"},
        "anthropic": {"api_key": "k", "base_url": "http://claude/v1"},
        "groq": {"api_key": "k", "base_url": "http://groq/v1"},
    }
    models = by_name(exported(sections)[0])
    assert models["q"]["api_base"] == "http://claude"  # litellm appends /v1/messages
    assert models["r"]["api_base"] == "http://groq/v1"


def test_the_files_are_plain_yaml() -> None:
    _, files = exported({"aliases": {"q": ["groq/m", "xai/n"], "r": ["groq/m", "xai/n"], "ü": "groq/o"}})
    for name in (CONFIG_FILE, COMPOSE_FILE):
        text = files.files[name]
        assert not [line for line in text.splitlines() if " &" in line or " *" in line]
        assert text.startswith("# ")
        assert max(map(len, text.splitlines())) <= 130
    assert "model_name: ü" in files.files[CONFIG_FILE]
    assert list(yaml.safe_load(files.files[CONFIG_FILE])) == [
        "model_list",
        "router_settings",
        "litellm_settings",
        "general_settings",
    ]


def test_a_function_of_tensorzeros_gateway_is_a_server_of_its_own() -> None:
    config, _ = exported({"aliases": {"t": "tensorzero/fn?seed=7"}})
    assert by_name(config)["t"] == {
        "model": "openai/tensorzero::function_name::fn",
        "api_base": "http://localhost:3000/openai/v1",
        "api_key": "none",
        "seed": 7,
    }


def test_the_scripted_engine_is_not_exported() -> None:
    gateway, _ = scripted_gateway({"aliases": {"s": "scripted/x", "q": ["scripted/x", "groq/m", "xai/n"]}})
    models = collect(gateway.config, gateway.router, gateway.catalog())
    assert [entry["model_name"] for entry in models.entries] == ["groq/m", "xai/n"]
    assert models.fallbacks == {"groq/m": ["xai/n"]}


def test_a_variable_that_names_a_file_is_noted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("jwt")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/x")
    monkeypatch.setenv("AWS_REGION_NAME", "eu-central-1")
    _, files = exported({"aliases": {"q": "bedrock/m"}})
    assert "AWS_WEB_IDENTITY_TOKEN_FILE names a file: the proxy's machine needs it too" in files.models.notes
