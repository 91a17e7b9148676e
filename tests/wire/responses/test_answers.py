"""Responses objects and streams as completions: items, oddities of providers, errors, and endings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingate.errors import (
    BadRequestError,
    ContentFilterError,
    IngateError,
    RateLimitError,
    RequestTimeoutError,
    StreamInterruptedError,
    UnavailableError,
)
from ingate.wire.codec import codec_for
from ingate.wire.completion import assemble, normalise_completion
from ingate.wire.normaliser import StreamNormaliser

CODEC = codec_for("responses")


def part(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], **more}


def message(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "message", "id": "msg_1", "role": "assistant", "content": list(parts), **more}


def function_call(number: int = 1, **more: Any) -> dict[str, Any]:
    item = {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "name": "f", "arguments": "{}"}
    return {**item, **more}


def response(*output: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "resp_1", "object": "response", "status": "completed", "model": "m-1", "output": list(output), **more}


def read(value: dict[str, Any]) -> dict[str, Any]:
    return normalise_completion(CODEC.response(json.dumps(value).encode(), model="m"), "m")


def said(*output: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The message of a whole response; a stream of the same items must give the same."""
    whole = read(response(*output, **more))["choices"][0]["message"]
    events = [{"type": "response.created", "response": response(**{**more, "status": "in_progress"})}]
    for index, item in enumerate(output):
        events.append(event("output_item.added", index, item={**item, "content": [], "arguments": ""}))
        events.append(event("output_item.done", index, item=item))
    events.append({"type": "response.completed", "response": response(*output, **more)})
    assert stream(*events)["choices"][0]["message"] == whole
    return whole


def event(kind: str, index: int | None = None, **more: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", **({} if index is None else {"output_index": index}), **more}


def sse(*events: Any, named: bool = True, done: bool = False) -> bytes:
    lines = []
    for one in events:
        name = f"event: {one['type']}\n" if named and isinstance(one, dict) and "type" in one else ""
        lines.append(f"{name}data: {json.dumps(one) if isinstance(one, dict) else one}\n\n")
    return ("".join(lines) + ("data: [DONE]\n\n" if done else "")).encode()


def decoded(body: bytes, content_type: str = "text/event-stream") -> dict[str, Any]:
    decoder, normaliser = CODEC.decoder(model="m", content_type=content_type), StreamNormaliser("m")
    chunks = [one for chunk in decoder.feed(body) for one in normaliser.feed(chunk)]
    if decoder.failed is not None:
        decoder.failed.partial = normaliser.partial()
        raise decoder.failed
    chunks += [one for chunk in decoder.close() for one in normaliser.feed(chunk)]
    if decoder.failed is not None:
        decoder.failed.partial = normaliser.partial()
        raise decoder.failed
    return assemble(chunks + normaliser.finish())


def stream(*events: Any, **options: Any) -> dict[str, Any]:
    return decoded(sse(*events, **options))


def completed(*output: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "response.completed", "response": response(*output, **more)}


def content(completion: dict[str, Any]) -> Any:
    return completion["choices"][0]["message"]["content"]


def test_messages_are_joined_and_the_envelope_is_kept() -> None:
    answer = read(response(message(part("Let me see. ")), message(part("Yes."), part(" Or no.")), created_at=5.0))
    assert content(answer) == "Let me see. Yes. Or no."
    assert (answer["id"], answer["model"], answer["created"]) == ("resp_1", "m-1", 5)
    choice = answer["choices"][0]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("stop", "completed")


def test_a_refusal() -> None:
    told = said(message({"type": "refusal", "refusal": "No."}))
    assert (told["content"], told["refusal"]) == ("", "No.")


def test_reasoning_parts_are_paragraphs_and_the_items_are_kept_whole() -> None:
    first = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "A"}, {"type": "summary_text", "text": "B"}],
        "encrypted_content": "gAAA",
    }
    empty = {"type": "reasoning", "id": "rs_2", "summary": [], "content": []}
    second = {"type": "reasoning", "id": "rs_3", "summary": [], "content": [{"type": "reasoning_text", "text": "C"}]}
    told = said(first, empty, second, message(part("D")))
    assert told["reasoning_content"] == "A\n\nB\n\nC"
    assert told["reasoning_items"] == [first, empty, second]


