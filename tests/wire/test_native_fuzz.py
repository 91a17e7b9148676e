"""Bad input to the native decoders: any split, any cut, any mutation gives an answer or one of ingate's errors."""

from __future__ import annotations

import copy
import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingate.errors import IngateError, StreamInterruptedError, UnavailableError
from ingate.wire.bedrock.eventstream import encode_message
from ingate.wire.codec import codec_for
from ingate.wire.completion import assemble, normalise_completion
from ingate.wire.normaliser import StreamNormaliser

ANTHROPIC: list[dict[str, Any]] = [
    {"type": "message_start", "message": {"id": "msg_1", "model": "claude-x", "usage": {"input_tokens": 4}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm \u2028é"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "ping"},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": "", "citations": []}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Grüße 👋🏽"}},
    {
        "type": "content_block_delta",
        "index": 1,
        "delta": {"type": "citations_delta", "citation": {"url": "https://e.org"}},
    },
    {"type": "content_block_stop", "index": 1},
    {
        "type": "content_block_start",
        "index": 2,
        "content_block": {"type": "tool_use", "id": "t", "name": "add", "input": {}},
    },
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"a":'}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": ' "é"}'}},
    {"type": "content_block_stop", "index": 2},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
    {"type": "message_stop"},
]
GEMINI: list[dict[str, Any]] = [
    {"candidates": [{"content": {"parts": [{"text": "Hm é", "thought": True}]}, "index": 0}], "responseId": "r"},
    {
        "candidates": [{"content": {"parts": [{"text": 'Grüße "👋🏽" \\ }]'}]}}],
        "usageMetadata": {"promptTokenCount": 4},
    },
    {
        "candidates": [
            {
                "content": {
                    "parts": [{"functionCall": {"name": "add", "args": {"a": "é"}}, "thoughtSignature": "c2ln"}]
                },
                "finishReason": "STOP",
                "groundingMetadata": {"groundingChunks": [{"web": {"uri": "https://e.org"}}]},
            }
        ],
        "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 9, "totalTokenCount": 13},
    },
]
_REASONING = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm é"}]}
_CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "add", "arguments": '{"a": "é"}'}
_SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}}
_NOTE = {"type": "url_citation", "url": "https://e.org", "title": "E", "start_index": 0, "end_index": 2}
_SAID = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "phase": "commentary",
    "content": [{"type": "output_text", "text": "Grüße 👋🏽", "annotations": [_NOTE], "logprobs": []}],
}
_ENDED = {
    "id": "resp_1",
    "object": "response",
    "model": "m",
    "created_at": 1,
    "status": "completed",
    "output": [_REASONING, _SEARCH, _SAID, _CALL],
    "usage": {"input_tokens": 4, "output_tokens": 9, "output_tokens_details": {"reasoning_tokens": 1}},
}


def _of(kind: str, at: int, **more: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "output_index": at, **more}


RESPONSES: list[dict[str, Any]] = [
    {"type": "response.created", "response": {**_ENDED, "status": "in_progress", "output": [], "usage": None}},
    _of("output_item.added", 0, item={**_REASONING, "summary": []}),
    _of("reasoning_summary_text.delta", 0, item_id="rs_1", summary_index=0, delta="Hm "),
    _of("reasoning_summary_text.delta", 0, item_id="rs_1", summary_index=0, delta="é"),
    _of("reasoning_summary_text.done", 0, item_id="rs_1", summary_index=0, text="Hm é"),
    _of("output_item.done", 0, item={**_REASONING, "encrypted_content": "c2ln"}),
    _of("output_item.added", 1, item={**_SEARCH, "status": "in_progress"}),
    _of("output_item.done", 1, item=_SEARCH),
    _of("output_item.added", 2, item={**_SAID, "content": []}),
    _of("output_text.delta", 2, item_id="msg_1", content_index=0, delta="Grüße ", logprobs=[]),
    _of("output_text.delta", 2, item_id="msg_1", content_index=0, delta="👋🏽", logprobs=[]),
    _of("output_text.annotation.added", 2, item_id="msg_1", content_index=0, annotation_index=0, annotation=_NOTE),
    _of("output_text.done", 2, item_id="msg_1", content_index=0, text="Grüße 👋🏽"),
    _of("content_part.done", 2, item_id="msg_1", content_index=0, part=_SAID["content"][0]),
    _of("output_item.done", 2, item=_SAID),
    _of("output_item.added", 3, item={**_CALL, "arguments": ""}),
    _of("function_call_arguments.delta", 3, item_id="fc_1", delta='{"a":'),
    _of("function_call_arguments.delta", 3, item_id="fc_1", delta=' "é"}'),
    _of("function_call_arguments.done", 3, item_id="fc_1", arguments='{"a": "é"}'),
    _of("output_item.done", 3, item=_CALL),
    {"type": "response.completed", "response": _ENDED},
]
WHOLE = {
    "responses": _ENDED,
    "messages": {
        "type": "message",
        "content": [
            {"type": "thinking", "thinking": "Hm", "signature": "c2ln"},
            {"type": "text", "text": "Hi", "citations": [{"url": "https://e.org", "title": "E"}]},
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": 1}},
            {"type": "tool_use", "id": "t", "name": "add", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 4, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 1}},
    },
    "gemini": GEMINI[2],
    "bedrock": {
        "output": {
            "message": {
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "c2ln"}}},
                    {
                        "citationsContent": {
                            "content": [{"text": "Hi"}],
                            "citations": [{"location": {"web": {"url": "u"}}}],
                        }
                    },
                    {"toolUse": {"toolUseId": "t", "name": "add", "input": {"a": 1}}},
                ]
            }
        },
        "stopReason": "tool_use",
        "usage": {"inputTokens": 4, "outputTokens": 9},
    },
    "cohere": {
        "message": {
            "content": [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Hi"}],
            "tool_calls": [{"id": "t", "function": {"name": "add", "arguments": "{}"}}],
            "citations": [{"start": 0, "end": 1, "text": "H", "sources": [{"id": "d"}]}],
        },
        "finish_reason": "TOOL_CALL",
        "usage": {"tokens": {"input_tokens": 4, "output_tokens": 9}, "cached_tokens": 1},
    },
    "ollama": {
        "message": {
            "content": "Hi",
            "thinking": "Hm",
            "tool_calls": [{"function": {"name": "add", "arguments": {"a": 1}}}],
        },
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 4,
        "eval_count": 9,
    },
}


