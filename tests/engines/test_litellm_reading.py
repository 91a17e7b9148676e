"""The wire format of a response that litellm received, recognised by its content type, URL and first bytes."""

from __future__ import annotations

import pytest

from ingate.engines.litellm_.observe import Observation
from ingate.engines.litellm_.reading import ProviderReading, wire_format_of


def _observed(content: bytes, *, url: str = "https://far/v1", content_type: str = "application/json") -> Observation:
    observation = Observation()
    observation.status = 200
    observation.url = url
    observation.headers = {"content-type": content_type}
    observation._note(content)
    return observation


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"type": "message", "content": []}', "messages"),
        (b'data: {"type":"message_start"}', "messages"),
        (b'{"type":"message-start"}', "cohere"),
        (b'{"usage": {"billed_units": {}}}', "cohere"),
        (b'{"choices": []}', "chat"),
        (b'{"candidates": []}', "gemini"),
        (b'{"promptFeedback": {}}', "gemini"),
        (b'{"stopReason": "end_turn"}', "bedrock"),
        (b'{"message": {}, "done": true}', "ollama"),
        (b"{}", None),
        (b" " * 20_000 + b'{"choices": []}', None),
    ],
)
def test_each_format_is_recognised_by_its_own_fields(content: bytes, expected: str | None) -> None:
    assert wire_format_of(_observed(content), "any") == expected


@pytest.mark.parametrize("provider", ["bedrock", "bedrock_converse", "sagemaker", "sagemaker_chat"])
def test_bedrock_is_recognised_by_its_url_and_content_type(provider: str) -> None:
    invoke = _observed(b'{"type": "message"}', url="https://far/model/x/invoke")
    assert wire_format_of(invoke, provider) == "bedrock_invoke"
    assert wire_format_of(invoke, "acme") == "messages"
    stream = _observed(b"\0", content_type="application/vnd.amazon.eventstream")
    assert wire_format_of(stream, provider) == "bedrock"
    assert wire_format_of(stream, "acme") is None
    assert wire_format_of(_observed(b'{"stopReason": ""}'), provider) == "bedrock"


def test_a_response_in_an_unknown_format_leaves_litellms_result() -> None:
    reading = ProviderReading(_observed(b"{}"), "acme", "m")
    assert reading.whole() is None
    assert not reading.active
    assert reading.error is None
