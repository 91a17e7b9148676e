"""Mistakes: each names file and line, the nearest right key, and no value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingate.config import load
from ingate.config.tree import MAX_DEPTH, kind_of, show_key
from ingate.config.validate import nearest
from ingate.errors import ConfigError
from ingate.secret import Secret
from support.config import load_text, write

if TYPE_CHECKING:
    from pathlib import Path

PLANTED = "planted-sekrit-4711"


def fail(folder: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_text(folder, text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "near"),
    [
        ("\ngrok: {api_key: x}", 2, "groq"),
        ("antropic: {}", 1, "anthropic"),
        ("OpenAI: {}", 1, "openai"),
        ("defaultModel: x", 1, "default_model"),
        ("alias: {}", 1, "aliases"),
        ("lite_llm: {}", 1, "litellm"),
        ("nano_gpt: {}", 1, "nano-gpt"),
        ("groq:\n  timeout: 1\n  apikey: x", 3, "api_key"),
        ("groq:\n  baseurl: x", 2, "base_url"),
        ("bedrock:\n  aws_region: x", 2, "aws_region_name"),
        ("litellm:\n  drop_param: x", 2, "drop_params"),
        ("litellm:\n  extra_kwarg: {}", 2, "extra_kwargs"),
        ("servers:\n  box:\n    base_url: http://b\n    header: {}", 4, "headers"),
        ("local:\n  model: {}", 2, "models"),
        ("mcp:\n  a:\n    command: x\n    arg: []", 4, "args"),
        ("disabled_providers: [grok]", 1, "groq"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest_right_one(tmp_path: Path, text: str, line: int, near: str) -> None:
    error = fail(tmp_path, text)
    assert (error.file, error.line) == ("ingate.yaml", line)
    assert f"did you mean '{near}'?" in str(error)
    assert str(error).startswith(f"ingate.yaml:{line}: ")
    assert error.exit_code == 2


def test_a_key_that_is_like_none_lists_what_there_is(tmp_path: Path) -> None:
    assert "api_key" in fail(tmp_path, "groq: {zzzzzz: 1}").fix
    assert "docs/config.md" in fail(tmp_path, "zzzzzzzzzzzz: 1").fix
    assert "base_url" in fail(tmp_path, "servers: {a: {base_url: http://b, qqqqq: 1}}").fix


@pytest.mark.parametrize("key", ["api_key", "base_url", "api_base", "headers"])
def test_a_providers_key_at_the_top_is_told_where_it_belongs(tmp_path: Path, key: str) -> None:
    error = fail(tmp_path, f"{key}: {PLANTED}")
    assert "under the provider" in error.fix
    assert PLANTED not in str(error)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("groq:\n  api_key: 123", 2, "groq.api_key must be text, but is a number"),
        ("groq:\n  api_key: true", 2, "groq.api_key must be text, but is true or false"),
        ("groq:\n  api_key: [a]", 2, "groq.api_key must be text, but is a list"),
        ("groq:\n  api_key: {a: b}", 2, "groq.api_key must be text, but is a section"),
        ("groq: sk-abc", 1, "groq must be a section, but is text"),
        ("groq: [a]", 1, "groq must be a section, but is a list"),
        ("groq:\n  headers: [a]", 2, "groq.headers must be a section, but is a list"),
        ("groq:\n  headers: {X-A: 1}", 2, "groq.headers.X-A must be text, but is a number"),
        ("groq:\n  headers: {'X A': b}", 2, "groq.headers: 'X A' is not a header name"),
        ("groq:\n  base_url: 12", 2, "groq.base_url must be text, but is a number"),
        ("groq:\n  base_url: localhost:11", 2, "groq.base_url is not a URL"),
        ("groq:\n  base_url: 'ftp://x'", 2, "groq.base_url is not a URL"),
        ("groq:\n  base_url: 'http://'", 2, "groq.base_url is not a URL"),
        ("groq:\n  timeout: soon", 2, "groq.timeout must be a number of seconds, but is text"),
        ("groq:\n  timeout: '30'", 2, "groq.timeout must be a number of seconds, but is text"),
        ("groq:\n  timeout: true", 2, "groq.timeout must be a number of seconds, but is true or false"),
        ("timeout: 0", 1, "timeout must be a number of seconds above 0"),
        ("timeout: -1", 1, "timeout must be a number of seconds above 0"),
        ("timeout: 1e999", 1, "timeout must be a number of seconds above 0"),
        ("default_model: [a]", 1, "default_model must be text, but is a list"),
        ("default_model: groq/", 1, "default_model is not a model spec"),
        ("aliases: [a]", 1, "aliases must be a section, but is a list"),
        ("aliases:\n  a: 1", 2, "aliases.a must be text, but is a number"),
        ("aliases:\n  a: 'b/c,'", 2, "aliases.a is not a model spec"),
        ("aliases:\n  a/b: x/y", 2, "aliases: 'a/b' may not contain"),
        ("aliases:\n  a: b\n  b: [x/y, a]", 2, "aliases.a leads back to itself"),
        ("aliases:\n  a: 'x/y,a?t=1'", 2, "aliases.a leads back to itself"),
        ("disabled_providers: groq", 1, "disabled_providers must be a list, but is text"),
        ("disabled_providers: [{a: b}]", 1, "disabled_providers must be text, but is a section"),
        ("litellm: true", 1, "litellm must be a section, but is true or false"),
        ("litellm:\n  drop_params: maybe", 2, "litellm.drop_params must be true, false, strict, warn or drop"),
        ("litellm:\n  drop_params: [a]", 2, "litellm.drop_params must be true, false, strict, warn or drop"),
        ("litellm:\n  extra_kwargs: x", 2, "litellm.extra_kwargs must be a section, but is text"),
        ("litellm:\n  extra_kwargs: {a: '${'}", 2, "litellm.extra_kwargs.a cannot be read"),
        ("servers:\n  box: {}", 2, "servers.box has no base_url"),
        ("servers:\n  box:", 2, "servers.box has no base_url"),
        ("servers:\n  groq: {base_url: http://b}", 2, "servers: 'groq' already means something else"),
        ("servers:\n  local: {base_url: http://b}", 2, "servers: 'local' already means something else"),
        ("servers:\n  litellm.x: {base_url: http://b}", 2, "servers: 'litellm.x' is not a valid name: use letters"),
        ("servers:\n  a b: {base_url: http://b}", 2, "servers: 'a b' is not a valid name: use letters"),
        (
            "servers:\n  a: {base_url: http://b, wire_format: grpc}",
            2,
            "servers.a.wire_format must be one of chat, responses, messages",
        ),
        ("local:\n  threads: 1.5", 2, "local.threads must be a whole number, but is a number"),
        ("local:\n  threads: 0", 2, "local.threads must be a whole number above 0"),
        ("local:\n  models: {m: [a]}", 2, "local.models.m must be text, but is a list"),
        ("local:\n  models: {m: '~nobody-here/x'}", 2, "home folder of a user who has none"),
        ("mcp:\n  a: {}", 2, "mcp.a has neither a command nor a url"),
        ("mcp:\n  a: {command: x, url: http://b}", 2, "mcp.a has both a command and a url"),
        ("mcp:\n  a: {command: x, args: y}", 2, "mcp.a.args must be a list, but is text"),
        ("mcp:\n  a: {command: x, env: {'A=B': c}}", 2, "mcp.a.env: 'A=B' is not a variable name"),
        ("mcp:\n  '': {command: x}", 2, "mcp: '' is empty"),
        ("gemini: {timeout: 1}\ngoogle: {timeout: 1}", 2, "google means the same as gemini, which is also set"),
        ("groq:\n  base_url: http://a\n  api_base: http://b", 3, "groq.api_base means the same as base_url"),
    ],
)
def test_a_wrong_type_or_value_is_told_with_its_place(tmp_path: Path, text: str, line: int, message: str) -> None:
    error = fail(tmp_path, text)
    assert message in str(error)
    assert (error.file, error.line) == ("ingate.yaml", line)


@pytest.mark.parametrize("text", ["- a\n- b", "just text", "12", "true"])
def test_a_file_without_keys_is_an_error(tmp_path: Path, text: str) -> None:
    assert "must hold keys and values" in str(fail(tmp_path, text))


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    write(tmp_path / "ingate.secrets.yaml", "groq: {api_key: 1}")
    error = fail(tmp_path, "grok: {}\ntimeout: x")
    assert str(error).splitlines() == [
        "ingate.secrets.yaml:1: groq.api_key must be text, but is a number",
        "  also ingate.yaml:1: unknown key 'grok'; did you mean 'groq'?",
        "  also ingate.yaml:2: timeout must be a number of seconds, but is text",
    ]


def test_many_problems_are_counted(tmp_path: Path) -> None:
    text = "\n".join(f"groq{letter}: 1" for letter in "abcdefghijklmnop")
    assert str(fail(tmp_path, text)).endswith("and 5 more")


def test_a_mapping_has_the_same_errors() -> None:
    with pytest.raises(ConfigError, match=r"^config mapping: unknown key 'grok'; did you mean 'groq'\?$") as caught:
        load({"grok": {}}, environ={})
    assert (caught.value.file, caught.value.line) == (None, None)


@pytest.mark.parametrize(
    "source",
    [
        {"groq": {"api_key": PLANTED.encode()}},
        {"groq": {"api_key": 4711}},
        {"groq": {1: "x"}},
        {"groq": {"base_url": object()}},
        {"timeout": float("nan")},
        {"timeout": {1, 2}},
        {b"groq": {}},
    ],
)
def test_a_mapping_that_no_file_could_hold_is_an_error(source: dict) -> None:
    with pytest.raises(ConfigError) as caught:
        load(source, environ={})
    assert PLANTED not in str(caught.value)


def test_a_mapping_that_contains_itself_is_an_error() -> None:
    source: dict = {"litellm": {"extra_kwargs": {}}}
    source["litellm"]["extra_kwargs"]["again"] = source
    with pytest.raises(ConfigError, match="nested"):
        load(source, environ={})


@pytest.mark.parametrize(
    "text",
    [
        f"groq: {{api_key: {{nested: {PLANTED}}}}}",
        f"groq: {{api_key: [{PLANTED}]}}",
        f"groq: {PLANTED}",
        f"groq: {{base_url: {PLANTED}}}",
        f"groq: {{timeout: {PLANTED}}}",
        f"groq: {{headers: {PLANTED}}}",
        f"default_model: '{PLANTED}/'",
        f"default_model: 'groq/x,{PLANTED} y/'",
        f"aliases: {{a: '{PLANTED}?x'}}",
        f"disabled_providers: [{PLANTED}]",
        f"litellm: {{drop_params: {PLANTED}}}",
        f"servers: {{a: {{base_url: http://b, wire_format: {PLANTED}}}}}",
        f"local: {{threads: {PLANTED}, models: {{m: '~{PLANTED}/x'}}}}",
        f"mcp: {{a: {{command: x, args: {PLANTED}}}}}",
        "sk-proj-0123456789: x",
        f"groq: {{api_key: *{PLANTED}}}",
        f"groq: {{api_key: !{PLANTED} x}}",
        f"groq: {{api_key: %{PLANTED}}}",
        f"groq: {{api_key: '{PLANTED}",
        f"groq:\n\tapi_key: {PLANTED}",
        f"groq: api_key: {PLANTED}",
        f"{PLANTED}",
    ],
)
def test_no_error_repeats_a_value(tmp_path: Path, text: str) -> None:
    error = fail(tmp_path, text)
    shown = f"{error} {error!r} {error.fix} {error.args}"
    assert PLANTED not in shown
    assert "0123456789" not in shown


def test_no_repr_shows_a_value(tmp_path: Path) -> None:
    """Not in a debugger, a log, a failed assertion or rich's pretty printer either."""
    from rich.pretty import pretty_repr

    write(tmp_path / "ingate.secrets.yaml", f"groq: {{api_key: {PLANTED}-other}}")
    config = load_text(
        tmp_path,
        f"""\
        default_model: ${{PLANTED}}
        groq: {{api_key: {PLANTED}, headers: {{X-A: {PLANTED}}}, base_url: "http://u:{PLANTED}@h/v1"}}
        bedrock: {{aws_secret_access_key: {PLANTED}}}
        litellm: {{api_key: {PLANTED}, extra_kwargs: {{langfuse_secret: {PLANTED}}}, default_headers: {{X-B: {PLANTED}}}}}
        servers: {{box: {{base_url: http://b, api_key: {PLANTED}}}}}
        mcp: {{a: {{command: x, args: [--token={PLANTED}], env: {{T: {PLANTED}}}}}}}
        """,
        PLANTED=PLANTED,
    )
    settings = config.settings
    parts = [config, settings, settings.litellm, settings.mcp, settings.servers, settings.local, config.layers]
    parts += [config.conflicts, config.warnings, settings.providers, config.where("groq", "api_key")]
    for part in parts:
        assert PLANTED not in f"{part!r} {part} {pretty_repr(part)}"
    assert repr(settings.providers["groq"]) == "ProviderSettings(api_key, base_url, headers)"


