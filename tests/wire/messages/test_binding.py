"""Thinking that a model binds to the conversation before it stays valid, or is left out and reported."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingate.wire.adapt import Adapted
from ingate.wire.codec import Target, codec_for
from ingate.wire.messages.answer import completion_of
from ingate.wire.messages.binding import BETA

BOUND, FREE = "claude-opus-5-5", "claude-opus-4-5"
DROP = {"prefix_mismatch_behavior": "drop_block"}
USER = {"role": "user", "content": "go"}
SYSTEM = {"role": "system", "content": "s"}
LATER = {"role": "system", "content": "later"}
BLOCK = {"type": "thinking", "thinking": "t", "signature": "c2ln"}
THOUGHT = {"role": "assistant", "content": "x", "thinking_blocks": [BLOCK]}
SAID = {"role": "assistant", "content": "x"}
CALL = {
    "role": "assistant",
    "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
RESULT = {"role": "tool", "tool_call_id": "a", "content": "1"}
NOTE = "[Instruction of the application, not of the user]"


def _request(*messages: Any, model: str = BOUND, wire_format: str = "messages", drop: Any = "warn", **more: Any) -> Any:
    target = Target(
        model=model, api_base="https://x", provider="anthropic", drop_params=drop, params={"region": "us-east-1"}
    )
    return codec_for(wire_format).request({"messages": list(messages), **more}, target)


def _sent(*messages: Any, **more: Any) -> Any:
    return json.loads(_request(*messages, **more).body)


def _turns(*messages: Any, **more: Any) -> list[tuple[str, Any]]:
    return [
        (turn["role"], [block.get("text", block["type"]) for block in turn["content"]])
        for turn in _sent(*messages, **more)["messages"]
    ]


def test_later_system_messages_stay_where_they_are():
    made = _sent(SYSTEM, USER, LATER, SAID, USER, CALL, RESULT, LATER)
    assert made["system"] == "s"
    assert [turn["role"] for turn in made["messages"]] == [
        "user", "system", "assistant", "user", "assistant", "user", "system"
    ]  # fmt: skip
    assert made["messages"][1]["content"] == [{"type": "text", "text": "later"}]


def test_one_behind_the_assistant_follows_the_users_next_turn():
    assert _turns(USER, SAID, LATER, USER) == [
        ("user", ["go"]),
        ("assistant", ["x"]),
        ("user", ["go"]),
        ("system", ["later"]),
    ]


def test_one_between_a_call_and_its_result_follows_the_result():
    assert _turns(USER, CALL, LATER, RESULT)[2:] == [("user", ["tool_result"]), ("system", ["later"])]


def test_one_that_has_no_place_is_marked_text_of_the_user():
    assert _turns(USER, SAID, LATER)[2:] == [("user", [NOTE, "later"])]
    assert _turns(USER, SAID, LATER, SAID)[2] == ("user", [NOTE, "later"])


def test_where_the_format_has_no_such_turn_it_is_marked_text_of_the_user():
    made = _sent(SYSTEM, USER, LATER, SAID, USER, wire_format="bedrock", model="anthropic.claude-opus-5-5")
    assert [block["text"] for block in made["system"]] == ["s"]
    assert [block["text"] for block in made["messages"][0]["content"]] == ["go", NOTE, "later"]


def test_it_is_part_of_the_prompt_for_models_that_bind_nothing():
    made = _sent(SYSTEM, USER, SAID, LATER, USER, model=FREE)
    assert [block["text"] for block in made["system"]] == ["s", "later"]


MESSAGES = st.lists(st.sampled_from([USER, LATER, SAID, THOUGHT]), max_size=8)


@given(MESSAGES, st.sampled_from([("messages", BOUND), ("bedrock", f"anthropic.{BOUND}")]))
def test_a_conversation_that_grows_by_an_answer_keeps_its_beginning(messages: list[Any], where: tuple[str, str]):
    wire_format, model = where
    history = [SYSTEM, USER, *messages, USER]
    before = _sent(*history, wire_format=wire_format, model=model)
    after = _sent(*history, THOUGHT, USER, wire_format=wire_format, model=model)
    assert before["system"] == after["system"]
    assert after["messages"][: len(before["messages"])] == before["messages"]


@given(MESSAGES)
def test_system_turns_are_where_they_are_allowed(messages: list[Any]):
    roles = [role for role, _ in _turns(SYSTEM, USER, *messages, USER)]
    for at, role in enumerate(roles):
        if role == "system":
            assert roles[at - 1] == "user"
            assert roles[at + 1 : at + 2] in ([], ["assistant"])
        elif at:
            assert role != roles[at - 1]


def test_thinking_that_does_not_fit_is_left_out_by_the_provider():
    request = _request(USER, THOUGHT, USER, reasoning_effort="high")
    assert json.loads(request.body)["thinking"]["block_binding"] == DROP
    assert json.loads(request.body)["thinking"]["type"] == "adaptive"
    assert request.headers["anthropic-beta"] == BETA


def test_the_callers_own_betas_and_binding_stay():
    request = _request(USER, THOUGHT, USER, anthropic_beta=["other"])
    assert request.headers["anthropic-beta"] == f"other,{BETA}"
    own = {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "error"}}
    assert _sent(USER, THOUGHT, USER, thinking=own)["thinking"] == own


def test_bedrock_is_asked_in_the_body():
    more = _sent(USER, THOUGHT, USER, wire_format="bedrock", model="us.anthropic.claude-opus-5-5")
    assert more["additionalModelRequestFields"]["thinking"]["block_binding"] == DROP
    assert more["additionalModelRequestFields"]["anthropic_beta"] == [BETA]


@pytest.mark.parametrize(
    "more", [{"model": FREE}, {"drop": "strict"}, {"messages": True}], ids=["binds nothing", "strict", "no thinking"]
)
def test_other_requests_are_as_they_were(more: dict[str, Any]):
    history = [USER, SAID, USER] if more.pop("messages", False) else [USER, THOUGHT, USER]
    request = _request(*history, **more)
    assert "anthropic-beta" not in request.headers
    assert b"block_binding" not in request.body


def test_without_thinking_its_blocks_are_left_out():
    made = _sent(USER, THOUGHT, USER, model="claude-haiku-5-5", thinking={"type": "disabled"})
    assert made["messages"][1]["content"] == [{"type": "text", "text": "x"}]


def test_what_the_provider_left_out_is_reported():
    dropped = {"type": "thinking_dropped", "path": "messages.1.content.0", "reason": "prefix_binding_mismatch"}
    message = {"type": "message", "content": [{"type": "text", "text": "x"}], "stop_reason": "end_turn"}
    answer = completion_of(json.dumps({**message, "input_transformations": [dropped]}).encode(), model="m")
    adapted = Adapted({}, binds=True)
    adapted.restore(answer)
    assert adapted.late == ["the provider left out 1 block(s) of earlier thinking (prefix binding mismatch)"]
    assert "input_transformations" not in answer["choices"][0]


def test_it_is_reported_from_a_stream_too():
    dropped = {"type": "thinking_dropped", "path": "messages.1.content.0", "reason": "model_binding_mismatch"}
    start = {"type": "message_start", "message": {"id": "m", "content": [], "usage": {}}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "input_transformations": [dropped]}
    decoder = codec_for("messages").decoder(model="m", content_type="text/event-stream")
    data = "".join(f"data: {json.dumps(event)}\n\n" for event in (start, end, {"type": "message_stop"}))
    adapted = Adapted({}, binds=True)
    for chunk in decoder.feed(data.encode()):
        adapted.chunks(chunk)
    assert adapted.late == ["the provider left out 1 block(s) of earlier thinking (model binding mismatch)"]
