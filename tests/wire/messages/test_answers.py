"""Anthropic's answers, whole and streamed, in OpenAI's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingate.errors import IngateError, StreamInterruptedError, UnavailableError
from ingate.wire.completion import assemble, normalise_completion
from ingate.wire.messages.codec import CODEC
from ingate.wire.messages.request import ANSWER_TOOL, VALUE_TOOL
from ingate.wire.normaliser import StreamNormaliser

USAGE = {"input_tokens": 10, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 2, "output_tokens": 7}


def whole(blocks: list[dict[str, Any]], stop: str = "end_turn", **more: Any) -> dict[str, Any]:
    message = {
        "type": "message",
        "id": "msg_1",
        "model": "claude-x",
        "content": blocks,
        "stop_reason": stop,
        "usage": USAGE,
    }
    return normalise_completion(CODEC.response(json.dumps({**message, **more}).encode(), model="m"), "m")


def events(*given: dict[str, Any]) -> bytes:
    return b"".join(b"event: %s\ndata: %s\n\n" % (one["type"].encode(), json.dumps(one).encode()) for one in given)


def start() -> dict[str, Any]:
    message = {"id": "msg_1", "model": "claude-x", "content": [], "usage": {**USAGE, "output_tokens": 1}}
    return {"type": "message_start", "message": message}


def block(index: int, source: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": source},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def end(stop: str = "end_turn", **delta: Any) -> list[dict[str, Any]]:
    told = {"type": "message_delta", "delta": {"stop_reason": stop, **delta}, "usage": {"output_tokens": 7}}
    return [told, {"type": "message_stop"}]


def streamed(*given: dict[str, Any]) -> dict[str, Any]:
    decoder, normaliser = CODEC.decoder(model="m", content_type="text/event-stream"), StreamNormaliser("m")
    chunks = [piece for chunk in decoder.feed(events(*given)) for piece in normaliser.feed(chunk)]
    chunks += [piece for chunk in decoder.close() for piece in normaliser.feed(chunk)]
    return assemble(chunks + normaliser.finish())


def both(blocks: list[dict[str, Any]], stream: list[dict[str, Any]], stop: str = "end_turn") -> dict[str, Any]:
    """The choice, which is the same whole and streamed."""
    one, other = whole(blocks, stop), streamed(start(), *stream, *end(stop))
    assert one["usage"] == other["usage"]
    assert (one["id"], one["model"]) == (other["id"], other["model"])
    assert one["choices"] == other["choices"]
    return one["choices"][0]


def test_text_and_usage() -> None:
    stream = block(
        0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Hel"}, {"type": "text_delta", "text": "lo"}
    )
    choice = both([{"type": "text", "text": "Hello"}], stream)
    assert choice["message"]["content"] == "Hello"
    assert choice["finish_reason"] == "stop"
    assert choice["native_finish_reason"] == "end_turn"
    usage = whole([{"type": "text", "text": "Hello"}])["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (15, 7, 22)
    assert usage["prompt_tokens_details"] == {"cached_tokens": 3, "cache_creation_tokens": 2}


def test_thinking_comes_with_its_signature_and_redacted_thinking_whole() -> None:
    blocks = [
        {"type": "thinking", "thinking": "Hmm.", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "c2VjcmV0"},
        {"type": "text", "text": "Yes"},
    ]
    stream = [
        *block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "Hm"},
            {"type": "thinking_delta", "thinking": "m."},
            {"type": "signature_delta", "signature": "c2ln"},
        ),
        *block(1, blocks[1]),
        *block(2, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Yes"}),
    ]
    message = both(blocks, stream)["message"]
    assert message["reasoning_content"] == "Hmm."
    assert message["thinking_blocks"] == blocks[:2]


def test_thinking_that_is_not_shown_keeps_its_signature() -> None:
    blocks = [{"type": "thinking", "thinking": "", "signature": "c2ln"}, {"type": "text", "text": "Yes"}]
    stream = [
        *block(
            0, {"type": "thinking", "thinking": "", "signature": ""}, {"type": "signature_delta", "signature": "c2ln"}
        ),
        *block(1, blocks[1]),
    ]
    message = both(blocks, stream)["message"]
    assert "reasoning_content" not in message
    assert message["thinking_blocks"] == blocks[:1]


def test_tool_calls_with_and_without_arguments() -> None:
    blocks = [
        {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 2}},
        {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}},
    ]
    stream = [
        *block(
            0,
            {**blocks[0], "input": {}},
            {"type": "input_json_delta", "partial_json": ""},
            {"type": "input_json_delta", "partial_json": '{"a"'},
            {"type": "input_json_delta", "partial_json": ":2}"},
        ),
        *block(1, blocks[1], {"type": "input_json_delta", "partial_json": ""}),
    ]
    choice = both(blocks, stream, "tool_use")
    assert choice["finish_reason"] == "tool_calls"
    assert [call["function"]["arguments"] for call in choice["message"]["tool_calls"]] == ['{"a":2}', "{}"]
    assert [call["id"] for call in choice["message"]["tool_calls"]] == ["toolu_1", "toolu_2"]


def test_arguments_that_come_with_the_blocks_start_are_kept() -> None:
    answer = streamed(
        start(), *block(0, {"type": "tool_use", "id": "t", "name": "add", "input": {"a": 2}}), *end("tool_use")
    )
    assert answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == '{"a":2}'


def test_tools_that_the_provider_ran_are_kept_apart() -> None:
    blocks = [
        {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "x"}},
        {
            "type": "web_search_tool_result",
            "tool_use_id": "srv_1",
            "content": [{"type": "web_search_result", "url": "u"}],
        },
        {"type": "text", "text": "Found."},
        {"type": "container_upload", "file_id": "f"},
        {"type": "fallback", "from": {}, "to": {}},
    ]
    stream = [
        *block(0, {**blocks[0], "input": {}}, {"type": "input_json_delta", "partial_json": '{"query":"x"}'}),
        *(event for at, one in enumerate(blocks[1:], 1) for event in block(at, one)),
    ]
    message = both(blocks, stream)["message"]
    assert "tool_calls" not in message
    call, result = message["provider_tool_calls"]
    assert (call["id"], call["name"], call["arguments"]) == ("srv_1", "web_search", '{"query":"x"}')
    assert (result["id"], result["name"], result["result"]) == ("srv_1", "web_search", blocks[1]["content"])


def test_citations_become_annotations_on_the_text_they_stand_on() -> None:
    web = {
        "type": "web_search_result_location",
        "url": "https://e.org",
        "title": "E",
        "cited_text": "x",
        "encrypted_index": "i",
    }
    page = {
        "type": "page_location",
        "cited_text": "y",
        "document_index": 0,
        "document_title": "D",
        "start_page_number": 1,
    }
    blocks = [{"type": "text", "text": "So "}, {"type": "text", "text": "it is", "citations": [web, page]}]
    stream = [
        *block(0, blocks[0]),
        *block(
            1,
            {"type": "text", "text": "", "citations": []},
            {"type": "citations_delta", "citation": web},
            {"type": "text_delta", "text": "it is"},
            {"type": "citations_delta", "citation": page},
        ),
    ]
    notes = both(blocks, stream)["message"]["annotations"]
    assert notes[0] == {
        "type": "url_citation",
        "url_citation": {"start_index": 3, "end_index": 8, "url": "https://e.org", "title": "E", "cited_text": "x"},
    }
    assert notes[1]["type"] == "document_citation"
    assert notes[1]["document_citation"]["document_title"] == "D"


@pytest.mark.parametrize(("tool", "given"), [(ANSWER_TOOL, '{"a":1}'), (VALUE_TOOL, '{"answer":[1,2]}')])
def test_the_answer_tools_call_is_the_answer(tool: str, given: str) -> None:
    source = {"type": "tool_use", "id": "t", "name": tool, "input": {}}
    halves = [{"type": "input_json_delta", "partial_json": half} for half in (given[:5], given[5:])]
    choice = both([{**source, "input": json.loads(given)}], block(0, source, *halves), "tool_use")
    assert choice["message"]["content"] == ('{"a":1}' if tool == ANSWER_TOOL else "[1,2]")
    assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("something_new", "stop"),
    ],
)
def test_finish_reasons(stop: str, finish: str) -> None:
    source = {"type": "text", "text": "Hi"}
    choice = both([source], block(0, source), stop)
    assert (choice["finish_reason"], choice["native_finish_reason"]) == (finish, stop)


def test_a_refusal_says_why() -> None:
    details = {"type": "refusal", "category": "bio", "explanation": "No."}
    told = streamed(start(), *end("refusal", stop_details=details))["choices"][0]
    assert (
        told["native_finish_message"]
        == whole([], "refusal", stop_details=details)["choices"][0]["native_finish_message"]
    )
    assert told["message"]["content"] in {None, ""}


def test_pings_and_what_is_unknown_are_passed_over() -> None:
    answer = streamed(
        {"type": "ping"},
        start(),
        {"type": "telepathy", "thought": 1},
        *block(0, {"type": "crystal", "light": 1}, {"type": "shine_delta", "lumen": 2}),
        {"type": "content_block_delta", "index": 9, "delta": {"type": "text_delta", "text": "lost"}},
        *block(1, {"type": "text", "text": "Hi"}),
        *end(),
    )
    assert answer["choices"][0]["message"]["content"] == "Hi"


@pytest.mark.parametrize(
    ("kind", "status"),
    [("overloaded_error", 529), ("rate_limit_error", 429), ("api_error", 500), ("invalid_request_error", 400)],
)
def test_an_error_inside_a_stream_is_that_error(kind: str, status: int) -> None:
    decoder = CODEC.decoder(model="m", content_type="text/event-stream")
    assert decoder.feed(events(start(), *block(0, {"type": "text", "text": "Hi"})))
    with pytest.raises(IngateError) as caught:
        decoder.feed(events({"type": "error", "error": {"type": kind, "message": "Sorry"}}))
    assert caught.value.status == status
    assert "Sorry" in str(caught.value) + caught.value.provider_message


def test_an_error_inside_a_200_is_that_error() -> None:
    with pytest.raises(IngateError) as caught:
        CODEC.response(b'{"type":"error","error":{"type":"rate_limit_error","message":"Slow"}}', model="m")
    assert caught.value.status == 429


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"content":7}', b'{"content":"Hi"}', b'"x"', b"{" * 5000]
)
def test_what_is_no_message_is_unavailable(body: bytes) -> None:
    with pytest.raises(UnavailableError):
        CODEC.response(body, model="m")


def test_an_empty_message_is_an_empty_answer() -> None:
    assert whole([])["choices"][0]["message"]["content"] == ""


def test_a_stream_that_ends_early_is_interrupted() -> None:
    for data in (events(start()), events(start(), *block(0, {"type": "text", "text": "Hi"})), b'data: {"type'):
        decoder = CODEC.decoder(model="m", content_type="text/event-stream")
        decoder.feed(data)
        with pytest.raises(StreamInterruptedError):
            decoder.close()


def test_a_stream_that_lacks_only_its_last_event_is_whole() -> None:
    decoder = CODEC.decoder(model="m", content_type="text/event-stream")
    decoder.feed(events(start(), end()[0]))
    assert decoder.close()[-1]["usage"]["prompt_tokens"] == 15
    assert decoder.close() == []


def test_an_answer_that_came_whole_instead_of_streamed_is_read() -> None:
    decoder = CODEC.decoder(model="m", content_type="application/json; charset=utf-8")
    body = {"type": "message", "id": "msg_1", "content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"}
    assert decoder.feed(json.dumps(body).encode()) == []
    assert assemble(decoder.close())["choices"][0]["message"]["content"] == "Hi"
