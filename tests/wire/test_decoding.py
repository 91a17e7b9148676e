"""What every format's decoder does with an empty response and with an error in the middle of one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingate import errors
from ingate.wire.codec import codec_for, formats
from ingate.wire.decoding import Decoder, WholeDecoder

KINDS = ("", "application/json", "text/event-stream", "application/x-ndjson")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pieces", [[], [b""], [b"\n", b" \r\n"]])
@pytest.mark.parametrize("wire", [name for name in formats() if not name.startswith("bedrock")])
def test_an_empty_response_is_reported_and_not_an_empty_answer(wire: str, pieces: list[bytes], kind: str) -> None:
    decoder = codec_for(wire).decoder(model="m", content_type=kind)
    assert [chunk for piece in pieces for chunk in decoder.feed(piece)] == []
    with pytest.raises(errors.UnavailableError, match="empty"):
        decoder.close()


@pytest.mark.parametrize("wire", ["bedrock", "bedrock_invoke"])
def test_an_empty_event_stream_is_reported(wire: str) -> None:
    with pytest.raises(errors.UnavailableError, match="empty"):
        codec_for(wire).decoder(model="m", content_type="application/vnd.amazon.eventstream").close()


class Lines(Decoder):
    """A format of one JSON value a line, in which `error` is an error and the rest is a chunk."""

    def _feed(self, data: bytes, out: list[dict[str, Any]]) -> None:
        for line in data.splitlines():
            if line == b"error":
                raise errors.RateLimitError("slow down")
            out.append(json.loads(line))

    def _close(self, out: list[dict[str, Any]]) -> None:
        out.append({"last": True})


def test_an_error_follows_the_chunks_before_it() -> None:
    decoder = Lines()
    assert decoder.feed(b'{"a":1}\n{"b":2}\nerror\n{"c":3}') == [{"a": 1}, {"b": 2}]
    assert isinstance(decoder.failed, errors.RateLimitError)
    for again in (lambda: decoder.feed(b'{"d":4}'), decoder.close):
        with pytest.raises(errors.RateLimitError):
            again()


def test_an_error_without_chunks_before_it_is_raised_at_once() -> None:
    decoder = Lines()
    with pytest.raises(errors.RateLimitError):
        decoder.feed(b"error")


def test_what_is_held_back_comes_at_the_end() -> None:
    decoder = Lines()
    decoder.feed(b'{"a":1}')
    assert decoder.close() == [{"last": True}]


def test_a_whole_response_is_read_once_it_has_ended() -> None:
    answer = {"id": "x", "object": "chat.completion", "model": "m", "choices": [], "usage": {"total_tokens": 1}}
    seen: list[bytes] = []
    decoder = WholeDecoder(lambda body: seen.append(body) or answer)
    assert decoder.feed(b'{"a"') == []
    assert decoder.feed(b":1}") == []
    assert decoder.close() == [
        {"id": "x", "model": "m", "object": "chat.completion.chunk", "choices": [], "usage": {"total_tokens": 1}}
    ]
    assert seen == [b'{"a":1}']


@pytest.mark.parametrize("choices", ["ab", {"0": {}}, ["a"], [{"index": 0, "delta": {"content": "a"}}, 3], 7])
def test_choices_that_are_not_a_list_of_objects_are_an_error(choices: object) -> None:
    event = b"data: " + json.dumps({"id": "c", "choices": choices}).encode() + b"\n\n"
    decoder = codec_for("chat").decoder(model="m", content_type="text/event-stream")
    with pytest.raises(errors.UnavailableError, match="choices"):
        decoder.feed(event)
    decoder = codec_for("chat").decoder(model="m", content_type="text/event-stream")
    good = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
    assert len(decoder.feed(good + event)) == 1
    with pytest.raises(errors.UnavailableError, match="choices"):
        decoder.feed(b"")
