"""A provider's rejection of the conversation says what to send instead."""

from __future__ import annotations

import pytest

from ingate.errors import BadRequestError
from ingate.wire.adapt.content_advice import content_advice


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("messages.1.content.0: Invalid `signature` in `thinking` block", "leave the reasoning of earlier turns out"),
        ("Unable to submit request because Thought signature is not valid.. Learn more: x", "leave the reasoning"),
        ("The encrypted content gAAA...DQ== could not be verified.", "leave the reasoning of earlier turns out"),
        (
            "messages.3.content.8: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified.",
            "exactly as they came",
        ),
        (
            "messages.9.content.0.type: Expected `thinking` or `redacted_thinking`, but found `text`. When `thinking` is",
            "or switch thinking off",
        ),
        (
            "tools.0.custom.input_schema.properties: Property keys should match pattern '^[a-z]$'",
            "name the tool's parameters",
        ),
        ("This model does not support assistant message prefill.", "end the conversation with a message of the user"),
        (
            "messages.2: `tool_use` ids were found without `tool_result` blocks immediately after: t1.",
            "the result of every tool call",
        ),
        ('messages: roles must alternate between "user" and "assistant"', "take turns"),
    ],
)
def test_what_to_send_instead(message: str, said: str):
    assert said in content_advice(BadRequestError("no", provider_message=message))


def test_a_code_alone_says_it():
    assert "reasoning" in content_advice(
        BadRequestError("no", provider_message="No.", code="invalid_encrypted_content")
    )


@pytest.mark.parametrize(
    "message",
    [
        "",
        "temperature is not supported",
        "max_tokens: must be at most 4096",
        "thinking.type: Input should be 'adaptive'",
    ],
)
def test_a_rejection_of_a_parameter_is_not_about_content(message: str):
    assert content_advice(BadRequestError("no", provider_message=message)) == ""


def test_a_long_message_is_read_in_linear_time():
    long = "thinking`" * 20_000 + "encrypted content" * 20_000
    assert content_advice(BadRequestError("no", provider_message=long)) == ""
