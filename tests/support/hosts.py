"""What the tests inside the hosts share: a gateway that says what it is told to, and the examples run for real."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

import ingate

ROOT = Path(__file__).resolve().parents[2]
MODEL = "scripted/any"
WEATHER = '{"city": "Ghent", "celsius": 21}'
EXAMPLE_S = 100


class Weather(BaseModel):
    """The weather in a city."""

    city: str
    celsius: int


class Sky(BaseModel):
    """Bounded, so that a small model soon ends."""

    colour: Literal["blue", "grey", "black"]
    stars: bool


def scripted() -> tuple[ingate.ScriptedEngine, ingate.Gateway]:
    """An engine with an empty queue, and the gateway in front of it."""
    engine = ingate.ScriptedEngine()
    return engine, ingate.Gateway({}, engines={"scripted": engine})


def tool_names(engine: ingate.ScriptedEngine, at: int = 0) -> list[str]:
    """The names of the tools that came with a request."""
    return [tool["function"]["name"] for tool in engine.requests[at][1].get("tools") or ()]


def tool_results(engine: ingate.ScriptedEngine, at: int = -1) -> list[str]:
    """The texts of the tool results that came with a request."""
    return [_text(message["content"]) for message in engine.requests[at][1]["messages"] if message["role"] == "tool"]


def schema_of(engine: ingate.ScriptedEngine, at: int = 0) -> dict[str, Any]:
    """The JSON schema that a request asks its answer to keep to."""
    return engine.requests[at][1]["response_format"]["json_schema"]["schema"]


def run_example(name: str, home: Path, *arguments: str, **environ: str) -> str:
    """What `examples/<name>` prints with the local model, in a process of its own without a key or a configuration."""
    ran = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *arguments],
        cwd=home,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONWARNINGS": "ignore", **environ},
        capture_output=True,
        text=True,
        timeout=EXAMPLE_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