def test_a_compaction_is_kept_with_the_reasoning() -> None:
    item = {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAA"}
    told = said(item, message(part("x")))
    assert told["reasoning_items"] == [item]
    assert "provider_tool_calls" not in told


def test_calls_have_their_call_id() -> None:
    custom = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_2", "name": "sql", "input": "SELECT 1"}
    told = said(function_call(arguments='{"a": 1}'), custom, function_call(3, call_id="", arguments={"b": 2}))
    assert told["tool_calls"] == [
        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
        {"id": "call_2", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}},
        {"id": "fc_3", "type": "function", "function": {"name": "f", "arguments": '{"b":2}'}},
    ]
    assert told["content"] is None


def test_a_call_keeps_its_namespace() -> None:
    call = said(function_call(namespace="crm"))["tool_calls"][0]
    assert call["provider_specific_fields"] == {"namespace": "crm"}


def test_a_call_keeps_the_signature_of_a_thought() -> None:
    call = said(function_call(thought_signature="c2ln"))["tool_calls"][0]
    assert call["provider_specific_fields"] == {"thought_signature": "c2ln"}


def test_a_phase_is_told_if_all_messages_share_it() -> None:
    assert said(message(part("x"), phase="commentary"))["phase"] == "commentary"
    both = said(message(part("x"), phase="commentary"), message(part("y"), id="msg_2", phase="final_answer"))
    assert "phase" not in both


@pytest.mark.parametrize(
    ("item", "told"),
    [
        (
            {
                "type": "web_search_call",
                "id": "ws_1",
                "status": "completed",
                "action": {"type": "search", "query": "q"},
            },
            {"name": "web_search", "arguments": '{"type":"search","query":"q"}', "status": "completed"},
        ),
        (
            {"type": "x_search_call", "id": "x_1", "call_id": "", "name": "x_semantic_search", "arguments": '{"a":1}'},
            {"name": "x_semantic_search", "arguments": '{"a":1}'},
        ),
        (
            {"type": "file_search_call", "id": "fs_1", "queries": ["q"], "results": [{"file_id": "f"}]},
            {"name": "file_search", "arguments": '{"queries":["q"]}', "result": [{"file_id": "f"}]},
        ),
        (
            {
                "type": "code_interpreter_call",
                "id": "ci_1",
                "code": "1+1",
                "container_id": "c",
                "outputs": [{"logs": "2"}],
            },
            {
                "name": "code_interpreter",
                "arguments": '{"code":"1+1"}',
                "result": [{"logs": "2"}],
                "container_id": "c",
            },
        ),
        (
            {"type": "mcp_call", "id": "m_1", "name": "search", "arguments": "{}", "output": "o", "server_label": "s"},
            {"name": "search", "arguments": "{}", "result": "o", "server_label": "s"},
        ),
        (
            {"type": "mcp_list_tools", "id": "ml_1", "server_label": "s", "tools": [{"name": "t"}]},
            {"name": "mcp_list_tools", "arguments": "{}", "result": [{"name": "t"}], "server_label": "s"},
        ),
        (
            {"type": "tool_of_the_future_call", "id": "t_1", "stars": 5},
            {"name": "tool_of_the_future", "arguments": "{}", "stars": 5},
        ),
    ],
)
def test_what_the_provider_ran_is_told_apart_from_calls(item: dict[str, Any], told: dict[str, Any]) -> None:
    answer = said(item, message(part("x")))
    assert answer["provider_tool_calls"] == [{"id": item["id"], "type": item["type"], **told}]
    assert "tool_calls" not in answer


def test_a_picture_that_was_made_is_an_image_of_the_message() -> None:
    item = {
        "type": "image_generation_call",
        "id": "ig_1",
        "result": "aGk=",
        "output_format": "webp",
        "revised_prompt": "A cat",
    }
    told = said(item, {**item, "id": "ig_2", "output_format": None})
    assert [image["image_url"]["url"] for image in told["images"]] == [
        "data:image/webp;base64,aGk=",
        "data:image/png;base64,aGk=",
    ]
    assert "result" not in told["provider_tool_calls"][0]
    assert told["provider_tool_calls"][0]["arguments"] == '{"prompt":"A cat"}'


