"""A tool call's thought signature: where litellm hides it, where clients read it, where litellm expects it back."""

from __future__ import annotations

from typing import Any

import pytest

from ingate.engines.litellm_.signatures import Signatures, tidy


def google(signature: str) -> dict[str, Any]:
    return {"google": {"thought_signature": signature}}


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ({"id": "c1__thought__sig"}, {"id": "c1", "extra_content": google("sig")}),
        ({"id": "c1__thought__"}, {"id": "c1"}),
        ({"id": "c1"}, {"id": "c1"}),
        ({"id": None, "index": 0}, {"id": None, "index": 0}),
        (
            {"id": "c1__thought__hidden", "provider_specific_fields": {"thought_signature": "sig"}},
            {
                "id": "c1",
                "provider_specific_fields": {"thought_signature": "sig"},
                "extra_content": google("sig"),
            },
        ),
        (
            {"id": "c1", "extra_content": google("own"), "provider_specific_fields": {"thought_signature": "sig"}},
            {
                "id": "c1",
                "extra_content": google("own"),
                "provider_specific_fields": {"thought_signature": "sig"},
            },
        ),
    ],
)
def test_a_call_keeps_its_own_id_and_shows_its_signature_where_google_does(
    call: dict[str, Any], expected: dict[str, Any]
) -> None:
    tidy(call)
    assert call == expected


def test_a_signature_is_restored_by_id_for_a_client_that_drops_it() -> None:
    signatures = Signatures()
    signatures.note([{"content": "no calls"}, {"tool_calls": [{"id": "c1", "extra_content": google("s1")}]}])
    signatures.note([{"tool_calls": [{"id": "c2"}, {"extra_content": google("of no id")}]}])
    user, text = {"role": "user", "content": "Hi"}, "no message"
    turn = {
        "role": "assistant",
        "tool_calls": [
            {"id": "c1", "type": "function"},
            {"id": "c2", "type": "function"},
            {"type": "function"},
            "no call",
        ],
    }
    assert signatures.restored([user, text, turn]) == [
        user,
        text,
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "c1", "type": "function", "provider_specific_fields": {"thought_signature": "s1"}},
                {"id": "c2", "type": "function"},
                {"type": "function"},
                "no call",
            ],
        },
    ]


def test_a_signature_that_the_client_returns_wins_over_the_remembered_one() -> None:
    signatures = Signatures()
    signatures.note([{"tool_calls": [{"id": "c1", "extra_content": google("remembered")}]}])
    call = {"id": "c1", "extra_content": google("returned"), "provider_specific_fields": {"other": 1}}
    assert signatures.restored([{"tool_calls": [call]}]) == [
        {"tool_calls": [{"id": "c1", "provider_specific_fields": {"other": 1, "thought_signature": "returned"}}]}
    ]
    assert call["extra_content"] == google("returned")  # the request is the caller's


def test_the_signatures_longest_unused_are_forgotten_first() -> None:
    signatures = Signatures()
    for number in [*range(4096), 0, 4096]:
        signatures.note([{"tool_calls": [{"id": f"c{number}", "extra_content": google(f"s{number}")}]}])
    (restored,) = signatures.restored([{"tool_calls": [{"id": f"c{number}"} for number in (0, 1, 2, 4096)]}])
    found = [call.get("provider_specific_fields") for call in restored["tool_calls"]]
    assert found == [
        {"thought_signature": "s0"},
        None,
        {"thought_signature": "s2"},
        {"thought_signature": "s4096"},
    ]
