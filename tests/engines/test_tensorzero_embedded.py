"""TensorZero's own gateway inside this process, with a loopback provider behind it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from ingate import Gateway
from ingate.errors import ConfigError, ModelNotFoundError, UnavailableError
from support.http import Conversation, serving

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("tensorzero")

TOML = """
[models.small]
routing = ["far"]
[models.small.providers.far]
type = "openai"
api_base = "{base}"
model_name = "m"
api_key_location = "none"
[functions.greet]
type = "chat"
[functions.greet.variants.one]
type = "chat_completion"
model = "small"
"""
CALL = {"id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": '{"zone": "UTC"}'}}
HI: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}]}
TOOL = {"type": "function", "function": {"name": "get_time", "description": "", "parameters": {"type": "object"}}}


def chunk(delta: dict[str, Any], finish: str | None = None, usage: Any = None) -> bytes:
    choices = [] if usage else [{"index": 0, "delta": delta, "finish_reason": finish}]
    made = {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": choices,
        "usage": usage,
    }
    return b"data: " + json.dumps(made).encode() + b"\n\n"


async def provider(conversation: Conversation) -> None:
    """A provider that calls a tool where one is on offer, and else greets."""
    asked = json.loads(conversation.body)
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    if asked.get("stream"):
        await conversation.begin()
        for piece in (
            chunk({"role": "assistant", "content": "Hel"}),
            chunk({"content": "lo"}, "stop"),
            chunk({}, None, usage),
        ):
            await conversation.piece(piece)
        await conversation.piece(b"data: [DONE]\n\n")
        await conversation.piece(b"")
        return
    message: dict[str, Any] = {"role": "assistant", "content": "Hello"}
    if asked.get("tools"):
        message = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if asked.get("tools") else "stop"}
    made = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    await conversation.answer(json.dumps(made).encode())


def section(tmp_path: Path, base: str) -> dict[str, Any]:
    file = tmp_path / "tensorzero.toml"
    file.write_text(TOML.format(base=base))
    return {"tensorzero": {"config_file": str(file)}}


@pytest.mark.parametrize("model", ["greet", "small", "function_name::greet", "model_name::small"])
async def test_functions_and_models_answer_whole_and_streamed(tmp_path: Path, model: str) -> None:
    async with serving(provider) as far, Gateway(section(tmp_path, far.base)) as gateway:
        completion = await gateway.complete({"model": f"tensorzero/{model}", **HI})
        chunks = [piece async for piece in gateway.stream({"model": f"tensorzero/{model}", **HI})]
    assert completion["choices"][0]["message"]["content"] == "Hello"
    assert completion["usage"]["total_tokens"] == 5
    assert completion["ingate"]["engine"] == "tensorzero"
    text = "".join(choice["delta"].get("content") or "" for piece in chunks for choice in piece["choices"])
    assert (text, chunks[-1]["usage"]["total_tokens"]) == ("Hello", 5)


async def test_a_tool_is_called_through_it(tmp_path: Path) -> None:
    async with serving(provider) as far, Gateway(section(tmp_path, far.base)) as gateway:
        completion = await gateway.complete({"model": "tensorzero/greet", "tools": [TOOL], **HI})
    (call,) = completion["choices"][0]["message"]["tool_calls"]
    assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == ("get_time", {"zone": "UTC"})
    assert completion["choices"][0]["finish_reason"] == "tool_calls"


async def test_a_function_that_is_not_there_is_a_missing_model(tmp_path: Path) -> None:
    async with Gateway(section(tmp_path, "http://127.0.0.1:9/v1")) as gateway:
        with pytest.raises(ModelNotFoundError, match="nope"):
            await gateway.complete({"model": "tensorzero/nope", **HI})


async def test_a_provider_that_is_down_is_told_as_such(tmp_path: Path) -> None:
    async with Gateway(section(tmp_path, "http://127.0.0.1:9/v1"), retries=0) as gateway:
        with pytest.raises(UnavailableError):
            await gateway.complete({"model": "tensorzero/greet", **HI})


@pytest.mark.parametrize("text", ["[functions.greet]\ntype = 'wizardry'\n", "not toml ["])
async def test_a_wrong_configuration_is_an_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    async with Gateway({"tensorzero": {"config_file": str(file)}}) as gateway:
        with pytest.raises(ConfigError, match=r"wrong\.toml"):
            await gateway.complete({"model": "tensorzero/greet", **HI})


async def test_another_gateway_can_follow_a_closed_one(tmp_path: Path) -> None:
    async with serving(provider) as far:
        for _ in range(2):
            gateway = Gateway(section(tmp_path, far.base))
            answer = await gateway.complete({"model": "tensorzero/greet", **HI})
            assert answer["choices"][0]["message"]["content"] == "Hello"
            await gateway.aclose()


async def test_nothing_but_the_answer_is_printed(tmp_path: Path) -> None:
    async with serving(provider) as far:
        config = tmp_path / "ingate.yaml"
        section(tmp_path, far.base)
        config.write_text("tensorzero:\n  config_file: tensorzero.toml\n")
        command = [
            sys.executable,
            "-c",
            "from ingate.cli.main import main; main()",
            "--config",
            str(config),
            "ask",
            "Hi",
            "-m",
            "tensorzero/greet",
        ]
        done = await asyncio.to_thread(
            subprocess.run,
            command,
            capture_output=True,
            text=True,
            timeout=60,
            env=dict(os.environ),
            stdin=subprocess.DEVNULL,
        )
    assert (done.stdout, done.stderr, done.returncode) == ("Hello\n", "", 0)