def sse(pieces: list[dict[str, Any]]) -> bytes:
    return b"".join(b"data: %s\n\n" % json.dumps(one, ensure_ascii=False).encode() for one in pieces)


CONVERSE: list[tuple[str, dict[str, Any]]] = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "Hm é"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "c2ln"}}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "Grüße 👋🏽"}}),
    (
        "contentBlockDelta",
        {"contentBlockIndex": 1, "delta": {"citation": {"location": {"web": {"url": "https://e.org"}}}}},
    ),
    ("contentBlockStop", {"contentBlockIndex": 1}),
    ("contentBlockStart", {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t", "name": "add"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '{"a": "é"}'}}}),
    ("contentBlockStop", {"contentBlockIndex": 2}),
    ("messageStop", {"stopReason": "tool_use"}),
    ("metadata", {"usage": {"inputTokens": 4, "outputTokens": 9, "totalTokens": 13}}),
]
COHERE: list[dict[str, Any]] = [
    {"type": "message-start", "id": "c"},
    {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I will"}}},
    {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "thinking", "thinking": "H"}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"thinking": "m é"}}}},
    {"type": "content-delta", "index": 1, "delta": {"message": {"content": {"text": "Grüße 👋🏽"}}}},
    {
        "type": "citation-start",
        "delta": {"message": {"citations": {"start": 0, "end": 2, "text": "Gr", "sources": []}}},
    },
    {
        "type": "tool-call-start",
        "index": 0,
        "delta": {"message": {"tool_calls": {"id": "t", "function": {"name": "add", "arguments": ""}}}},
    },
    {
        "type": "tool-call-delta",
        "index": 0,
        "delta": {"message": {"tool_calls": {"function": {"arguments": '{"a":1}'}}}},
    },
    {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": {"tokens": {"input_tokens": 4}}}},
]
OLLAMA: list[dict[str, Any]] = [
    {"model": "m", "created_at": "2026-01-01T00:00:00.1Z", "message": {"role": "assistant", "thinking": "Hm é"}},
    {"message": {"content": "Grüße 👋🏽"}},
    {"message": {"tool_calls": [{"function": {"name": "add", "arguments": {"a": "é"}}}]}},
    {"message": {"content": ""}, "done": True, "done_reason": "stop", "prompt_eval_count": 4, "eval_count": 9},
]


def frames(events: list[tuple[str, dict[str, Any]]]) -> bytes:
    return b"".join(
        encode_message({":message-type": "event", ":event-type": kind}, json.dumps(event).encode())
        for kind, event in events
    )


def lines(pieces: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in pieces)


STREAMS = {
    "responses": ("responses", sse(RESPONSES)),
    "bedrock": ("bedrock", frames(CONVERSE)),
    "cohere": ("cohere", sse(COHERE)),
    "ollama": ("ollama", lines(OLLAMA)),
    "messages": ("messages", sse(ANTHROPIC)),
    "gemini": ("gemini", sse(GEMINI)),
    "gemini array": ("gemini", json.dumps(GEMINI, indent=1, ensure_ascii=False).encode()),
}


