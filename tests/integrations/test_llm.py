"""simonw's llm with ingate as its plugin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import ingate
from support.hostile_repository import environment, hostile_repository
from support.hosts import MODEL, WEATHER, Weather, run_example, schema_of, scripted, tool_names, tool_results
from support.local import needs_model

llm = pytest.importorskip("llm")
llm_plugin = pytest.importorskip("ingate.integrations.llm_plugin")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The scripted engine behind the plugin's clients."""
    engine, gateway = scripted()
    sync = ingate.Ingate(gateway=gateway)
    clients = {False: sync, True: ingate.AsyncIngate(gateway=gateway)}
    monkeypatch.setattr(llm_plugin, "_client", lambda *, asynchronous: clients[asynchronous])
    with sync:
        yield engine


def cli(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The command `llm`, with this plugin alone: the package of SmolLM2's file is one too, and wants llama-cpp-python."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "llm", *arguments],
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "LLM_LOAD_PLUGINS": "ingate", **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def lookup_weather(city: str) -> str:
    """The weather in a city."""
    return f"21 degrees in {city}"


def everything() -> frozenset[str]:
    return frozenset({"tools", "json"})


def test_a_streamed_answer_comes_word_by_word_with_its_usage(engine: ingate.ScriptedEngine) -> None:
    engine.enqueue("Blue light scatters most.")
    answer = llm_plugin.IngateChat(MODEL, everything()).prompt("Why is the sky blue?")
    assert list(answer) == ["Blue", " light", " scatters", " most."]
    assert answer.usage().output == 4


async def test_it_answers_in_an_event_loop_too(engine: ingate.ScriptedEngine) -> None:
    engine.enqueue("Blue light scatters most.")
    answer = llm_plugin.AsyncIngateChat(MODEL, everything()).prompt("Why is the sky blue?")
    assert [piece async for piece in answer] == ["Blue", " light", " scatters", " most."]


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
def test_parallel_tool_calls_run_and_their_results_go_back(engine: ingate.ScriptedEngine, streamed: bool) -> None:
    engine.enqueue_tool_calls(("lookup_weather", {"city": "Ghent"}), ("lookup_weather", {"city": "Lima"}))
    engine.enqueue("Both are warm.")
    model = llm_plugin.IngateChat(MODEL, everything())
    assert model.chain("Where is it warm?", tools=[lookup_weather], stream=streamed).text() == "Both are warm."
    assert tool_names(engine) == ["lookup_weather"]
    assert tool_results(engine) == ["21 degrees in Ghent", "21 degrees in Lima"]


def test_structured_output_is_asked_for_by_schema(engine: ingate.ScriptedEngine) -> None:
    engine.enqueue(WEATHER)
    answer = llm_plugin.IngateChat(MODEL, everything()).prompt("Weather?", schema=Weather)
    assert Weather.model_validate_json(answer.text()) == Weather(city="Ghent", celsius=21)
    assert set(schema_of(engine)["properties"]) == {"city", "celsius"}


def test_the_option_spec_reaches_any_model(engine: ingate.ScriptedEngine) -> None:
    engine.enqueue("yes")
    assert llm_plugin.AnySpecChat().prompt("hi", spec="scripted/other", temperature=0.5).text() == "yes"
    [(route, body)] = engine.requests
    assert str(route.spec) == "scripted/other"
    assert body["temperature"] == 0.5
    with pytest.raises(llm.ModelError, match="-o spec"):
        llm_plugin.AnySpecChat().prompt("hi").text()


def test_the_command_lists_what_would_answer() -> None:
    keyless = cli("models").stdout
    assert "ingate: ingate/local/smollm2" in keyless
    assert "ingate/groq/" not in keyless
    assert "ingate/ollama/" not in keyless
    assert "ingate: ingate/groq/" in cli("models", GROQ_API_KEY="gsk-test").stdout


def test_what_a_model_can_do_comes_from_the_catalog() -> None:
    listed = cli("models", "--options", "-q", "ingate/openai/gpt-5-mini", OPENAI_API_KEY="sk-test").stdout
    about = listed.partition("ingate: ingate/openai/gpt-5-mini\n")[2].partition("\ningate: ")[0]
    assert "reasoning_effort" in about
    assert "image/png" in about
    assert "schemas" in about
    assert "tools" in about


def test_a_wrong_configuration_keeps_no_other_model_away(clean_environment: Path) -> None:
    (clean_environment / "ingate.yaml").write_text("default_modle: x\n")
    ran = cli("models")
    assert "OpenAI Chat" in ran.stdout
    assert "ingate: ingate\n" in ran.stdout
    asked = cli("-m", "ingate", "-o", "spec", "local/smollm2", "hi")
    assert asked.returncode != 0
    assert "ingate.yaml:1" in asked.stderr


def test_a_missing_key_is_told_with_its_variable() -> None:
    asked = cli("-m", "ingate", "-o", "spec", "groq/some-model", "hi")
    assert asked.returncode != 0
    assert "GROQ_API_KEY" in asked.stderr


@pytest.mark.model
@needs_model[1]
def test_the_command_answers_with_the_local_model_and_keeps_its_log() -> None:
    said = cli("-m", "ingate/local/smollm2", "Say hello in one short sentence.")
    assert said.returncode == 0, said.stderr
    assert said.stdout.strip()
    [logged] = json.loads(cli("logs", "--json").stdout)
    assert logged["model"] == "ingate/local/smollm2"
    assert logged["response"].strip() == said.stdout.strip()


@pytest.mark.model
@needs_model[1]
def test_the_example_runs(tmp_path: Path) -> None:
    lines = run_example("llm_models.py", tmp_path).splitlines()
    assert lines[0]
    assert any("21 degrees and sunny" in line for line in lines)
    assert lines[-1].startswith("colour=")


def test_a_hostile_repository_gets_nothing_through_the_plugin(tmp_path: Path) -> None:
    with hostile_repository(tmp_path) as repository:
        for model in ("ingate/openai/gpt-4o", "ingate/evil/model", "ingate/sonnet", "ingate"):
            done = subprocess.run(
                [Path(sys.executable).with_name("llm"), "-m", model, "hi"],
                cwd=repository.folder,
                env=environment(LLM_LOAD_PLUGINS="ingate", PYTHONWARNINGS="ignore"),
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
                stdin=subprocess.DEVNULL,
            )
            assert done.returncode != 0
            repository.check(done.stdout)
