"""Whole completions: one shape for what providers send, and streams put together to one."""

from __future__ import annotations

from typing import Any

import pytest

from ingate.wire.completion import assemble, completion_chunks, normalise_completion
from support.wire import chunk


def whole(message: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": message or {"content": "Hi"}, "finish_reason": "stop"}
    return normalise_completion({"choices": [choice], **more}, "m")


@pytest.mark.parametrize("usage", [{}, None, [], "3"])
def test_usage_without_counts_is_null_and_not_zero(usage: Any) -> None:
    assert whole(usage=usage)["usage"] is None


def test_groqs_usage_counts_only_if_there_is_no_other() -> None:
    counts = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    assert whole(x_groq={"usage": counts})["usage"]["total_tokens"] == 3
    assert whole(usage={}, x_groq={"usage": counts})["usage"]["total_tokens"] == 3
    assert whole(usage={**counts, "total_tokens": 4}, x_groq={"usage": counts})["usage"]["total_tokens"] == 4
    assert whole(x_groq="none")["usage"] is None


@pytest.mark.parametrize("created", [None, 0, "then"])
def test_a_missing_envelope_is_filled_in(created: Any) -> None:
    answer = whole(created=created)
    assert answer["id"].startswith("chatcmpl-")
    assert answer["created"] > 1_700_000_000
    assert answer["model"] == "m"
    assert whole()["id"] != answer["id"]


def test_a_given_envelope_is_kept() -> None:
    answer = whole(id=7, created=12.5, model="given", system_fingerprint="fp", object="chat.completion.chunk", x=None)
    assert (answer["id"], answer["created"], answer["model"]) == ("7", 12, "given")
    assert answer["object"] == "chat.completion"
    assert answer["system_fingerprint"] == "fp"
    assert "x" not in answer


def test_choices_without_an_index_are_numbered() -> None:
    choices = [{"message": {"content": "a"}}, "noise", {"index": 5, "text": "b"}, {"delta": {"content": "c"}}]
    answer = normalise_completion({"choices": choices}, "m")
    assert [(one["index"], one["message"]["content"]) for one in answer["choices"]] == [(0, "a"), (5, "b"), (3, "c")]
    assert [one["message"]["role"] for one in answer["choices"]] == ["assistant"] * 3
    assert all("text" not in one and "delta" not in one for one in answer["choices"])


def test_empty_content_is_null_only_beside_tool_calls() -> None:
    assert whole({"content": ""})["choices"][0]["message"]["content"] == ""
    assert whole({"content": None})["choices"][0]["message"]["content"] is None
    called = {"content": "", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]}
    assert whole(called)["choices"][0]["message"]["content"] is None
    spoken = {**called, "content": "I look."}
    assert whole(spoken)["choices"][0]["message"]["content"] == "I look."


def test_a_providers_own_finish_reason_is_kept_beside_openais() -> None:
    def finish(raw: Any) -> dict[str, Any]:
        answer = normalise_completion({"choices": [{"message": {"content": "a"}, "finish_reason": raw}]}, "m")
        return answer["choices"][0]

    assert finish("end_turn")["finish_reason"] == "stop"
    assert finish("end_turn")["native_finish_reason"] == "end_turn"
    assert "native_finish_reason" not in finish("stop")
    assert "native_finish_reason" not in finish(None)


def test_duplicate_call_ids_become_unique_and_the_first_keeps_its_own() -> None:
    calls = [{"id": "same", "function": {"name": name, "arguments": "{}"}} for name in ("a", "b", "c")]
    made = whole({"tool_calls": [*calls, {"id": 4, "function": {"name": "d", "arguments": "{}"}}]})
    ids = [call["id"] for call in made["choices"][0]["message"]["tool_calls"]]
    assert ids[0] == "same"
    assert ids[3] == "4"
    assert len(set(ids)) == 4
    assert all(made_up.startswith("call_") for made_up in ids[1:3])


@pytest.mark.parametrize("given", [None, 1.5, [], {}, ""])
def test_a_call_without_a_usable_id_gets_one(given: Any) -> None:
    made = whole({"tool_calls": [{"id": given, "function": {"name": "f"}}, {"name": "g", "arguments": "{}"}]})
    first, second = made["choices"][0]["message"]["tool_calls"]
    assert first["id"].startswith("call_")
    assert second["id"].startswith("call_")
    assert first["id"] != second["id"]
    assert second["function"] == {"name": "g", "arguments": "{}"}


def test_custom_calls_keep_empty_input_and_calls_keep_what_else_they_carry() -> None:
    custom = {"id": "a", "type": "custom", "custom": {"name": "sql", "input": ""}}
    signed = {"id": "b", "function": {"name": "f", "arguments": {"x": 1}}, "extra_content": {"s": 1}, "nothing": None}
    made = whole({"tool_calls": [custom, signed]})["choices"][0]["message"]["tool_calls"]
    assert made == [
        custom,
        {
            "id": "b",
            "type": "function",
            "function": {"name": "f", "arguments": '{"x":1}'},
            "extra_content": {"s": 1},
        },
    ]


