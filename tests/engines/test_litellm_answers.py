"""What litellm's reading of a response loses or invents is taken from the response itself.

Where the caller's request gives litellm reason to shape the answer (JSON through a tool of its own, tool names that a provider
does not accept), litellm's text and tool calls stand, and only the rest comes from the provider's own words.
"""

from __future__ import annotations

import gzip
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from ingate import errors
from ingate.engines.base import CallReport
from ingate.engines.litellm_ import LitellmEngine, load
from ingate.wire.completion import assemble
from ingate.wire.normaliser import StreamNormaliser
from support import litellm as h

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(load.version() is None, reason="litellm is not installed")

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
JSON = {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}}
RESULT = {"type": "web_search_result", "url": "https://e.test", "title": "T", "encrypted_content": "x"}
THINKING = {"type": "thinking", "thinking": "hm", "signature": "sig"}
SEARCH = [
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [RESULT]},
]
CITATION = {"type": "web_search_result_location", "url": "https://e.test", "title": "T", "cited_text": "c"}
CITED = {"type": "text", "text": "Hi", "citations": [{**CITATION, "encrypted_index": "i"}]}
CLAUDE_USAGE = {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 2}


def tool(name: str) -> dict[str, Any]:
    """One tool to offer; litellm renames one that has a dot in its name."""
    return {"tools": [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}]}


def claude(*content: dict[str, Any], stop: str = "end_turn") -> bytes:
    """A whole answer of Anthropic's."""
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": content}
    return json.dumps({**message, "stop_reason": stop, "usage": CLAUDE_USAGE}).encode()


def event(kind: str, **fields: Any) -> bytes:
    """One event of Anthropic's stream."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def blocks(*content: tuple[dict[str, Any], list[dict[str, Any]]], stop: str) -> list[bytes]:
    """A stream of Anthropic's: each block's start, then its deltas."""
    begin = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": []}
    usage = {"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 7}
    events = [event("message_start", message={**begin, "usage": usage})]
    for index, (block, deltas) in enumerate(content):
        events.append(event("content_block_start", index=index, content_block=block))
        events += [event("content_block_delta", index=index, delta=delta) for delta in deltas]
        events.append(event("content_block_stop", index=index))
    return [
        *events,
        event("message_delta", delta={"stop_reason": stop}, usage={"output_tokens": 9}),
        event("message_stop"),
    ]


SEARCH_STREAM: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
    (
        {"type": "thinking", "thinking": "", "signature": ""},
        [{"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": "sig"}],
    ),
    (
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
        [{"type": "input_json_delta", "partial_json": '{"query":"q"}'}],
    ),
    (SEARCH[1], []),
]


@pytest.fixture
def provider() -> Iterator[h.Provider]:
    with h.providing() as provider:
        yield provider


class Caller:
    """Calls through one engine."""

    def __init__(self, engine: LitellmEngine, provider: h.Provider) -> None:
        self.engine, self.provider = engine, provider

    def _route(self, name: str, model: str) -> Any:
        base = self.provider.base + ("/v1" if name in {"groq", "openai", "openrouter", "deepseek"} else "")
        return h.route(base, name, model)

    async def complete(self, name: str, model: str, **asked: Any) -> dict[str, Any]:
        """The whole answer."""
        return await self.engine.complete(self._route(name, model), {**h.BODY, **asked}, CallReport())

    async def chunks(self, name: str, model: str, **asked: Any) -> list[dict[str, Any]]:
        """The chunks as the engine yields them."""
        stream: Any = self.engine.stream(self._route(name, model), {**h.BODY, **asked}, CallReport())
        async with aclosing(stream):
            return [chunk async for chunk in stream]

    async def streamed(self, name: str, model: str, **asked: Any) -> dict[str, Any]:
        """What the stream's chunks add up to."""
        normaliser = StreamNormaliser(model, include_usage=True)
        out = [told for chunk in await self.chunks(name, model, **asked) for told in normaliser.feed(chunk)]
        return assemble([*out, *normaliser.finish()])


@pytest.fixture
async def call(provider: h.Provider) -> Any:
    engine = LitellmEngine()
    yield Caller(engine, provider)
    await engine.aclose()


