"""What one streamed piece of text costs on its way through the wire, in microseconds.

    python bench/wire.py

Prints one line a stage, best of five runs. The normaliser's plain content delta is the one that must stay cheap: every
token of every answer goes through it.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from ingate.wire.chat.codec import CODEC
from ingate.wire.normaliser import StreamNormaliser
from ingate.wire.sse import SSEParser, encode_chunk

if TYPE_CHECKING:
    from collections.abc import Callable

_COUNT = 20_000


def _chunk(delta: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "system_fingerprint": "fp",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}],
    }


def _microseconds(run: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - began)
    return best / _COUNT * 1e6


def _normalise(chunk: dict[str, Any]) -> Callable[[], object]:
    def run() -> None:
        normaliser = StreamNormaliser("m")
        normaliser.feed(_chunk({"role": "assistant", "content": ""}))
        for _ in range(_COUNT):
            normaliser.feed(chunk)

    return run


def main() -> None:
    """Measure and print."""
    plain = _chunk({"content": " token"})
    event = b"data: " + json.dumps(plain).encode() + b"\n\n"
    reads = [event * 8] * (_COUNT // 8)

    def parse() -> None:
        parser = SSEParser()
        for data in reads:
            parser.feed(data)

    def decode() -> None:
        decoder = CODEC.decoder(model="m", content_type="text/event-stream")
        for data in reads:
            decoder.feed(data)

    def encode() -> None:
        for _ in range(_COUNT):
            encode_chunk(plain)

    for name, run in (
        ("normalise: plain content", _normalise(plain)),
        ("normalise: role repeated", _normalise(_chunk({"role": "assistant", "content": " token"}))),
        ("normalise: reasoning", _normalise(_chunk({"reasoning": " token"}))),
        ("parse: server-sent events", parse),
        ("parse and decode", decode),
        ("encode", encode),
    ):
        print(f"{name:28} {_microseconds(run):6.2f} µs")


if __name__ == "__main__":
    main()
