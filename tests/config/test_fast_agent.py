"""fast-agent's own files as the weakest layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingate import paths
from ingate.errors import ConfigError
from support.config import load_here, write

if TYPE_CHECKING:
    from pathlib import Path

    from ingate.config import Config

TYPICAL = """\
default_model: sonnet
auto_sampling: true
logger: {type: file, level: info}
anthropic:
  api_key: <your-api-key-here>
  cache_mode: auto
  reasoning: high
  default_model: haiku
openai:
  base_url: https://gateway.example/v1
  reasoning_effort: low
  default_headers: {X-A: b}
  web_search: {enabled: true}
google:
  api_key: ${GOOGLE_KEY:fallback}
  vertex_ai: {enabled: true, project_id: proj, location: europe-west4}
azure: {api_key: k, api_version: 2024-10-21, azure_deployment: d, resource_name: r}
bedrock: {region: eu-west-1, profile: work}
generic: {base_url: http://localhost:11434/v1}
litellm:
  api_base: http://localhost:4000
  api_key: sk-master
  default_model: litellm/team
  drop_params: true
  extra_kwargs: {metadata: {tags: [a]}}
  default_headers: {X-B: c}
  timeout: 60
  num_retries: 3
mcp:
  targets: [https://huggingface.co/mcp]
  servers:
    files: {command: npx, args: [-y, x], transport: stdio, cwd: /, roots: [{uri: "file:///"}]}
    web: {url: http://w/mcp, command: ignored, args: [z], headers: {A: b}, auth: {oauth: true}}
    provider: {management: provider, connector_id: c}
"""


@pytest.fixture
def project(clean_environment: Path) -> Path:
    folder = clean_environment / "p"
    folder.mkdir()
    return folder


def revealed(config: Config, provider: str) -> dict[str, str]:
    section = config.provider(provider)
    refs = section.params | section.headers | ({"api_key": section.api_key} if section.api_key else {})
    return {name: ref.resolve({}).reveal() for name, ref in refs.items() if ref.present({})}


@pytest.mark.parametrize("name", ["fastagent.config.yaml", "fast-agent.yaml"])
def test_what_ingate_knows_is_taken_and_the_rest_passed_over(project: Path, name: str) -> None:
    write(project / name, TYPICAL)
    config = load_here(project)
    settings = config.settings
    assert settings.default_model is None
    assert revealed(config, "anthropic") == {}
    assert config.provider("anthropic").default_model is None
    assert config.provider("openai").base_url == "https://gateway.example/v1"
    assert revealed(config, "openai") == {"X-A": "b"}
    assert revealed(config, "gemini") == {"api_key": "fallback"}
    assert revealed(config, "vertex_ai") == {"vertex_project": "proj", "vertex_location": "europe-west4"}
    assert revealed(config, "azure") == {"api_key": "k", "api_version": "2024-10-21"}
    assert revealed(config, "bedrock") == {"aws_region_name": "eu-west-1", "aws_profile_name": "work"}
    litellm = settings.litellm
    assert (litellm.api_base, litellm.default_model, litellm.timeout_s) == ("http://localhost:4000", "litellm/team", 60)
    assert litellm.drop_params is True
    assert litellm.extra_kwargs == {"metadata": {"tags": ["a"]}}
    assert set(settings.mcp) == {"files", "web"}
    assert (settings.mcp["web"].command, settings.mcp["web"].args) == (None, [])
    assert settings.mcp["files"].args == ["-y", "x"]
    assert str(config.where("litellm", "api_key")) == f"{name}:22"
    assert [layer.kind for layer in config.layers if layer.found] == ["fast-agent"]


def test_its_secrets_file_is_merged_over_it(project: Path) -> None:
    write(project / "fastagent.config.yaml", "groq: {api_key: weak, base_url: http://g/v1}")
    write(project.parent / "fastagent.secrets.yaml", "groq: {api_key: strong}")
    config = load_here(project)
    assert revealed(config, "groq") == {"api_key": "strong"}
    assert config.provider("groq").base_url == "http://g/v1"
    assert str(config.conflicts[0].winner) == "~/fastagent.secrets.yaml:1"


def test_every_file_of_ours_is_stronger(project: Path) -> None:
    write(project / "fastagent.secrets.yaml", "groq: {api_key: theirs}\nxai: {api_key: theirs}")
    write(paths.config_dir() / "ingate.yaml", "groq: {api_key: ours}")
    config = load_here(project)
    assert revealed(config, "groq") == {"api_key": "ours"}
    assert revealed(config, "xai") == {"api_key": "theirs"}


@pytest.mark.parametrize(("model", "taken"), [("litellm.groq/x", True), ("litellm/d", True), ("openai.gpt-4o", False)])
def test_a_default_model_is_taken_where_it_is_litellms(project: Path, model: str, taken: bool) -> None:
    write(project / "fast-agent.yaml", f"default_model: {model}")
    assert load_here(project).settings.default_model == (model if taken else None)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("groq:\n  api_key: [planted]", 2, "groq.api_key must be text, but is a list"),
        ("\nopenai: planted", 2, "openai must be a section, but is text"),
        ("litellm: [planted]", 1, "litellm must be a section"),
        ("litellm:\n  timeout: planted", 2, "litellm.timeout must be a number"),
        ("mcp: planted", 1, "mcp must be a section"),
        ("mcp: {servers: planted}", 1, "mcp must be a section"),
        ("mcp:\n  servers:\n    a: planted", 3, "mcp.a must be a section"),
        ("mcp:\n  servers:\n    a: {command: [1, {b: planted}]}", 3, "mcp.a.command must be text"),
        ("a: b: planted", 1, "not YAML"),
        ("- planted", 1, "must hold keys and values"),
    ],
)
def test_a_wrong_type_in_what_is_read_is_an_error(project: Path, text: str, line: int, message: str) -> None:
    write(project / "fast-agent.yaml", text)
    with pytest.raises(ConfigError) as caught:
        load_here(project)
    assert message in str(caught.value)
    assert (caught.value.file, caught.value.line) == ("fast-agent.yaml", line)
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "logger: 1\nagents: [x]\ndefault_model: 3\ncommands: text",
        "google: {vertex_ai: text}",
        "google: {vertex_ai: {enabled: false, project_id: x}}",
        "mcp:",
        "mcp: {targets: [a]}",
        "mcp: {servers: {a: {target: x}}}",
        "anthropic:",
    ],
)
def test_what_is_not_ours_is_never_an_error(project: Path, text: str) -> None:
    write(project / "fast-agent.yaml", text)
    config = load_here(project)
    assert config.settings.mcp == {}
    assert config.provider("vertex_ai").params == {}


def test_an_mcp_server_that_lacks_a_variable_is_left_out_with_a_warning(project: Path) -> None:
    write(
        project / "fast-agent.yaml",
        """\
        mcp:
          servers:
            bad: {command: run, args: ["${GONE}"]}
            far: {url: "${GONE}/mcp"}
            odd: {command: run, args: ["${HERE}"], env: {T: "${GONE}"}}
            cut: {command: ["${AWAY}", x]}
            num: {command: run, args: [8080, null, "${", "${GONE:-x}", "${AWAY} ${GONE}"]}
        """,
    )
    config = load_here(project, HERE="yes")
    assert set(config.settings.mcp) == {"odd"}
    assert config.warnings == (
        "fast-agent.yaml:3 mcp.servers.bad is left out: GONE is not set",
        "fast-agent.yaml:4 mcp.servers.far is left out: GONE is not set",
        "fast-agent.yaml:6 mcp.servers.cut is left out: AWAY is not set",
        "fast-agent.yaml:7 mcp.servers.num is left out: AWAY is not set",
    )


def test_an_address_that_lacks_a_variable_is_an_error(project: Path) -> None:
    """The key would go to the provider's own address otherwise."""
    write(project / "fast-agent.yaml", "openai: {api_key: k, base_url: '${GONE}'}")
    with pytest.raises(ConfigError, match=r"openai\.base_url needs GONE"):
        load_here(project)
