"""Answers in the format of OpenAI's Responses API, whole and streamed, checked against its SDK's types."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types import responses as types

from ingate.errors import (
    ContentFilterError,
    ContextTooLongError,
    IngateError,
    RateLimitError,
    StreamInterruptedError,
)
from ingate.wire.downstream import translate
from ingate.wire.responses.downstream_tools import InputReader
from support.client import ABOUT, USAGE, chunk, completion, text_chunks, tool_call, tool_chunks
from support.downstream import response_from, stream, strictly

PARAMETERS = {"type": "object", "properties": {"q": {"type": "string"}}}
TOOL: Any = {"type": "function", "name": "look", "parameters": PARAMETERS}
PATCH: Any = {"type": "custom", "name": "apply_patch", "description": "Edit files."}
SPACE: Any = {"type": "namespace", "name": "files", "description": "Files.", "tools": [TOOL, PATCH]}
SEARCH: Any = {"type": "tool_search", "execution": "client", "description": "Find.", "parameters": PARAMETERS}
BODY: dict[str, Any] = {"model": "anthropic/claude-x", "input": "hi", "tools": [TOOL, PATCH, SPACE, SEARCH]}
# What openresponses' API description and OpenAI's require of a response, nulls included.
RESPONSE = {
    "id", "object", "created_at", "completed_at", "status", "incomplete_details", "model", "previous_response_id",
    "instructions", "output", "error", "tools", "tool_choice", "truncation", "parallel_tool_calls", "text", "top_p",
    "presence_penalty", "frequency_penalty", "top_logprobs", "temperature", "reasoning", "usage", "max_output_tokens",
    "max_tool_calls", "store", "background", "service_tier", "metadata", "safety_identifier", "prompt_cache_key", "user",
}  # fmt: skip


def _check(response: dict[str, Any]) -> None:
    assert response.keys() >= RESPONSE
    strictly(types.Response, response)
    for item in response["output"]:
        if item["type"] == "message":
            for part in item["content"]:
                assert part["type"] == "refusal" or part.keys() == {"type", "text", "annotations", "logprobs"}
    for tool in response["tools"]:
        if tool["type"] == "function":
            assert tool.keys() >= {"type", "name", "description", "parameters", "strict"}


def answer(whole: dict[str, Any], **body: Any) -> dict[str, Any]:
    """The response for a completion, checked."""
    response = translate("responses", {**BODY, **body}).answer(whole)
    _check(response)
    return response


def events_of(chunks: list[Any], error: IngateError | None = None, **body: Any) -> list[Any]:
    """The events for chunks, each of them checked."""
    events = stream("responses", {**BODY, **body}, chunks, error)
    for event in events:
        if event["type"] != "response.failed":  # its codes are more than the SDK lists
            strictly(types.ResponseStreamEvent, event)
        if "response" in event:
            assert event["response"].keys() >= RESPONSE
    return events


def streamed(chunks: list[Any], **body: Any) -> dict[str, Any]:
    """The final response for chunks, after checking its events."""
    response = response_from(events_of(chunks, **body))
    _check(response)
    return response


def both(whole: dict[str, Any], chunks: list[Any], **body: Any) -> list[Any]:
    """The same answer whole and streamed; ids aside, they must agree. Returns the output items."""
    first, second = answer(whole, **body)["output"], streamed(chunks, **body)["output"]
    assert [{**item, "id": ""} for item in first] == [{**item, "id": ""} for item in second]
    return second


def last(usage: Any = USAGE) -> dict[str, Any]:
    return {**chunk(), "choices": [], "usage": usage, "ingate": ABOUT}


def first() -> dict[str, Any]:
    return {**chunk(role="assistant", content=""), "ingate": {"provider": "scripted"}}


def test_a_response_is_complete() -> None:
    response = answer(completion("hello"))
    assert (response["status"], response["model"]) == ("completed", "echo")
    assert isinstance(response["completed_at"], int)
    assert response["text"] == {"format": {"type": "text"}}
    assert response["reasoning"] == {"effort": None, "summary": None}
    assert (response["temperature"], response["top_p"], response["service_tier"]) == (1.0, 1.0, "default")
    assert response["tools"][0] == {**TOOL, "description": None, "strict": False}
    assert response["tools"][2]["tools"][0]["strict"] is False
    (item,) = both(completion("hello"), text_chunks("hel", "lo"))
    assert item["content"] == [{"type": "output_text", "text": "hello", "annotations": [], "logprobs": []}]
    assert (item["role"], item["status"]) == ("assistant", "completed")


def test_a_response_repeats_its_request() -> None:
    given: dict[str, Any] = {
        "instructions": "Be kind.",
        "temperature": 0.5,
        "top_p": 0.9,
        "metadata": {"a": "b"},
        "parallel_tool_calls": False,
        "max_output_tokens": 9,
        "truncation": "auto",
        "tool_choice": {"type": "function", "name": "look"},
        "reasoning": {"effort": "low"},
        "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "x", "schema": PARAMETERS}},
        "top_logprobs": 1,
        "service_tier": "priority",
        "user": "u",
        "prompt_cache_key": "k",
    }
    for response in (answer(completion("x"), **given), streamed(text_chunks("x"), **given)):
        for name in given.keys() - {"reasoning", "text"}:
            assert response[name] == given[name]
        assert response["reasoning"] == {"effort": "low", "summary": None}
        assert response["text"]["format"]["schema"] == PARAMETERS
        assert response["text"]["verbosity"] == "low"


def test_usage() -> None:
    usage = {
        **USAGE,
        "prompt_tokens_details": {"cached_tokens": 2, "cache_creation_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }
    expected = {
        "input_tokens": 3,
        "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 5,
    }
    assert answer({**completion("x"), "usage": usage})["usage"] == expected
    assert streamed([*text_chunks("x")[:-1], last(usage)])["usage"] == expected
    zeros = answer(completion("x"))["usage"]
    assert zeros["input_tokens_details"] == {"cached_tokens": 0, "cache_write_tokens": 0}
    assert zeros["output_tokens_details"] == {"reasoning_tokens": 0}
    assert answer({**completion("x"), "usage": None})["usage"] is None


@pytest.mark.parametrize(("finish", "why"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_an_answer_that_was_cut_is_incomplete(finish: str, why: str) -> None:
    whole = completion("hel")
    whole["choices"][0]["finish_reason"] = finish
    chunks = text_chunks("hel")
    chunks[-2]["choices"][0]["finish_reason"] = finish
    for response in (answer(whole), streamed(chunks)):
        assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": why})
        assert response["completed_at"] is None
        assert response["output"][-1]["status"] == "incomplete"


def test_output_that_the_provider_calls_unusable_is_a_failure() -> None:
    whole = completion("hel")
    whole["choices"][0]["finish_reason"] = "error"
    response = answer(whole)
    assert response["status"] == "failed"
    assert response["error"]["code"] == "server_error"


def test_an_empty_answer_is_an_empty_message() -> None:
    (item,) = both(completion(""), [chunk(role="assistant", content=""), chunk("stop"), last()])
    assert item["content"][0]["text"] == ""


def test_a_refusal_follows_the_text() -> None:
    chunks = [chunk(content="Well, "), chunk(refusal="I will "), chunk(refusal="not."), chunk("stop"), last()]
    (item,) = both(completion("Well, ", refusal="I will not."), chunks)
    assert item["content"][1] == {"type": "refusal", "refusal": "I will not."}
    (alone,) = both(completion(None, refusal="No."), [chunk(refusal="No."), chunk("stop"), last()])
    assert alone["content"] == [{"type": "refusal", "refusal": "No."}]


def test_citations_and_log_probabilities() -> None:
    notes = [
        {
            "type": "url_citation",
            "url_citation": {"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 2},
        },
        {"type": "url_citation", "url_citation": {"url": "https://b.example"}},
        {"type": "file_citation"},
    ]
    tokens = [{"token": "hi", "logprob": -0.5, "bytes": [104, 105], "top_logprobs": []}]
    whole = completion("hi", annotations=notes)
    whole["choices"][0]["logprobs"] = {"content": tokens}
    text = chunk(content="hi")
    text["choices"][0]["logprobs"] = {"content": tokens}
    (item,) = both(whole, [chunk(role="assistant"), text, chunk(annotations=notes), chunk("stop"), last()])
    (part,) = item["content"]
    assert part["logprobs"] == tokens
    assert [note["url"] for note in part["annotations"]] == ["https://a.example", "https://b.example"]
    assert part["annotations"][1] == {
        "type": "url_citation", "url": "https://b.example", "title": "", "start_index": 0, "end_index": 0,
    }  # fmt: skip


def test_a_web_search_that_the_provider_ran_is_an_item() -> None:
    ran = [
        {"id": "s", "type": "server_tool_use", "name": "web_search", "arguments": '{"query": "weather"}'},
        {"id": "s", "type": "web_search_tool_result", "name": "web_search", "result": []},
        {"id": "t", "type": "server_tool_use", "name": "web_search", "arguments": "oops"},
        {"id": "u", "type": "server_tool_use", "name": "web_search", "arguments": '["x"]'},
        {"id": "c", "type": "server_tool_use", "name": "code_execution", "arguments": "{}"},
    ]
    search, message = both(
        completion("so", provider_tool_calls=ran), [chunk(provider_tool_calls=ran), *text_chunks("so")]
    )
    assert (search["type"], search["status"]) == ("web_search_call", "completed")
    assert search["action"] == {"type": "search", "query": "weather", "queries": ["weather"]}
    assert message["type"] == "message"
    history = [{"role": "user", "content": "hi"}, search, message]
    again = translate("responses", {**BODY, "input": history})
    assert (len(again.chat["messages"]), again.warnings) == (2, [])


# Tool calls.


def _piece(index: int, arguments: str, name: str = "") -> dict[str, Any]:
    head = {"id": f"call_{index}", "type": "function"} if name else {}
    function = {"name": name, "arguments": arguments} if name else {"arguments": arguments}
    return chunk(tool_calls=[{"index": index, **head, "function": function}])


def test_a_function_call() -> None:
    whole = completion(None, tool_calls=[tool_call(0, "look", '{"q": "x"}')])
    (item,) = both(whole, tool_chunks(("look", '{"q": "x"}')))
    assert (item["type"], item["call_id"], item["name"]) == ("function_call", "call_0", "look")
    assert (item["arguments"], item["status"]) == ('{"q": "x"}', "completed")
    assert "namespace" not in item


def test_a_call_of_a_function_that_was_not_offered_is_a_function_call() -> None:
    whole = completion(None, tool_calls=[tool_call(0, "invented", "{}")])
    (item,) = both(whole, tool_chunks(("invented", "{}")))
    assert (item["type"], item["name"]) == ("function_call", "invented")


def test_a_call_of_a_namespaces_function_comes_back_with_its_namespace() -> None:
    whole = completion(None, tool_calls=[tool_call(0, "files__look", "{}")])
    (item,) = both(whole, tool_chunks(("files__look", "{}")))
    assert (item["type"], item["name"], item["namespace"]) == ("function_call", "look", "files")


def test_a_call_of_a_custom_tool_comes_back_as_text() -> None:
    text = 'say "hi" 😀\n\tdone'
    arguments = json.dumps({"input": text})
    calls = [tool_call(0, "apply_patch", arguments), tool_call(1, "files__apply_patch", arguments)]
    names = [("apply_patch", arguments), ("files__apply_patch", arguments)]
    plain, spaced = both(completion(None, tool_calls=calls), tool_chunks(*names))
    assert (plain["type"], plain["name"], plain["input"]) == ("custom_tool_call", "apply_patch", text)
    assert (spaced["type"], spaced["name"], spaced["namespace"]) == ("custom_tool_call", "apply_patch", "files")
    events = events_of(tool_chunks(*names))
    deltas = [event["delta"] for event in events if event["type"] == "response.custom_tool_call_input.delta"]
    assert len(deltas) == 4
    assert "".join(deltas) == 2 * text
    done = [event["input"] for event in events if event["type"] == "response.custom_tool_call_input.done"]
    assert done == [text, text]


@pytest.mark.parametrize("arguments", ["*** Begin Patch", '{"patch": "x"}', '{"input": 5}', '{"input": "cut', ""])
def test_a_custom_call_that_is_not_the_functions_json_is_its_own_input(arguments: str) -> None:
    whole = completion(None, tool_calls=[tool_call(0, "apply_patch", arguments)])
    assert answer(whole)["output"][0]["input"] == arguments
    chunks = [_piece(0, arguments, "apply_patch"), chunk("tool_calls"), last()]
    events = events_of(chunks)
    assert events[-1]["response"]["output"][0]["input"] == arguments


def test_a_client_tool_search_comes_back_as_one() -> None:
    whole = completion(None, tool_calls=[tool_call(0, "tool_search", '{"q": "rates"}')])
    chunks = tool_chunks(("tool_search", '{"q": "rates"}'))
    (item,) = both(whole, chunks)
    assert (item["type"], item["execution"], item["arguments"]) == ("tool_search_call", "client", {"q": "rates"})
    assert item["call_id"] == "call_0"
    kinds = [event["type"] for event in events_of(chunks)]
    assert kinds[2:-1] == ["response.output_item.added", "response.output_item.done"]


def test_interleaved_calls_are_sent_one_after_the_other() -> None:
    chunks = [
        chunk(role="assistant", content=""),
        _piece(0, '{"a"', "look"),
        _piece(1, '{"b"', "look"),
        _piece(2, "{}", "look"),
        chunk(content="and text, "),
        _piece(1, ":1}"),
        chunk(reasoning_content="and a thought"),
        _piece(0, ":0}"),
        chunk(content="later"),
        chunk("tool_calls"),
        last(),
    ]
    output = streamed(chunks)["output"]
    calls = [(item["call_id"], item["arguments"]) for item in output if item["type"] == "function_call"]
    assert calls == [("call_0", '{"a":0}'), ("call_1", '{"b":1}'), ("call_2", "{}")]
    texts = [item["content"][0]["text"] for item in output if item["type"] == "message"]
    assert "".join(texts) == "and text, later"
    assert [item["summary"][0]["text"] for item in output if item["type"] == "reasoning"] == ["and a thought"]


def test_a_call_is_done_before_the_next_is_added() -> None:
    kinds = [event["type"] for event in events_of(tool_chunks(("look", '{"q":1}'), ("look", '{"q":2}')))]
    items = [kind for kind in kinds if "output_item" in kind]
    assert items == ["response.output_item.added", "response.output_item.done"] * 2


# Reasoning that has no state.


def test_reasoning_is_an_item_with_a_summary() -> None:
    chunks = [first(), chunk(reasoning_content="let me "), chunk(reasoning_content="see"), *text_chunks("So")[1:]]
    item, message = both(completion("So", reasoning_content="let me see"), chunks)
    assert item["summary"] == [{"type": "summary_text", "text": "let me see"}]
    assert "encrypted_content" not in item
    assert message["type"] == "message"


# Failures.


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StreamInterruptedError("it broke"), "server_error"),
        (ContextTooLongError("too long"), "context_length_exceeded"),
        (RateLimitError("slow down"), "rate_limit_exceeded"),
        (RateLimitError("no money", code="insufficient_quota"), "insufficient_quota"),
        (ContentFilterError("no"), "invalid_prompt"),
    ],
)
def test_a_broken_stream_ends_with_the_failed_response_and_the_reason(error: IngateError, code: str) -> None:
    chunks = [*text_chunks("whole")[:2], _piece(0, '{"q"', "look")]
    events = events_of(chunks, error)
    *_, told, failed = events
    assert (told["type"], told["message"], told["error"]["message"]) == ("error", str(error), str(error))
    assert failed["type"] == "response.failed"
    response = response_from(events)
    assert (response["status"], response["error"]) == ("failed", {"code": code, "message": str(error)})
    assert [item["type"] for item in response["output"]] == ["message"]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))


def test_warnings_of_the_translation_come_before_the_providers() -> None:
    body = {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]}
    for response in (answer(completion("x"), **body), streamed(text_chunks("x"), **body)):
        assert response["ingate"]["warnings"] == [
            "the tool 'code_interpreter' (code_interpreter) was left out: it runs on OpenAI's servers only"
        ]
        assert response["ingate"]["engine"] == "scripted"


@pytest.mark.parametrize("text", ["", "plain", 'a "quoted" \\ text\n', "😀 ünïcode 😀", "\\u0041", "a" * 500])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_the_input_of_a_custom_tool_is_read_while_it_arrives(text: str, size: int, ascii_only: bool) -> None:
    arguments = json.dumps({"input": text}, ensure_ascii=ascii_only)
    reader = InputReader()
    told = [reader.feed(arguments[at : at + size]) for at in range(0, len(arguments), size)]
    assert "".join(told) == text
    assert reader.rest(text) == ""
    if len(text) > 100 and size < 10:
        assert sum(map(bool, told)) > 10
