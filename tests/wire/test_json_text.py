"""An answer is written as JSON whatever is in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingate.wire.events import encode_events
from ingate.wire.json_text import encode_answer


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"a": ["b", 1, None, True, 2.5]}, {"a": ["b", 1, None, True, 2.5]}),
        ({"a": "x\ud800y"}, {"a": "x\ufffdy"}),
        ({"\udc00": 1}, {"\ufffd": 1}),
        ({"a": "\ud83d\ude00"}, {"a": "😀"}),
        ({"a": ["\ud800", {"b": object()}, {1, 2}]}, {"a": ["\ufffd", {"b": None}, [1, 2]]}),
        ({"a": float("nan"), "b": 2**70, "c": "\ud800"}, {"a": None, "b": 2**70, "c": "\ufffd"}),
    ],
)
def test_what_utf_8_or_json_do_not_have_is_replaced(value: Any, written: Any):
    assert json.loads(encode_answer(value)) == written


def test_a_value_that_contains_itself_ends():
    value: dict[str, Any] = {"text": "hi"}
    value["self"] = value
    assert json.loads(encode_answer(value))["self"]["self"]["text"] == "hi"


@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
def test_events_are_written_as_well(api: Any):
    data = encode_events(api, [{"type": "message", "text": "\ud800"}]).partition(b"data: ")[2]
    assert json.loads(data)["text"] == "\ufffd"