class TestWhole:
    """Answers that are not streamed."""

    async def test_tools_that_the_provider_ran_are_told_as_its_own(self, call: Caller) -> None:
        call.provider.body = claude(THINKING, *SEARCH, CITED)
        answer = await call.complete("anthropic", "claude-opus-4-8", **tool("a.b"))
        message = answer["choices"][0]["message"]
        assert "tool_calls" not in message
        assert [(one["id"], one["name"]) for one in message["provider_tool_calls"]] == [
            ("srvtoolu_1", "web_search")
        ] * 2
        assert message["provider_tool_calls"][1]["result"] == [RESULT]
        assert message["annotations"][0]["url_citation"]["url"] == "https://e.test"
        assert (message["content"], message["reasoning_content"]) == ("Hi", "hm")
        assert message["thinking_blocks"] == [THINKING]
        assert answer["choices"][0]["finish_reason"] == "stop"

    async def test_calls_of_the_callers_tools_stay_under_the_callers_names(self, call: Caller) -> None:
        use = {"type": "tool_use", "id": "toolu_1", "name": "a_b", "input": {"x": 1}}
        call.provider.body = claude(use, *SEARCH, stop="tool_use")
        answer = await call.complete("anthropic", "claude-opus-4-8", **tool("a.b"))
        assert call.provider.asked[0]["json"]["tools"][0]["name"] == "a_b"
        (called,) = answer["choices"][0]["message"]["tool_calls"]
        assert (called["id"], called["function"]["name"]) == ("toolu_1", "a.b")
        assert json.loads(called["function"]["arguments"]) == {"x": 1}
        assert answer["choices"][0]["finish_reason"] == "tool_calls"

    async def test_counts_are_the_providers_and_not_an_estimate(self, call: Caller) -> None:
        call.provider.body = claude(THINKING, {"type": "text", "text": "Hi"})
        answer = await call.complete("anthropic", "claude-opus-4-8", **tool("a.b"))
        usage = answer["usage"]
        assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (19, 5, 24)
        assert usage["prompt_tokens_details"] == {"cached_tokens": 7, "cache_creation_tokens": 2}
        assert usage["completion_tokens_details"]["reasoning_tokens"] == 0  # litellm counts the words of the thinking

    async def test_counts_that_the_provider_did_not_give_are_not_invented(self, call: Caller) -> None:
        call.provider.body = json.dumps({**h.ANSWER, "usage": None}).encode()
        answer = await call.complete("openrouter", "m", response_format={"type": "json_object"})
        assert answer["usage"] is None
        assert answer["choices"][0]["message"]["content"] == "Hello."

    async def test_json_through_a_tool_of_litellms_is_text(self, call: Caller) -> None:
        use = {"type": "tool_use", "id": "toolu_1", "name": "json_tool_call", "input": {"a": 1}}
        call.provider.body = claude(use, stop="tool_use")
        answer = await call.complete("anthropic", "claude-3-5-sonnet-20240620", **JSON)
        assert call.provider.asked[0]["json"]["tool_choice"]["name"] == "json_tool_call"
        (choice,) = answer["choices"]
        assert json.loads(choice["message"]["content"]) == {"a": 1}
        assert "tool_calls" not in choice["message"]
        assert choice["finish_reason"] == "stop"

    async def test_an_answer_litellm_has_no_reason_to_shape_is_read_without_it(self, call: Caller) -> None:
        body = {**h.ANSWER, "choices": [{**h.ANSWER["choices"][0], "finish_reason": "length"}]}
        body["choices"][0]["message"] = {
            "role": "assistant",
            "content": "Hel",
            "reasoning": "why",
            "novel": {"field": 1},
        }
        call.provider.body = json.dumps(body).encode()
        answer = await call.complete("deepseek", "m")
        message = answer["choices"][0]["message"]
        assert (message["content"], message["reasoning_content"]) == ("Hel", "why")
        assert message["novel"] == {"field": 1}
        assert answer["choices"][0]["finish_reason"] == "length"
        assert answer["id"] == "chatcmpl-1"

    async def test_a_sound_answer_that_litellm_stumbles_over_is_read_without_it(self, call: Caller) -> None:
        """litellm 1.109 fails on Groq's answers that have no service tier."""
        call.provider.body = json.dumps({**h.ANSWER, "choices": [{**h.ANSWER["choices"][0]}]}).encode()
        answer = await call.complete("groq", "m")
        assert answer["choices"][0]["message"]["content"] == "Hello."
        assert answer["usage"]["total_tokens"] == 5

    async def test_an_error_inside_a_200_is_an_error(self, call: Caller) -> None:
        call.provider.body = (
            b'{"error": {"message": "slow down", "code": 429, "type": "rate_limit_error"}, "choices": []}'
        )
        with pytest.raises(errors.RateLimitError, match="slow down"):
            await call.complete("openrouter", "m", response_format={"type": "json_object"})

    async def test_a_compressed_answer_is_read_too(self, call: Caller) -> None:
        call.provider.headers = {"content-encoding": "gzip"}
        call.provider.body = gzip.compress(claude(THINKING, *SEARCH, CITED))
        answer = await call.complete("anthropic", "claude-opus-4-8", **tool("a.b"))
        assert call.provider.asked[0]["headers"]["accept-encoding"] == "gzip, deflate"
        assert len(answer["choices"][0]["message"]["provider_tool_calls"]) == 2
        assert answer["usage"]["completion_tokens_details"]["reasoning_tokens"] == 0


