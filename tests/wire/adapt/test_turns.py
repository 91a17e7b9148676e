"""The order of messages as a provider insists on it, empty texts, images by address, and reasoning that must come back."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingate.errors import BadRequestError
from ingate.wire.adapt import adapt, is_accepted
from ingate.wire.codec import Target
from support.turns import CALL, IMAGE, RESULT, SAID, SYSTEM, USER


def _made(facts: dict[str, Any], *messages: Any, **more: Any) -> list[Any]:
    body = {"messages": list(messages), **more}
    before = copy.deepcopy(body)
    made = adapt(body, Target(model="m", api_base="", facts=facts), "chat").body["messages"]
    assert body == before
    return made


def test_an_assistants_message_is_put_between_a_result_and_the_user():
    made = _made({"user_after_tool": False}, USER, CALL, RESULT, USER)
    assert made == [USER, CALL, RESULT, {"role": "assistant", "content": "OK."}, USER]


@pytest.mark.parametrize(
    ("final", "expected"),
    [
        (True, [USER, SAID]),
        ("prefix", [USER, {**SAID, "prefix": True}]),
        (False, [USER, SAID, {"role": "user", "content": "Continue."}]),
    ],
)
def test_the_last_message_of_the_assistant(final: Any, expected: list[Any]):
    assert _made({"final_assistant": final}, USER, SAID) == expected


def test_a_later_system_message_becomes_one_of_the_user_behind_the_results():
    made = _made({"later_system": False}, SYSTEM, USER, CALL, SYSTEM, RESULT, SYSTEM, USER)
    assert [message["role"] for message in made] == ["system", "user", "assistant", "tool", "user", "user", "user"]
    assert made[4] == {"role": "user", "content": "[Instruction of the application, not of the user]\ns"}


def test_alternating_turns():
    made = _made(
        {"alternation": True}, SYSTEM, SAID, USER, USER, SAID, SAID, {"role": "user", "content": [IMAGE]}, USER
    )
    assert [message["role"] for message in made] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert made[3]["content"] == "go\n\ngo"
    assert made[5]["content"] == [IMAGE, {"type": "text", "text": "go"}]


@pytest.mark.parametrize("blank", ["", "  ", [], [{"type": "text", "text": " "}]])
def test_empty_texts_are_left_out_or_replaced(blank: Any):
    made = _made(
        {"empty_text": False},
        {"role": "system", "content": blank},
        {"role": "user", "content": blank},
        {**SAID, "content": blank},
        {**CALL, "content": blank},
        {**RESULT, "content": blank},
    )
    assert made == [{"role": "user", "content": "(empty message)"}, CALL, {**RESULT, "content": "(no output)"}]


def test_an_empty_part_beside_others_is_left_out():
    made = _made({"empty_text": ["user"]}, {"role": "user", "content": [{"type": "text", "text": ""}, IMAGE]})
    assert made == [{"role": "user", "content": [IMAGE]}]


def test_only_the_roles_that_must_not_be_empty():
    history = [{"role": "user", "content": ""}, {**SAID, "content": ""}, USER]
    assert _made({"empty_text": ["assistant"]}, *history) == [history[0], USER]


def test_an_image_by_address_is_an_error_that_says_what_to_send():
    with pytest.raises(BadRequestError, match="address") as error:
        _made({"url_images": False}, {"role": "user", "content": [IMAGE]})
    assert "data URL" in str(error.value.fix)


def test_an_image_of_an_earlier_turn_becomes_a_note():
    made = _made({"url_images": False}, {"role": "user", "content": [IMAGE]}, SAID, USER)
    assert made[0]["content"] == [{"type": "text", "text": "(image: https://example.com/a.png)"}]


def test_an_inline_image_stays():
    inline = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    body = {"messages": [{"role": "user", "content": [inline]}]}
    assert is_accepted(body, Target(model="m", api_base="", facts={"url_images": False}), "chat")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, " "),
        ({"reasoning_content": ""}, " "),
        ({"reasoning_content": "own"}, "own"),
        ({"reasoning": "other"}, "other"),
        (
            {
                "thinking_blocks": [
                    {"type": "thinking", "thinking": "t", "signature": "s"},
                    {"type": "redacted_thinking"},
                ]
            },
            "t",
        ),
        ({"reasoning_items": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "r"}]}]}, "r"),
    ],
)
def test_reasoning_comes_back_in_a_history_of_another_provider(fields: dict[str, Any], expected: str):
    made = _made({"reasoning_back": True}, USER, {**CALL, **fields}, RESULT)
    assert made[1]["reasoning_content"] == expected
    assert "reasoning_content" not in made[0] | made[2]


def test_no_reasoning_is_made_up_for_a_request_without():
    assert _made({"reasoning_back": True}, USER, CALL, RESULT, reasoning_effort="none") == [USER, CALL, RESULT]


FACTS = st.fixed_dictionaries(
    {
        "user_after_tool": st.booleans(),
        "final_assistant": st.sampled_from([True, False, "prefix"]),
        "later_system": st.booleans(),
        "alternation": st.booleans(),
        "empty_text": st.booleans(),
        "reasoning_back": st.booleans(),
    }
)
MESSAGES = st.lists(
    st.sampled_from(
        [
            USER,
            SYSTEM,
            SAID,
            CALL,
            RESULT,
            {"role": "user", "content": " "},
            {**SAID, "content": ""},
            {**RESULT, "content": ""},
        ]
    ),
    min_size=1,
    max_size=9,
)


@given(FACTS, MESSAGES)
def test_any_order_becomes_one_that_is_accepted(facts: dict[str, Any], messages: list[Any]):
    made = _made(facts, *messages)
    roles = [message["role"] for message in made]
    pairs = list(pairwise(roles))
    if not facts["user_after_tool"]:
        assert ("tool", "user") not in pairs
    if not facts["later_system"]:
        assert "system" not in roles[len([role for role in roles if role == "system"]) :]
    if facts["alternation"] and not facts["later_system"]:
        spoken = [role for role in roles if role != "system"]
        assert not spoken or spoken[0] in {"user", "tool"}
        assert all(one != two for one, two in pairwise(spoken) if one != "tool")
    if not facts["empty_text"]:
        assert all(str(message["content"]).strip() for message in made)
    if roles and roles[-1] == "assistant" and not made[-1].get("tool_calls"):
        assert facts["final_assistant"] is True or made[-1].get("prefix")
    if facts["reasoning_back"]:
        assert all(message.get("reasoning_content") for message in made if message["role"] == "assistant")
    again = adapt({"messages": made}, Target(model="m", api_base="", facts=facts), "chat").body["messages"]
    assert again == made, "what was mended needs no mending"
