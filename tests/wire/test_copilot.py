"""What GitHub Copilot reads from a request: who started the turn, and whether there are images."""

from __future__ import annotations

from typing import Any

import pytest

from ingate.wire.copilot import has_images, initiator

USER = {"role": "user", "content": "Hi"}
ANSWER = {"role": "assistant", "content": "Hello"}
RESULT = {"type": "tool_result", "tool_use_id": "t", "content": "x"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"messages": [USER]}, "user"),
        ({"messages": [USER, ANSWER, USER]}, "user"),
        ({"messages": [USER, ANSWER]}, "agent"),
        ({"messages": [USER, ANSWER, {"role": "tool", "content": "x"}]}, "agent"),
        ({"messages": [USER, {"role": "system", "content": "remember"}]}, "user"),
        ({"messages": [USER, ANSWER, {"role": "developer", "content": "remember"}]}, "agent"),
        ({"messages": [{"role": "system", "content": "only this"}]}, "user"),
        ({"messages": [USER, ANSWER, {"role": "user", "content": [RESULT]}]}, "agent"),
        ({"messages": [USER, ANSWER, {"role": "user", "content": [RESULT, {"type": "text", "text": "go"}]}]}, "user"),
        ({"messages": [{"role": "user", "content": []}]}, "user"),
        ({"input": "Hi"}, "user"),
        ({"input": [USER]}, "user"),
        ({"input": [{"type": "message", **USER}]}, "user"),
        ({"input": [USER, {"type": "function_call_output", "call_id": "c", "output": "x"}]}, "agent"),
        ({"input": [USER, {"type": "reasoning", "summary": []}]}, "agent"),
        ({"input": ["not an item"]}, "agent"),
        ({"messages": []}, "user"),
        ({"messages": "broken"}, "user"),
        ({}, "user"),
    ],
)
def test_the_last_turn_says_who_started_it(body: dict[str, Any], expected: str) -> None:
    assert initiator(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"messages": [USER]}, False),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}]}, True),
        ({"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}, USER]}, True),
        ({"messages": [{"role": "user", "content": [{**RESULT, "content": [{"type": "image"}]}]}]}, True),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": '"type":"image"'}]}]}, False),
        ({"input": "image_url"}, False),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "u"}]}]}, True),
        ({"input": [{"type": "function_call_output", "output": [{"type": "input_image"}]}]}, True),
        ({"input": [{"type": "image_generation_call", "result": "aGk="}]}, False),
        ({"messages": [None, 1, {"content": {"content": None}}]}, False),
        ({"tools": [{"type": "image"}]}, False),
        ({}, False),
    ],
)
def test_images_are_found_wherever_a_conversation_may_hold_them(body: dict[str, Any], expected: bool) -> None:
    assert has_images(body) is expected


def test_content_nested_without_end_is_not_searched_for_ever() -> None:
    nested: list[Any] = [{"type": "image"}]
    for _ in range(5000):
        nested = [{"type": "x", "content": nested}]
    assert has_images({"messages": nested}) is False
