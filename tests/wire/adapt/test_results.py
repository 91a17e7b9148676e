"""Tool calls and results in pairs, whatever the client sent."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingate.wire.adapt import adapt, is_accepted
from ingate.wire.adapt.results import NO_RESULT
from ingate.wire.codec import Target

TARGET = Target(model="m", api_base="", drop_params="drop")
USER = {"role": "user", "content": "go"}


def _calls(*ids: str) -> dict[str, Any]:
    calls = [{"id": one, "type": "function", "function": {"name": "f", "arguments": "{}"}} for one in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def _result(call_id: str, content: Any = "1") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def _mended(*messages: Any) -> tuple[list[Any], list[str]]:
    made = adapt({"messages": list(messages)}, TARGET, "chat")
    return made.body["messages"], made.warnings


def test_a_whole_history_stays_as_it_is():
    body = {
        "messages": [USER, _calls("a", "b"), _result("b"), _result("a"), {"role": "assistant", "content": "x"}, USER]
    }
    assert is_accepted(body, TARGET, "chat")


def test_a_call_without_a_result_is_given_one():
    messages, warnings = _mended(USER, _calls("a", "b"), _result("b"), USER)
    assert messages == [USER, _calls("a", "b"), _result("a", NO_RESULT), _result("b"), USER]
    assert "1 tool call" in warnings[0]


def test_a_call_at_the_end_is_given_one():
    assert _mended(USER, _calls("a"))[0][-1] == _result("a", NO_RESULT)


def test_a_result_moves_behind_its_call():
    messages, warnings = _mended(USER, _calls("a"), USER, _result("a"))
    assert messages == [USER, _calls("a"), _result("a"), USER]
    assert "moved behind their calls" in warnings[0]


def test_a_result_without_a_call_becomes_a_message_of_the_user():
    messages, warnings = _mended(_result("old", "42"), USER)
    assert messages == [{"role": "user", "content": "The result of an earlier tool call (old):\n42"}, USER]
    assert "1 tool result" in warnings[0]


def test_its_image_is_kept():
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    assert _mended(USER, _result("old", [image]))[0][1]["content"][1] == image


def test_an_id_may_come_again_in_a_later_turn():
    history = [USER, _calls("a"), _result("a", "1"), _calls("a"), _result("a", "2")]
    assert _mended(*history)[0] == history


@pytest.mark.parametrize("bad", [None, 3, ""])
def test_malformed_ids_are_left_to_the_codec(bad: Any):
    history = [USER, {"role": "tool", "tool_call_id": bad, "content": "1"}]
    assert _mended(*history)[0] == history


@given(
    st.lists(
        st.one_of(
            st.just(USER),
            st.just({"role": "assistant", "content": "x"}),
            st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True).map(lambda ids: _calls(*ids)),
            st.sampled_from("abcd").map(_result),
        ),
        min_size=1,
        max_size=10,
    )
)
def test_any_order_becomes_pairs_and_nothing_is_lost(history: list[Any]):
    before = copy.deepcopy(history)
    messages, _ = _mended(*history)
    assert history == before
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            waiting.remove(message["tool_call_id"])
        else:
            assert not waiting
            waiting = [call["id"] for call in message.get("tool_calls") or ()]
    assert not waiting
    spoken = [message for message in history if message["role"] != "tool"]
    assert [message for message in messages if message in spoken] == spoken
    results = [message for message in messages if message["role"] == "tool" and message["content"] != NO_RESULT]
    texts = [message for message in messages if str(message["content"]).startswith("The result of")]
    assert len(results) + len(texts) == len(history) - len(spoken)
