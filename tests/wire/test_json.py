"""Reading a provider's JSON without trusting it, and the pieces that completions and chunks are built of."""

from __future__ import annotations

from typing import Any

import pytest

from ingate.errors import UnavailableError
from ingate.wire import answers
from ingate.wire.answers import Chunks, count, format_errors, items, mapping, parse_object, read_json, text, tool_call


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        ('{"a": 1}', {"a": 1}),
        (b'{"a": NaN, "b": -Infinity}', {"a": None, "b": None}),
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        ('{"a": "tab\there"}', {"a": "tab\there"}),
        (b'{"a": "\\ud83d"}', {"a": "\ufffd"}),
        (b'{"a": "x\\ude00y"}', {"a": "x\ufffdy"}),
        (b'{"a": "\\ud83d\\ude00", "b": NaN}', {"a": "😀", "b": None}),
        (b'{"a": "\\uD83D\\uDE00\\uDE00"}', {"a": "😀\ufffd"}),
    ],
)
def test_json_is_read_as_servers_write_it(data: Any, value: Any) -> None:
    assert read_json(data) == value


@pytest.mark.parametrize("data", [b"", "{", b"[" * 100_000, "[" * 100_000, b"NaN" + b"[" * 100_000, b"nonsense"])
def test_what_is_not_json_is_a_value_error(data: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_json(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<html>" + b"x" * 100, "not JSON: '<html>" + "x" * 74 + "'"),
        ("oops", "not JSON: 'oops'"),
        (b"\xff", "not JSON: '\ufffd'"),
        (b"[1]", "JSON list, not an object"),
        (b"null", "JSON NoneType, not an object"),
    ],
)
def test_what_is_not_an_object_is_unavailable(data: Any, words: str) -> None:
    with pytest.raises(UnavailableError) as caught:
        parse_object(data)
    assert words in str(caught.value)
    assert caught.value.status == 502


@pytest.mark.parametrize("error", [AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError])
def test_reading_an_unexpected_structure_is_unavailable(error: type[Exception]) -> None:
    with pytest.raises(UnavailableError, match="expected format") as caught, format_errors():
        raise error("x")
    assert caught.value.status == 502


def test_other_errors_are_not_the_providers() -> None:
    with pytest.raises(ZeroDivisionError), format_errors():
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("value", "number"),
    [(3, 3), (2.9, 2), (0, 0), (-1, 0), (True, 0), ("3", 0), (None, 0), (1e15, 0), (1e15 - 1, 10**15 - 1)],
)
def test_a_count_is_a_number_of_tokens_or_nothing(value: Any, number: int) -> None:
    assert count(value) == number


def test_values_of_another_type_are_empty() -> None:
    assert (text("a"), text(3), text(None)) == ("a", "", "")
    assert (mapping({"a": 1}), mapping([1]), mapping(None)) == ({"a": 1}, {}, {})
    assert items([{"a": 1}, 2, {"b": 3}]) == [{"a": 1}, {"b": 3}]
    assert items({"a": 1}) == []


def test_usage_is_all_input_and_all_output() -> None:
    assert answers.usage(prompt=3, completion=4) == {
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "total_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    full = answers.usage(prompt=3, completion=4, total=0, cached=1, cache_write=2, reasoning=3, more={"x": 1})
    assert full["total_tokens"] == 0
    assert full["prompt_tokens_details"] == {"cached_tokens": 1, "cache_creation_tokens": 2}
    assert full["completion_tokens_details"] == {"reasoning_tokens": 3}
    assert full["x"] == 1


def test_a_call_has_an_index_only_in_a_delta() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert tool_call("a", "f", "{}") == call
    assert tool_call("a", "f", "{}", index=0, extra=1) == {"index": 0, **call, "extra": 1}


def test_chunks_share_an_id_a_model_and_a_time() -> None:
    chunks = Chunks("m")
    chunks.id = "c"
    head = {"id": "c", "object": "chat.completion.chunk", "created": chunks.created, "model": "m"}
    assert chunks.created > 1_700_000_000
    assert chunks.delta({"content": "a"}) == {
        **head,
        "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}],
    }
    assert chunks.delta({}, index=1, finish="stop", extra={"x": 1}) == {
        **head,
        "choices": [{"index": 1, "delta": {}, "finish_reason": "stop", "x": 1}],
    }
    assert chunks.usage({"total_tokens": 1}) == {**head, "choices": [], "usage": {"total_tokens": 1}}


def test_a_completion_has_usage_only_if_it_is_given() -> None:
    made = answers.completion(answer_id="c", model="m", choices=[], usage=None)
    assert made.pop("created") > 1_700_000_000
    assert made == {"id": "c", "object": "chat.completion", "model": "m", "choices": []}
    assert answers.completion(answer_id="", model="m", choices=[], usage={})["usage"] == {}
