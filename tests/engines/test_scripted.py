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


def _piece(at: int, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {**_base(at), "choices": [choice]}


def _base(at: int) -> dict[str, Any]:
    return {"id": f"chatcmpl-scripted-{at}", "object": "chat.completion.chunk", "created": 0, "model": "any"}


async def test_the_whole_stream_of_a_text_is_known(engine: ScriptedEngine) -> None:
    engine.enqueue("Blue light.", reasoning="Well, so")
    assert await chunks(engine) == [
        _piece(1, {"role": "assistant"}),
        _piece(1, {"reasoning_content": "Well,"}),
        _piece(1, {"reasoning_content": " so"}),
        _piece(1, {"content": "Blue"}),
        _piece(1, {"content": " light."}),
        _piece(1, {}, "stop"),
        {
            **_base(1),
            "choices": [],
            "usage": {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9},
        },
    ]


async def test_the_whole_stream_of_tool_calls_is_known(engine: ScriptedEngine) -> None:
    engine.enqueue_tool_calls(("f", "{}"), ("g", "x"), ("h", ""), text="Hm")

    def head(at: int, name: str) -> dict[str, Any]:
        function = {"name": name, "arguments": ""}
        return _piece(1, {"tool_calls": [{"index": at, "id": f"call_{at}", "type": "function", "function": function}]})

    def half(at: int, arguments: str) -> dict[str, Any]:
        return _piece(1, {"tool_calls": [{"index": at, "function": {"arguments": arguments}}]})

    assert await chunks(engine, {}) == [
        _piece(1, {"role": "assistant"}),
        _piece(1, {"content": "Hm"}),
        head(0, "f"),
        half(0, "{"),
        half(0, "}"),
        head(1, "g"),
        half(1, "x"),
        head(2, "h"),
        _piece(1, {}, "tool_calls"),
        {
            **_base(1),
            "choices": [],
            "usage": {"prompt_tokens": 0, "completion_tokens": 4, "total_tokens": 4},
        },
    ]


async def test_a_tool_call_has_empty_arguments_unless_given(engine: ScriptedEngine) -> None:
    engine.enqueue_tool_call("now")
    engine.enqueue_tool_call("now", {})
    for _ in range(2):
        [call] = (await whole(engine))["choices"][0]["message"]["tool_calls"]
        assert call["function"] == {"name": "now", "arguments": "{}"}


async def test_a_text_among_whole_chunks_is_one_delta(engine: ScriptedEngine) -> None:
    engine.enqueue(["a b", {"choices": [], "usage": None}])
    assert await chunks(engine) == [
        _piece(1, {"content": "a b"}),
        {**_base(1), "choices": [], "usage": None},
    ]


async def test_a_stream_that_breaks_has_no_finish_reason_and_no_usage(engine: ScriptedEngine) -> None:
    engine.enqueue_tool_call("f", "{}", breaks_with=UnavailableError("gone"))
    got: list[dict[str, Any]] = []

    async def read() -> None:
        async for chunk in engine.stream(ROUTE, BODY, CallReport()):
            got.append(chunk)

    with pytest.raises(UnavailableError, match="gone"):
        await read()
    assert [chunk["choices"][0]["finish_reason"] for chunk in got] == [None] * 4
    assert engine.cancelled == 0


@pytest.mark.parametrize(
    ("messages", "said", "tokens"),
    [
        (None, "", 0),
        ([], "", 0),
        ([{"role": "assistant", "content": "no"}], "", 1),
        ([{"role": "user", "content": None}], "", 0),
        (
            [{"role": "user", "content": "one"}, {"role": "user", "content": "two words"}, {"role": "tool"}],
            "two words",
            3,
        ),
        ([{"role": "user", "content": [{"text": "a b"}, {"type": "image"}, "c", {"text": " d"}]}], "a b d", 3),
    ],
)
async def test_the_last_user_message_is_repeated_and_all_are_counted(
    engine: ScriptedEngine, messages: Any, said: str, tokens: int
) -> None:
    answer = await whole(engine, {"messages": messages})
    assert answer["choices"][0]["message"]["content"] == f"This is the scripted engine. You said: {said}"
    assert answer["usage"]["prompt_tokens"] == tokens


async def test_embeddings_have_eight_numbers_an_index_and_a_count_of_words(engine: ScriptedEngine) -> None:
    got = await engine.embed(ROUTE, {"input": ["two words", 7]}, CallReport())
    assert (got["object"], got["model"]) == ("list", "any")
    assert got["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    assert [(row["object"], row["index"], len(row["embedding"])) for row in got["data"]] == [
        ("embedding", 0, 8),
        ("embedding", 1, 8),
    ]
    assert got["data"][0]["embedding"] == [
        0.155047, -0.307709, -0.469912, -0.145506, -0.503306, -0.279085, 0.512848, -0.212295,
    ]  # fmt: skip
    assert engine.requests[-1] == (ROUTE, {"input": ["two words", 7]})
    assert (await engine.embed(ROUTE, {}, CallReport()))["usage"]["total_tokens"] == 0


async def test_an_answer_waits_before_each_piece_and_before_an_error(
    engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(scripted.asyncio, "sleep", sleep)
    engine.enqueue("a", delay_s=1.5)
    engine.enqueue_tool_call("f", "", delay_s=2.5)
    engine.enqueue(UnavailableError("down"), delay_s=3.5)
    await whole(engine)
    assert waited == [1.5] * 4
    await whole(engine)
    assert waited[4:] == [2.5] * 4
    with pytest.raises(UnavailableError, match="down"):
        await whole(engine)
    assert waited[8:] == [3.5]
    engine.enqueue("a")
    await whole(engine)
    assert waited[9:] == [0.0] * 4


async def test_a_new_engine_is_open(engine: ScriptedEngine) -> None:
    assert (engine.closed, engine.cancelled, engine.requests) == (False, 0, [])
    assert await engine.aclose() is None
    assert engine.closed is True
