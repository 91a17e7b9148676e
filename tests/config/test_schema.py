"""One declaration per setting: what the classes declare is what files may hold and what `load` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingate.config import fields, load, provider_names
from ingate.config.schema import (
    Free,
    Leaf,
    LitellmSettings,
    LocalSettings,
    McpServerSettings,
    Named,
    ProviderSettings,
    Section,
    ServerSettings,
    Settings,
    TensorZeroSettings,
    provider_section,
    root,
    section_of,
)
from ingate.errors import ConfigError
from support.config import load_text

if TYPE_CHECKING:
    from pathlib import Path

STRUCTS = [
    ProviderSettings,
    LitellmSettings,
    ServerSettings,
    LocalSettings,
    TensorZeroSettings,
    McpServerSettings,
    Settings,
]


@pytest.mark.parametrize("struct", STRUCTS)
def test_every_field_is_a_setting(struct: type) -> None:
    section = section_of(struct)
    attributes = {section.attributes.get(key, key) for key in section.keys}
    filled_by_names = {ProviderSettings: {"params"}, Settings: {"providers"}}.get(struct, set())
    assert attributes == set(struct.__struct_fields__) - filled_by_names
    assert set(section.synonyms.values()) <= set(section.keys)
    assert not set(section.synonyms) & set(section.keys)


@pytest.mark.parametrize("struct", STRUCTS)
def test_values_by_key_become_an_instance(struct: type) -> None:
    section = section_of(struct)
    values = {key: object() for key, shape in section.keys.items() if not isinstance(shape, Section)}
    built = section.build(values)
    assert {key: getattr(built, section.attributes.get(key, key)) for key in values} == values


def test_a_value_sample_reaches_its_field(tmp_path: Path) -> None:
    """Each section's keys, read from a file."""
    text = """\
        timeout: 7
        groq: {timeout: 1, wire_format: responses, default_model: m}
        litellm: {timeout: 2, drop_params: strict}
        servers: {box: {base_url: http://b/v1, timeout: 3, wire_format: messages}}
        local: {context_tokens: 4, threads: 5}
        tensorzero: {config_file: t.toml}
        mcp: {a: {command: [x, y]}}
        """
    settings = load_text(tmp_path, text).settings
    groq, box = settings.providers["groq"], settings.servers["box"]
    assert (settings.timeout_s, groq.timeout_s, settings.litellm.timeout_s, box.timeout_s) == (7, 1, 2, 3)
    assert (groq.wire_format, box.wire_format, groq.default_model) == ("responses", "messages", "m")
    assert settings.litellm.drop_params == "strict"
    assert (settings.local.context_tokens, settings.local.threads) == (4, 5)
    assert settings.tensorzero.config_file == str(tmp_path / "t.toml")
    assert settings.mcp["a"].command == ["x", "y"]


def test_shapes_of_the_whole_configuration() -> None:
    whole = root()
    assert whole.keys["groq"] is provider_section()
    assert isinstance(whole.keys["servers"], Named)
    assert isinstance(whole.keys["litellm"].keys["extra_kwargs"], Free)
    assert isinstance(provider_section().keys["aws_region_name"], Leaf)
    assert whole.synonyms["google"] == "gemini"


@pytest.mark.parametrize("path", [("groq", "timeout"), ("groq", "timeout_s"), ("timeout",), ("timeout_s",)])
def test_a_place_is_found_by_key_or_field(path: tuple[str, ...]) -> None:
    config = load({"groq": {"timeout": 1}, "timeout": 2}, environ={})
    assert str(config.where(*path)) == "config mapping"


def test_places_of_named_and_free_sections_are_found_by_their_own_names() -> None:
    source = {
        "servers": {"timeout_s": {"api_base": "http://b"}},
        "litellm": {"extra_kwargs": {"timeout_s": {"base_url": 1}}},
    }
    config = load(source, environ={})
    assert config.where("servers", "timeout_s", "base_url") is not None
    assert config.where("servers", "timeout_s", "api_base") is not None
    assert config.where("litellm", "extra_kwargs", "timeout_s", "base_url") is not None
    assert config.where("litellm", "extra_kwargs", "timeout", "base_url") is None


