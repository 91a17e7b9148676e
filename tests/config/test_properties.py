"""Whatever stands in a file, `load` gives a configuration or a `ConfigError`, and tells no secret."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingate.config import Config, load, provider_names
from ingate.config.references import BadReferenceError, parse, parse_template
from ingate.errors import ConfigError

PLANTED = "plantedsekrit4711"
KEYS = [
    "groq",
    "google",
    "gemini",
    "litellm",
    "servers",
    "local",
    "mcp",
    "aliases",
    "timeout",
    "api_key",
    "base_url",
    "api_base",
]
KEYS += [
    "headers",
    "default_headers",
    "extra_kwargs",
    "models",
    "command",
    "args",
    "env",
    "url",
    "default_model",
    "drop_params",
]
KEYS += ["disabled_providers", "threads", "wire_format", "box", "<<", "aws_region_name", "x y", "", "null"]
VALUES = [
    PLANTED,
    f"env:{PLANTED}",
    f"${{{PLANTED}}}",
    f"cmd:{PLANTED}",
    f"keyring:{PLANTED}/u",
    "http://h/v1",
    "${",
    "$${",
    "~/x",
]

scalars = st.sampled_from(VALUES) | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=25,
)
configurations = st.dictionaries(st.sampled_from(KEYS), trees, max_size=6)
MARKS = [
    ": ",
    ":\n  ",
    "\n",
    "\n  ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "'",
    '"',
    "|\n",
    ">",
    "&a ",
    "*a",
    "!!str ",
    "!x ",
    "#",
    "\t",
]
MARKS += [
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "? ",
    "@",
    "`",
    "\x00",
    "\ufeff",
    "\r",
    "\x85",
    "é",
    "😀",
    "1e9",
    "0x1",
    "\\",
]
fragments = st.sampled_from([*KEYS, *VALUES, *MARKS])
texts = st.lists(fragments, max_size=40).map("".join)
many = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def attempt(source: Any, folder: Path) -> tuple[Config | None, str]:
    """The configuration, or all that its error shows."""
    try:
        return load(source, environ={}, cwd=folder), ""
    except ConfigError as error:
        return None, f"{error} {error!r} {error.fix}"


@many
@given(st.binary(max_size=200) | texts.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_in_a_file(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "ingate.yaml"
    path.write_bytes(data)
    attempt(path, tmp_path)


@many
@given(configurations)
def test_any_yaml_of_our_words(tmp_path: Path, tree: dict[str, Any]) -> None:
    import yaml

    path = tmp_path / "ingate.yaml"
    path.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    config, shown = attempt(path, tmp_path)
    shown += repr((config, config.settings, config.conflicts, config.warnings)) if config is not None else ""
    for name in (f"needs {PLANTED}", f"export {PLANTED}", f"${{{PLANTED}:-a default}}"):
        shown = shown.replace(name, "")  # a variable's name is no secret
    assert PLANTED not in shown


@many
@given(configurations)
def test_any_yaml_of_our_words_in_fast_agents_file(clean_environment: Path, tree: dict[str, Any]) -> None:
    import yaml

    path = clean_environment / "fast-agent.yaml"
    path.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    with suppress(ConfigError):
        load(environ={"HOME": str(clean_environment)}, cwd=clean_environment)


@many
@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), trees, max_size=6))
def test_any_mapping(tree: dict[str, Any]) -> None:
    with suppress(ConfigError):
        load(tree, environ={})


@many
@given(
    st.sampled_from(provider_names().names),
    st.text().map(lambda text: f"«{text}»"),
    st.sampled_from(["api_key", "aws_session_token"]),
)
def test_a_key_of_any_text_never_shows(provider: str, key: str, name: str) -> None:
    config, shown = attempt({provider: {name: key}}, Path())
    assert key not in shown
    if config is None:
        return
    section = config.provider(provider)
    ref = section.api_key or section.params.get(name)
    assert key not in f"{section!r} {ref!r} {ref}"


@many
@given(st.text(alphabet="${}AB:-x \n"), st.dictionaries(st.sampled_from("AB"), st.text(max_size=3)))
def test_templates_read_or_are_refused(text: str, environ: dict[str, str]) -> None:
    for read in (parse, parse_template):
        try:
            reference = read(text)
        except BadReferenceError:
            continue
        assert set(reference.missing(environ)) <= set(reference.variables)
        if "$" not in text:
            assert reference.expand(environ) == text


def test_the_vocabulary_reaches_good_configurations(tmp_path: Path) -> None:
    """Else the properties above would hold for errors alone."""
    config, _ = attempt({"groq": {"api_key": PLANTED, "headers": {"box": PLANTED}}}, tmp_path)
    assert config is not None
    assert attempt({"groq": {"api_key": [PLANTED]}}, tmp_path)[0] is None
