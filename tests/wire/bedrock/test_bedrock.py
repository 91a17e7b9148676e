"""Bedrock: AWS's framing, Converse's words, and errors inside a stream."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any

import pytest

from ingate.errors import IngateError, StreamInterruptedError, UnavailableError
from ingate.wire.bedrock.codec import CODECS, inner_payload
from ingate.wire.bedrock.eventstream import EventStreamParser, encode_message
from ingate.wire.completion import assemble, normalise_completion
from ingate.wire.normaliser import StreamNormaliser
from support.conversations import CONVERSATIONS, PDF, PNG, user
from support.native import target

CODEC, INVOKE = CODECS["bedrock"], CODECS["bedrock_invoke"]
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
STREAM = "application/vnd.amazon.eventstream"


def made(body: dict[str, Any], model: str = CLAUDE) -> dict[str, Any]:
    sent = CODEC.request(body, target(model))
    return json.loads(sent.body)


def frame(kind: str, event: dict[str, Any], message: str = "event") -> bytes:
    name = ":event-type" if message == "event" else ":exception-type"
    headers = {name: kind, ":content-type": "application/json", ":message-type": message}
    return encode_message(headers, json.dumps(event).encode())


def streamed(data: bytes, codec: Any = CODEC) -> dict[str, Any]:
    decoder, normaliser = codec.decoder(model="m", content_type=STREAM), StreamNormaliser("m")
    chunks = [one for chunk in decoder.feed(data) + decoder.close() for one in normaliser.feed(chunk)]
    return assemble(chunks + normaliser.finish())


def test_messages_are_read_however_they_are_cut_and_checked_for_damage() -> None:
    data = encode_message({"a": "b", "é": "x" * 300}, b"payload") + encode_message({}, b"")
    for size in (1, 3, len(data)):
        parser = EventStreamParser()
        found = [one for at in range(0, len(data), size) for one in parser.feed(data[at : at + size])]
        assert found == [({"a": "b", "é": "x" * 300}, b"payload"), ({}, b"")]
        assert not parser.waits
    for at in (0, 9, 40, len(data) - 1):
        damaged = bytearray(data)
        damaged[at] ^= 1
        with pytest.raises(UnavailableError):
            list(EventStreamParser().feed(bytes(damaged)))


def test_the_model_is_in_the_path_with_its_colons_and_slashes_quoted() -> None:
    arn = "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc"
    sent = CODEC.request({"messages": [user("Hi")]}, target(arn, stream=True))
    quoted = "arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aapplication-inference-profile%2Fabc"
    assert sent.url == f"https://far/model/{quoted}/converse-stream"
    assert sent.headers["accept"] == STREAM


def test_blocks_have_converses_names() -> None:
    pdf = made(CONVERSATIONS["a PDF"])["messages"][0]["content"]
    assert pdf[0] == {"document": {"format": "pdf", "name": "r pdf", "source": {"bytes": PDF}}}
    assert made(CONVERSATIONS["an image inline"])["messages"][0]["content"][1] == {
        "image": {"format": "png", "source": {"bytes": PNG}}
    }
    alone = made(CONVERSATIONS["a text file"])["messages"][0]["content"]
    assert base64.b64decode(alone[0]["document"]["source"]["bytes"]) == b"Hi"
    assert "text" in alone[1]
    thinking = made(CONVERSATIONS["reasoning after a tool call"])
    assert thinking["messages"][1]["content"][0] == {
        "reasoningContent": {"reasoningText": {"text": "I need the weather.", "signature": "c2ln"}}
    }
    assert thinking["additionalModelRequestFields"]["thinking"] == {"type": "enabled", "budget_tokens": 8192}
    marked = made(CONVERSATIONS["prompt-cache marks"])
    assert marked["system"][-1] == marked["toolConfig"]["tools"][-1] == {"cachePoint": {"type": "default"}}


def test_answers_by_schema_effort_and_search_use_what_each_model_has() -> None:
    asked = CONVERSATIONS["an answer by schema"]
    form = made(asked)["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
    assert json.loads(form["schema"])["additionalProperties"] is False
    nova = made(asked, "amazon.nova-lite-v1:0")
    assert nova["toolConfig"]["toolChoice"] == {"tool": {"name": "ingate_structured_answer"}}
    effort = CONVERSATIONS["reasoning, low"]
    assert made(effort, "openai.gpt-oss-20b-1:0")["additionalModelRequestFields"] == {"reasoning_effort": "low"}
    assert made(effort, "amazon.nova-2-lite-v1:0")["additionalModelRequestFields"]["reasoningConfig"] == {
        "type": "enabled",
        "maxReasoningEffort": "low",
    }
    search = made(CONVERSATIONS["a web search"], "amazon.nova-2-lite-v1:0")
    assert search["toolConfig"]["tools"] == [{"systemTool": {"name": "nova_grounding"}}]
    assert "inferenceConfig" not in made({"messages": [user("Hi")]}, "amazon.nova-lite-v1:0")


def test_converses_own_keys_go_as_they_are() -> None:
    own = {"guardrailIdentifier": "g", "guardrailVersion": "1"}
    body = made({"messages": [user("Hi")], "guardrailConfig": own, "extra_body": {"requestMetadata": {"a": "b"}}})
    assert body["guardrailConfig"] == own
    assert body["requestMetadata"] == {"a": "b"}


def test_an_answer_is_the_same_whole_and_streamed() -> None:
    usage = {
        "inputTokens": 4,
        "outputTokens": 9,
        "cacheReadInputTokens": 3,
        "cacheWriteInputTokens": 2,
        "totalTokens": 18,
    }
    whole = {
        "output": {
            "message": {
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "c2ln"}}},
                    {"reasoningContent": {"redactedContent": "c2VjcmV0"}},
                    {"text": "Hi"},
                    {"toolUse": {"toolUseId": "t", "name": "add", "input": {"a": 1}}},
                ]
            }
        },
        "stopReason": "tool_use",
        "usage": usage,
    }
    data = b"".join(
        frame(kind, event)
        for kind, event in [
            ("messageStart", {"role": "assistant"}),
            ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "Hm"}}}),
            ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "c2ln"}}}),
            ("contentBlockStop", {"contentBlockIndex": 0}),
            (
                "contentBlockDelta",
                {"contentBlockIndex": 1, "delta": {"reasoningContent": {"redactedContent": "c2VjcmV0"}}},
            ),
            ("contentBlockStop", {"contentBlockIndex": 1}),
            ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"text": "Hi"}}),
            ("contentBlockStop", {"contentBlockIndex": 2}),
            ("contentBlockStart", {"contentBlockIndex": 3, "start": {"toolUse": {"toolUseId": "t", "name": "add"}}}),
            ("contentBlockDelta", {"contentBlockIndex": 3, "delta": {"toolUse": {"input": '{"a":1}'}}}),
            ("contentBlockStop", {"contentBlockIndex": 3}),
            ("somethingNew", {"x": 1}),
            ("messageStop", {"stopReason": "tool_use"}),
            ("metadata", {"usage": usage}),
        ]
    )
    one = normalise_completion(CODEC.response(json.dumps(whole).encode(), model="m"), "m")
    other = streamed(data)
    assert one["choices"] == other["choices"]
    assert one["usage"] == other["usage"]
    assert (one["usage"]["prompt_tokens"], one["usage"]["total_tokens"]) == (9, 18)
    assert one["choices"][0]["message"]["thinking_blocks"][1] == {"type": "redacted_thinking", "data": "c2VjcmV0"}


@pytest.mark.parametrize(
    ("kind", "status"),
    [("throttlingException", 429), ("validationException", 400), ("internalServerException", 500)],
)
def test_an_exception_inside_a_stream_is_that_error_after_what_came(kind: str, status: int) -> None:
    decoder = CODEC.decoder(model="m", content_type=STREAM)
    text = frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hi"}})
    chunks = decoder.feed(text + frame(kind, {"message": "Sorry"}, "exception"))
    assert chunks[-1]["choices"][0]["delta"] == {"content": "Hi"}
    with pytest.raises(IngateError) as caught:
        decoder.close()
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("headers", "payload", "message", "cls"),
    [
        ({":exception-type": "throttlingException"}, b'{"message":"slow"}', "slow", "RateLimitError"),
        ({":exception-type": "accessDeniedException"}, b'{"Message":"no"}', "no", "PermissionDeniedError"),
        ({":exception-type": "throttlingException"}, b"{}", "throttlingException", "RateLimitError"),
        ({":exception-type": "throttlingException"}, b"not json", "throttlingException", "RateLimitError"),
        ({":error-code": "internalServerException", ":error-message": "oops"}, b"", "oops", "UnavailableError"),
        ({":error-code": "validationException"}, b"", "validationException", "BadRequestError"),
        ({}, b'{"message":"x","originalStatusCode":429}', "x", "RateLimitError"),
    ],
)
def test_an_exception_has_the_providers_words(headers: dict[str, str], payload: bytes, message: str, cls: str) -> None:
    decoder = CODEC.decoder(model="m", content_type=STREAM)
    with pytest.raises(IngateError) as caught:
        decoder.feed(encode_message({":message-type": "exception", **headers}, payload))
    assert type(caught.value).__name__ == cls
    assert caught.value.provider_message == message


def test_the_type_of_an_exception_refines_its_status() -> None:
    payload = b'{"message":"x","originalStatusCode":400}'
    headers = {":message-type": "exception", ":exception-type": "ExpiredTokenException"}
    with pytest.raises(IngateError) as caught:
        CODEC.decoder(model="m", content_type=STREAM).feed(encode_message(headers, payload))
    assert type(caught.value).__name__ == "AuthenticationError"


def test_the_models_own_event_is_inside_a_chunk() -> None:
    inner = base64.b64encode(b'{"type":"ping"}').decode()

    def payload(kind: str, body: dict[str, Any]) -> bytes:
        (message,) = EventStreamParser().feed(frame(kind, body))
        return inner_payload(message)

    assert payload("chunk", {"bytes": inner}) == b'{"type":"ping"}'
    assert payload("metadata", {"bytes": inner}) == b""
    assert payload("chunk", {"bytes": "no base64!"}) == b""
    assert payload("chunk", {"bytes": f"{inner[:8]}\n{inner[8:]}"}) == b""
    assert payload("chunk", {}) == b""


def header(name: str, kind: int, value: bytes) -> bytes:
    return bytes([len(name)]) + name.encode() + bytes([kind]) + value


def packed(headers: bytes, payload: bytes = b"") -> bytes:
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + zlib.crc32(prelude).to_bytes(4, "big") + headers + payload
    return message + zlib.crc32(message).to_bytes(4, "big")


def test_headers_of_every_type_are_skipped_but_text() -> None:
    values = [
        (0, b""),
        (1, b""),
        (2, b"x"),
        (3, b"xx"),
        (4, b"xxxx"),
        (5, b"x" * 8),
        (6, b"\0\3abc"),
        (8, b"x" * 8),
        (9, b"x" * 16),
    ]
    block = b"".join(header(f"h{kind}", kind, value) for kind, value in values) + header("text", 7, b"\0\5\xc3\xa9 ab")
    (message,) = EventStreamParser().feed(packed(block, b"payload"))
    assert message == ({"text": "é ab"}, b"payload")


@pytest.mark.parametrize("block", [header("h", 10, b""), b"\1", b"\1h"])
def test_headers_of_no_known_type_are_not_an_event_stream(block: bytes) -> None:
    with pytest.raises(UnavailableError, match="unknown type"):
        list(EventStreamParser().feed(packed(block)))


@pytest.mark.parametrize(("length", "headers"), [(15, 0), (16, 1), (32 * 2**20 + 1, 0)])
def test_lengths_that_cannot_be_are_not_an_event_stream(length: int, headers: int) -> None:
    prelude = struct.pack(">II", length, headers)
    with pytest.raises(UnavailableError, match="not an AWS event stream"):
        list(EventStreamParser().feed(prelude + zlib.crc32(prelude).to_bytes(4, "big")))


def test_messages_before_a_damaged_one_are_read() -> None:
    parser = EventStreamParser()
    messages = parser.feed(packed(header("a", 7, b"\0\1b")) + b"\0" * 12)
    assert next(messages).headers == {"a": "b"}
    with pytest.raises(UnavailableError):
        next(messages)


def test_a_stream_that_ends_early_is_interrupted() -> None:
    data = frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hi"}})
    with pytest.raises(StreamInterruptedError):
        streamed(data)


def test_invoke_streams_claudes_events_and_novas() -> None:
    def chunk(event: dict[str, Any]) -> bytes:
        return frame("chunk", {"bytes": base64.b64encode(json.dumps(event).encode()).decode()})

    claude = [
        {"type": "message_start", "message": {"usage": {"input_tokens": 4}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "Hi"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]
    nova = [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Hi"}}},
        {"messageStop": {"stopReason": "end_turn"}},
        {"metadata": {"usage": {"inputTokens": 4, "outputTokens": 2}}},
    ]
    for events in (claude, nova):
        answer = streamed(b"".join(chunk(event) for event in events), INVOKE)
        assert answer["choices"][0]["message"]["content"] == "Hi"
        assert answer["usage"]["total_tokens"] == 6
    with pytest.raises(UnavailableError):
        streamed(frame("chunk", {"bytes": "!"}), INVOKE)