@pytest.mark.parametrize("pause_s", [0.0, 0.02], ids=["events arrive together", "events arrive one by one"])
class TestStreamed:
    """Answers that are streamed, where litellm's own chunks are the basis."""

    @pytest.fixture(autouse=True)
    def _pace(self, call: Caller, pause_s: float) -> None:
        call.provider.pause_s = pause_s

    async def test_tools_that_the_provider_ran_are_told_as_its_own(self, call: Caller) -> None:
        use = {"type": "tool_use", "id": "toolu_1", "name": "a_b", "input": {}}
        call.provider.events = blocks(
            *SEARCH_STREAM, (use, [{"type": "input_json_delta", "partial_json": '{"x": 1}'}]), stop="tool_use"
        )
        answer = await call.streamed("anthropic", "claude-opus-4-8", **tool("a.b"))
        message = answer["choices"][0]["message"]
        (called,) = message["tool_calls"]
        assert (called["id"], called["function"]) == ("toolu_1", {"name": "a.b", "arguments": '{"x": 1}'})
        assert [one["type"] for one in message["provider_tool_calls"]] == ["server_tool_use", "web_search_tool_result"]
        assert message["reasoning_content"] == "hm"
        assert message["thinking_blocks"] == [THINKING]
        assert answer["choices"][0]["finish_reason"] == "tool_calls"

    async def test_a_turn_with_none_but_the_providers_tools_is_not_a_tool_turn(self, call: Caller) -> None:
        text = ({"type": "text", "text": ""}, [{"type": "text_delta", "text": "Hi"}])
        call.provider.events = blocks(*SEARCH_STREAM, text, stop="end_turn")
        chunks = await call.chunks("anthropic", "claude-opus-4-8", **tool("a.b"))
        deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
        assert not any("tool_calls" in delta for delta in deltas)
        assert sum(len(delta.get("provider_tool_calls", ())) for delta in deltas) == 2
        reasons = [choice.get("finish_reason") for chunk in chunks for choice in chunk["choices"]]
        assert [reason for reason in reasons if reason] == ["stop"]

    async def test_counts_are_the_providers_and_come_last(self, call: Caller) -> None:
        text = ({"type": "text", "text": ""}, [{"type": "text_delta", "text": "Hi"}])
        call.provider.events = blocks(SEARCH_STREAM[0], text, stop="end_turn")
        chunks = await call.chunks("anthropic", "claude-opus-4-8", **tool("a.b"))
        assert [chunk["usage"] for chunk in chunks if chunk.get("usage")] == [chunks[-1]["usage"]]
        usage = chunks[-1]["usage"]
        assert (usage["prompt_tokens"], usage["completion_tokens"]) == (17, 9)
        assert usage["completion_tokens_details"]["reasoning_tokens"] == 0

    async def test_thinking_that_litellm_passes_over_comes_before_the_text(self, call: Caller) -> None:
        def piece(delta: dict[str, Any], finish: str | None = None) -> bytes:
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
            return b"data: " + json.dumps(chunk).encode() + b"\n\n"

        call.provider.events = [
            piece({"role": "assistant", "reasoning_content": "hm "}),
            piece({"reasoning_content": "so"}),
            piece({"content": "{}"}),
            piece({}, "stop"),
            b"data: [DONE]\n\n",
        ]
        chunks = await call.chunks("openai", "m", response_format={"type": "json_object"})
        deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
        said = [(name, delta[name]) for delta in deltas for name in ("reasoning_content", "content") if delta.get(name)]
        assert "".join(value for name, value in said if name == "reasoning_content") == "hm so"
        assert said[-1] == ("content", "{}")

    async def test_a_provider_that_ends_at_its_limit_is_told_so(self, call: Caller) -> None:
        call.provider.events = [h.piece('{"a":'), h.piece("", "length"), b"data: [DONE]\n\n"]
        answer = await call.streamed("groq", "m", response_format={"type": "json_object"})
        assert answer["choices"][0]["finish_reason"] == "length"
        assert answer["choices"][0]["message"]["content"] == '{"a":'