def run(wire: str, pieces: list[bytes]) -> dict[str, Any]:
    decoder, normaliser = codec_for(wire).decoder(model="m", content_type="text/event-stream"), StreamNormaliser("m")
    told = [chunk for data in pieces for chunk in decoder.feed(data)]
    told += decoder.close()
    if decoder.failed is not None:
        raise decoder.failed
    chunks = [one for chunk in told for one in normaliser.feed(chunk)]
    answer = assemble(chunks + normaliser.finish())
    json.dumps(answer)
    return {key: value for key, value in answer.items() if key not in {"created", "id"}}


@pytest.mark.parametrize("name", STREAMS)
@given(cuts=st.lists(st.integers(0, 3000), max_size=12))
@settings(max_examples=60, deadline=None)
def test_any_split_gives_the_same_answer(name: str, cuts: list[int]) -> None:
    wire, data = STREAMS[name]
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    assert run(wire, [data[a:b] for a, b in pairwise(edges)]) == run(wire, [data])


@pytest.mark.parametrize("name", STREAMS)
def test_a_cut_at_any_byte_interrupts_or_leaves_a_whole_answer(name: str) -> None:
    wire, data = STREAMS[name]
    whole = run(wire, [data])["choices"]
    for cut in range(len(data)):
        try:
            answer = run(wire, [data[:cut]])
        except StreamInterruptedError:
            continue
        except UnavailableError:  # nothing came
            assert not data[:cut].strip()
            continue
        assert answer["choices"] == whole, cut


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "text", "index", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in steps:
        found += places(item, (*path, key))
    return found


def mutated(value: Any, draw: Any) -> Any:
    """`value` with one to three places replaced by anything, or removed."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        spots = places(value)
        if not spots:
            break
        *way, last = draw(st.sampled_from(spots))
        here = value
        for step in way:
            here = here[step]
        if draw(st.booleans()):
            here[last] = draw(JSON)
        else:
            del here[last]
    return value


@pytest.mark.parametrize("wire", WHOLE)
@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_mutated_answer_is_read_or_refused_by_an_error_of_ours(wire: str, data: st.DataObject) -> None:
    body = json.dumps(mutated(WHOLE[wire], data.draw)).encode()
    try:
        answer = normalise_completion(codec_for(wire).response(body, model="m"), "m")
    except IngateError:
        return
    json.dumps(answer)
    assert isinstance(answer["choices"][0]["message"].get("content") or "", str)


@pytest.mark.parametrize(
    ("wire", "pieces"),
    [
        ("responses", RESPONSES),
        ("messages", ANTHROPIC),
        ("gemini", GEMINI),
        ("bedrock", CONVERSE),
        ("cohere", COHERE),
        ("ollama", OLLAMA),
    ],
)
@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_mutated_stream_is_read_or_refused_by_an_error_of_ours(
    wire: str, pieces: list[Any], data: st.DataObject
) -> None:
    if wire == "bedrock":
        body = frames([(kind, mutated(event, data.draw)) for kind, event in pieces])
    else:
        body = (lines if wire == "ollama" else sse)(mutated(pieces, data.draw))
    try:
        run(wire, [body])
    except IngateError:
        return


@pytest.mark.parametrize("wire", WHOLE)
@given(noise=st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_noise_is_refused_by_an_error_of_ours(wire: str, noise: bytes) -> None:
    with pytest.raises(IngateError):
        run(wire, [noise])
    with pytest.raises(UnavailableError):
        codec_for(wire).response(noise, model="m")


def test_a_line_of_ten_megabytes_is_read() -> None:
    text = "a" * 10_000_000
    delta = {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": text}}
    answer = run("messages", [sse([*ANTHROPIC[:7], delta, *ANTHROPIC[14:]])])
    assert len(answer["choices"][0]["message"]["content"]) == len(text)
    array = json.dumps([{"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}]}]).encode()
    pieces = [array[at : at + 65_536] for at in range(0, len(array), 65_536)]
    assert len(run("gemini", pieces)["choices"][0]["message"]["content"]) == len(text)


def decode_whole(decoder: Any, body: bytes) -> None:
    decoder.feed(body)
    decoder.close()
    raise decoder.failed or AssertionError("read as an answer")


@pytest.mark.parametrize(
    "wire", ["chat", "azure", "responses", "messages", "gemini", "bedrock", "bedrock_invoke", "cohere", "ollama"]
)
@pytest.mark.parametrize(
    "body", [b'{"a": "\x80\xff"}', b"\x8b", b'{"error": {"message": "\xdb"}}', b'{"a": "\\ud83d"}', b"[" * 100_000]
)
def test_bytes_that_are_no_text_are_one_of_our_errors(wire: str, body: bytes) -> None:
    with pytest.raises(IngateError):
        codec_for(wire).response(body, model="m")
    decoder = codec_for(wire).decoder(model="m", content_type="application/json")
    with pytest.raises(IngateError):
        decode_whole(decoder, body)
