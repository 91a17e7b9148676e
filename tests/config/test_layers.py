"""Layers merged: who wins, where each value stands, and what is worth a warning."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingate import paths
from ingate.config import ProviderSettings, load
from ingate.secret import Secret
from support.config import load_here, load_text, write


def test_the_secrets_file_is_merged_over_the_other(tmp_path: Path) -> None:
    write(tmp_path / "ingate.secrets.yaml", "groq:\n  api_key: real-key")
    config = load_text(tmp_path, "groq:\n  api_key: other-key\n  timeout: 3")
    groq = config.provider("groq")
    assert groq.api_key is not None
    assert groq.api_key.resolve({}).reveal() == "real-key"
    assert groq.timeout_s == 3
    assert str(config.where("groq", "api_key")) == "ingate.secrets.yaml:2"
    assert str(config.where("groq", "timeout")) == "ingate.yaml:3"
    assert str(config.where("groq")) == "ingate.secrets.yaml:1"


def test_conflicts_name_the_places_and_no_values(tmp_path: Path) -> None:
    write(tmp_path / "ingate.secrets.yaml", "groq: {api_key: planted-one}\ntimeout: 5")
    config = load_text(tmp_path, "timeout: 5\n\ngroq: {api_key: planted-two}")
    (conflict,) = config.conflicts
    assert conflict.path == ("groq", "api_key")
    assert str(conflict) == "groq.api_key: ingate.secrets.yaml:1 wins over ingate.yaml:3"
    assert "planted" not in repr(config.conflicts)


def test_every_layer_that_loses_is_named_strongest_first(clean_environment: Path) -> None:
    folder = clean_environment / "p"
    write(folder / "ingate.yaml", "timeout: 1")
    write(paths.config_dir() / "ingate.yaml", "timeout: 2")
    write(paths.config_dir() / "ingate.secrets.yaml", "timeout: 3")
    (conflict,) = load_here(folder).conflicts
    assert str(conflict.winner) == "ingate.yaml:1"
    assert [Path(str(place.file)).name for place in conflict.losers] == ["ingate.secrets.yaml", "ingate.yaml"]


def test_an_empty_value_does_not_hide_a_weaker_one(tmp_path: Path) -> None:
    write(tmp_path / "ingate.secrets.yaml", "groq:\n  api_key:\nopenai:\n")
    config = load_text(tmp_path, "groq: {api_key: k}\nopenai: {timeout: 2}")
    assert config.provider("groq").api_key is not None
    assert config.provider("openai").timeout_s == 2
    assert config.conflicts == ()


def test_lists_are_replaced_and_mappings_merged(tmp_path: Path) -> None:
    write(
        tmp_path / "ingate.secrets.yaml", "disabled_providers: [groq]\nlitellm: {extra_kwargs: {metadata: {user: a}}}"
    )
    config = load_text(
        tmp_path, "disabled_providers: [xai]\nlitellm: {extra_kwargs: {metadata: {tags: [x], user: b}, seed: 1}}"
    )
    assert config.settings.disabled_providers == ["groq"]
    assert config.settings.litellm.extra_kwargs == {"metadata": {"tags": ["x"], "user": "a"}, "seed": 1}


@pytest.mark.parametrize(
    ("strong", "weak", "expected"),
    [
        ("{metadata: text}", "{metadata: {tags: [x]}}", {"metadata": "text"}),
        ("{metadata: {a: 1}}", "{metadata: text}", {"metadata": {"a": 1}}),
        ("{metadata: {}}", "{metadata: {a: 1}}", {"metadata": {}}),
    ],
)
def test_a_value_and_a_section_of_one_name_do_not_mix(tmp_path: Path, strong: str, weak: str, expected: dict) -> None:
    write(tmp_path / "ingate.secrets.yaml", f"litellm: {{extra_kwargs: {strong}}}")
    config = load_text(tmp_path, f"litellm: {{extra_kwargs: {weak}}}")
    assert config.settings.litellm.extra_kwargs == expected
    assert len(config.conflicts) == 1


def test_header_names_that_differ_in_case_are_one_header(tmp_path: Path) -> None:
    write(tmp_path / "ingate.secrets.yaml", "groq: {headers: {x-team: strong}}")
    config = load_text(tmp_path, "groq: {headers: {X-Team: weak, X-Other: o}}")
    headers = {name: ref.resolve({}).reveal() for name, ref in config.provider("groq").headers.items()}
    assert headers == {"x-team": "strong", "X-Other": "o"}


def test_synonyms_and_aliases_meet_in_one_place(tmp_path: Path) -> None:
    config = load_text(
        tmp_path,
        """\
        google:
          api_base: https://one.example/v1
        cohere:
          default_headers: {X-A: b}
        litellm:
          base_url: http://localhost:4000
          headers: {X-C: d}
        """,
    )
    assert config.provider("gemini").base_url == config.provider("google").base_url == "https://one.example/v1"
    assert set(config.settings.providers) == {"gemini", "cohere_chat"}
    assert str(config.where("google", "api_base")) == str(config.where("gemini", "base_url")) == "ingate.yaml:2"
    assert config.settings.litellm.api_base == "http://localhost:4000"
    assert str(config.where("litellm", "default_headers", "X-C")) == "ingate.yaml:7"
    assert config.where("groq", "api_key") is None
    assert config.where("nonsense", "deeper", "still") is None


def test_a_provider_without_a_section_has_empty_settings() -> None:
    config = load({}, environ={})
    assert config.provider("groq") == ProviderSettings()
    assert config.provider("no-such-provider") == ProviderSettings()


def test_everything_arrives_where_it_belongs(tmp_path: Path) -> None:
    config = load_text(
        tmp_path,
        """\
        default_model: fast
        timeout: 90
        aliases: {fast: groq/llama-3.3, careful: [anthropic/a, openai/b]}
        disabled_providers: [google, mybox, local]
        bedrock: {aws_region_name: eu-central-1, timeout: 2.5, default_model: nova}
        azure: {api_version: 2024-10-21, tenant_id: 0012}
        servers: {mybox: {api_base: http://b/v1, api_key: k, headers: {X-A: b}, timeout: 1, wire_format: openai}}
        local: {models: {mine: models/a.gguf, abs: /m/b.gguf, own: ~/c.gguf}, context_tokens: 4096, threads: 2}
        litellm: {drop_params: warn, timeout: 3, default_model: litellm/x}
        mcp:
          files: {command: npx, args: [-y, 8080], env: {PORT: 8080, DEBUG: true}}
          listed: {command: [uvx, server]}
          web: {url: http://c/mcp, headers: {Authorization: "Bearer ${T:-none}"}}
        """,
    )
    settings = config.settings
    assert settings.aliases == {"fast": "groq/llama-3.3", "careful": ["anthropic/a", "openai/b"]}
    assert settings.disabled_providers == ["gemini", "mybox", "local"]
    bedrock, azure = config.provider("bedrock"), config.provider("azure")
    assert (bedrock.timeout_s, bedrock.default_model) == (2.5, "nova")
    revealed = {name: ref.resolve({}).reveal() for name, ref in (bedrock.params | azure.params).items()}
    assert revealed == {"aws_region_name": "eu-central-1", "api_version": "2024-10-21", "tenant_id": "0012"}
    assert settings.servers["mybox"].base_url == "http://b/v1"
    assert settings.servers["mybox"].wire_format == "chat"
    home = os.environ["HOME"]
    assert settings.local.models == {"mine": f"{tmp_path}/models/a.gguf", "abs": "/m/b.gguf", "own": f"{home}/c.gguf"}
    assert (settings.local.context_tokens, settings.local.threads) == (4096, 2)
    assert (settings.litellm.drop_params, settings.litellm.timeout_s) == ("warn", 3)
    files = settings.mcp["files"]
    assert (files.command, files.args) == ("npx", ["-y", "8080"])
    assert {name: ref.resolve({}).reveal() for name, ref in files.env.items()} == {"PORT": "8080", "DEBUG": "true"}
    assert settings.mcp["listed"].command == ["uvx", "server"]
    assert settings.mcp["web"].headers["Authorization"].resolve({"T": "tok"}).reveal() == "Bearer tok"


def test_mcp_servers_may_stand_one_level_deeper() -> None:
    config = load({"mcp": {"servers": {"a": {"command": "x"}}, "b": {"url": "http://b"}}}, environ={})
    assert set(config.settings.mcp) == {"a", "b"}
    named = load({"mcp": {"servers": {"command": "x"}}}, environ={})
    assert set(named.settings.mcp) == {"servers"}


def test_parts_of_a_server_may_come_from_different_layers(tmp_path: Path) -> None:
    write(tmp_path / "ingate.secrets.yaml", "servers: {box: {api_key: k}}\nmcp: {m: {env: {T: x}}}")
    config = load_text(tmp_path, "servers: {box: {base_url: http://b/v1}}\nmcp: {m: {command: run}}")
    assert config.settings.servers["box"].api_key is not None
    assert config.settings.mcp["m"].env["T"].resolve({}).reveal() == "x"


def test_a_mapping_is_taken_alone(clean_environment: Path) -> None:
    write(clean_environment / "ingate.yaml", "timeout: 1")
    source = {
        "groq": {"base_url": "https://g/v1", "api_key": "plain"},
        "xai": {"api_key": Secret("wrapped")},
        "local": {"models": {"m": Path("/m.gguf")}},
        "aliases": {"a": ("groq/x", "groq/y")},
        "timeout": 3,
    }
    config = load(source, environ={"INGATE_CONFIG": "/nowhere"})
    assert config.settings.timeout_s == 3
    assert [layer.kind for layer in config.layers] == ["mapping"]
    key, wrapped = config.provider("groq").api_key, config.provider("xai").api_key
    assert key is not None
    assert wrapped is not None
    assert (key.resolve({}).reveal(), wrapped.resolve({}).reveal()) == ("plain", "wrapped")
    assert str(config.where("groq", "api_key")) == "config mapping"
    assert config.where("groq", "api_key").file is None
    assert key.describe() == "config mapping groq.api_key"
    assert config.settings.local.models == {"m": "/m.gguf"}


def test_the_source_mapping_is_not_shared(clean_environment: Path) -> None:
    source = {"litellm": {"extra_kwargs": {"metadata": {"tags": ["a"]}}}}
    config = load(source, environ={})
    config.settings.litellm.extra_kwargs["metadata"]["tags"].append("b")
    assert source == {"litellm": {"extra_kwargs": {"metadata": {"tags": ["a"]}}}}


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
class TestReadableKeys:
    def test_a_literal_key_that_others_can_read_is_a_warning(self, tmp_path: Path) -> None:
        path = write(
            tmp_path / "ingate.yaml", "groq:\n  api_key: planted-key-value\nxai: {api_key: another}", mode=0o644
        )
        config = load(path, environ={}, cwd=tmp_path)
        (warning,) = config.warnings
        assert "ingate.yaml:2 groq.api_key is in plain text" in warning
        assert "chmod 600 ingate.yaml" in warning
        assert "planted" not in warning

    @pytest.mark.parametrize(
        ("text", "mode"),
        [
            ("groq: {api_key: planted}", 0o600),
            ("groq: {api_key: env:GROQ}", 0o644),
            ("groq: {api_key: '<your-key>'}", 0o644),
            ("bedrock: {aws_region_name: eu, oci_key_file: /k, tenant_id: t}", 0o644),
            ("groq: {headers: {X-Team: blue}}", 0o644),
        ],
    )
    def test_what_is_no_readable_key_is_none(self, tmp_path: Path, text: str, mode: int) -> None:
        path = write(tmp_path / "ingate.yaml", text, mode=mode)
        assert load(path, environ={}, cwd=tmp_path).warnings == ()