def test_a_completion_becomes_the_chunks_it_is_made_of() -> None:
    calls = [{"id": name, "type": "function", "function": {"name": name, "arguments": "{}"}} for name in "ab"]
    completion = {
        "id": "x",
        "object": "chat.completion",
        "created": 5,
        "model": "m",
        "citations": ["u"],
        "choices": [
            {"index": 0, "message": {"content": "Hi", "tool_calls": calls}, "finish_reason": "stop", "logprobs": None},
            {"message": {"role": "critic", "content": None}, "native_finish_reason": "end"},
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        "service_tier": None,
    }
    head = {"id": "x", "object": "chat.completion.chunk", "created": 5, "model": "m", "citations": ["u"]}
    numbered = [{**call, "index": at} for at, call in enumerate(calls)]
    first = {"role": "assistant", "content": "Hi", "tool_calls": numbered}
    second = {"role": "critic", "content": None}
    assert completion_chunks(completion) == [
        {**head, "choices": [{"index": 0, "delta": first, "finish_reason": "stop"}]},
        {
            **head,
            "choices": [{"index": 1, "delta": second, "finish_reason": None, "native_finish_reason": "end"}],
        },
        {**head, "choices": [], "usage": completion["usage"]},
    ]
    assert "index" not in calls[0]


@pytest.mark.parametrize("completion", [{}, {"choices": None}, {"choices": [], "usage": {}}])
def test_an_empty_completion_has_no_chunks(completion: dict[str, Any]) -> None:
    assert completion_chunks(completion) == []


def test_a_stream_adds_up_to_its_pieces() -> None:
    logprobs = {"content": [{"token": "a"}], "refusal": None}
    chunks = [
        chunk({"role": "assistant", "content": "a", "refusal": "n"}, choice={"logprobs": logprobs}),
        chunk({"content": "b", "refusal": "o", "reasoning_content": "t"}, choice={"logprobs": logprobs}),
        chunk({"content": None, "annotations": [{"index": 0, "url": "x"}], "extra": 1}),
        chunk({"reasoning_content": "u", "annotations": [{"index": 1, "url": "y"}], "extra": 2}),
        chunk({"reasoning_details": [{"index": 3, "text": "kept"}]}),
        chunk({"audio": {"id": "au", "data": "AA", "transcript": "c"}}),
        chunk({"audio": {"data": "BB", "transcript": "d", "expires_at": 9, "id": None}}),
        chunk({}, "stop", service_tier="flex"),
    ]
    answer = assemble(chunks)
    (choice,) = answer["choices"]
    message = choice["message"]
    assert (message["content"], message["refusal"], message["reasoning_content"]) == ("ab", "no", "tu")
    assert message["annotations"] == [{"url": "x"}, {"url": "y"}]
    assert message["reasoning_details"] == [{"index": 3, "text": "kept"}]
    assert message["audio"] == {"id": "au", "data": "AABB", "transcript": "cd", "expires_at": 9}
    assert message["extra"] == 2
    assert [one["token"] for one in choice["logprobs"]["content"]] == ["a", "a"]
    assert answer["service_tier"] == "flex"
    assert answer["usage"] is None


def test_assembling_leaves_the_chunks_as_they_are() -> None:
    logprobs = {"content": [{"token": "a"}]}
    chunks = [chunk({"audio": {"data": "A"}}, choice={"logprobs": logprobs}) for _ in range(2)]
    first, second = assemble(chunks), assemble(chunks)
    assert first["choices"] == second["choices"]
    assert first["choices"][0]["message"]["audio"]["data"] == "AA"
    assert len(first["choices"][0]["logprobs"]["content"]) == 2


def test_custom_calls_and_later_names_add_up() -> None:
    pieces = [
        {"index": 0, "id": "a", "type": "custom", "custom": {"name": "sql", "input": "sel"}},
        {"index": 0, "custom": {"input": "ect"}, "note": None},
        {"index": 0, "custom": {"name": "other"}, "note": "n"},
        {"index": 1, "id": "b", "function": {"arguments": "{"}},
        {"index": 1, "function": {"name": "f", "arguments": None}},
        {"index": 1, "function": {"arguments": "}"}},
    ]
    answer = assemble([chunk({"tool_calls": [piece]}) for piece in pieces])
    assert answer["choices"][0]["message"]["tool_calls"] == [
        {"id": "a", "type": "custom", "custom": {"name": "sql", "input": "select"}, "note": "n"},
        {"id": "b", "type": "function", "function": {"name": "f", "arguments": "{}"}},
    ]


def test_log_probabilities_and_other_fields_of_choices_add_up() -> None:
    pieces = [
        {"logprobs": {"content": None, "refusal": [1]}, "index": None},
        {"logprobs": {"content": [2], "refusal": [3], "note": "x"}, "seen": 1},
        {"logprobs": "odd", "seen": None},
    ]
    (choice,) = assemble([{"choices": [{"delta": {"content": "a"}, **piece}]} for piece in pieces[:2]])["choices"]
    assert choice["logprobs"] == {"content": [2], "refusal": [1, 3]}
    assert choice["seen"] == 1
    assert choice["message"]["content"] == "aa"


def test_a_stream_of_several_choices_is_sorted_and_its_calls_are_in_order() -> None:
    chunks = [
        chunk({"content": "second"}, index=1),
        chunk({"content": "first"}, index=0),
        chunk({"tool_calls": [{"index": 1, "id": "b", "type": "function", "function": {"name": "g"}}]}, index=0),
        chunk({"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f"}}]}, index=0),
        chunk({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": '{"x":'}}]}, index=0),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]}, index=0),
        {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}},
    ]
    answer = assemble(chunks)
    assert [one["message"]["content"] for one in answer["choices"]] == ["first", "second"]
    calls = answer["choices"][0]["message"]["tool_calls"]
    assert [(one["id"], one["function"]) for one in calls] == [
        ("a", {"name": "f", "arguments": '{"x":1}'}),
        ("b", {"name": "g", "arguments": "{}"}),
    ]
    assert answer["usage"]["total_tokens"] == 3
