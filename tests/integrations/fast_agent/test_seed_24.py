"""The twenty-four things that the first request's own tests covered, each by name, inside the real fast-agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("fast_agent")

import ingate.integrations.fast_agent as fa
from ingate import Gateway, providers
from ingate.integrations.fast_agent import runtime
from ingate.spec import parse_one
from support.config import write
from support.fast_agent import scripted_gateway, talking
from support.upstream import Reply, chunks, upstream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("default::ResourceWarning")


@pytest.fixture(autouse=True)
def project(clean_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for fast-agent's own file, with nothing remembered of the last test's."""
    from fast_agent import config

    monkeypatch.setattr(config, "_settings", None)
    return clean_environment


def registered(monkeypatch: pytest.MonkeyPatch, **environ: str) -> Any:
    """The picker's modules and a snapshot, after a registration in this environment."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    done = fa.register(quiet=True)
    assert done.lost == {}
    from fast_agent.ui import model_picker

    return model_picker


def litellm_provider() -> Any:
    from fast_agent.llm.provider_types import Provider

    return Provider("litellm")


def marks(picker: Any) -> dict[str, str]:
    """Spec → mark, of the curated rows as the picker shows them."""
    snapshot = picker.build_snapshot()
    options = picker.model_options_for_provider(snapshot, litellm_provider(), source="curated")
    return {
        option.spec: picker._model_availability_display(option, provider_available=True).marker for option in options
    }


def source_of(spec: str) -> str:
    """Where the key of a call would come from, by fast-agent's settings."""
    from fast_agent.config import get_settings

    return runtime.current().gateway(get_settings()).router.route(parse_one(spec)).credential.source


# Registration


def test_01_the_provider_is_registered_with_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    registered(monkeypatch)
    from fast_agent.llm.provider_types import Provider

    assert Provider("litellm") is Provider.LITELLM  # ty: ignore[unresolved-attribute]
    assert (litellm_provider().config_name, litellm_provider().display_name) == ("litellm", "LiteLLM")


def test_02_its_class_is_found_and_is_fast_agents_openai_class(monkeypatch: pytest.MonkeyPatch) -> None:
    registered(monkeypatch)
    from fast_agent.llm.model_factory import ModelFactory
    from fast_agent.llm.provider.openai.llm_openai import OpenAILLM

    assert issubclass(ModelFactory._load_provider_class(litellm_provider()), OpenAILLM)  # ty: ignore[invalid-argument-type]


def test_03_registering_twice_changes_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    registered(monkeypatch)
    picker = registered(monkeypatch)
    from fast_agent.llm.provider_types import Provider

    assert [member.value for member in Provider].count("litellm") == 1
    assert [option.option_key for option in picker.build_snapshot().providers].count("litellm") == 1


def test_04_specs_are_parsed_with_dots_slashes_and_colons(monkeypatch: pytest.MonkeyPatch) -> None:
    registered(monkeypatch)
    from fast_agent.llm.model_factory import ModelFactory

    for spec, model in {
        "litellm.anthropic/claude-sonnet-5-5": "anthropic/claude-sonnet-5-5",
        "litellm.bedrock/global.anthropic.claude-sonnet-5-5": "bedrock/global.anthropic.claude-sonnet-5-5",
        "litellm.ollama/llama3.2:1b": "ollama/llama3.2:1b",
        "litellm/team": "team",
    }.items():
        config = ModelFactory.parse_model_string(spec)
        assert (config.provider, config.model_name) == (litellm_provider(), model)


# The picker


def test_05_the_provider_is_first_in_the_pickers_order(monkeypatch: pytest.MonkeyPatch) -> None:
    registered(monkeypatch)
    from fast_agent.ui import model_picker_common

    assert model_picker_common.PICKER_PROVIDER_ORDER[0] is litellm_provider()


def test_06_its_row_is_the_first_and_says_available_and_20_curated(monkeypatch: pytest.MonkeyPatch) -> None:
    picker = registered(monkeypatch)
    row = picker._SplitListPicker(config_path=None)._render_provider_panel()[0][1]
    assert row.split() == ["❯", "LiteLLM", "[available]", "(20", "curated)"]