class TestWholeAsStream:
    """A whole answer to a call that asked for a stream: litellm asks Groq so for structured output."""

    BODY: dict[str, Any] = {
        **h.ANSWER,
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "one text",
                    "reasoning": "why",
                    "tool_calls": [
                        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
                        {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
                    ],
                },
                "finish_reason": "tool_calls",
            }
        ],
    }

    @pytest.mark.parametrize("asked", [JSON, {}], ids=["litellm fails", "nothing to shape"])
    async def test_it_is_told_once_and_whole(self, call: Caller, asked: dict[str, Any]) -> None:
        call.provider.body = json.dumps(self.BODY).encode()
        chunks = await call.chunks("groq", "m", **asked)
        deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
        assert "".join(delta.get("content") or "" for delta in deltas) == "one text"
        assert "".join(delta.get("reasoning_content") or "" for delta in deltas) == "why"
        answer = await call.streamed("groq", "m", **asked)
        (choice,) = answer["choices"]
        assert [(one["id"], one["function"]) for one in choice["message"]["tool_calls"]] == [
            ("c1", {"name": "f", "arguments": '{"x": 1}'}),
            ("c2", {"name": "g", "arguments": "{}"}),
        ]
        assert choice["finish_reason"] == "tool_calls"
        assert answer["usage"]["total_tokens"] == 5
        assert answer["id"] == "chatcmpl-1"

    async def test_several_choices_keep_their_places(self, call: Caller) -> None:
        first = {"index": 0, "message": {"role": "assistant", "content": "one"}, "finish_reason": "stop"}
        second = {"index": 1, "message": {"role": "assistant", "content": "two"}, "finish_reason": "length"}
        call.provider.body = json.dumps({**h.ANSWER, "choices": [first, second]}).encode()
        answer = await call.streamed("groq", "m", n=2)
        told = [(one["index"], one["message"]["content"], one["finish_reason"]) for one in answer["choices"]]
        assert told == [(0, "one", "stop"), (1, "two", "length")]

    async def test_json_through_a_tool_of_litellms_is_text(self, call: Caller) -> None:
        function = {"name": "json_tool_call", "arguments": '{"a":1}'}
        message = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": function}],
        }
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        call.provider.body = json.dumps({**h.ANSWER, "service_tier": "on_demand", "choices": [choice]}).encode()
        answer = await call.streamed("groq", "m", **JSON)
        assert "stream" not in call.provider.asked[0]["json"]
        (told,) = answer["choices"]
        assert (told["message"]["content"], told["finish_reason"]) == ('{"a":1}', "stop")
        assert "tool_calls" not in told["message"]
        assert answer["usage"] == h.ANSWER["usage"]