def test_citations_are_nested_and_counted_from_the_beginning_of_the_text() -> None:
    url = {"type": "url_citation", "url": "https://e.org", "title": "E", "start_index": 0, "end_index": 3}
    file = {"type": "file_citation", "file_id": "f", "filename": "a.pdf", "index": 2}
    told = said(
        message(part("One. "), part("Two.", annotations=[url])), message(part("Three", annotations=[file]), id="m2")
    )
    assert told["annotations"] == [
        {
            "type": "url_citation",
            "url_citation": {"url": "https://e.org", "title": "E", "start_index": 5, "end_index": 8},
        },
        {"type": "file_citation", "file_citation": {"file_id": "f", "filename": "a.pdf", "index": 11}},
    ]


def test_probabilities_are_told_once() -> None:
    found = [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}]
    whole = read(response(message(part("Hi", logprobs=found))))["choices"][0]
    assert whole["logprobs"] == {"content": found, "refusal": None}
    streamed = stream(
        event("output_text.delta", 0, content_index=0, delta="Hi", logprobs=found),
        event("output_text.done", 0, content_index=0, text="Hi", logprobs=found),
        event("output_item.done", 0, item=message(part("Hi", logprobs=found))),
        completed(message(part("Hi", logprobs=found))),
    )
    assert streamed["choices"][0]["logprobs"] == {"content": found, "refusal": None}
    late = stream(event("output_text.delta", 0, delta="Hi"), completed(message(part("Hi", logprobs=found))))
    assert late["choices"][0]["logprobs"]["content"] == found


USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3},
    "output_tokens": 6,
    "output_tokens_details": {"reasoning_tokens": 5},
    "total_tokens": 16,
}


def test_usage_in_the_words_of_chat() -> None:
    whole = read(response(message(part("x")), usage=USAGE, service_tier="flex"))
    usage = whole["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (10, 6, 16)
    assert usage["prompt_tokens_details"]["cached_tokens"] == 4
    assert usage["prompt_tokens_details"]["cache_creation_tokens"] == 3
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 5
    assert whole["service_tier"] == "flex"
    streamed = stream(completed(message(part("x")), usage=USAGE, service_tier="flex"))
    assert (streamed["usage"], streamed["service_tier"]) == (usage, "flex")
    assert read(response(message(part("x"))))["usage"] is None


@pytest.mark.parametrize(
    ("more", "finish", "native"),
    [
        ({"incomplete_details": {"reason": "max_output_tokens"}}, "length", "max_output_tokens"),
        ({"incomplete_details": {"reason": "content_filter"}}, "content_filter", "content_filter"),
        ({"incomplete_details": {"reason": "a new one"}}, "length", "a new one"),
        ({"incomplete_details": None}, "length", "incomplete"),
    ],
)
def test_an_incomplete_response_is_no_ordinary_end(more: dict[str, Any], finish: str, native: str) -> None:
    whole = response(message(part("x")), function_call(), status="incomplete", **more)
    streamed = stream({"type": "response.incomplete", "response": whole})
    for answer in (read(whole), streamed):
        choice = answer["choices"][0]
        assert (choice["finish_reason"], choice["native_finish_reason"]) == (finish, native)


def test_a_queued_response_has_its_id_and_no_text() -> None:
    answer = read(response(status="queued", background=True))
    assert (answer["id"], content(answer)) == ("resp_1", "")
    assert answer["choices"][0]["native_finish_reason"] == "queued"


FAILURES = [
    ("server_error", UnavailableError, 500),
    ("rate_limit_exceeded", RateLimitError, 429),
    ("invalid_prompt", BadRequestError, 400),
    ("vector_store_timeout", RequestTimeoutError, 504),
    ("cyber_policy", BadRequestError, 400),
    ("failed_to_download_image", BadRequestError, 400),
    ("image_content_policy_violation", ContentFilterError, 400),
]


@pytest.mark.parametrize(("code", "kind", "status"), FAILURES)
def test_a_failed_response_raises_what_its_code_means(code: str, kind: type[IngateError], status: int) -> None:
    error = {"code": code, "message": "content policy" if "content_policy" in code else "Something went wrong"}
    failed = response(status="failed", error=error)
    with pytest.raises(kind) as whole:
        read(failed)
    with pytest.raises(kind) as streamed:
        stream({"type": "response.failed", "response": failed})
    assert whole.value.status == streamed.value.status == status
    assert error["message"] in str(whole.value)


@pytest.mark.parametrize(
    "value",
    [
        {"error": {"message": "Overloaded", "code": "overloaded"}},
        {"type": "error", "message": "Overloaded", "code": "overloaded"},
        {"type": "error", "error": {"message": "Overloaded", "code": "overloaded"}},
        {"object": "response", "error": {"message": "Overloaded", "code": "overloaded"}, "output": []},
    ],
)
def test_an_error_object_in_a_200_raises(value: dict[str, Any]) -> None:
    with pytest.raises(UnavailableError, match="Overloaded") as whole:
        read(value)
    assert whole.value.status == 529
    with pytest.raises(UnavailableError, match="Overloaded"):
        decoded(json.dumps(value).encode())


def test_a_cancelled_response_raises() -> None:
    with pytest.raises(UnavailableError, match="cancelled"):
        read(response(status="cancelled"))
    with pytest.raises(StreamInterruptedError, match="cancelled"):
        stream(event("output_text.delta", 0, delta="Hi"), completed(status="cancelled"))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"output": 7}', b"<html>", b'{"object": "list", "data": []}'])
