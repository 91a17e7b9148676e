"""The client over the real gateway: scripted answers, and a real upstream on the loopback."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from typing import TYPE_CHECKING, Any

import openai
import pytest

import ingate
from ingate import Gateway, ScriptedEngine
from ingate.client import http_client
from support.upstream import Reply, Upstream, chunks, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = "scripted/any"
HI: list[Any] = [{"role": "user", "content": "hi"}]


@pytest.fixture
def groq() -> Iterator[Upstream]:
    with upstream() as provider:
        yield provider


def config(provider: Upstream) -> dict[str, Any]:
    return {"groq": {"base_url": provider.url, "api_key": "gsk-test-key"}}


async def test_scripted_answers_reach_the_sdk() -> None:
    engine = ScriptedEngine()
    engine.enqueue("Blue light scatters most.")
    engine.enqueue_tool_calls(("get_weather", {"city": "Ghent"}), ("get_weather", {"city": "Lima"}))
    engine.enqueue("Streamed words.", reasoning="Let me think.")
    async with Gateway({}, engines={"scripted": engine}) as gateway, ingate.AsyncIngate(gateway=gateway) as client:
        answer = await client.chat.completions.create(model=MODEL, messages=HI)
        assert answer.choices[0].message.content == "Blue light scatters most."
        assert answer.model_extra is not None
        assert answer.model_extra["ingate"]["engine"] == "scripted"
        calls: Any = (await client.chat.completions.create(model=MODEL, messages=HI)).choices[0].message.tool_calls
        assert [call.function.arguments for call in calls] == ['{"city": "Ghent"}', '{"city": "Lima"}']
        stream = await client.chat.completions.create(
            model=MODEL, messages=HI, stream=True, stream_options={"include_usage": True}
        )
        got = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in got if chunk.choices) == "Streamed words."
    thought = [chunk.choices[0].delta.model_extra or {} for chunk in got if chunk.choices]
    assert "".join(extra.get("reasoning_content") or "" for extra in thought) == "Let me think."
    assert got[-1].usage is not None
    assert got[-1].model_extra is not None
    assert got[-1].model_extra["ingate"]["provider"] == "scripted"


async def test_leaving_a_stream_leaves_the_engine() -> None:
    engine = ScriptedEngine()
    engine.enqueue("word " * 500, delay_s=0.001)
    async with Gateway({}, engines={"scripted": engine}) as gateway, ingate.AsyncIngate(gateway=gateway) as client:
        stream = await client.chat.completions.create(model=MODEL, messages=HI, stream=True)
        await anext(stream)
        await stream.close()
        assert engine.cancelled == 1
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_broken_stream_raises_with_what_had_come() -> None:
    engine = ScriptedEngine()
    engine.enqueue(["hel", "lo"], breaks_with=ingate.UnavailableError("the provider hung up"))
    async with Gateway({}, engines={"scripted": engine}) as gateway, ingate.AsyncIngate(gateway=gateway) as client:
        stream = await client.chat.completions.create(model=MODEL, messages=HI, stream=True)
        with pytest.raises(openai.APIError, match="hung up") as caught:
            await _read(stream)
    body: Any = caught.value.body
    assert body["partial_text"] == "hello"
    assert body["code"] == "stream_interrupted"


async def test_missing_credentials_and_unknown_providers_are_reported_with_a_fix() -> None:
    async with ingate.AsyncIngate({}) as client:
        with pytest.raises(openai.AuthenticationError, match="groq") as caught:
            await client.chat.completions.create(model="groq/some-model", messages=HI)
        body: Any = caught.value.body
        assert "GROQ_API_KEY" in body["fix"]
        with pytest.raises(openai.NotFoundError, match="groqq"):
            await client.chat.completions.create(model="groqq/some-model", messages=HI)


def test_a_wrong_configuration_is_an_error_at_once() -> None:
    for make in (ingate.AsyncIngate, ingate.Ingate, http_client):
        with pytest.raises(ingate.ConfigError):
            make({"default_modle": "x"})


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts files through /proc")
@pytest.mark.parametrize("kept", [True, False], ids=["one client", "a client each"])
def test_twenty_event_loops_leave_no_socket_to_the_provider(groq: Upstream, kept: bool) -> None:
    one = ingate.AsyncIngate(config(groq)) if kept else None

    async def turn() -> None:
        client = one or ingate.AsyncIngate(config(groq))
        groq.say(Reply(events=chunks("Hel", "lo")))
        async for _ in await client.chat.completions.create(model="groq/m", messages=HI, stream=True):
            pass
        if one is None:
            await client.close()

    def count() -> tuple[int, int]:
        gc.collect()
        return len(os.listdir("/proc/self/fd")), threading.active_count()

    for _ in range(3):
        asyncio.run(turn())
    files, threads = count()
    for _ in range(20):
        asyncio.run(turn())
    after = count()
    # The upstream runs in this process too, and may be a connection late in noticing that its peer has gone.
    assert after[0] <= files + 4
    assert after[1] <= threads + 2
    if one is not None:
        asyncio.run(one.close())


async def _read(stream: Any) -> None:
    async for _ in stream:
        pass
