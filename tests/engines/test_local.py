"""The local engine with the real SmolLM2: answers, streams, limits, and what stops it."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import threading
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from ingate.engines.base import CallReport
from ingate.engines.local import LocalEngine, smollm2_path
from ingate.errors import BadRequestError, ContextTooLongError, NotSupportedError, RequestTimeoutError, UnavailableError
from support.local import LONG_QUESTION, QUESTION, local_route, needs_model, question_of, with_metadata

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = needs_model
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture(scope="module")
def shared() -> Any:
    """One engine for the tests that only ask, so that the model is loaded once."""
    engine = LocalEngine()
    yield engine
    asyncio.run(engine.aclose())


@pytest.fixture
async def engine() -> AsyncIterator[LocalEngine]:
    """An engine of the test's own."""
    engine = LocalEngine()
    yield engine
    await engine.aclose()


async def answer(engine: LocalEngine, messages: list[dict[str, Any]], **body: Any) -> dict[str, Any]:
    return await engine.complete(local_route(), {"messages": messages, **body}, CallReport())


async def test_it_answers_with_counts_and_a_reason_to_end(shared: LocalEngine) -> None:
    got = await answer(shared, QUESTION, max_tokens=12, temperature=0)
    choice = got["choices"][0]
    assert choice["message"]["role"] == "assistant"
    assert len(choice["message"]["content"]) > 20
    assert choice["finish_reason"] == "length"
    assert got["usage"]["completion_tokens"] == 12
    assert got["usage"]["prompt_tokens"] > 10
    assert got["model"] == "smollm2"


async def test_a_stop_word_ends_the_answer(shared: LocalEngine) -> None:
    got = await answer(shared, QUESTION, stop=[" "], temperature=0, max_completion_tokens=50)
    assert got["choices"][0]["finish_reason"] == "stop"
    assert " " not in got["choices"][0]["message"]["content"]


async def test_the_stream_comes_token_by_token(shared: LocalEngine) -> None:
    times, texts, last = [], [], {}
    body = {"messages": QUESTION, "max_tokens": 20, "temperature": 0}
    async for chunk in shared.stream(local_route(), body, CallReport()):
        if chunk["choices"] and chunk["choices"][0]["delta"].get("content"):
            times.append(time.perf_counter())
            texts.append(chunk["choices"][0]["delta"]["content"])
        assert "timings" not in chunk
        assert "prompt_progress" not in chunk
        last = chunk
    assert len(texts) >= 18
    assert len(set(times)) == len(times)
    assert last["usage"]["completion_tokens"] == 20


async def test_the_same_seed_gives_the_same_answer(shared: LocalEngine) -> None:
    said = {
        (await answer(shared, QUESTION, seed=7, temperature=1.0, max_tokens=12))["choices"][0]["message"]["content"]
        for _ in range(2)
    }
    assert len(said) == 1


async def test_a_json_schema_binds_the_answer(shared: LocalEngine) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 20}, "people": {"type": "integer"}},
        "required": ["city", "people"],
        "additionalProperties": False,
    }
    format_ = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": schema}}
    got = await answer(shared, [{"role": "user", "content": "Name a city."}], response_format=format_, temperature=0)
    assert json.loads(got["choices"][0]["message"]["content"]).keys() == {"city", "people"}


async def test_a_demanded_tool_call_is_made(shared: LocalEngine) -> None:
    question = [{"role": "user", "content": "What is the weather in Paris?"}]
    for choice in ("required", {"type": "function", "function": {"name": "get_weather"}}):
        got = await answer(shared, question, tools=[WEATHER], tool_choice=choice, temperature=0)
        call = got["choices"][0]["message"]["tool_calls"][0]
        assert got["choices"][0]["finish_reason"] == "tool_calls"
        assert call["function"]["name"] == "get_weather"
        assert "city" in json.loads(call["function"]["arguments"])