def test_what_is_not_a_response_is_refused(body: bytes) -> None:
    with pytest.raises(UnavailableError):
        CODEC.response(body, model="m")
    with pytest.raises((UnavailableError, StreamInterruptedError)):
        decoded(body)


def test_an_unverified_organisation_is_told_what_to_leave_out() -> None:
    said = "Your organization must be verified to generate reasoning summaries."
    body = json.dumps({"error": {"message": said, "param": "reasoning.summary", "code": "unsupported_value"}}).encode()
    error = CODEC.error(400, {}, body, provider="openai")
    assert isinstance(error, BadRequestError)
    assert "reasoning_summary" in error.fix
    assert "reasoning_summary" not in CODEC.error(400, {}, b'{"error": {"message": "No."}}', provider="openai").fix


# Streams


def test_text_is_said_once_whatever_repeats_it() -> None:
    item = message(part("Hello"))
    answer = stream(
        {"type": "response.created", "response": response(status="in_progress")},
        event("output_item.added", 0, item=message()),
        event("content_part.added", 0, content_index=0, part=part("")),
        event("output_text.delta", 0, content_index=0, delta="Hel"),
        event("output_text.delta", 0, content_index=0, delta="lo"),
        event("output_text.done", 0, content_index=0, text="Hello"),
        event("content_part.done", 0, content_index=0, part=part("Hello")),
        event("output_item.done", 0, item=item),
        completed(item),
    )
    assert content(answer) == "Hello"
    assert answer["id"] == "resp_1"


@pytest.mark.parametrize("last", ["output_text.done", "content_part.done", "output_item.done", "completed"])
def test_what_deltas_left_out_comes_from_whatever_follows(last: str) -> None:
    whole = {
        "output_text.done": event("output_text.done", 0, content_index=0, text="Hello"),
        "content_part.done": event("content_part.done", 0, content_index=0, part=part("Hello")),
        "output_item.done": event("output_item.done", 0, item=message(part("Hello"))),
        "completed": completed(message(part("Hello"))),
    }
    for deltas in ([], [event("output_text.delta", 0, content_index=0, delta="Hel")]):
        end = [] if last == "completed" else [completed()]
        assert content(stream(*deltas, whole[last], *end)) == "Hello"


def test_a_final_text_that_differs_is_not_said_again() -> None:
    assert content(stream(event("output_text.delta", 0, delta="Hello"), completed(message(part("Hallo"))))) == "Hello"