def test_07_it_is_active_where_litellm_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert registered(monkeypatch).build_snapshot().providers[0].active


def test_08_it_is_not_active_without_litellm_unless_a_proxy_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = providers.is_installed
    monkeypatch.setattr(providers, "is_installed", lambda name: name != "litellm" and installed(name))
    picker = registered(monkeypatch)
    assert not picker.build_snapshot().providers[0].active
    monkeypatch.setenv("LITELLM_API_BASE", "http://localhost:4000")
    assert picker.build_snapshot().providers[0].active


def test_09_twenty_curated_models_span_sixteen_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    specs = list(marks(registered(monkeypatch)))
    assert len(specs) == 20
    assert len({parse_one(spec).provider for spec in specs}) == 16


def test_10_every_curated_spec_is_parsed_as_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    picker = registered(monkeypatch)
    from fast_agent.llm.model_factory import ModelFactory

    for spec in marks(picker):
        assert ModelFactory.parse_model_string(spec).provider is litellm_provider()


def test_11_the_scope_of_all_models_has_the_whole_catalog_curated_first(monkeypatch: pytest.MonkeyPatch) -> None:
    picker = registered(monkeypatch)
    options = picker.model_options_for_provider(picker.build_snapshot(), litellm_provider(), source="all")
    specs = [option.spec for option in options]
    assert len(specs) == len(set(specs)) > 2_000
    assert specs[:20] == list(marks(picker))


def test_12_fast_agents_catalog_lists_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    registered(monkeypatch)
    from fast_agent.llm.model_selection import ModelSelectionCatalog

    models = ModelSelectionCatalog.list_all_models(litellm_provider(), config={})
    assert len(models) > 2_000
    assert "litellm.anthropic/claude-sonnet-5-5" in models


