"""Answers in the format of Anthropic's Messages API, whole and streamed, checked against its SDK's types."""

from __future__ import annotations

from typing import Any

import pytest

from ingate.errors import AuthenticationError, ContextTooLongError, StreamInterruptedError, UnavailableError
from ingate.wire.downstream import error_body, translate
from ingate.wire.messages.downstream_answer import usage_of
from support.client import ABOUT, USAGE, chunk, completion, text_chunks, tool_call, tool_chunks
from support.downstream import message_from, stream, strictly

types = pytest.importorskip("anthropic.types")

BODY: dict[str, Any] = {"model": "openai/gpt-5", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}
# What Anthropic's API description requires of a message, nulls included.
MESSAGE = {
    "id", "type", "role", "content", "model", "stop_reason", "stop_sequence", "stop_details", "usage", "container",
}  # fmt: skip
USAGE_FIELDS = {
    "cache_creation", "cache_creation_input_tokens", "cache_read_input_tokens", "inference_geo", "input_tokens",
    "output_tokens", "output_tokens_details", "server_tool_use", "service_tier",
}  # fmt: skip


def answer(whole: dict[str, Any], **body: Any) -> dict[str, Any]:
    """The message for a completion, checked."""
    message = translate("messages", {**BODY, **body}).answer(whole)
    _check(message)
    return message


def _check(message: dict[str, Any]) -> None:
    assert message.keys() >= MESSAGE
    assert message["usage"].keys() >= USAGE_FIELDS
    for block in message["content"]:
        assert block["type"] != "text" or block.keys() == {"type", "text", "citations"}
        assert block["type"] != "tool_use" or block["caller"] == {"type": "direct"}
    strictly(types.Message, message)


def streamed(chunks: list[Any], **body: Any) -> dict[str, Any]:
    """The message for chunks, each of its events checked."""
    events = stream("messages", {**BODY, **body}, chunks)
    for event in events:
        strictly(types.RawMessageStreamEvent, event)
        if event["type"] == "message_delta":
            assert event["delta"].keys() == {"stop_reason", "stop_sequence", "stop_details", "container"}
            assert event["usage"].keys() >= types.MessageDeltaUsage.model_fields.keys()
    assert events[0]["message"].keys() >= MESSAGE
    message = message_from(events)
    _check(message)
    return message


def last(usage: Any = USAGE) -> dict[str, Any]:
    return {**chunk(), "choices": [], "usage": usage, "ingate": ABOUT}


def test_a_message_is_complete_and_names_the_model_that_was_asked_for() -> None:
    message = answer(completion("hello"))
    assert message["model"] == "openai/gpt-5"
    assert message["content"] == [{"type": "text", "text": "hello", "citations": []}]
    assert message["stop_reason"] == "end_turn"
    assert [message[name] for name in ("stop_sequence", "stop_details", "container")] == [None] * 3
    assert streamed(text_chunks("hel", "lo"))["content"] == message["content"]
    assert streamed(text_chunks("hello"))["model"] == "openai/gpt-5"


def test_usage_counts_cache_reads_and_writes_apart() -> None:
    details = {"cached_tokens": 5, "cache_creation_tokens": 2}
    usage = {
        **USAGE,
        "prompt_tokens": 10,
        "prompt_tokens_details": details,
        "completion_tokens_details": {"reasoning_tokens": 1},
        "service_tier": "priority",
        "server_tool_use": {"web_search_requests": 3},
    }
    assert usage_of(usage) == {
        "input_tokens": 3,
        "output_tokens": 2,
        "cache_read_input_tokens": 5,
        "cache_creation_input_tokens": 2,
        "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 0},
        "output_tokens_details": {"thinking_tokens": 1},
        "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 0},
        "service_tier": "priority",
        "inference_geo": None,
    }
    assert usage_of(None)["input_tokens"] == 0
    assert usage_of(None, "default")["service_tier"] == "standard"


def test_input_tokens_are_in_the_first_event_when_they_are_known() -> None:
    chunks = text_chunks("hi")
    chunks[0]["ingate"] = {"usage": {"prompt_tokens": 7, "completion_tokens": 0}}
    assert stream("messages", BODY, chunks)[0]["message"]["usage"]["input_tokens"] == 7
    assert stream("messages", BODY, text_chunks("hi"))[0]["message"]["usage"]["input_tokens"] == 0


