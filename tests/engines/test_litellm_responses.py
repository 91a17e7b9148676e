"""Models that have only a Responses endpoint, through embedded litellm."""

from __future__ import annotations

import pytest

from support.contract import lane, result_of
from support.conversations import CONVERSATIONS
from support.simulators import PROVIDERS

pytest.importorskip("litellm")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_responses_answer_is_not_taken_for_another_formats_error(stream: bool) -> None:
    """Its items are `"type": "message"`, as Anthropic's answers are, and it has `"error": null`."""
    provider = PROVIDERS["openai, Responses"]
    async with lane(provider, "litellm") as (gateway, running, spec):
        for title in ("one question", "tools on offer", "any JSON"):
            result = await result_of(gateway, running, provider, spec, CONVERSATIONS[title], stream=stream)
            assert (title, result.failed, result.refused_there, result.wrong) == (title, "", "", "")