def test_item_ids_may_change_from_event_to_event() -> None:
    """GitHub Copilot enciphers them anew each time; only the place stays the same."""
    answer = stream(
        event("output_item.added", 0, item=message(id="a")),
        event("output_text.delta", 0, item_id="b", content_index=0, delta="Hel"),
        event("output_text.delta", 0, item_id="c", content_index=0, delta="lo"),
        event("output_item.done", 0, item=message(part("Hello"), id="d")),
        event("output_item.added", 1, item=function_call(arguments="", id="e")),
        event("function_call_arguments.delta", 1, item_id="f", delta='{"a":1}'),
        event("output_item.done", 1, item=function_call(arguments='{"a":1}', id="g")),
        completed(message(part("Hello"), id="h"), function_call(arguments='{"a":1}', id="i")),
    )
    assert content(answer) == "Hello"
    calls = answer["choices"][0]["message"]["tool_calls"]
    assert [call["function"]["arguments"] for call in calls] == ['{"a":1}']


def test_enciphered_argument_deltas_wait_for_the_text() -> None:
    answer = stream(
        event("output_item.added", 0, item=function_call(arguments="")),
        event("function_call_arguments.delta", 0, delta="Zm9vYmFy", obfuscation="x"),
        event("function_call_arguments.delta", 0, delta="YmF6", obfuscation="y"),
        event("function_call_arguments.done", 0, arguments='{"a": 1}'),
        completed(function_call(arguments='{"a": 1}')),
    )
    assert answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == '{"a": 1}'


def test_arguments_stream_as_they_come() -> None:
    decoder = CODEC.decoder(model="m", content_type="text/event-stream")
    decoder.feed(sse(event("output_item.added", 0, item=function_call(arguments=""))))
    (head, first) = decoder.feed(sse(event("function_call_arguments.delta", 0, delta='{"a"')))
    assert head["choices"][0]["delta"]["tool_calls"][0]["id"] == "call_1"
    assert first["choices"][0]["delta"]["tool_calls"] == [{"index": 0, "function": {"arguments": '{"a"'}}]
    (second,) = decoder.feed(sse(event("function_call_arguments.delta", 0, delta=": 1}")))
    assert second["choices"][0]["delta"]["tool_calls"] == [{"index": 0, "function": {"arguments": ": 1}"}}]
    assert decoder.feed(sse(event("function_call_arguments.done", 0, arguments='{"a": 1}'))) == []


def test_a_call_whose_id_comes_last() -> None:
    answer = stream(
        event("output_item.added", 0, item={"type": "function_call", "id": "fc_1"}),
        event("function_call_arguments.delta", 0, item_id="fc_1", delta="{}"),
        event("output_item.done", 0, item=function_call()),
        completed(),
    )
    assert answer["choices"][0]["message"]["tool_calls"][0]["id"] == "call_1"


