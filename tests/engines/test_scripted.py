"""The test double says what it was told to say, and keeps what it was asked."""

from __future__ import annotations

import asyncio
import doctest
import json
from contextlib import aclosing
from typing import Any

import pytest

from ingate.engines import scripted
from ingate.engines.base import CallReport, Route
from ingate.engines.scripted import ScriptedEngine
from ingate.errors import RateLimitError, UnavailableError
from ingate.spec import parse_one

ROUTE = Route(spec=parse_one("scripted/any"), engine="scripted", provider="scripted", model="any")
BODY = {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say something nice."}]}


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


async def whole(engine: ScriptedEngine, body: dict[str, Any] = BODY) -> dict[str, Any]:
    return await engine.complete(ROUTE, body, CallReport())


async def chunks(engine: ScriptedEngine, body: dict[str, Any] = BODY) -> list[dict[str, Any]]:
    return [chunk async for chunk in engine.stream(ROUTE, body, CallReport())]


def texts(stream: list[dict[str, Any]], key: str = "content") -> list[str]:
    deltas = [chunk["choices"][0]["delta"] for chunk in stream if chunk["choices"]]
    return [delta[key] for delta in deltas if delta.get(key)]


def test_the_docstrings_example_runs() -> None:
    tried = doctest.testmod(scripted)
    assert tried.attempted > 5
    assert tried.failed == 0


@pytest.mark.parametrize("text", ["Blue light scatters.", " a  b\n\nc ", "漢字 😀", "  ", ""])
async def test_a_text_comes_word_by_word_and_is_the_same_again(engine: ScriptedEngine, text: str) -> None:
    engine.enqueue(text)
    stream = await chunks(engine)
    assert "".join(texts(stream)) == text
    assert len(texts(stream)) >= len(text.split())
    assert stream[-2]["choices"][0]["finish_reason"] == "stop"
    assert stream[-1]["usage"]["prompt_tokens"] == 5


async def test_the_queue_is_answered_in_order_and_then_the_question_comes_back(engine: ScriptedEngine) -> None:
    engine.enqueue("first")
    engine.enqueue(["sec", "ond"])
    said = [(await whole(engine))["choices"][0]["message"]["content"] for _ in range(3)]
    assert said[:2] == ["first", "second"]
    assert said[2].endswith("You said: Say something nice.")


async def test_parts_are_read_as_text(engine: ScriptedEngine) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:,"}}
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Look."}, image]}]}
    assert (await whole(engine, body))["choices"][0]["message"]["content"].endswith("Look.")


async def test_what_was_asked_is_kept(engine: ScriptedEngine) -> None:
    await whole(engine)
    assert engine.requests == [(ROUTE, BODY)]


async def test_parallel_tool_calls_come_with_index_id_and_arguments_in_halves(engine: ScriptedEngine) -> None:
    engine.enqueue_tool_calls(("weather", {"city": "Paris"}), ("weather", {"city": "Rome"}), text="Looking.")
    message = (await whole(engine))["choices"][0]
    calls = message["message"]["tool_calls"]
    assert message["finish_reason"] == "tool_calls"
    assert message["message"]["content"] == "Looking."
    assert [json.loads(call["function"]["arguments"])["city"] for call in calls] == ["Paris", "Rome"]
    assert len({call["id"] for call in calls}) == 2


async def test_tool_calls_take_usage_and_may_break_off(engine: ScriptedEngine) -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}
    engine.enqueue_tool_call("weather", {"city": "Paris"}, reasoning="Look.", usage=usage)
    engine.enqueue_tool_call("weather", '{"city": ', breaks_with=UnavailableError("gone"))
    answer = await whole(engine)
    assert answer["usage"] == usage
    assert answer["choices"][0]["message"]["reasoning_content"] == "Look."
    with pytest.raises(UnavailableError, match="gone"):
        await whole(engine)


async def test_reasoning_and_usage_are_told(engine: ScriptedEngine) -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}
    engine.enqueue("Four.", reasoning="Two and two.", usage=usage)
    stream = await chunks(engine)
    assert "".join(texts(stream, "reasoning_content")) == "Two and two."
    assert stream[-1]["usage"] == usage


async def test_an_error_is_raised_before_anything_comes(engine: ScriptedEngine) -> None:
    engine.enqueue(RateLimitError("slow down", retry_after_s=2))
    with pytest.raises(RateLimitError):
        await whole(engine)


async def test_a_stream_can_break_in_the_middle(engine: ScriptedEngine) -> None:
    engine.enqueue("half an", breaks_with=UnavailableError("gone"))
    seen: list[dict[str, Any]] = []

    async def read() -> None:
        async for chunk in engine.stream(ROUTE, BODY, CallReport()):
            seen.append(chunk)

    with pytest.raises(UnavailableError):
        await read()
    assert "".join(texts(seen)) == "half an"
    assert not any(chunk["choices"][0]["finish_reason"] for chunk in seen)


async def test_a_function_answers_from_the_request(engine: ScriptedEngine) -> None:
    engine.enqueue(lambda body: f"{len(body['messages'])} messages")
    assert (await whole(engine))["choices"][0]["message"]["content"] == "2 messages"


async def test_chunks_and_completions_pass_as_they_are(engine: ScriptedEngine) -> None:
    chunk = {"choices": [{"index": 0, "delta": {"content": "raw"}, "finish_reason": "length"}]}
    engine.enqueue([chunk])
    call = {"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    engine.enqueue({"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]})
    assert (await chunks(engine))[0]["choices"] == chunk["choices"]
    got = (await whole(engine))["choices"][0]
    assert got["message"]["tool_calls"][0]["function"] == call["function"]
    assert got["finish_reason"] == "tool_calls"


async def test_leaving_early_is_counted(engine: ScriptedEngine) -> None:
    engine.enqueue("one two three")
    async with aclosing(engine.stream(ROUTE, BODY, CallReport())) as stream:
        await anext(stream)
    engine.enqueue("never", delay_s=60)
    waiting = asyncio.create_task(whole(engine))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert engine.cancelled == 2


async def test_vectors_are_the_same_for_the_same_text(engine: ScriptedEngine) -> None:
    got = await engine.embed(ROUTE, {"input": ["a", "b", "a"]}, CallReport())
    vectors = [row["embedding"] for row in got["data"]]
    assert vectors[0] == vectors[2] != vectors[1]
    assert sum(value * value for value in vectors[0]) == pytest.approx(1, abs=1e-4)
    single = await engine.embed(ROUTE, {"input": "a"}, CallReport())
    assert single["data"][0]["embedding"] == vectors[0]


async def test_closing_is_noted(engine: ScriptedEngine) -> None:
    await engine.aclose()
    assert engine.closed
