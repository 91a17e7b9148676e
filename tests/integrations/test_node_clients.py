"""Node clients against a served gateway: Vercel's `ai`, openai-node and @anthropic-ai/sdk. `scripts/hosts node` installs them."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import ingate
from support.serve import served

HERE = Path(__file__).parent / "node"
MODULES = Path(__file__).resolve().parents[2] / ".venv-hosts" / "node" / "node_modules"

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
    pytest.mark.skipif(not MODULES.is_dir(), reason="scripts/hosts node has not installed the clients"),
]


async def run(script: str, engine: ingate.ScriptedEngine, tmp_path: Path, *arguments: str) -> Any:
    """The JSON that a script prints last. Its packages are found beside it."""
    (tmp_path / "node_modules").symlink_to(MODULES)
    copy = tmp_path / script
    copy.write_text((HERE / script).read_text())
    config = {"aliases": {"gpt-5": "scripted/gpt-5"}}
    async with ingate.Gateway(config, engines={"scripted": engine}) as gateway, served(gateway.asgi) as base:
        process = await asyncio.create_subprocess_exec(
            "node", str(copy), base, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, problems = await process.communicate()
    assert process.returncode == 0, problems.decode()
    return json.loads(out.splitlines()[-1])  # after any warnings of the client's own


@pytest.mark.parametrize("api", ["responses", "chat", "messages"])
async def test_vercels_ai_runs_tools_in_steps_streams_and_makes_objects(api: str, tmp_path: Path) -> None:
    engine = ingate.ScriptedEngine()
    for _ in range(2):
        engine.enqueue_tool_calls(("weather", '{"city": "Ghent"}'), ("weather", '{"city": "Rome"}'))
        engine.enqueue("Warm in both.")
    if api == "messages":  # it asks for an object by a forced tool
        engine.enqueue_tool_call("json", '{"city": "Ghent"}')
    else:
        engine.enqueue('{"city": "Ghent"}')
    found = await run("ai.mjs", engine, tmp_path, api)
    assert found == {
        "steps": [["Ghent", "Rome"], []],
        "text": "Warm in both.",
        "tokens": True,
        "streamed": "Warm in both.",
        "streamedSteps": 2,
        "object": {"city": "Ghent"},
    }
    answered = [message for message in engine.requests[1][1]["messages"] if message["role"] == "tool"]
    assert [json.loads(str(message["content"]))["city"] for message in answered] == ["Ghent", "Rome"]


async def test_the_openai_and_anthropic_sdks_work_on_every_api(tmp_path: Path) -> None:
    engine = ingate.ScriptedEngine()
    for text in ("a", "b", "c", "d", "e", "f"):
        engine.enqueue(text)
    found = await run("sdks.mjs", engine, tmp_path)
    assert found == {
        "chat": "a",
        "chatStream": "b",
        "responses": "c",
        "responsesStream": "d",
        "items": 1,
        "message": "e",
        "messageStream": "f",
        "counted": True,
        "models": True,
        "error": "NotFoundError",
    }