def test_a_call_without_a_call_id_is_told_at_the_end_by_its_items_id() -> None:
    answer = stream(
        event("output_item.added", 0, item={"type": "function_call", "id": "fc_1", "name": "f"}),
        event("function_call_arguments.delta", 0, item_id="fc_1", delta='{"a":'),
        event("function_call_arguments.delta", 0, item_id="fc_1", delta="1}"),
        event("output_item.added", 1, item={"type": "function_call", "id": "fc_2", "name": "g"}),
        completed(),
    )
    calls = answer["choices"][0]["message"]["tool_calls"]
    assert [(call["id"], call["function"]["arguments"]) for call in calls] == [("fc_1", '{"a":1}'), ("fc_2", "{}")]
    assert answer["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("end", [True, False])
def test_parallel_calls_keep_their_order(end: bool) -> None:
    first, second = function_call(1, arguments='{"a":1}'), function_call(2, arguments='{"b":2}')
    events = [
        event("output_item.added", 0, item={**first, "arguments": ""}),
        event("output_item.added", 1, item={**second, "arguments": ""}),
        event("function_call_arguments.delta", 1, delta='{"b"'),
        event("function_call_arguments.delta", 0, delta='{"a"'),
        event("function_call_arguments.delta", 1, delta=":2}"),
        event("function_call_arguments.delta", 0, delta=":1}"),
    ]
    answer = stream(*events, completed(*([first, second] if end else [])))
    calls = answer["choices"][0]["message"]["tool_calls"]
    assert sorted((call["id"], call["function"]["arguments"]) for call in calls) == [
        ("call_1", '{"a":1}'),
        ("call_2", '{"b":2}'),
    ]


def test_custom_input_streams() -> None:
    item = {"type": "custom_tool_call", "id": "c", "call_id": "call_1", "name": "sql", "input": "SELECT 1"}
    answer = stream(
        event("output_item.added", 0, item={**item, "input": ""}),
        event("custom_tool_call_input.delta", 0, delta="SELECT"),
        event("custom_tool_call_input.delta", 0, delta=" 1"),
        event("custom_tool_call_input.done", 0, input="SELECT 1"),
        event("output_item.done", 0, item=item),
        completed(item),
    )
    call = answer["choices"][0]["message"]["tool_calls"][0]
    assert call == {"id": "call_1", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}


def test_events_may_lack_their_place() -> None:
    answer = stream(
        event("output_item.added", item=message()),
        event("output_text.delta", item_id="msg_1", delta="Hello"),
        event("output_item.done", item=message(part("Hello"))),
        event("output_item.added", item=function_call(arguments="")),
        event("function_call_arguments.delta", item_id="fc_1", delta='{"a":1}'),
        completed(message(part("Hello")), function_call(arguments='{"a":1}')),
    )
    assert content(answer) == "Hello"
    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    assert len(answer["choices"][0]["message"]["tool_calls"]) == 1


def test_servers_that_number_every_item_zero() -> None:
    first, second = message(part("A"), id="m1"), message(part("B"), id="m2")
    answer = stream(
        event("output_item.added", 0, item={**first, "content": []}),
        event("output_text.delta", 0, content_index=0, delta="A"),
        event("output_item.done", 0, item=first),
        event("output_item.added", 0, item={**second, "content": []}),
        event("output_text.delta", 0, content_index=0, delta="B"),
        event("output_item.done", 0, item=second),
        completed(first, second),
    )
    assert content(answer) == "AB"


def test_a_final_output_that_leaves_items_out_repeats_nothing() -> None:
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": []}
    answer = stream(
        event("output_item.done", 0, item=reasoning),
        event("output_text.delta", 1, item_id="x", delta="A"),
        event("output_text.delta", 2, item_id="y", delta="B"),
        completed(message(part("A"), id="p"), message(part("B"), id="q")),
    )
    assert content(answer) == "AB"


def test_reasoning_streams_with_blank_lines_between_its_parts() -> None:
    item = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "A1"}, {"type": "summary_text", "text": "B"}],
    }
    answer = stream(
        event("output_item.added", 0, item={**item, "summary": []}),
        event("reasoning_summary_part.added", 0, summary_index=0, part={"type": "summary_text", "text": ""}),
        event("reasoning_summary_text.delta", 0, summary_index=0, delta="A"),
        event("reasoning_summary_text.delta", 0, summary_index=0, delta="1"),
        event("reasoning_summary_part.done", 0, summary_index=0, part={"type": "summary_text", "text": "A1"}),
        event("reasoning_summary_text.delta", 0, summary_index=1, delta="B"),
        event("output_item.done", 0, item=item),
        event("reasoning_text.delta", 1, content_index=0, delta="C"),
        completed(item, {"type": "reasoning", "id": "r", "content": [{"type": "reasoning_text", "text": "CD"}]}),
    )
    told = answer["choices"][0]["message"]
    assert told["reasoning_content"] == "A1\n\nB\n\nCD"
    assert [found["id"] for found in told["reasoning_items"]] == ["rs_1", "r"]


def test_the_finished_item_carries_the_reasoning_that_goes_back() -> None:
    """What `output_item.added` and the final object hold may be sealed differently; OpenAI names the finished item."""
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "done"}
    answer = stream(
        event("output_item.added", 0, item={**item, "encrypted_content": "added"}),
        event("output_item.done", 0, item=item),
        completed({**item, "encrypted_content": "final"}),
    )
    assert answer["choices"][0]["message"]["reasoning_items"] == [item]


