"""Chunks and streams for tests of the wire."""

from __future__ import annotations

import json
from typing import Any


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **extra: Any) -> dict[str, Any]:
    """One chunk with one choice, as a provider sends it."""
    choice = {"index": extra.pop("index", 0), "delta": {} if delta is None else delta, "finish_reason": finish}
    choice.update(extra.pop("choice", {}))
    base = {"id": "c-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m-1"}
    return {**base, "choices": [choice], **extra}


def call(
    index: int | None = None, id: str | None = None, name: str | None = None, arguments: Any = None, **extra: Any
) -> dict[str, Any]:
    """One tool-call delta with only the parts that are given."""
    piece: dict[str, Any] = dict(extra)
    if index is not None:
        piece["index"] = index
    if id is not None:
        piece["id"] = id
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {**piece, "function": function}


def tools(*pieces: dict[str, Any]) -> dict[str, Any]:
    """A chunk of tool-call deltas."""
    return chunk({"tool_calls": list(pieces)})


def sse(*chunks: Any, done: bool = True, end: str = "\n") -> bytes:
    """Chunks as server-sent events."""
    lines = [f"data: {json.dumps(item)}{end}{end}" for item in chunks]
    return ("".join(lines) + (f"data: [DONE]{end}{end}" if done else "")).encode()
