"""Forty conversations through every native lane, over HTTP, to providers that check the request strictly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.contract import results
from support.conversations import CONVERSATIONS
from support.simulators import PROVIDERS

if TYPE_CHECKING:
    from support.contract import Result

# What a format has no place for is refused with a sentence, never left out in silence.
REFUSED = {
    ("bedrock, Claude", "an image by address"),
    ("bedrock, Nova", "an image by address"),
    ("vertex_ai, Claude", "an image by address"),
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
}
_CACHE: dict[tuple[str, bool], dict[str, Result]] = {}


def test_there_are_forty_conversations() -> None:
    assert len(CONVERSATIONS) >= 40


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("title", CONVERSATIONS)
@pytest.mark.parametrize("name", PROVIDERS)
async def test_every_conversation_is_taken_whole_and_answered(name: str, title: str, stream: bool) -> None:
    if (name, stream) not in _CACHE:
        _CACHE[name, stream] = await results(PROVIDERS[name], "native", stream=stream)
    result = _CACHE[name, stream][title]
    if (name, title) in REFUSED:
        assert result.refused_here
        return
    assert (result.refused_here, result.refused_there, result.failed, result.wrong) == ("", "", "", "")
    unsaid = [what for what in result.lost if name not in UNSAID.get(what, ())]
    assert bool(unsaid) == ((name, title) in TOLD), unsaid
    assert set(TOLD.get((name, title), ())) <= set(result.dropped)
