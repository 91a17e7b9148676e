"""What counts as a token of a stream, and what only keeps a connection alive."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingate.wire.progress import EventProgress, has_substance


def _event(value: Any) -> bytes:
    return b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"


def _chat(**delta: Any) -> dict[str, Any]:
    return {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


IDLE = [
    b": ping\n\n",
    b":\n\n",
    b"\n\n",
    b"data:\n\n",
    b"event: ping\n\n",
    _event({"type": "ping"}),
    _event({"type": "keepalive", "sequence_number": 3}),
    _event({"type": "response.in_progress", "response": {"id": "r"}}),
    _event(_chat()),
    _event(_chat(role="assistant", content="")),
    _event({"id": "c", "choices": []}),
    _event({}),
    _event(b"null"),
]
PARTS = [
    _event(_chat(content="a")),
    _event(_chat(reasoning_content="a")),
    _event({"choices": [{"delta": {}, "finish_reason": "stop"}]}),
    _event({"choices": [], "usage": {"prompt_tokens": 1}}),
    _event({"type": "response.output_text.delta", "delta": "a"}),
    _event({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "a"}}),
    _event({"error": {"message": "m"}}),
    _event(b"[DONE]"),
]


@pytest.mark.parametrize("data", IDLE)
def test_keep_alives_are_not_progress_however_many(data: bytes) -> None:
    progress = EventProgress()
    assert not any(progress(data) for _ in range(5000))
    assert not any(progress(data.replace(b"\n", b"\r\n")) for _ in range(3))


@pytest.mark.parametrize("data", PARTS)
def test_parts_of_an_answer_are_progress_however_they_are_split(data: bytes) -> None:
    assert EventProgress()(data)
    assert EventProgress()(b": ping\n\n" + data)
    for size in (1, 7):
        progress = EventProgress()
        found = [progress(data[at : at + size]) for at in range(0, len(data), size)]
        assert found[-1]
        assert not any(found[:-1])


def test_a_look_that_begins_inside_an_event_waits_for_the_next() -> None:
    progress = EventProgress()
    assert not progress(b'"content":"a"}}]}\n\n')
    assert progress(PARTS[0])


def test_a_large_event_is_progress_before_its_end_and_a_slow_drip_is_not() -> None:
    progress = EventProgress()
    assert not any(progress(b"x") for _ in range(600))
    assert any(progress(b"x" * 20_000) for _ in range(4))


@pytest.mark.parametrize("chunk", [{}, {"choices": []}, _chat(), _chat(role="assistant"), _chat(content="")])
def test_a_chunk_without_content_has_no_substance(chunk: dict[str, Any]) -> None:
    assert not has_substance(chunk)
