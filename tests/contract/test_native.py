"""Forty conversations through every native lane, over HTTP, to providers that check the request strictly."""

from __future__ import annotations

import pytest

from support.contract import results
from support.conversations import CONVERSATIONS
from support.simulators import PROVIDERS

# What a format has no place for is refused with a sentence, never left out in silence.
REFUSED = {
    ("bedrock, Claude", "an image by address"),
    ("bedrock, Nova", "an image by address"),
    ("ollama", "an image by address"),
    ("ollama", "a PDF"),
    ("cohere_chat", "a PDF"),
}
# What a format has no word for: caching is the provider's own affair there, and so is what a model thought.
UNSAID = {
    "the cache marks": {"openai, Responses", "azure", "gemini", "vertex_ai", "cohere_chat", "ollama"},
    "the signature of a thought": {"openai, Responses", "azure", "cohere_chat", "ollama"},
}
# Left out and told, as (provider, conversation).
TOLD = {
    ("cohere_chat", "a tool gives an image"): ["image in a tool's result"],
    ("cohere_chat", "an answer by schema, with tools"): ["response_format"],
}


def test_there_are_forty_conversations() -> None:
    assert len(CONVERSATIONS) >= 40


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", PROVIDERS)
async def test_every_conversation_is_taken_whole_and_answered(name: str, stream: bool) -> None:
    found = await results(PROVIDERS[name], "native", stream=stream)
    for title, result in found.items():
        if (name, title) in REFUSED:
            assert result.refused_here, title
        else:
            assert (title, result.refused_here, result.refused_there, result.failed) == (title, "", "", "")
            assert (title, result.wrong) == (title, "")
            unsaid = [what for what in result.lost if name not in UNSAID.get(what, ())]
            assert (title, bool(unsaid)) == (title, (name, title) in TOLD), unsaid
            assert set(TOLD.get((name, title), ())) <= set(result.dropped), title
