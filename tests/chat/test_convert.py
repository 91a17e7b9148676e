"""The history in a form that another model accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ingate.chat.convert import request_messages
from ingate.chat.model import ModelInfo
from support.chat import log_of

if TYPE_CHECKING:
    from ingate.chat.store import Log

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}, "attached": "cat.png"}
SIGNED = [{"type": "thinking", "thinking": "hm", "signature": "sig"}]


def call(name: str, id_: str, arguments: str = '{"a": 1, "b": 2}') -> dict[str, Any]:
    extra = {"extra_content": {"google": {"thought_signature": "x"}}}
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}, **extra}


def with_tools() -> Log:
    log = log_of(system="Be short.")
    log.record("user", content="Add")
    message = {"content": None, "thinking_blocks": SIGNED, "tool_calls": [call("add", "a"), call("add", "b" * 90)]}
    log.record("assistant", message=message, provider="anthropic")
    log.record("tool", tool_call_id="b" * 90, name="add", content="4", error=False)
    log.record("tool", tool_call_id="a", name="add", content="3", error=False)
    log.record("assistant", message={"content": "7", "reasoning_content": "hm"}, provider="anthropic")
    return log


def test_the_same_provider_gets_its_own_messages_back_unchanged() -> None:
    messages = request_messages(with_tools().session, ModelInfo(provider="anthropic"))
    assert messages[0] == {"role": "system", "content": "Be short."}
    assert messages[2]["thinking_blocks"] == SIGNED
    assert messages[2]["tool_calls"][0]["extra_content"]
    assert messages[-1]["reasoning_content"] == "hm"


def test_another_provider_gets_neither_signatures_nor_reasoning_nor_strange_ids() -> None:
    messages = request_messages(with_tools().session, ModelInfo(provider="openai"))
    assert "thinking_blocks" not in messages[2]
    assert "reasoning_content" not in messages[-1]
    calls = messages[2]["tool_calls"]
    assert set(calls[0]) == {"id", "type", "function"}
    assert calls[0]["id"] == "a"
    assert len(calls[1]["id"]) <= 40
    assert {message["tool_call_id"] for message in messages if message["role"] == "tool"} == {
        one["id"] for one in calls
    }


def test_another_provider_gets_every_calls_name_and_arguments_as_they_were() -> None:
    log = log_of()
    log.record("user", content="Add")
    calls = [
        call("add", "a", '{"a": 2, "b": [1, {"c": "ä"}]}'),
        call("subtract", "b", '{"a": 5}'),
        call("now", "c", ""),
    ]
    log.record("assistant", message={"content": "Adding.", "tool_calls": calls}, provider="anthropic")
    message = request_messages(log.session, ModelInfo(provider="openai"))[1]
    assert message["content"] == "Adding."
    assert [one["function"] for one in message["tool_calls"]] == [
        {"name": "add", "arguments": '{"a": 2, "b": [1, {"c": "ä"}]}'},
        {"name": "subtract", "arguments": '{"a": 5}'},
        {"name": "now", "arguments": "{}"},
    ]
    assert {one["type"] for one in message["tool_calls"]} == {"function"}


@pytest.mark.parametrize(
    ("id_", "kept"),
    [
        ("call_0-A", True),
        ("x" * 40, True),
        ("x" * 41, False),
        ("with.dot", False),
        ("ä", False),
        ("", False),
    ],
)
def test_an_id_is_replaced_only_if_another_provider_would_refuse_it(id_: str, kept: bool) -> None:
    log = log_of()
    log.record("user", content="Add")
    log.record("assistant", message={"content": None, "tool_calls": [call("add", id_)]}, provider="anthropic")
    log.record("tool", tool_call_id=id_, name="add", content="3", error=False)
    _, message, result = request_messages(log.session, ModelInfo(provider="openai"))
    sent = message["tool_calls"][0]["id"]
    assert (sent == id_) is kept
    assert result == {"role": "tool", "tool_call_id": sent, "content": "3"}
    assert 0 < len(sent) <= 40
    assert sent.replace("_", "").replace("-", "").isalnum()


def test_a_provider_that_is_not_known_gets_what_any_provider_can_read() -> None:
    log = log_of()
    log.record("user", content="Hi")
    log.record("assistant", message={"content": "Hello", "reasoning_content": "hm"})
    assert request_messages(log.session, ModelInfo(provider=""))[1] == {"role": "assistant", "content": "Hello"}


def test_images_become_a_line_for_a_model_that_does_not_accept_them_and_come_back() -> None:
    log = log_of()
    log.record("user", content=[IMAGE, {"type": "text", "text": "What is it?"}])
    notes: list[str] = []
    (message,) = request_messages(log.session, ModelInfo(provider="x", kinds=frozenset()), notes)
    assert message["content"] == "[cat.png was attached here, which you cannot read.]\n\nWhat is it?"
    assert len(notes) == 1
    assert notes == ["Images are left out: this model does not accept them."]
    (message,) = request_messages(log.session, ModelInfo(provider="x"), notes)
    assert message["content"][0] == {name: IMAGE[name] for name in ("type", "image_url")}
    assert len(notes) == 1


def test_a_call_without_a_result_gets_one() -> None:
    log = log_of()
    log.record("user", content="Add")
    log.record("assistant", message={"content": None, "tool_calls": [call("add", "a"), call("add", "b")]}, provider="x")
    log.record("tool", tool_call_id="a", name="add", content="3", error=False)
    log.record("user", content="Go on")
    messages = request_messages(log.session, ModelInfo(provider="x"))
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "user"]
    assert messages[3]["tool_call_id"] == "b"
    assert "stopped" in messages[3]["content"]


def test_a_result_without_a_call_is_left_out() -> None:
    log = log_of()
    log.record("user", content="Add")
    log.record("tool", tool_call_id="a", name="add", content="3", error=False)
    assert [one["role"] for one in request_messages(log.session, ModelInfo(provider="x"))] == ["user"]
    log.record("assistant", message={"content": "Yes?"}, provider="x")
    assert [one["role"] for one in request_messages(log.session, ModelInfo(provider="x"))] == ["user", "assistant"]


def test_messages_of_the_user_in_a_row_are_one_message_and_the_session_keeps_them_apart() -> None:
    log = log_of()
    for text in ("One", "Two"):
        log.record("user", content=text)
    log.record("assistant", message={"content": "Three"}, provider="x")
    model = ModelInfo(provider="x")
    assert request_messages(log.session, model) == [
        {"role": "user", "content": "One\n\nTwo"},
        {"role": "assistant", "content": "Three"},
    ]
    assert [entry.message["content"] for entry in log.session.entries] == ["One", "Two", "Three"]
    log.record("user", content=[IMAGE])
    log.record("user", content="What is it?")
    sent = {name: IMAGE[name] for name in ("type", "image_url")}
    assert request_messages(log.session, model)[-1]["content"] == [sent, {"type": "text", "text": "What is it?"}]


def test_results_and_messages_without_content_are_empty_text() -> None:
    log = log_of()
    log.record("user", content=None)
    log.record("assistant", message={"content": None, "tool_calls": [{}]})
    log.record("tool", tool_call_id="", content=None)
    assert request_messages(log.session, ModelInfo(provider="x")) == [
        {"role": "user", "content": ""},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "call_e3b0c44298fc1c149afbf4c8", "type": "function", "function": {"name": "", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "call_e3b0c44298fc1c149afbf4c8", "content": ""},
    ]


def test_a_pdf_becomes_a_line_for_a_model_that_does_not_accept_it() -> None:
    log = log_of()
    pdf = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"}}
    log.record("user", content=[pdf, IMAGE, {**pdf, "attached": "b.pdf"}])
    notes: list[str] = []
    (message,) = request_messages(log.session, ModelInfo(provider="x", kinds=frozenset({"image"})), notes)
    assert message["content"] == [
        {"type": "text", "text": "[pdf was attached here, which you cannot read.]"},
        {name: IMAGE[name] for name in ("type", "image_url")},
        {"type": "text", "text": "[b.pdf was attached here, which you cannot read.]"},
    ]
    assert notes == ["PDFs are left out: this model does not accept them."]
    (message,) = request_messages(log.session, ModelInfo(provider="x", kinds=frozenset({"pdf"})))
    assert message["content"][0] == pdf


def test_an_empty_answer_is_left_out_and_two_questions_become_one() -> None:
    log = log_of()
    log.record("user", content="One")
    log.record("assistant", message={"content": ""}, provider="x", stopped="stopped")
    log.record("user", content=[IMAGE, {"type": "text", "text": "Two"}])
    (message,) = request_messages(log.session, ModelInfo(provider="x"))
    assert [part["type"] for part in message["content"]] == ["text", "image_url", "text"]
    assert log.session.entries[0].message["content"] == "One"
