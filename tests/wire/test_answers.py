"""Providers' responses and exactly what each codec reads in them, whole and streamed.

`answers/<format>.json` lists the cases. `whole` is a response body and `completion` what the codec makes of it. `events` are
the events of a stream and `chunks` the codec's chunks, before normalisation and without `created`. `error` is the
name and status of the error that the response, or the end of the stream, raises.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingate.errors import IngateError
from ingate.wire.bedrock.eventstream import encode_message
from ingate.wire.codec import codec_for

CASES = [
    pytest.param(file.stem, case, id=f"{file.stem}: {case['name']}")
    for file in sorted((Path(__file__).parent / "answers").glob("*.json"))
    for case in json.loads(file.read_text(encoding="utf-8"))
]
STREAM_TYPES = {"ollama": "application/x-ndjson", "bedrock": "application/vnd.amazon.eventstream"}


def framed(wire: str, event: Any) -> bytes:
    """One event as the format sends it; a string is sent as it is."""
    if isinstance(event, str):
        return event.encode()
    if wire.startswith("bedrock"):
        (kind, payload), *headers = event
        names = {":message-type": "event", ":event-type": kind, **(headers[0] if headers else {})}
        return encode_message(names, json.dumps(payload).encode())
    data = json.dumps(event).encode()
    return data + b"\n" if wire == "ollama" else b"data: " + data + b"\n\n"


def decoded(wire: str, data: bytes, size: int, model: str) -> tuple[list[dict[str, Any]], list[Any] | None]:
    """The chunks of a stream that arrives in pieces of `size` bytes, and the error that ends it."""
    decoder = codec_for(wire).decoder(model=model, content_type=STREAM_TYPES.get(wire, "text/event-stream"))
    chunks: list[dict[str, Any]] = []
    try:
        for start in range(0, len(data), size):
            chunks += decoder.feed(data[start : start + size])
            if decoder.failed is not None:
                raise decoder.failed
        chunks += decoder.close()
        if decoder.failed is not None:
            raise decoder.failed
    except IngateError as error:
        return chunks, [type(error).__name__, error.status]
    return chunks, None


def plain(value: dict[str, Any]) -> dict[str, Any]:
    """A chunk or completion without its time."""
    return {key: item for key, item in value.items() if key != "created"}


@pytest.mark.parametrize(("wire", "case"), CASES)
def test_a_response_is_read_as_exactly_this(wire: str, case: dict[str, Any]) -> None:
    model = case.get("model", "m")
    if "whole" in case:
        content = json.dumps(case["whole"]).encode()
        if "error" in case:
            with pytest.raises(IngateError) as caught:
                codec_for(wire).response(content, model=model)
            assert [type(caught.value).__name__, caught.value.status] == case["error"]
        else:
            assert plain(codec_for(wire).response(content, model=model)) == case["completion"]
        return
    data = b"".join(framed(wire, event) for event in case["events"])
    for size in (len(data), 7, 1):
        chunks, error = decoded(wire, data, size, model)
        assert [plain(chunk) for chunk in chunks] == case["chunks"]
        assert error == case.get("error")
        assert len({chunk.get("created") for chunk in chunks}) <= 1