@pytest.mark.parametrize(
    ("finish", "more", "reason", "sequence"),
    [
        ("stop", {}, "end_turn", None),
        ("length", {}, "max_tokens", None),
        ("content_filter", {}, "refusal", None),
        ("stop", {"native_finish_reason": "pause_turn"}, "pause_turn", None),
        ("stop", {"stop_reason": "END"}, "stop_sequence", "END"),
        ("stop", {"stop_reason": 128009}, "end_turn", None),
        ("stop", {"native_finish_reason": "stop_sequence", "stop_sequence": "END"}, "stop_sequence", "END"),
    ],
)
def test_why_it_ended(finish: str, more: dict[str, Any], reason: str, sequence: str | None) -> None:
    whole = completion("x")
    whole["choices"][0].update({"finish_reason": finish, **more})
    chunks = text_chunks("x")
    chunks[-2]["choices"][0].update({"finish_reason": finish, **more})
    for message in (answer(whole, stop_sequences=["END"]), streamed(chunks, stop_sequences=["END"])):
        assert (message["stop_reason"], message["stop_sequence"]) == (reason, sequence)


def test_a_refusal_is_explained() -> None:
    whole = completion(None, refusal="I will not.")
    whole["choices"][0].update({"finish_reason": "content_filter", "native_finish_message": "unsafe"})
    message = answer(whole)
    assert message["content"][0]["text"] == "I will not."
    assert message["stop_details"] == {"type": "refusal", "category": None, "explanation": "unsafe"}


def test_citations() -> None:
    notes = [
        {"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A", "cited_text": "c"}},
        {
            "type": "document_citation",
            "document_citation": {
                "kind": "char_location",
                "start_index": 0,
                "end_index": 5,
                "cited_text": "x",
                "document_index": 0,
                "document_title": None,
                "start_char_index": 1,
                "end_char_index": 2,
                "file_id": None,
            },
        },
        {"type": "file_citation", "file_citation": {}},
    ]
    whole = answer(completion("hello", annotations=notes))["content"]
    parts = [*text_chunks("hello")[:2], chunk(annotations=notes), chunk("stop"), last()]
    assert streamed(parts)["content"] == whole
    web, document = whole[0]["citations"]
    assert (web["type"], web["url"], web["cited_text"]) == ("web_search_result_location", "https://a.example", "c")
    assert document["type"] == "char_location"
    assert (document["start_char_index"], "start_index" in document) == (1, False)


