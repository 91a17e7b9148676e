"""`ingate fast-agent` where fast-agent is not installed, and the overlays for a stock one."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from support.cli import run

FOLDER = Path(".fast-agent", "model-overlays")


def written(folder: Path = FOLDER) -> dict[str, str]:
    """The names of the overlays, and the model of each."""
    found = [yaml.safe_load(file.read_text()) for file in sorted(folder.iterdir())]
    return {one["name"]: one["model"] for one in found}


def test_without_a_command_it_shows_its_help() -> None:
    done = run("fast-agent")
    assert done.out == run("fast-agent", "--help").out
    assert done.out.startswith("Usage: ingate fast-agent ")


def test_overlays_of_named_models_are_written_and_listed(tmp_path: Path) -> None:
    done = run("fast-agent", "overlays", "groq/m", "groq/n", "groq/m")
    assert done.out.splitlines() == [
        f"2 overlays in {FOLDER}, for `ingate serve` at http://127.0.0.1:4100/v1:",
        "  fast-agent go --model ingate-groq-m",
        "  fast-agent go --model ingate-groq-n",
    ]
    assert written() == {"ingate-groq-m": "groq/m", "ingate-groq-n": "groq/n"}
    options = ("--base-url", "http://other:1/v1", "--key-env", "MY_KEY", "--dir", str(tmp_path))
    one = run("fast-agent", "overlays", "groq/m", *options)
    assert one.out.splitlines()[0] == f"1 overlay in {tmp_path}, for `ingate serve` at http://other:1/v1:"
    connection = yaml.safe_load((tmp_path / "ingate-groq-m.yaml").read_text())["connection"]
    assert connection["base_url"] == "http://other:1/v1"
    assert "MY_KEY" in str(connection)
    assert "http://127.0.0.1:4100/v1" in run("fast-agent", "overlays", "-h").out


def test_without_names_it_is_what_is_ready_and_with_all_every_model_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("aliases: {best: groq/mine}\n")
    run("--config", str(file), "fast-agent", "overlays")
    assert set(written().values()) == {"local/smollm2", "best"}
    monkeypatch.setenv("GROQ_API_KEY", "gsk-key")
    run("--config", str(file), "fast-agent", "overlays")
    few = set(written().values())
    assert "litellm.groq/openai/gpt-oss-120b" in few
    run("--config", str(file), "fast-agent", "overlays", "--all")
    every = set(written().values())
    assert few < every
    assert {model.partition("/")[0] for model in every - few} == {"litellm.groq"}


@pytest.mark.skipif(find_spec("fast_agent") is not None, reason="fast-agent is installed here")
def test_the_folder_is_asked_about_before_fast_agent_is_started() -> None:
    Path("ingate.yaml").write_text("groq: {base_url: 'http://gateway.example/v1'}\n")
    Path(".env").write_text("OPENAI_API_KEY=x\n")
    piped = run("fast-agent", "go", code=2)
    assert "Trust it?" not in piped.err
    assert piped.err.startswith("note: ingate.yaml is not trusted")
    for last in ("--help", "-h", "--version"):
        assert "not trusted" not in run("fast-agent", "go", last, code=2).err
        assert "not trusted" in run("fast-agent", "go", "--message", last, code=2).err  # a value, not help
    done = run("fast-agent", "go", terminal=True, stdin="n\nn\nn\n", code=2)
    assert done.err.count("Trust it?") >= 1
    assert "fast-agent is not installed" in done.err
