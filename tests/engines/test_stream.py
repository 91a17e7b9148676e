"""Opening a stream: what counts as its first token, and what becomes of errors before and after it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ingate import errors
from ingate.engines.base import CallReport, Route
from ingate.engines.scripted import ScriptedEngine
from ingate.engines.stream import open_stream
from ingate.engines.timeouts import Timeouts
from ingate.engines.watch import Watch
from ingate.spec import parse_one
from ingate.wire.adapt.adapted import Adapted
from ingate.wire.adapt.tool_names import ToolNames

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUTE = Route(spec=parse_one("scripted/m"), engine="scripted", provider="acme", model="m")
BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}


def _delta(reason: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


class CountingEngine(ScriptedEngine):
    """Counts the chunks that were taken from it, and how often it was closed."""

    def __init__(self, *chunks: Any) -> None:
        super().__init__()
        self.taken = 0
        self.ended = 0
        self._chunks = chunks

    async def stream(self, route: Any, body: Any, report: Any) -> Any:
        assert (route, body) == (ROUTE, BODY)
        assert isinstance(report, CallReport)
        try:
            for chunk in self._chunks:
                if isinstance(chunk, BaseException):
                    raise chunk
                self.taken += 1
                yield chunk
        finally:
            self.ended += 1


@pytest.mark.parametrize(
    "first",
    [
        _delta(content="a"),
        _delta(reasoning_content="a"),
        _delta(tool_calls=[{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]),
    ],
    ids=["text", "reasoning", "tool call"],
)
async def test_a_stream_is_open_at_its_first_content(first: dict[str, Any]) -> None:
    engine = CountingEngine(_delta(role="assistant"), _delta(content=""), first, _delta(content="b"), _delta("stop"))
    chunks = await open_stream(engine, ROUTE, BODY, CallReport())
    assert engine.taken == 3
    got = [chunk async for chunk in chunks]
    assert engine.taken == 5
    assert got[0]["choices"][0]["delta"]["role"] == "assistant"


async def test_a_stream_without_content_is_open_at_its_finish_reason() -> None:
    chunks = await open_stream(CountingEngine(_delta(role="assistant"), _delta("length")), ROUTE, BODY, CallReport())
    reasons = [choice["finish_reason"] async for chunk in chunks for choice in chunk["choices"]]
    assert [reason for reason in reasons if reason] == ["length"]


async def test_every_chunk_comes_once_and_in_order() -> None:
    engine = CountingEngine(_delta(content="a"), _delta(content="b"), _delta(content="c"), _delta("stop"))
    chunks = await open_stream(engine, ROUTE, BODY, CallReport())
    text = [choice["delta"].get("content") or "" async for chunk in chunks for choice in chunk["choices"]]
    assert "".join(text) == "abc"


async def test_closing_an_open_stream_closes_the_engines() -> None:
    engine = CountingEngine(_delta(content="a"), _delta(content="b"))
    chunks = await open_stream(engine, ROUTE, BODY, CallReport())
    await anext(chunks)
    await chunks.aclose()
    assert engine.ended == 1
    assert engine.taken == 1


async def test_an_error_before_the_first_token_is_raised_unchanged() -> None:
    error = errors.UnavailableError("overloaded")
    engine = CountingEngine(_delta(role="assistant"), error)
    with pytest.raises(errors.UnavailableError) as caught:
        await open_stream(engine, ROUTE, BODY, CallReport())
    assert caught.value is error
    assert (error.partial_text, error.partial) == ("", None)
    assert engine.ended == 1


def _interrupting() -> Iterator[errors.IngateError]:
    yield errors.UnavailableError("gone", provider_message="their words")
    yield errors.RequestTimeoutError("gone", provider_message="their words")


@pytest.mark.parametrize("error", list(_interrupting()), ids=["lost", "silent"])
async def test_a_connection_lost_after_the_first_token_interrupts_the_stream(error: errors.IngateError) -> None:
    chunks = await open_stream(CountingEngine(_delta(content="half"), error), ROUTE, BODY, CallReport())
    with pytest.raises(errors.StreamInterruptedError, match="from acme was interrupted: gone") as caught:
        async for _ in chunks:
            pass
    found = caught.value
    assert found.partial_text == "half"
    assert found.partial is not None
    assert found.partial["choices"][0]["message"]["content"] == "half"
    assert (found.provider, found.spec, found.provider_message) == ("acme", "scripted/m", "their words")
    assert found.retryable


@pytest.mark.parametrize(
    "error",
    [
        errors.UnavailableError("overloaded", status=529),
        errors.RateLimitError("slow down"),
        errors.StreamInterruptedError("cut"),
    ],
    ids=["overloaded", "rate limit", "interrupted"],
)
async def test_an_error_of_the_provider_keeps_its_class_and_gets_the_partial_answer(error: Any) -> None:
    chunks = await open_stream(CountingEngine(_delta(content="half"), error), ROUTE, BODY, CallReport())
    with pytest.raises(type(error)) as caught:
        async for _ in chunks:
            pass
    assert caught.value is error
    assert error.partial_text == "half"


async def test_an_interruption_before_the_first_token_has_an_empty_partial_answer() -> None:
    error = errors.StreamInterruptedError("cut")
    with pytest.raises(errors.StreamInterruptedError):
        await open_stream(CountingEngine(_delta(role="assistant"), error), ROUTE, BODY, CallReport())
    assert (error.partial_text, error.partial) == ("", None)


async def test_every_chunk_and_the_partial_answer_have_the_callers_names() -> None:
    adapted = Adapted(BODY, names=ToolNames({"files.read": "files_read"}))
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "files_read", "arguments": "{}"}}
    whole = CountingEngine(_delta(role="assistant"), _delta(tool_calls=[call]), _delta("tool_calls"))
    got = [chunk async for chunk in await open_stream(whole, ROUTE, BODY, CallReport(), adapted)]
    calls = [one for chunk in got for choice in chunk["choices"] for one in choice["delta"].get("tool_calls", ())]
    assert [one["function"]["name"] for one in calls if one["function"].get("name")] == ["files.read"]
    error = errors.UnavailableError("gone", fix="wait")
    broken = CountingEngine(_delta(content="Let me look."), _delta(tool_calls=[call]), error)
    chunks = await open_stream(broken, ROUTE, BODY, CallReport(), adapted)
    with pytest.raises(errors.StreamInterruptedError) as caught:
        async for _ in chunks:
            pass
    partial = caught.value.partial
    assert partial is not None
    assert partial["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "files.read"
    assert caught.value.partial_text == "Let me look."
    assert caught.value.fix == "the partial answer is kept; wait"


async def test_the_usage_up_to_the_first_token_is_reported() -> None:
    def usage(tokens: int) -> dict[str, Any]:
        return {"choices": [], "usage": {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}}

    report = CallReport()
    engine = CountingEngine(usage(3), _delta(content="a"), usage(9), _delta("stop"))
    chunks = await open_stream(engine, ROUTE, BODY, report)
    assert report.usage is not None
    assert report.usage["prompt_tokens"] == 3
    _ = [chunk async for chunk in chunks]
    assert report.usage["prompt_tokens"] == 3
    without = CallReport()
    await (await open_stream(CountingEngine(_delta(content="a")), ROUTE, BODY, without)).aclose()
    assert without.usage is None


async def test_whoever_stops_waiting_for_the_first_token_closes_the_engine() -> None:
    engine = CountingEngine(_delta(role="assistant"), KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        await open_stream(engine, ROUTE, BODY, CallReport())
    assert engine.ended == 1


async def test_a_closed_gateway_keeps_the_partial_answer() -> None:
    error = errors.ClosedError("closed")
    chunks = await open_stream(CountingEngine(_delta(content="half"), error), ROUTE, BODY, CallReport())
    with pytest.raises(errors.ClosedError):
        async for _ in chunks:
            pass
    assert error.partial_text == "half"
    early = errors.ClosedError("closed")
    with pytest.raises(errors.ClosedError):
        await open_stream(CountingEngine(_delta(role="assistant"), early), ROUTE, BODY, CallReport())
    assert early.partial_text == ""


async def test_a_watched_stream_is_held_to_the_limits_of_its_route() -> None:
    class Silent(CountingEngine):
        async def stream(self, route: Any, body: Any, report: Any) -> Any:
            yield _delta(content="a")
            await asyncio.Event().wait()

    route = replace(ROUTE, timeouts=Timeouts(between_tokens_s=0.02))
    watch = Watch()
    with watch.attempt(route):
        chunks = await open_stream(Silent(), route, BODY, CallReport(), watch=watch)
    with pytest.raises(errors.StreamInterruptedError, match="sent nothing more for") as caught:
        async for _ in chunks:
            pass
    assert caught.value.partial_text == "a"
