"""The example runs with the local model; overlays are read by the stock fast-agent and lead to a gateway on a socket."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("fast_agent")

from support.local import needs_model
from support.upstream import Reply, chunks, upstream

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[3]
INGATE = str(Path(sys.executable).with_name("ingate"))


def run(command: Sequence[str], folder: Path, **environ: str) -> str:
    import os

    variables = {**os.environ, **environ}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.model
@needs_model[1]
def test_the_example_answers_with_the_local_model(tmp_path: Path) -> None:
    said = run([sys.executable, str(ROOT / "examples" / "fast_agent" / "agent.py")], tmp_path)
    assert len(said.split()) >= 3
    assert "error" not in said.lower()


def test_the_command_without_arguments_teaches() -> None:
    assert "ingate fast-agent go --model" in run([INGATE, "fast-agent"], ROOT)


def test_fast_agents_own_commands_are_reached(tmp_path: Path) -> None:
    assert "fast-agent" in run([INGATE, "fast-agent", "--version"], tmp_path)
    assert "--model" in run([INGATE, "fast-agent", "go", "--help"], tmp_path)


PLAY = """
import sys
import ingate.integrations.fast_agent as fa
from ingate import Gateway, ScriptedEngine

fa.main(sys.argv[1:], gateway=Gateway({"groq": {"api_key": "k"}}, engines={"litellm": ScriptedEngine()}))
"""


def test_an_agent_card_may_name_a_model_of_ours(tmp_path: Path) -> None:
    card = tmp_path / "brief.md"
    card.write_text("---\nname: brief\nmodel: litellm.groq/openai/gpt-oss-120b\ndefault: true\n---\nBe brief.\n")
    said = run([sys.executable, "-c", PLAY, "go", "--card", str(card), "--message", "Hello there"], tmp_path)
    assert "You said: Hello there" in " ".join(said.split())


def test_a_default_model_of_fast_agents_own_may_be_ours(tmp_path: Path) -> None:
    (tmp_path / "fastagent.config.yaml").write_text("default_model: litellm.groq/openai/gpt-oss-120b\n")
    command = [sys.executable, "-c", PLAY, "go", "--config-path", "fastagent.config.yaml", "--message", "Hello there"]
    assert "You said: Hello there" in " ".join(run(command, tmp_path).split())


STOCK = """
import asyncio, json
from fast_agent import FastAgent
from fast_agent.ui.model_picker_common import build_snapshot

shown = [entry.display_label for option in build_snapshot().providers if option.overlay_group for entry in option.curated_entries]
fast = FastAgent("t", parse_cli_args=False, quiet=True)

@fast.agent(name="it", model="ingate-litellm-groq-openai-gpt-oss-120b")
async def main():
    async with fast.run() as running:
        print(json.dumps({"shown": shown, "said": await running.it.send("Hello")}))

asyncio.run(main())
"""


def test_overlays_serve_the_stock_fast_agent(tmp_path: Path) -> None:
    with upstream() as served:
        served.otherwise = Reply(events=chunks("Over", " the", " socket"))
        told = run(
            [INGATE, "fast-agent", "overlays", "--base-url", served.url, "--key-env", "MY_KEY"],
            tmp_path,
            GROQ_API_KEY="gsk-x",
        )
        assert "2 overlays in .fast-agent/model-overlays" in told
        again = run([INGATE, "fast-agent", "overlays", "local/smollm2"], tmp_path)
        assert "1 overlay in " in again
        said = json.loads(run([sys.executable, "-c", STOCK], tmp_path, MY_KEY="sk-serve").splitlines()[-1])
    assert said["said"] == "Over the socket"
    assert "GPT-OSS 120B (Groq)" in said["shown"]
    [seen] = [one for one in served.seen if one.method == "POST"]
    assert seen.body["model"] == "litellm.groq/openai/gpt-oss-120b"
    assert seen.headers["authorization"] == "Bearer sk-serve"


def test_a_file_that_somebody_else_wrote_is_left_alone(tmp_path: Path) -> None:
    own = tmp_path / ".fast-agent" / "model-overlays" / "ingate-local-smollm2.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("name: mine\n")
    done = subprocess.run(
        [INGATE, "fast-agent", "overlays", "local/smollm2"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "is not one of ingate's" in done.stderr
    assert own.read_text() == "name: mine\n"