async def test_a_tools_result_can_be_read(shared: LocalEngine) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
    messages = [
        {"role": "user", "content": "What is the weather in Paris?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "Sunny, 22 degrees"},
    ]
    got = await answer(shared, messages, tools=[WEATHER], max_tokens=10)
    assert got["choices"][0]["message"]["content"]


async def test_tools_that_the_template_cannot_show_are_left_out_and_told(shared: LocalEngine) -> None:
    report = CallReport()
    body = {"messages": QUESTION, "tools": [WEATHER], "n": 2, "max_tokens": 3}
    got = await shared.complete(local_route(), body, report)
    assert got["choices"][0]["message"]["content"]
    assert sorted(report.dropped) == ["n", "tools"]
    assert "tools" in report.warnings[0]


async def test_strict_refuses_what_would_be_dropped(shared: LocalEngine) -> None:
    with pytest.raises(BadRequestError, match="tools"):
        await shared.complete(
            local_route(drop_params="strict"), {"messages": QUESTION, "tools": [WEATHER]}, CallReport()
        )


async def test_a_conversation_too_long_is_told_with_both_numbers(shared: LocalEngine) -> None:
    with pytest.raises(ContextTooLongError, match=r"90\d\d tokens.*8192"):
        await answer(shared, question_of(9000))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": []},
        {"messages": QUESTION, "temperature": "hot"},
        {"messages": QUESTION, "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "no"}}}},
        {"messages": [{"role": "user", "content": "half a pair: \ud800"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]},
        {"messages": QUESTION, "metadata": {"not JSON": object()}},
        {"messages": QUESTION, "tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "other"}}},
    ],
)  # fmt: skip
async def test_a_request_that_cannot_be_answered_is_a_bad_request(shared: LocalEngine, body: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError) as caught:
        await shared.complete(local_route(), body, CallReport())
    assert caught.value.spec == "local/smollm2"
    assert (await answer(shared, QUESTION, max_tokens=1))["choices"]


async def test_emoji_and_chinese_arrive_whole(shared: LocalEngine) -> None:
    got = await answer(shared, [{"role": "user", "content": "Repeat: 😀😀 漢字"}], temperature=0, max_tokens=20)
    assert "�" not in got["choices"][0]["message"]["content"]


async def test_leaving_the_stream_stops_the_model(shared: LocalEngine) -> None:
    """Four thousand tokens would take a minute; the next in line is answered as soon as the stream is left."""
    body = {"messages": QUESTION, "max_tokens": 4000, "ignore_eos": True}
    async with aclosing(shared.stream(local_route(), body, CallReport())) as stream:
        async for _ in stream:
            break
    async with asyncio.timeout(15):
        await answer(shared, QUESTION, max_tokens=1)


async def test_cancelling_while_it_reads_the_prompt_stops_it_too(shared: LocalEngine) -> None:
    """Four thousand tokens of prompt take half a minute to read; they are read 64 at a time."""
    await answer(shared, QUESTION, max_tokens=1)
    asking = asyncio.create_task(answer(shared, LONG_QUESTION))
    done, _ = await asyncio.wait({asking}, timeout=0.5)
    assert not done
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    async with asyncio.timeout(15):
        await answer(shared, QUESTION, max_tokens=1)


async def test_a_request_that_waits_in_line_can_be_cancelled(shared: LocalEngine) -> None:
    first = asyncio.create_task(answer(shared, QUESTION, max_tokens=30))
    second = asyncio.create_task(answer(shared, QUESTION, max_tokens=30))
    await asyncio.sleep(0)
    second.cancel()
    assert (await first)["usage"]["completion_tokens"] > 0
    with pytest.raises(asyncio.CancelledError):
        await second


async def test_requests_at_once_are_answered_in_turn(shared: LocalEngine) -> None:
    got = await asyncio.gather(*(answer(shared, QUESTION, max_tokens=3 + n) for n in range(4)))
    assert [each["usage"]["completion_tokens"] for each in got] == [3, 4, 5, 6]


async def test_no_token_in_time_is_told(shared: LocalEngine) -> None:
    with pytest.raises(RequestTimeoutError) as caught:
        await shared.complete(local_route(timeout_s=0.05), {"messages": LONG_QUESTION}, CallReport())
    assert caught.value.timeout_s == 0.05


def test_twenty_event_loops_share_one_engine(shared: LocalEngine) -> None:
    for _ in range(20):
        assert asyncio.run(answer(shared, QUESTION, max_tokens=1))["usage"]["completion_tokens"] == 1


async def test_it_listens_on_no_port_and_leaves_the_signals_alone(engine: LocalEngine) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    await answer(engine, QUESTION, max_tokens=1)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    if os.path.exists("/proc/net/tcp"):
        own = {os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if _is_link(fd)}
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            with open(table) as lines:
                listening = [line.split() for line in lines if " 0A " in line]
            assert not [line for line in listening if f"socket:[{line[9]}]" in own]


def _is_link(fd: str) -> bool:
    return os.path.islink(f"/proc/self/fd/{fd}")


async def test_closing_frees_the_thread_and_ends_what_is_in_progress(engine: LocalEngine) -> None:
    threads = set(threading.enumerate())
    asking = asyncio.create_task(answer(engine, QUESTION, max_tokens=4000, ignore_eos=True))
    stream = engine.stream(local_route(), {"messages": QUESTION}, CallReport())
    waiting = asyncio.create_task(anext(stream))  # ty: ignore[invalid-argument-type]
    await asyncio.sleep(0.3)
    await engine.aclose()
    await engine.aclose()
    for task in (asking, waiting):
        with pytest.raises(UnavailableError, match="closed"):
            await task
    with pytest.raises(UnavailableError, match="closed"):
        await answer(engine, QUESTION)
    assert not [thread for thread in set(threading.enumerate()) - threads if thread.name.startswith("ingate")]


async def test_a_forgotten_engine_frees_its_thread() -> None:
    engine = LocalEngine()
    await answer(engine, QUESTION, max_tokens=1)
    names = {thread.name for thread in threading.enumerate()}
    assert any(name.startswith("ingate-SmolLM2") for name in names)
    before = sum(thread.name.startswith("ingate-SmolLM2") for thread in threading.enumerate())
    del engine
    gc.collect()
    assert sum(thread.name.startswith("ingate-SmolLM2") for thread in threading.enumerate()) == before - 1


async def test_a_chat_model_serves_no_embeddings(shared: LocalEngine) -> None:
    with pytest.raises(NotSupportedError, match="chat model"):
        await shared.embed(local_route(), {"input": "hello"}, CallReport())


async def test_a_file_that_names_its_pooling_gives_embeddings(engine: LocalEngine, tmp_path: Path) -> None:
    source = smollm2_path()
    assert source is not None
    path = with_metadata(source, tmp_path / "embedder.gguf", "llama.pooling_type", 1)
    route = local_route("embedder", facts={"path": str(path), "context_tokens": 512})
    got = await engine.embed(route, {"input": ["one text", "another"]}, CallReport())
    assert got["object"] == "list"
    assert [len(row["embedding"]) for row in got["data"]] == [576, 576]
    assert got["data"][0]["embedding"] != got["data"][1]["embedding"]
    assert got["usage"]["prompt_tokens"] > 0


async def test_the_context_of_the_config_holds(engine: LocalEngine) -> None:
    route = local_route(facts={"context_tokens": 256, "threads": 1})
    with pytest.raises(ContextTooLongError, match="accepts 256"):
        await engine.complete(route, {"messages": question_of(300)}, CallReport())
