"""Chat completions as clients get them, checked against OpenAI's types."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from ingate.wire.downstream import translate
from support.client import USAGE, chunk, completion, text_chunks, tool_call, tool_chunks
from support.downstream import strictly

BODY: dict[str, Any] = {"model": "anthropic/claude-x", "messages": [{"role": "user", "content": "hi"}]}


def answer(whole: dict[str, Any]) -> dict[str, Any]:
    made = translate("chat", BODY).answer(whole)
    strictly(ChatCompletion, made)
    return made


def test_a_completion_has_every_field_that_openais_has() -> None:
    whole = completion("hello")
    made = answer(whole)
    (choice,) = made["choices"]
    assert choice["message"] == {"role": "assistant", "content": "hello", "refusal": None, "annotations": []}
    assert choice["logprobs"] is None
    assert made["usage"] == {
        **USAGE,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
    assert whole == completion("hello")


def test_what_the_provider_gave_stays() -> None:
    call = tool_call(0, "look", "{}")
    whole = completion(None, tool_calls=[call], refusal="No.", reasoning_content="hm")
    whole["choices"][0]["logprobs"] = {"content": []}
    whole["usage"] = {**USAGE, "prompt_tokens_details": {"cached_tokens": 2, "cache_creation_tokens": 1}}
    made = answer(whole)
    message = made["choices"][0]["message"]
    assert (message["content"], message["refusal"], message["reasoning_content"]) == (None, "No.", "hm")
    assert message["tool_calls"] == [call]
    assert made["choices"][0]["logprobs"] == {"content": []}
    assert made["usage"]["prompt_tokens_details"] == {
        "cached_tokens": 2,
        "audio_tokens": 0,
        "cache_creation_tokens": 1,
    }


def test_usage_that_nobody_counted_is_absent() -> None:
    assert "usage" not in answer({**completion("x"), "usage": None})


@pytest.mark.parametrize("wanted", [True, False])
def test_a_stream_has_the_usage_chunk_if_it_was_asked_for(wanted: bool) -> None:
    events = translate("chat", {**BODY, "stream": True, "stream_options": {"include_usage": wanted}}).events()
    given = [*text_chunks("hel", "lo"), *tool_chunks(("look", "{}"))]
    made = [event for one in given for event in events.feed(one)]
    for event in made:
        strictly(ChatCompletionChunk, event)
        assert all(choice.keys() >= {"delta", "finish_reason", "index"} for choice in event["choices"])
    counted = [event["usage"] for event in made if "usage" in event]
    assert len(counted) == (2 if wanted else 0)
    assert all(usage["completion_tokens_details"]["reasoning_tokens"] == 0 for usage in counted)
    assert events.feed(chunk(content="x")) == [chunk(content="x")]