def test_a_mistake_has_no_further_mistakes_as_its_consequence(tmp_path: Path) -> None:
    error = fail(tmp_path, "servers: {a: {base_url: localhost}}\nmcp: {m: {command: [[]]}}")
    assert str(error).splitlines() == [
        "ingate.yaml:1: servers.a.base_url is not a URL",
        "  also ingate.yaml:2: mcp.m.command must be text, but is a list",
    ]


def test_a_name_is_near_if_about_two_thirds_of_it_agree() -> None:
    assert nearest("a" * 15 + "b" * 8, ["a" * 15 + "c" * 8]) == "a" * 15 + "c" * 8
    assert nearest("a" * 14 + "b" * 8, ["a" * 14 + "c" * 8]) is None
    assert nearest("Base-URL", ["api_key", "base_url", "base"]) == "base_url"
    assert nearest("anything", []) is None


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "empty"), (True, "true or false"), (1, "a number"), (1.5, "a number"), ("x", "text"),
        (Secret("x"), "a secret"), ({}, "a section"), ([], "a list"), (b"x", "a Python bytes"),
    ],
)  # fmt: skip
def test_kinds_of_values_have_the_names_of_yaml(value: object, kind: str) -> None:
    assert kind_of(value) == kind


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("a" * 40, repr("a" * 40)),
        ("a" * 41, "a key that is not shown"),
        ("key-1234", "'key-1234'"),
        ("key-12345", "a key that is not shown"),
        ("a\x1b", "a key that is not shown"),
        ("\u00e4 b", "'\u00e4 b'"),
    ],
)
def test_a_key_that_may_be_a_credential_is_not_shown(key: str, shown: str) -> None:
    assert show_key(key) == shown


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({1: "x"}, "the mapping has a key that is a number, not text"),
        ({"groq": {None: "x"}}, "'groq' has a key that is empty, not text"),
        ({"groq": {"base_url": b"x"}}, "'base_url' is a Python bytes, which a configuration cannot hold"),
        ({"aliases": {"a": ["x/y", {1}]}}, "'a' is a Python set, which a configuration cannot hold"),
    ],
)
def test_a_mapping_that_no_file_could_hold_is_named(source: dict, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(source, environ={})
    assert str(caught.value) == f"config mapping: {message}"


def test_a_mapping_may_be_nested_as_deeply_as_a_file() -> None:
    def nested(levels: int) -> dict:
        return {"litellm": {"extra_kwargs": nested_value(levels)}}

    def nested_value(levels: int) -> dict:
        return {"a": nested_value(levels - 1)} if levels else {}

    assert load(nested(MAX_DEPTH - 2), environ={})
    with pytest.raises(ConfigError, match=r"^config mapping: 'a' is nested more than 50 levels deep$"):
        load(nested(MAX_DEPTH - 1), environ={})
