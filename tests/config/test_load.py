"""What `load` accepts, and details of what it returns."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingate.config import Config, Where, load
from ingate.config.files import readable_by_others
from ingate.errors import ConfigError
from ingate.secret import Secret
from support.config import load_here, load_text, write


def test_a_configuration_is_returned_as_it_is() -> None:
    config = load({"timeout": 3}, environ={})
    assert load(config, environ={"A": "b"}) is config


@pytest.mark.parametrize("source", [5, b"ingate.yaml", ["ingate.yaml"], object()])
def test_another_source_is_an_error(source: object) -> None:
    with pytest.raises(ConfigError, match=f"but this is {type(source).__name__}") as caught:
        load(source, environ={})  # ty: ignore[invalid-argument-type]
    assert "ingate.yaml" in caught.value.fix


def test_an_empty_path_is_an_error() -> None:
    with pytest.raises(ConfigError, match="path of the configuration is empty") as caught:
        load("", environ={})
    assert "None" in caught.value.fix


def test_a_path_may_be_any_path_object(tmp_path: Path) -> None:
    path = write(tmp_path / "own.yaml", "timeout: 4")
    assert load(path, environ={}).settings.timeout_s == 4
    assert load(str(path), environ={}).settings.timeout_s == 4


def test_the_repr_names_the_files_that_were_read(tmp_path: Path) -> None:
    assert repr(load_here(tmp_path)) == "Config(nothing configured)"
    assert repr(load_text(tmp_path, "timeout: 1")) == "Config(ingate.yaml)"
    assert repr(load({}, environ={})) == "Config(config mapping)"


def test_what_the_layers_say_of_themselves(tmp_path: Path) -> None:
    write(tmp_path / "ingate.secrets.yaml", "groq: {api_key: k}")
    config = load_text(tmp_path, "timeout: 1")
    told = [(layer.kind, layer.secrets, layer.found, layer.shown) for layer in config.layers]
    assert told == [
        ("explicit", True, True, "ingate.secrets.yaml"),
        ("explicit", False, True, "ingate.yaml"),
    ]
    assert config.layers[1].where == Where(str(tmp_path / "ingate.yaml"), None, "ingate.yaml")
    (mapping,) = load({}, environ={}).layers
    assert (mapping.file, mapping.kind, mapping.found, str(mapping.where)) == ("", "mapping", True, "config mapping")


@pytest.mark.parametrize("secrets", ["fast-agent.secrets.yaml", "fastagent.secrets.yaml"])
def test_a_named_file_of_fast_agents_has_its_secrets_file_beside_it(
    clean_environment: Path, tmp_path: Path, secrets: str
) -> None:
    folder = tmp_path / "elsewhere"
    named = write(folder / "agents.yaml", "groq: {base_url: http://named/v1}\nxai: {api_key: plain}")
    write(folder / secrets, "xai: {api_key: secret}")
    write(clean_environment / "fast-agent.yaml", "groq: {base_url: http://found/v1}")
    config = load(environ={"HOME": str(clean_environment)}, cwd=clean_environment, fast_agent=named)
    assert config.provider("groq").base_url == "http://named/v1"
    key = config.provider("xai").api_key
    assert key is not None
    assert key.resolve({}).reveal() == "secret"
    layers = [(Path(layer.file).name, layer.secrets) for layer in config.layers if layer.kind == "fast-agent"]
    assert layers == [(secrets, True), ("agents.yaml", False)]


def test_of_two_secrets_files_beside_fast_agents_own_the_newer_name_is_read(
    clean_environment: Path, tmp_path: Path
) -> None:
    named = write(tmp_path / "agents.yaml", "groq: {base_url: http://named/v1}")
    for name in ("fast-agent.secrets.yaml", "fastagent.secrets.yaml"):
        write(tmp_path / name, f"groq: {{api_key: {name}}}")
    config = load(environ={"HOME": str(clean_environment)}, cwd=clean_environment, fast_agent=named)
    layers = [Path(layer.file).name for layer in config.layers if layer.kind == "fast-agent"]
    assert layers == ["fast-agent.secrets.yaml", "agents.yaml"]


def test_a_named_file_of_fast_agents_needs_no_secrets_file(clean_environment: Path, tmp_path: Path) -> None:
    named = write(tmp_path / "agents.yaml", "groq: {base_url: http://named/v1}")
    config = load(environ={"HOME": str(clean_environment)}, cwd=clean_environment, fast_agent=named)
    assert config.provider("groq").base_url == "http://named/v1"
    assert [layer.secrets for layer in config.layers if layer.kind == "fast-agent"] == [False]


def test_an_empty_item_is_named_as_empty(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="disabled_providers must be text, but is empty"):
        load_text(tmp_path, "disabled_providers: [null]")


def test_a_secret_given_in_code_is_plain_in_arguments_of_litellm() -> None:
    source = {"litellm": {"extra_kwargs": {"token": Secret("planted"), "deep": [{"more": Secret("other")}]}}}
    config = load(source, environ={})
    assert config.settings.litellm.extra_kwargs == {"token": "planted", "deep": [{"more": "other"}]}
    assert "planted" not in repr(config.settings)


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
@pytest.mark.parametrize(("mode", "readable"), [(0o600, False), (0o640, True), (0o604, True), (0o700, False)])
def test_who_can_read_a_file(tmp_path: Path, mode: int, readable: bool) -> None:
    path = write(tmp_path / "a.yaml", "", mode=mode)
    assert readable_by_others(str(path)) is readable


def test_a_file_that_is_gone_is_readable_by_nobody(tmp_path: Path) -> None:
    assert readable_by_others(str(tmp_path / "gone")) is False


def test_disabled_providers_are_listed_once_by_their_own_names(tmp_path: Path) -> None:
    config = load_text(
        tmp_path,
        "disabled_providers: [google, gemini, box, local, groq]\nservers: {box: {base_url: http://b}}",
    )
    assert config.settings.disabled_providers == ["gemini", "box", "local", "groq"]


def test_an_unknown_disabled_provider_without_a_near_one_points_to_the_list(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, "disabled_providers: [qqqqqqqqqqqq]")
    assert "did you mean" not in str(caught.value)
    assert caught.value.fix == "`ingate models --all` shows every provider"


def test_aliases_may_name_each_other_without_a_circle(tmp_path: Path) -> None:
    text = "aliases: {a: [b, c], b: 'c, groq/m', c: xai/n}"
    assert set(load_text(tmp_path, text).settings.aliases) == {"a", "b", "c"}


def test_an_alias_that_leads_to_a_circle_is_not_itself_at_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, "aliases:\n  a: b\n  b: c\n  c: [groq/m, b]")
    assert str(caught.value).splitlines() == [
        "ingate.yaml:3: aliases.b leads back to itself",
        "  also ingate.yaml:4: aliases.c leads back to itself",
    ]


def test_the_fix_of_each_mistake(tmp_path: Path) -> None:
    fixes = {
        "groq: {zzzzzzz: 1}": "keys here are api_key, base_url, headers, default_model, wire_format, timeout, connect_timeout, first_token_timeout, between_tokens_timeout, total_timeout",
        "local: {qqqqqqq: 1}": "keys here are models, context_tokens, threads",
        "groq: {api_key: [a]}": "write one value",
        "groq: {api_key: 1}": "put the value in quotes",
        "timeout: x": "write the bare number, without quotes or a unit",
        "timeout: 0": "write timeout: 30",
        "servers: {a: {}}": "add base_url: http://…/v1 below it",
        "mcp: {a: {}}": "give it one of the two",
        "mcp: {a: {command: x, args: y}}": "write args: [one, two]",
        "litellm: {drop_params: q}": "write drop_params: warn",
        "groq: x": "write its keys below it, indented",
        "groq: {base_url: x}": "write it with its scheme, like http://localhost:4000",
    }
    found = {}
    for text in fixes:
        with pytest.raises(ConfigError) as caught:
            load_text(tmp_path, text)
        found[text] = caught.value.fix
    assert found == fixes


def test_configurations_do_not_share_their_defaults() -> None:
    first, second = load({}, environ={}), load({}, environ={})
    assert isinstance(first, Config)
    first.settings.litellm.extra_kwargs["a"] = 1
    first.settings.aliases["b"] = "c"
    assert second.settings.litellm.extra_kwargs == {}
    assert second.settings.aliases == {}
