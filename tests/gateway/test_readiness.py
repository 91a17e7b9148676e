"""One readiness: every surface shows the same state for the same model, and the state is what a call would find."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from ingate import catalog, providers
from ingate.catalog.schema import ModelRow
from ingate.chat.actions import _list_models
from ingate.chat.services import picker_data
from ingate.cli.go import first_ready
from ingate.cli.models import command as models_command
from ingate.errors import IngateError, MissingCredentialsError
from ingate.gateway import Gateway
from ingate.gateway.doctor import examine
from ingate.gateway.models import Fetched, configured_rows, list_models, offered_rows
from ingate.gateway.readiness import MARKS, Readiness, ReadinessChecker, readiness
from ingate.integrations.fast_agent.overlays import default_specs
from ingate.integrations.fast_agent.runtime import Runtime
from ingate.picker.items import item_of, readiness_of
from ingate.picker.rows import Marks
from ingate.spec import parse_one
from support.upstream import Reply, upstream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ingate.catalog import Catalog

CLOSED = "http://127.0.0.1:9/v1"
"""An address where nothing listens."""
READY, ATTENTION, MISSING = "ready", "attention", "missing"


@dataclass(frozen=True)
class World:
    """One machine: its variables, its configuration, the packages it lacks, and some of the states to expect."""

    environ: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    expected: dict[str, str] = field(default_factory=dict)


SPECS = (
    "groq/openai/gpt-oss-120b",
    "litellm.groq/openai/gpt-oss-120b",
    "anthropic/claude-opus-4-8",
    "litellm.anthropic/claude-opus-4-8",
    "replicate/meta/meta-llama-3-8b",
    "azure/gpt-5",
    "vertex_ai/gemini-2.5-flash",
    "vertex_ai/meta/llama-4-scout-17b-16e-instruct-maas",
    "bedrock/anthropic.claude-3-haiku-20240307-v1:0",
    "github_copilot/gpt-5",
    "ollama/llama3.2:1b",
    "litellm.ollama/llama3.2:1b",
    "lm_studio/qwen3",
    "local/smollm2",
    "local/mine",
    "litellm/team-gpt",
    "mybox/llama",
    "tensorzero/extract",
)
SERVER = {"base_url": CLOSED}
GROQ = {"GROQ_API_KEY": "gsk-a-key"}
WORLDS: dict[str, World] = {
    "nothing": World(expected={
        "groq/openai/gpt-oss-120b": MISSING, "ollama/llama3.2:1b": ATTENTION, "lm_studio/qwen3": MISSING, "litellm/team-gpt": MISSING,
        "mybox/llama": MISSING, "tensorzero/extract": ATTENTION,
    }),
    "key": World(GROQ, expected={"groq/openai/gpt-oss-120b": READY, "litellm.groq/openai/gpt-oss-120b": READY}),
    "key-without-litellm": World(GROQ | {"REPLICATE_API_KEY": "r8-a-key"}, absent=frozenset({"litellm"}), expected={
        "groq/openai/gpt-oss-120b": READY, "litellm.groq/openai/gpt-oss-120b": ATTENTION, "replicate/meta/meta-llama-3-8b": ATTENTION,
        "litellm.ollama/llama3.2:1b": ATTENTION, "litellm.anthropic/claude-opus-4-8": MISSING,
    }),
    "near-miss": World({"GROQ_KEY": "gsk-a-key"}, expected={"groq/openai/gpt-oss-120b": MISSING}),
    "server": World(config={"servers": {"mybox": SERVER}}, expected={"mybox/llama": ATTENTION}),
    "server-with-key": World(config={"servers": {"mybox": {**SERVER, "api_key": "a-key-of-mine"}}}, expected={"mybox/llama": READY}),
    "server-with-unset-key": World(config={"servers": {"mybox": {**SERVER, "api_key": "env:MYBOX_KEY"}}},
                                   expected={"mybox/llama": MISSING}),
    "disabled": World(GROQ, {"disabled_providers": ["groq", "mybox", "ollama", "tensorzero"], "servers": {"mybox": SERVER}}, expected={
        "groq/openai/gpt-oss-120b": MISSING, "litellm.groq/openai/gpt-oss-120b": MISSING, "mybox/llama": MISSING,
        "ollama/llama3.2:1b": MISSING, "tensorzero/extract": MISSING,
    }),
    "local": World(config={"local": {"models": {"mine": "/nowhere/mine.gguf"}}}, expected={"local/mine": MISSING}),
    "local-without-engine": World(absent=frozenset({"xllamacpp"}), expected={"local/smollm2": ATTENTION, "local/mine": ATTENTION}),
    "proxy": World({"LITELLM_API_BASE": CLOSED, "LITELLM_API_KEY": "sk-a-key", **GROQ}, expected={
        "litellm/team-gpt": READY, "anthropic/claude-opus-4-8": ATTENTION, "litellm.anthropic/claude-opus-4-8": ATTENTION,
        "groq/openai/gpt-oss-120b": READY, "github_copilot/gpt-5": ATTENTION,
    }),
    "open-proxy": World(config={"litellm": {"api_base": CLOSED}}, expected={"litellm/team-gpt": ATTENTION}),
    "vertex-express": World({"VERTEXAI_API_KEY": "AIza-a-key"}, expected={"vertex_ai/gemini-2.5-flash": READY}),
    "vertex-express-without-litellm": World({"VERTEXAI_API_KEY": "AIza-a-key"}, absent=frozenset({"litellm"}), expected={
        "vertex_ai/gemini-2.5-flash": READY, "vertex_ai/meta/llama-4-scout-17b-16e-instruct-maas": ATTENTION,
    }),
    "vertex-missing-file": World({"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/key.json", "VERTEXAI_PROJECT": "p"},
                                 expected={"vertex_ai/gemini-2.5-flash": ATTENTION}),
    "vertex-without-google-auth": World({"VERTEXAI_CREDENTIALS": '{"project_id": "p"}'}, absent=frozenset({"google.auth"}),
                                        expected={"vertex_ai/gemini-2.5-flash": ATTENTION}),
    "half-of-azure": World({"AZURE_API_KEY": "a-key"}, expected={"azure/gpt-5": ATTENTION}),
    "aws-profile": World({"AWS_PROFILE": "nobody"}, expected={"bedrock/anthropic.claude-3-haiku-20240307-v1:0": ATTENTION}),
    "ollama-host": World({"OLLAMA_HOST": "127.0.0.1:9"}, expected={"ollama/llama3.2:1b": ATTENTION}),
    "ollama-with-key": World({"OLLAMA_API_KEY": "a-key", "OLLAMA_HOST": "127.0.0.1:9"}, expected={"ollama/llama3.2:1b": READY}),
    "lm-studio": World({"LM_STUDIO_API_BASE": CLOSED}, expected={"lm_studio/qwen3": ATTENTION}),
}  # fmt: skip


@pytest.fixture(scope="module")
def load_once() -> Callable[[], Catalog]:
    """The catalog, read from its file once for all the worlds."""
    return functools.cache(catalog.load)


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> World:
    return WORLDS[request.param]


@pytest.fixture
def gateway(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, load_once: Callable[[], Catalog]) -> Gateway:
    """A gateway in that world, whose configuration every command finds too."""
    for name, value in world.environ.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "ingate.yaml"
    file.write_text(json.dumps(world.config))
    monkeypatch.setenv("INGATE_CONFIG", str(file))
    monkeypatch.setattr(catalog, "load", load_once)
    installed = providers.is_installed
    monkeypatch.setattr(providers, "is_installed", lambda name: name not in world.absent and installed(name))
    return Gateway(file)


def states(gateway: Gateway) -> dict[str, str]:
    """The state of each spec, by the checker."""
    checker = gateway.readiness()
    return {spec: checker.check(spec).state for spec in SPECS}


def test_the_states_are_the_right_ones(world: World, gateway: Gateway) -> None:
    found = states(gateway)
    assert {spec: found[spec] for spec in world.expected} == world.expected


def test_a_state_that_is_not_ready_has_a_reason_and_a_fix(gateway: Gateway) -> None:
    checker = gateway.readiness()
    for found in [checker.check(spec) for spec in SPECS] + [checker.provider(name) for name in providers.providers()]:
        assert bool(found.reason) is bool(found.fix) is (found.state != READY), found
        assert found.reason.count("\n") == 0
        assert found.mark == MARKS[found.state]
        assert found.display_name


def test_the_checker_agrees_with_itself(gateway: Gateway) -> None:
    checker = gateway.readiness()
    for spec in SPECS:
        one = parse_one(spec)
        asked = [checker.state(one.provider, one.model, one.lane) for _ in range(2)]
        assert asked == [checker.check(spec).state] * 2, spec
        assert readiness(spec, gateway.router) == checker.check(one)


def test_a_thousand_models_have_the_states_of_each(gateway: Gateway) -> None:
    """What is remembered for a provider must hold for all of its models."""
    checker, rows = gateway.readiness(), gateway.catalog().visible()
    for lane in ("auto", "litellm"):
        for row in rows[:: max(1, len(rows) // 400)]:
            fresh = gateway.readiness().check(
                f"{'litellm.' * (lane == 'litellm')}{row.provider}/{row.model.replace('?', '%3F')}"
            )
            assert checker.state(row.provider, row.model, lane) == fresh.state, (lane, row.key)


def test_explain_agrees(gateway: Gateway) -> None:
    for spec, state in states(gateway).items():
        try:
            (found,) = gateway.explain(spec)
        except IngateError:
            assert state == MISSING, spec
        else:
            assert found.state == state, spec
            assert bool(found.detail) is (state != READY)


def test_the_picker_agrees(gateway: Gateway) -> None:
    data = picker_data(gateway)
    marks = Marks(data)
    for spec, state in states(gateway).items():
        item = item_of(spec, data)
        assert item is not None
        assert readiness_of(data, item).state == marks.of(item) == state, spec


def test_ingate_models_agrees(gateway: Gateway) -> None:
    done = CliRunner().invoke(models_command, ["--all", "--json"])
    assert done.exit_code == 0, done.output
    checker = gateway.readiness()
    records = json.loads(done.stdout)
    found = {record["spec"]: record for record in records}
    assert len(found) > 1_000
    for spec, record in list(found.items())[:: len(found) // 300]:
        assert record["state"] == checker.check(spec).state, spec
        assert bool(record["reason"]) is (record["state"] != READY)
    for name in gateway.config.settings.servers:
        assert found[f"{name}/*"]["state"] == checker.provider(name).state
    assert found["local/smollm2"]["state"] == checker.check("local/smollm2").state


def test_doctor_agrees(gateway: Gateway) -> None:
    report = examine(gateway)
    lines = {line.name: line.state for line in (*report.providers, *report.local, *report.servers)}
    checker = gateway.readiness()
    for spec in SPECS:
        one = parse_one(spec)
        if one.lane != "auto" or one.provider == "tensorzero" or (one.provider == "mybox" and "mybox" not in lines):
            continue
        if one.provider == "vertex_ai" and not one.model.startswith("gemini"):
            continue  # a provider's line is not about models that need another lane
        name = spec if one.provider == "local" else one.provider
        if name in lines and report.proxy is None:
            assert lines[name] == checker.check(spec).state, spec
        elif name in lines:
            assert lines[name] == checker.provider(one.provider).state, spec
    if report.proxy is not None:
        assert report.proxy.state == checker.check("litellm/team-gpt").state


def test_fast_agents_marks_agree(gateway: Gateway) -> None:
    found = Runtime().readiness()
    assert {spec: found.check(spec).state for spec in SPECS} == states(gateway)


def test_what_is_offered_is_ready_or_configured(gateway: Gateway) -> None:
    """`/v1/models` without its look at servers, and what the `llm` plugin registers."""
    checker = gateway.readiness()
    own = {row.key for row in configured_rows(gateway)}
    offered = {row.key for row in offered_rows(gateway, checker)}
    for key in offered:
        assert checker.check(key.replace("?", "%3F")).state in ({READY, ATTENTION} if key in own else {READY}), key
    for row in gateway.catalog().visible():
        assert (row.key in offered) is (checker.state(row.provider, row.model) == READY), row.key


def test_the_chats_list_agrees(gateway: Gateway) -> None:
    said: list[str] = []
    _list_models(SimpleNamespace(gateway=gateway, say=said.append), "gpt-oss-120b")  # ty: ignore[invalid-argument-type]
    marked = dict(reversed(line.split()) for line in said if line.strip()[0] in "✓○✗")
    assert marked
    checker = gateway.readiness()
    assert marked == {spec: checker.check(spec).mark for spec in marked}


def test_what_is_chosen_for_the_user_is_ready(gateway: Gateway) -> None:
    checker = gateway.readiness()
    for spec in default_specs(gateway):
        assert (
            spec.startswith("local/") or spec in gateway.config.settings.aliases or checker.check(spec).state == READY
        )
    try:
        assert checker.check(first_ready(gateway)).state == READY
    except MissingCredentialsError:
        rows = gateway.catalog().curated()
        assert not [row for row in rows if checker.state(row.provider, row.model) == READY]
        assert checker.check("local/smollm2").state != READY


def test_a_call_finds_what_was_promised(gateway: Gateway) -> None:
    """What is ready has a route with its credential; what is missing is refused before a request is made."""
    for spec, state in states(gateway).items():
        if spec.startswith("local/"):
            continue  # whether a file exists is found when it is opened
        if state == READY:
            assert gateway.routes(spec), spec
        elif state == MISSING:
            with pytest.raises(IngateError):
                gateway.routes(spec)


def check(
    spec: str, lists: dict[str, Any] | None = None, environ: dict[str, str] | None = None, **config: Any
) -> Readiness:
    from ingate.config import load

    return Gateway(load(config, environ=environ or {})).readiness(lists).check(spec)


def test_the_source_and_the_lane_are_told() -> None:
    found = check("groq/m", environ=GROQ)
    assert (found.source, found.lane, found.provider, found.spec) == ("env GROQ_API_KEY", "native", "groq", "groq/m")
    assert (found.reason, found.fix, found.near_misses) == ("", "", ())
    assert check("litellm.groq/m", environ=GROQ).lane == "litellm"
    assert check("groq/m?lane=litellm", environ=GROQ).lane == "litellm"
    assert check("replicate/m", environ={"REPLICATE_API_KEY": "k"}).lane == "litellm"
    assert check("local/smollm2").lane == "local"
    assert check("litellm/m", environ={"LITELLM_API_BASE": CLOSED}).lane == "proxy"


def test_an_address_and_its_source_are_told() -> None:
    found = check("groq/m", environ={**GROQ, "GROQ_API_BASE": "http://box/v1"})
    assert (found.api_base, found.api_base_source) == ("http://box/v1", "env GROQ_API_BASE")
    assert check("groq/m", environ=GROQ).api_base_source == "default"
    found = check("mybox/m", servers={"mybox": SERVER})
    assert (found.api_base, found.api_base_source) == (CLOSED, "config mapping servers.mybox.base_url")


def test_a_near_miss_is_told_and_only_if_a_credential_is_missing() -> None:
    wrong = {"GROQ_KEY": "k"}
    assert check("groq/m", environ=wrong).near_misses == ("GROQ_KEY is set; this provider reads GROQ_API_KEY",)
    assert check("groq/m", environ={**wrong, **GROQ}).near_misses == ()
    assert check("groq/m", environ=wrong, disabled_providers=["groq"]).near_misses == ()


def test_a_server_that_answered_is_ready_and_one_that_did_not_says_why() -> None:
    servers = {"mybox": SERVER}
    found = check("mybox/m", servers=servers)
    assert found.reason == f"answers only while a server runs at {CLOSED}, which was not checked"
    assert found.fix == f"start the server at {CLOSED}"
    answered = check("mybox/m", {"mybox": Fetched()}, servers=servers)
    assert (answered.state, answered.source) == (READY, f"no key configured; a server answers at {CLOSED}")
    refused = check("mybox/m", {"mybox": Fetched(problem="connection refused")}, servers=servers)
    assert (refused.state, refused.reason) == (ATTENTION, "connection refused")
    keyed = {"mybox": {**SERVER, "api_key": "a-key-of-mine"}}
    assert check("mybox/m", {"mybox": Fetched(problem="connection refused")}, servers=keyed).state == ATTENTION
    assert check("mybox/m", {"mybox": Fetched()}, servers=keyed).source == "config mapping servers.mybox.api_key"


def test_a_list_of_an_earlier_run_is_no_evidence() -> None:
    kept = SimpleNamespace(rows=(), problem="", checked=False)
    assert check("ollama/m", {"ollama": kept}).state == ATTENTION
    assert check("ollama/m", {"ollama": Fetched()}).state == READY
    assert check("ollama_chat/m", {"ollama": Fetched()}).state == READY


def test_the_proxys_list_decides_what_it_serves() -> None:
    proxy = {"LITELLM_API_BASE": CLOSED, "LITELLM_API_KEY": "k"}

    def listed(*names: str) -> dict[str, Any]:
        return {"litellm_proxy": Fetched(tuple(ModelRow("litellm_proxy", name) for name in names))}

    for names in (("groq/m",), ("m",), ("groq/*",), ("other", "gro*")):
        found = check("groq/m", listed(*names), proxy)
        assert (found.state, found.lane) == (READY, "proxy"), names
        assert found.source == f"proxy {CLOSED} (env LITELLM_API_BASE, env LITELLM_API_KEY)"
    assert check("groq/m", listed("groq/n", "openai/*"), proxy).state == MISSING
    assert check("google/m", listed("google/m"), proxy).state == READY  # by the alias as it is written
    assert check("google/m", listed("gemini/m"), proxy).state == READY
    assert check("groq/m", listed("groq/m"), proxy | GROQ).lane == "native"


def test_of_several_specs_the_readiest_counts() -> None:
    aliases = {"fast": ["anthropic/m", "groq/m"], "none": "anthropic/m"}
    assert check("fast", environ=GROQ, aliases=aliases).state == READY
    assert check("anthropic/m, groq/m", environ=GROQ).provider == "groq"
    assert check("none", environ=GROQ, aliases=aliases).state == MISSING


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("groqq/m", "did you mean"),
        ("", "empty"),
        ("nothing-like-this-model", "not an alias"),
        ("replicate/m?lane=native", "native lane cannot"),
        ("groq/m?lane=sideways", "neither litellm nor native"),
        ("scripted/m", "test double"),
        ("local/nothing-like-this", "no local model"),
    ],
)
def test_what_cannot_be_called_is_missing_with_the_reason(spec: str, words: str) -> None:
    found = check(spec, environ=GROQ)
    assert found.state == MISSING
    assert words in found.reason


def test_an_engine_that_was_passed_in_is_ready() -> None:
    from ingate import ScriptedEngine

    gateway = Gateway({}, engines={"scripted": ScriptedEngine(), "mine": ScriptedEngine()})
    assert [gateway.readiness().check(spec).state for spec in ("scripted/m", "mine/m")] == [READY, READY]


def test_tensorzero_in_this_process_needs_its_package(tmp_path: Path) -> None:
    config = {"tensorzero": {"config_file": str(tmp_path / "tensorzero.toml")}}

    def found(installed: Callable[[str], bool]) -> Readiness:
        return ReadinessChecker(Gateway(config).router, installed=installed).check("tensorzero/extract")

    assert found(lambda name: True).state == READY
    assert (found(lambda name: False).state, found(lambda name: False).fix) == (ATTENTION, "pip install tensorzero")
    keyed = check("tensorzero/extract", environ={"TENSORZERO_API_KEY": "k"})
    assert (keyed.state, keyed.lane) == (READY, "native")


@pytest.mark.parametrize("name", ["local", "tensorzero", "mybox", "litellm_proxy"])
async def test_what_is_disabled_is_not_called(name: str) -> None:
    config = {"disabled_providers": [name], "servers": {"mybox": SERVER}, "litellm": {"api_base": CLOSED}}
    spec = {"litellm_proxy": "litellm/m"}.get(name, f"{name}/m")
    found = check(spec, **config)
    assert (found.state, found.fix) == (MISSING, f"remove {name} from disabled_providers")
    with pytest.raises(MissingCredentialsError, match=f"{name} is disabled in") as caught:
        Gateway(config).routes(spec)
    assert caught.value.fix == found.fix


def test_two_looks_compare_by_what_they_found() -> None:
    one, other = (Gateway({}).readiness().snapshot() for _ in range(2))
    assert one == other
    assert Gateway({"groq": {"api_key": "gsk-a-key"}}).readiness().snapshot() != one
    assert Gateway({"servers": {"mybox": SERVER}}).readiness().snapshot() != one
    assert Gateway({"litellm": {"api_base": CLOSED}}).readiness().snapshot() != one


def test_a_server_is_listed_with_its_own_models_and_what_aliases_name() -> None:
    config = {
        "servers": {"mybox": SERVER, "other": SERVER},
        "aliases": {"team": "mybox/llama?temperature=0", "new": "groq/not-yet-known"},
    }
    gateway = Gateway(config)
    assert [row.key for row in configured_rows(gateway)] == [
        "local/smollm2",
        "mybox/llama",
        "other/*",
        "groq/not-yet-known",
    ]
    lists = {"mybox": Fetched((ModelRow("mybox", "qwen"),))}
    assert "mybox/qwen" in [row.key for row in configured_rows(gateway, lists)]


async def test_v1_models_asks_servers_for_their_models() -> None:
    with upstream() as served:
        served.say(Reply(body={"object": "list", "data": [{"id": "qwen"}, {"id": "llama"}, {"name": "no id"}]}))
        config = {"servers": {"mybox": {"base_url": served.url}, "gone": SERVER}, "disabled_providers": ["ollama"]}
        async with Gateway(config) as gateway:
            ids = {model["id"] for model in await list_models(gateway)}
            again = {model["id"] for model in await list_models(gateway)}
        assert {"mybox/qwen", "mybox/llama", "gone/*"} <= ids
        assert "mybox/*" not in ids
        assert again == ids
        assert len(served.seen) == 1, "a list is kept for a minute"


async def test_v1_models_has_ollamas_own_models_in_place_of_the_catalogs(monkeypatch: pytest.MonkeyPatch) -> None:
    with upstream() as served:
        served.say(Reply(body={"object": "list", "data": [{"id": "mine:latest"}]}))
        monkeypatch.setenv("OLLAMA_HOST", served.url.removesuffix("/v1"))
        async with Gateway({}) as gateway:
            ids = {model["id"] for model in await list_models(gateway)}
    assert {name for name in ids if name.startswith("ollama")} == {"ollama/mine:latest"}
    assert served.seen[0].path == "/v1/models"


async def test_a_misspelt_model_of_a_server_is_answered_with_its_own() -> None:
    with upstream() as served:
        served.say(Reply(status=404, body={"error": {"message": "no such model", "code": "model_not_found"}}))
        served.say(Reply(body={"object": "list", "data": [{"id": "qwen3-coder"}]}))
        async with Gateway(
            {"servers": {"mybox": {"base_url": served.url}}, "disabled_providers": ["ollama"]}, retries=0
        ) as gateway:
            with pytest.raises(IngateError) as caught:
                await gateway.complete(
                    {"model": "mybox/qwen3-codr", "messages": [{"role": "user", "content": "Hello"}]}
                )
    assert getattr(caught.value, "nearest", ()) == ("qwen3-coder",)


def test_thousands_of_states_load_no_heavy_package() -> None:
    heavy = [
        "litellm",
        "openai",
        "aiohttp",
        "asyncio",
        "pydantic",
        "rich",
        "prompt_toolkit",
        "rapidfuzz",
        "requests",
        "httpx",
    ]
    code = (
        "import sys\nfrom ingate.gateway import Gateway\n"
        "gateway = Gateway({})\nchecker = gateway.readiness()\n"
        "print(len({checker.state(row.provider, row.model) for row in gateway.catalog().rows}) > 1)\n"
        "print(checker.provider('moonshot').state, len(checker.snapshot()) > 100)\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    environ = {"PATH": "/usr/bin:/bin", "OPENAI_KEY": "x", "MOONSHOOT_API_KEY": "x"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, env=environ
    )
    assert done.stdout.split("\n")[:3] == ["True", "missing True", "[]"]


def test_one_model_of_a_provider_says_nothing_of_another_if_the_proxy_lists_only_one() -> None:
    from ingate.config import load

    listed = {"litellm_proxy": Fetched((ModelRow("litellm_proxy", "groq/m"), ModelRow("litellm_proxy", "m")))}
    checker = Gateway(load({"litellm": {"api_base": CLOSED}}, environ={})).readiness(listed)
    for _ in range(2):
        assert [checker.state("groq", model) for model in ("n", "m", "n")] == [MISSING, READY, MISSING]
    assert [checker.state("groq", model, "litellm") for model in ("m", "n")] == [READY, MISSING]


def test_one_local_model_says_nothing_of_another(tmp_path: Path) -> None:
    (tmp_path / "there.gguf").write_bytes(b"GGUF")
    models = {"there": str(tmp_path / "there.gguf"), "gone": str(tmp_path / "gone.gguf")}
    checker = ReadinessChecker(Gateway({"local": {"models": models}}).router, installed=lambda name: True)
    assert [checker.state("local", model) for model in ("there", "gone", "there")] == [READY, MISSING, READY]
    found = checker.check("local/there")
    assert (found.provider, found.source) == ("local", models["there"])
    assert checker.provider("local").state == READY


def test_whether_a_credential_is_complete_is_told_apart_from_whether_it_works() -> None:
    """The picker offers to add a key only if there is none."""
    servers = {"mybox": SERVER, "keyed": {**SERVER, "api_key": "env:UNSET_KEY"}}
    proxy = {"LITELLM_API_BASE": CLOSED}
    complete = {
        "groq/m": False, "mybox/m": True, "keyed/m": False, "ollama/m": True, "lm_studio/m": False, "litellm/m": True,
        "azure/m": False, "local/nothing-like-this": False, "tensorzero/m": True,
    }  # fmt: skip
    environ = {**proxy, "AZURE_API_KEY": "k"}
    found = {spec: check(spec, environ=environ, servers=servers).has_credential for spec in complete}
    assert found == complete
    assert check("groq/m", environ=GROQ).has_credential
    assert not check("litellm/m").has_credential
    assert not check("groq/m", environ=GROQ, disabled_providers=["groq"]).has_credential