@pytest.mark.parametrize(
    ("written", "format_name"),
    [
        ("chat", "chat"),
        ("responses", "responses"),
        ("messages", "messages"),
        ("openai", "chat"),
        ("anthropic", "messages"),
        ("${FORMAT}", "messages"),
        ("env:FORMAT", "messages"),
        ("${OTHER:-responses}", "responses"),
    ],
)
def test_a_wire_format_is_accepted_for_providers_and_servers(tmp_path: Path, written: str, format_name: str) -> None:
    text = f"groq: {{wire_format: '{written}'}}\nservers: {{box: {{base_url: http://b, wire_format: '{written}'}}}}"
    config = load_text(tmp_path, text, FORMAT="anthropic")
    assert config.provider("groq").wire_format == format_name
    assert config.settings.servers["box"].wire_format == format_name


def test_without_a_wire_format_a_provider_has_none_and_a_server_speaks_chat(tmp_path: Path) -> None:
    config = load_text(tmp_path, "groq: {timeout: 1}\nservers: {box: {base_url: http://b, wire_format: }}")
    assert config.provider("groq").wire_format is None
    assert config.provider("openai").wire_format is None
    assert config.settings.servers["box"].wire_format == "chat"


@pytest.mark.parametrize("written", ["grpc", "gemini", "Chat", "1", "true", "[chat]", "{chat: 1}"])
def test_another_wire_format_is_an_error(tmp_path: Path, written: str) -> None:
    with pytest.raises(ConfigError, match=r"groq\.wire_format must be one of chat, responses, messages") as caught:
        load_text(tmp_path, f"timeout: 1\ngroq: {{wire_format: {written}}}")
    assert (caught.value.line, caught.value.fix) == (2, "write wire_format: chat")


def test_a_wire_format_from_an_unset_variable_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs FORMAT"):
        load_text(tmp_path, "groq: {wire_format: '${FORMAT}'}")


def test_a_sections_keys_are_in_the_order_of_its_fields_with_the_time_limits_last() -> None:
    section = section_of.__wrapped__(ProviderSettings)
    assert list(section.keys) == [
        "api_key", "base_url", "headers", "default_model", "wire_format",
        "timeout", "connect_timeout", "first_token_timeout", "between_tokens_timeout", "total_timeout",
    ]  # fmt: skip
    assert section.synonyms == {"api_base": "base_url", "default_headers": "headers"}
    assert section.attributes == {
        f"{name}timeout": f"{name}timeout_s" for name in ("", "connect_", "first_token_", "between_tokens_", "total_")
    }
    assert section.struct is ProviderSettings
    whole = section_of.__wrapped__(Settings)
    assert {name for name, shape in whole.keys.items() if isinstance(shape, Section)} == {
        "litellm",
        "local",
        "tensorzero",
    }
    assert whole.keys["litellm"] == section_of(LitellmSettings)


def test_a_section_is_built_with_the_sections_inside_it() -> None:
    found = section_of(Settings).build({"timeout": 3.0, "litellm": {"api_base": "http://p", "total_timeout": 4.0}})
    assert found == Settings(timeout_s=3.0, litellm=LitellmSettings(api_base="http://p", total_timeout_s=4.0))
    assert found.litellm.time_limits() == {
        "timeout": None,
        "connect_timeout": None,
        "first_token_timeout": None,
        "between_tokens_timeout": None,
        "total_timeout": 4.0,
    }


def test_a_provider_has_every_credential_parameter_and_a_section_every_provider() -> None:
    names = provider_names()
    section, whole = provider_section.__wrapped__(), root.__wrapped__()
    assert set(section.keys) == {*section_of(ProviderSettings).keys, *names.params}
    assert set(whole.keys) == {*section_of(Settings).keys, *names.names}
    assert whole.synonyms == names.aliases
    assert {section.keys[name].read for name in names.params} == {fields.loose_secret}
    assert {whole.keys[name].struct for name in names.names} == {ProviderSettings}


def test_places_of_named_sections_are_known() -> None:
    config = load({"servers": {}, "groq": {"headers": {}}, "litellm": {"extra_kwargs": {}}}, environ={})
    for path in (("servers",), ("groq",), ("groq", "headers"), ("litellm", "extra_kwargs")):
        assert str(config.where(*path)) == "config mapping"
    assert config.where("mcp") is None