def test_events_need_no_event_lines_and_may_end_in_done() -> None:
    answer = stream(event("output_text.delta", 0, delta="Hi"), completed(message(part("Hi"))), named=False, done=True)
    assert content(answer) == "Hi"
    nameless = b'event: response.output_text.delta\ndata: {"delta": "Hi", "output_index": 0}\n\n' + sse(completed())
    assert content(decoded(nameless)) == "Hi"


def test_the_end_mark_alone_ends_a_stream_that_said_something() -> None:
    answer = stream(event("output_text.delta", 0, delta="Hi"), done=True)
    assert (content(answer), answer["choices"][0]["finish_reason"]) == ("Hi", "stop")
    with pytest.raises(StreamInterruptedError):
        decoded(b"data: [DONE]\n\n")


def test_nothing_is_read_after_the_end() -> None:
    decoder = CODEC.decoder(model="m", content_type="text/event-stream")
    decoder.feed(sse(completed(message(part("Hi"))), event("output_text.delta", 0, delta="again"), "not JSON"))
    assert decoder.done
    assert decoder.close() == []


@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream", ""])
def test_a_stream_may_be_answered_with_json(content_type: str) -> None:
    body = json.dumps(response(message(part("Hi")), usage=USAGE), indent=2).encode()
    answer = decoded(body, content_type)
    assert (content(answer), answer["id"], answer["usage"]["prompt_tokens"]) == ("Hi", "resp_1", 10)


def test_events_may_come_as_json() -> None:
    body = sse(event("output_text.delta", 0, delta="Hi"), completed(message(part("Hi"))))
    assert content(decoded(body, "application/json")) == "Hi"
    assert content(stream(response(message(part("Hi"))))) == "Hi"  # a whole response as the only event


def test_an_error_after_text_leaves_the_text() -> None:
    with pytest.raises(RateLimitError) as caught:
        stream(
            event("output_text.delta", 0, delta="Hel"),
            {"type": "error", "code": "rate_limit_exceeded", "message": "Slow down", "param": None},
        )
    assert caught.value.partial is not None
    assert content(caught.value.partial) == "Hel"
    with pytest.raises(UnavailableError, match="broken") as plain:
        decoded(b"event: error\ndata: broken\n\n")
    assert "JSON" not in str(plain.value)


def test_a_failed_response_tells_what_came_first() -> None:
    failed = response(message(part("Hello")), status="failed", error={"code": "server_error", "message": "Oh no"})
    with pytest.raises(UnavailableError, match="Oh no") as caught:
        stream(event("output_text.delta", 0, delta="Hel"), {"type": "response.failed", "response": failed})
    assert caught.value.partial is not None
    assert content(caught.value.partial) == "Hello"


def test_a_failure_may_come_without_its_response() -> None:
    with pytest.raises(UnavailableError, match="Oh no"):
        stream({"type": "response.failed", "error": {"message": "Oh no", "code": "server_error"}})


def test_what_perplexity_thinks_while_it_searches_is_reasoning() -> None:
    answer = stream(
        {"type": "response.reasoning.started", "thought": "I should search."},
        {"type": "response.reasoning.search_queries", "queries": ["q"], "thought": "Two results."},
        {"type": "response.reasoning.stopped"},
        event("output_text.delta", 0, delta="Hi"),
        completed({"type": "search_results", "results": [{"url": "https://e.org"}]}, message(part("Hi"))),
    )
    told = answer["choices"][0]["message"]
    assert told["reasoning_content"] == "I should search.\n\nTwo results."
    assert told["provider_tool_calls"][0]["result"] == [{"url": "https://e.org"}]
    assert told["content"] == "Hi"


def test_a_stream_that_breaks_off_is_interrupted() -> None:
    body = sse(event("output_text.delta", 0, delta="Hel"))
    with pytest.raises(StreamInterruptedError):
        decoded(body)
    with pytest.raises(StreamInterruptedError):
        decoded(body + sse(completed())[:-30])


def test_unknown_events_and_keep_alives_say_nothing() -> None:
    body = b": keep-alive\n\n" + sse(
        {"type": "keepalive", "sequence_number": 3},
        event("mcp_call.in_progress", 0, item_id="x"),
        event("of_the_future", 0, delta="x"),
        event("output_text.delta", 1, delta="Hi"),
        completed(),
    )
    assert content(decoded(body)) == "Hi"