def test_tools_that_anthropic_ran() -> None:
    ran = [
        {"id": "srv", "type": "server_tool_use", "name": "web_search", "arguments": '{"query":"x"}'},
        {"id": "srv", "type": "web_search_tool_result", "name": "web_search", "result": []},
        {"id": "x", "type": "code_interpreter", "name": "python"},
        {"id": "n", "type": "server_tool_use", "name": "nova_grounding", "arguments": "{}"},
        {"id": "n", "type": "nova_grounding_tool_result", "name": "nova_grounding", "result": []},
    ]
    blocks = [
        {"type": "server_tool_use", "id": "srv", "name": "web_search", "input": {"query": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "srv", "content": []},
    ]
    assert answer(completion("so", provider_tool_calls=ran))["content"][:-1] == blocks
    assert streamed([chunk(provider_tool_calls=ran), *text_chunks("so")])["content"][:-1] == blocks


# Tool calls.


def test_a_tool_call() -> None:
    whole = completion("wait", tool_calls=[tool_call(0, "look", '{"q": "x"}'), tool_call(1, "look", "oops")])
    message = answer(whole)
    assert [block["type"] for block in message["content"]] == ["text", "tool_use", "tool_use"]
    assert message["content"][1]["input"] == {"q": "x"}
    assert message["content"][2]["input"] == {"_raw": "oops"}
    assert message["stop_reason"] == "tool_use"


def _piece(index: int, arguments: str, name: str = "") -> dict[str, Any]:
    head = {"id": f"call_{index}", "type": "function"} if name else {}
    function = {"name": name, "arguments": arguments} if name else {"arguments": arguments}
    return chunk(tool_calls=[{"index": index, **head, "function": function}])


def test_interleaved_calls_are_sent_one_after_the_other() -> None:
    chunks = [
        chunk(role="assistant", content=""),
        _piece(0, '{"a"', "first"),
        _piece(1, '{"b"', "second"),
        _piece(2, "{}", "third"),
        chunk(content="and text, "),
        _piece(1, ":1}"),
        chunk(reasoning_content="and a thought"),
        _piece(0, ":0}"),
        chunk(content="later"),
        chunk("tool_calls"),
        last(),
    ]
    message = streamed(chunks)
    assert [(block.get("name"), block.get("input")) for block in message["content"] if block["type"] == "tool_use"] == [
        ("first", {"a": 0}),
        ("second", {"b": 1}),
        ("third", {}),
    ]
    assert "".join(block["text"] for block in message["content"] if block["type"] == "text") == "and text, later"
    assert [block["thinking"] for block in message["content"] if block["type"] == "thinking"] == ["and a thought"]


def test_a_call_without_arguments_does_not_hold_back_the_next_for_good() -> None:
    chunks = [_piece(0, "", "first"), _piece(1, '{"b":1}', "second"), chunk("tool_calls"), last()]
    assert [block["input"] for block in streamed(chunks)["content"]] == [{}, {"b": 1}]


def test_a_call_is_closed_before_the_next_is_opened() -> None:
    events = stream("messages", BODY, tool_chunks(("look", '{"q":1}'), ("look", '{"q":2}')))
    kinds = [event["type"] for event in events if "delta" not in event["type"]]
    assert kinds[1:5] == ["content_block_start", "content_block_stop"] * 2


# Thinking.


def test_signed_thinking_is_passed_on_as_it_came() -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": "EqQB", "provider": "anthropic"}
    redacted = {"type": "redacted_thinking", "data": "Eo8D", "provider": "anthropic"}
    own = [{"type": "thinking", "thinking": "hm", "signature": "EqQB"}, {"type": "redacted_thinking", "data": "Eo8D"}]
    assert answer(completion("so", reasoning_content="hm", thinking_blocks=[block, redacted]))["content"][:2] == own
    pieces = [chunk(reasoning_content="hm"), chunk(thinking_blocks=[{**block, "index": 0}])]
    chunks = [*pieces, chunk(thinking_blocks=[{**redacted, "index": 1}]), *text_chunks("so")[1:]]
    assert streamed(chunks)["content"][:2] == own
    whole_at_once = [chunk(thinking_blocks=[block]), chunk(thinking_blocks=[redacted]), *text_chunks("so")[1:]]
    assert streamed(whole_at_once)["content"][:2] == own


def test_two_thinking_blocks_stay_two() -> None:
    chunks = [
        chunk(reasoning_content="a"),
        chunk(thinking_blocks=[{"type": "thinking", "thinking": "a", "signature": "s1"}]),
        chunk(reasoning_content="b"),
        chunk(thinking_blocks=[{"type": "thinking", "thinking": "b", "signature": "s2"}]),
        *text_chunks("so")[1:],
    ]
    found = [block for block in streamed(chunks)["content"] if block["type"] == "thinking"]
    assert [(block["thinking"], block["signature"]) for block in found] == [("a", "s1"), ("b", "s2")]


# Errors.


def test_an_error_has_every_field_and_ingates_own() -> None:
    body = error_body("messages", AuthenticationError("refused", fix="set a key"), "req_1")
    assert body["error"] == {
        "type": "authentication_error",
        "message": "refused",
        "code": "invalid_api_key",
        "fix": "set a key",
    }
    assert body["request_id"] == "req_1"
    strictly(pytest.importorskip("anthropic.types.shared").ErrorResponse, body)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            "This model's maximum context length is 128000 tokens. However, your messages resulted in 150,123 tokens.",
            "prompt is too long: 150123 tokens > 128000 maximum",
        ),
        ("prompt is too long: 210000 tokens > 200000 maximum", "prompt is too long: 210000 tokens > 200000 maximum"),
        ("Please reduce the length of the messages.", "prompt is too long: openai says so: Please reduce"),
        ("", "prompt is too long: openai says so: "),
    ],
)
def test_a_context_that_is_too_long_is_worded_as_clients_expect(said: str, message: str) -> None:
    error = ContextTooLongError(f"openai says so: {said}", provider_message=said, status=413)
    found = error_body("messages", error, "req_1")["error"]
    assert found["type"] == "invalid_request_error"
    assert found["message"].startswith(message)


@pytest.mark.parametrize(
    ("status", "kind"), [(529, "overloaded_error"), (503, "api_error"), (418, "invalid_request_error")]
)
def test_statuses_have_anthropics_types(status: int, kind: str) -> None:
    assert error_body("messages", UnavailableError("x", status=status), "req_1")["error"]["type"] == kind


def test_a_broken_stream_ends_with_an_error_event() -> None:
    broken = StreamInterruptedError("it broke", partial_text="Hel")
    events = stream("messages", BODY, text_chunks("Hel")[:2], broken)
    assert events[-1]["type"] == "error"
    assert (events[-1]["error"]["message"], events[-1]["error"]["partial_text"]) == ("it broke", "Hel")


def test_warnings_of_the_translation_come_before_the_providers() -> None:
    body = {"container": "c"}
    for message in (answer(completion("x"), **body), streamed(text_chunks("x"), **body)):
        assert message["ingate"]["warnings"] == ["container was left out: only Anthropic's API has it"]
        assert message["ingate"]["engine"] == "scripted"