def test_13_without_credentials_every_mark_is_a_cross(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(marks(registered(monkeypatch)).values()) == {"✗"}


def test_14_a_key_marks_the_models_of_its_own_provider_only(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = marks(registered(monkeypatch, ANTHROPIC_API_KEY="sk-ant-x"))
    assert {parse_one(spec).provider for spec, mark in shown.items() if mark == "✓"} == {"anthropic"}


def test_15_the_marks_follow_the_environment_from_opening_to_opening(monkeypatch: pytest.MonkeyPatch) -> None:
    picker = registered(monkeypatch, GROQ_API_KEY="gsk-x")
    assert marks(picker)["litellm.groq/openai/gpt-oss-120b"] == "✓"
    monkeypatch.delenv("GROQ_API_KEY")
    assert marks(picker)["litellm.groq/openai/gpt-oss-120b"] == "✗"
    monkeypatch.setenv("GROQ_API_KEY", "")
    assert marks(picker)["litellm.groq/openai/gpt-oss-120b"] == "✗"


def test_16_marks_are_made_without_asking_litellm(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "litellm", None)  # an import would fail
    assert len(marks(registered(monkeypatch))) == 20


# The configuration


@pytest.mark.parametrize(
    ("section", "spec"),
    [
        ("anthropic", "litellm.anthropic/m"),
        ("openai", "litellm.openai/m"),
        ("google", "litellm.gemini/m"),
        ("xai", "litellm.xai/m"),
        ("groq", "litellm.groq/m"),
        ("deepseek", "litellm.deepseek/m"),
        ("openrouter", "litellm.openrouter/a/m"),
    ],
)
def test_17_fast_agents_provider_sections_serve_litellms_models(
    project: Path, monkeypatch: pytest.MonkeyPatch, section: str, spec: str
) -> None:
    write(project / "fastagent.config.yaml", f"{section}: {{api_key: from-the-file}}")
    picker = registered(monkeypatch)
    assert "fastagent.config.yaml:1" in source_of(spec)
    picker.build_snapshot()
    assert runtime.current().readiness().check(spec).state == "ready"


def test_18_an_environment_variable_wins_over_the_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project / "fastagent.config.yaml", "anthropic: {api_key: from-the-file}")
    registered(monkeypatch, ANTHROPIC_API_KEY="from-the-environment")
    assert source_of("litellm.anthropic/m") == "env ANTHROPIC_API_KEY"


def test_19_no_key_of_a_file_is_put_into_the_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    write(project / "fastagent.config.yaml", "anthropic: {api_key: from-the-file}")
    registered(monkeypatch)
    source_of("litellm.anthropic/m")
    assert "from-the-file" not in os.environ.values()


async def test_20_default_model_is_used_where_none_is_named(project: Path) -> None:
    gateway, engine = scripted_gateway({"groq": {"api_key": "k"}, "litellm": {"default_model": "litellm.groq/m"}})
    async with talking(project, None, gateway=gateway, engine=engine) as talk:  # ty: ignore[invalid-argument-type]
        await talk.agent.send("Hello")
        [(route, _)] = engine.requests
        assert (route.engine, route.model) == ("litellm", "m")


# The call


async def test_21_key_base_timeout_headers_and_extra_kwargs_are_forwarded_through_litellm(project: Path) -> None:
    with upstream() as provider:
        provider.otherwise = Reply(events=chunks("Through", " litellm"))
        config = {
            "openai": {"api_key": "sk-from-config", "base_url": provider.url},
            "litellm": {
                "timeout": 7,
                "default_headers": {"x-team": "a"},
                "extra_kwargs": {"extra_body": {"metadata": {"tags": ["t"]}}},
            },
        }
        async with (
            Gateway(config) as gateway,
            talking(project, "litellm.openai/gpt-4.1", gateway=gateway) as talk,
        ):
            assert await talk.agent.send("Hello") == "Through litellm"
            assert gateway.routes("litellm.openai/gpt-4.1")[0].timeout_s == 7
        [seen] = provider.seen
        assert seen.headers["authorization"] == "Bearer sk-from-config"
        assert seen.headers["x-team"] == "a"
        assert (seen.body["model"], seen.body["metadata"]) == ("gpt-4.1", {"tags": ["t"]})


async def test_22_what_a_model_cannot_take_is_dropped_by_default_and_refused_on_wish(project: Path) -> None:
    async def ask(drop: dict[str, Any]) -> tuple[str, list[Any]]:
        with upstream() as provider:
            provider.otherwise = Reply(events=chunks("Fine"))
            config = {"openai": {"api_key": "k", "base_url": provider.url}, "litellm": drop}
            async with (
                Gateway(config) as gateway,
                talking(project, "litellm.openai/gpt-4.1?reasoning=high", gateway=gateway) as talk,
            ):
                return await talk.agent.send("Hello"), provider.seen

    said, seen = await ask({})
    assert said == "Fine"
    assert "reasoning_effort" not in seen[0].body
    said, seen = await ask({"drop_params": False})
    assert "reasoning_effort" in said
    assert seen == []


async def test_23_the_client_is_a_real_one_and_unserved_endpoints_fail_loudly(project: Path) -> None:
    import openai

    async with talking(project, "litellm.groq/m") as talk, talk.llm._openai_client() as client:
        assert isinstance(client, openai.AsyncOpenAI)
        assert client.max_retries == 0
        with pytest.raises(openai.APIStatusError, match=r"files") as caught:
            await client.files.list()
        assert caught.value.status_code == 501


async def test_24_a_missing_key_and_a_missing_model_say_what_to_do(project: Path) -> None:
    gateway, engine = scripted_gateway({"litellm": {"timeout": 5}})
    async with talking(project, "litellm.cohere/command-a", gateway=gateway, engine=engine) as talk:
        assert "COHERE_API_KEY" in await talk.agent.send("Hello")
    with upstream() as provider:
        provider.otherwise = Reply(status=404, body={"error": {"message": "no such model", "code": "model_not_found"}})
        async with (
            Gateway({"groq": {"api_key": "k", "base_url": provider.url}}) as real,
            talking(project, "ingate/groq/nope", gateway=real) as talk,
        ):
            assert "ingate models --provider groq" in await talk.agent.send("Hello")


def test_there_are_twenty_four(request: pytest.FixtureRequest) -> None:
    tests: dict[str, Callable[..., Any]] = vars(request.module)
    assert len([name for name in tests if name.startswith("test_") and name[5:7].isdigit()]) == 24
