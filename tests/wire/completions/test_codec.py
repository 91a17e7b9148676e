"""Legacy completions: the prompt of a conversation, what cannot be asked for, and answers as chat completions."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingate.errors import BadRequestError, IngateError, StreamInterruptedError, UnavailableError
from ingate.wire.codec import Target, codec_for
from ingate.wire.completion import assemble, normalise_completion
from ingate.wire.normaliser import StreamNormaliser

CODEC = codec_for("completions")
USER = [{"role": "user", "content": "Once upon a time"}]


def target(provider: str = "openai", **more: Any) -> Target:
    return Target(
        **{"model": "gpt-3.5-turbo-instruct", "api_base": "https://api.example/v1", "provider": provider, **more}
    )


def build(body: dict[str, Any], at: Target | None = None) -> dict[str, Any]:
    return json.loads(CODEC.request({"messages": USER, **body}, at or target()).body)


def prompt(*messages: dict[str, Any]) -> str:
    return build({"messages": list(messages)})["prompt"]


def message(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def test_one_message_is_the_prompt_as_it_is() -> None:
    assert build({}) == {"model": "gpt-3.5-turbo-instruct", "prompt": "Once upon a time", "max_tokens": 1024}


def test_messages_without_an_answer_are_joined() -> None:
    assert prompt(message("system", "Be brief."), message("user", "Hi"), message("user", "There")) == (
        "Be brief.\n\nHi\n\nThere"
    )


def test_a_conversation_is_a_transcript_that_stops_before_the_user_speaks() -> None:
    body = build(
        {
            "messages": [
                message("system", "Be brief."),
                message("user", "Hi"),
                message("assistant", "Hello"),
                message("user", "Who are you?"),
            ],
            "stop": "END",
        }
    )
    assert body["prompt"] == "Be brief.\n\nUser: Hi\nAssistant: Hello\nUser: Who are you?\nAssistant:"
    assert body["stop"] == ["END", "\nUser:"]


def test_no_stop_is_added_to_four() -> None:
    messages = [message("user", "Hi"), message("assistant", "Hello"), message("user", "You?")]
    assert build({"messages": messages, "stop": ["a", "b", "c", "d"]})["stop"] == ["a", "b", "c", "d"]


def test_an_answer_at_the_end_is_continued() -> None:
    assert prompt(message("user", "Count"), message("assistant", "One, two,")) == "User: Count\nAssistant: One, two,"


def test_calls_and_their_results_are_told_in_words() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
    told = prompt(
        message("user", "Weather?"),
        message("assistant", None, tool_calls=[call]),
        message("tool", "Rain", tool_call_id="c"),
    )
    assert told == 'User: Weather?\nAssistant: [weather({"city":"Oslo"})]\nTool: Rain\nAssistant:'


def test_a_prompt_of_ones_own_is_sent() -> None:
    assert (
        build({"prompt": "def f(", "suffix": "return x", "best_of": 2}).items()
        >= {
            "prompt": "def f(",
            "suffix": "return x",
            "best_of": 2,
        }.items()
    )


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "image_url", "image_url": {"url": "https://e.org/a.png"}}],
        [{"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}],
        7,
    ],
)
def test_what_is_not_text_is_refused(content: Any) -> None:
    with pytest.raises(BadRequestError):
        CODEC.request({"messages": [message("user", content)]}, target())


def test_a_text_file_is_text() -> None:
    file = {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,SGk="}}
    assert prompt(message("user", [{"type": "text", "text": "Read: "}, file])) == "Read: Hi"


def test_tools_are_dropped_with_a_clear_warning() -> None:
    body = {
        "messages": USER,
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": "required",
        "parallel_tool_calls": False,
    }
    made = CODEC.request(body, target())
    assert made.dropped == ["tools"]
    assert "choose a chat model" in made.warnings[0]
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & json.loads(made.body).keys()
    with pytest.raises(BadRequestError, match="cannot call tools"):
        CODEC.request(body, target(drop_params="strict"))
    assert CODEC.request({"messages": USER, "tools": []}, target()).dropped == []


def test_parameters() -> None:
    given = {"temperature": 0.5, "top_p": 0.9, "n": 2, "seed": 7, "presence_penalty": 0.1, "logit_bias": {"1": 2}}
    assert given.items() <= build(given).items()
    body = build({"max_completion_tokens": 5, "logprobs": True, "top_logprobs": 3})
    assert (body["max_tokens"], body["logprobs"]) == (5, 3)
    assert build({"logprobs": True})["logprobs"] == 1
    assert build({}, target(facts={"max_output_tokens": 100}))["max_tokens"] == 100
    made = CODEC.request({"messages": USER, "reasoning_effort": "low", "x_new": 1}, target())
    assert made.dropped == ["reasoning_effort"]
    assert json.loads(made.body)["x_new"] == 1
    assert build({"extra_body": {"max_tokens": None, "y": 1}}).keys() == {"model", "prompt", "y"}
    with pytest.raises(BadRequestError):
        CODEC.request({"messages": USER, "max_tokens": "many"}, target())


def test_a_stream_asks_for_usage() -> None:
    made = CODEC.request({"messages": USER, "extra_headers": {"X-A": "b"}}, target(stream=True))
    body = json.loads(made.body)
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})
    assert (made.headers["accept"], made.headers["x-a"]) == ("text/event-stream", "b")
    assert "stream_options" not in build({}, target("codestral", stream=True))


@pytest.mark.parametrize(
    ("provider", "api_base", "url"),
    [
        ("openai", "https://api.openai.com/v1", "https://api.openai.com/v1/completions"),
        ("openai", "https://api.openai.com/v1/chat/completions", "https://api.openai.com/v1/completions"),
        ("together_ai", "https://api.together.ai/v1/", "https://api.together.ai/v1/completions"),
        ("ollama", "http://localhost:11434", "http://localhost:11434/v1/completions"),
        ("codestral", "https://codestral.mistral.ai/v1", "https://codestral.mistral.ai/v1/fim/completions"),
        (
            "azure",
            "https://r.openai.azure.com",
            "https://r.openai.azure.com/openai/deployments/gpt-3.5-turbo-instruct/completions?api-version=2024-10-21",
        ),
    ],
)
def test_the_address(provider: str, api_base: str, url: str) -> None:
    assert CODEC.url(target(provider, api_base=api_base)) == url


PROBABILITIES = {
    "tokens": ["Hi", "!"],
    "token_logprobs": [None, -0.5],
    "top_logprobs": [None, {"!": -0.5, "?": -2.0}],
    "text_offset": [0, 2],
}
ANSWER = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 5,
    "model": "gpt-3.5-turbo-instruct",
    "choices": [{"text": "Hi!", "index": 0, "logprobs": PROBABILITIES, "finish_reason": "length"}],
    "usage": {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6},
}


def test_an_answer_is_a_chat_completion() -> None:
    answer = normalise_completion(CODEC.response(json.dumps(ANSWER).encode(), model="m"), "m")
    choice = answer["choices"][0]
    assert (answer["object"], answer["id"]) == ("chat.completion", "cmpl-1")
    assert choice["message"] == {"role": "assistant", "content": "Hi!"}
    assert choice["finish_reason"] == "length"
    assert "text" not in choice
    assert choice["logprobs"]["content"] == [
        {"token": "Hi", "logprob": -9999.0, "bytes": [72, 105], "top_logprobs": []},
        {
            "token": "!",
            "logprob": -0.5,
            "bytes": [33],
            "top_logprobs": [
                {"token": "!", "logprob": -0.5, "bytes": [33]},
                {"token": "?", "logprob": -2.0, "bytes": [63]},
            ],
        },
    ]
    assert answer["usage"]["prompt_tokens"] == 4


def test_an_answer_of_mistrals_has_a_message_already() -> None:
    whole = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}]}
    answer = normalise_completion(CODEC.response(json.dumps(whole).encode(), model="m"), "m")
    assert answer["choices"][0]["message"]["content"] == "x"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"choices": 7}', b"\xff", b"<html>", b'{"error": {"message": "No"}}']
)
def test_what_is_no_completion_is_refused(body: bytes) -> None:
    with pytest.raises(IngateError):
        CODEC.response(body, model="m")


def piece(text: str, **more: Any) -> dict[str, Any]:
    choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": None, **more}
    return {"id": "cmpl-1", "object": "text_completion", "created": 5, "model": "m-1", "choices": [choice]}


EVENTS = [
    piece("Grüße "),
    piece("👋🏽"),
    piece("!", logprobs={"tokens": ["!"], "token_logprobs": [-0.5], "top_logprobs": None}),
    piece("", finish_reason="stop"),
    {**piece(""), "choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}},
]
STREAM = (
    b"".join(b"data: %s\n\n" % json.dumps(one, ensure_ascii=False).encode() for one in EVENTS) + b"data: [DONE]\n\n"
)


def run(pieces: list[bytes], content_type: str = "text/event-stream") -> dict[str, Any]:
    decoder, normaliser = CODEC.decoder(model="m", content_type=content_type), StreamNormaliser("m")
    chunks = [chunk for data in pieces for chunk in decoder.feed(data)] + decoder.close()
    if decoder.failed is not None:
        raise decoder.failed
    assert all(chunk["object"] == "chat.completion.chunk" for chunk in chunks)
    return assemble([one for chunk in chunks for one in normaliser.feed(chunk)] + normaliser.finish())


def test_a_stream_is_chat_chunks() -> None:
    answer = run([STREAM])
    choice = answer["choices"][0]
    assert choice["message"]["content"] == "Grüße 👋🏽!"
    assert choice["finish_reason"] == "stop"
    assert [entry["token"] for entry in choice["logprobs"]["content"]] == ["!"]
    assert answer["usage"]["total_tokens"] == 6


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=12))
@settings(max_examples=60, deadline=None)
def test_any_split_gives_the_same_answer(cuts: list[int]) -> None:
    edges = sorted({0, len(STREAM), *cuts})
    assert run([STREAM[a:b] for a, b in pairwise(edges)]) == run([STREAM])


def test_a_cut_at_any_byte_interrupts_or_leaves_the_whole_text() -> None:
    for cut in range(len(STREAM)):
        try:
            answer = run([STREAM[:cut]])
        except StreamInterruptedError:
            continue
        except UnavailableError:  # not one whole event
            assert b"\n\n" not in STREAM[:cut]
            continue
        assert answer["choices"][0]["message"]["content"] == "Grüße 👋🏽!"


def test_a_stream_may_be_answered_with_json_or_an_error() -> None:
    answer = run([json.dumps(ANSWER).encode()], "application/json")
    assert answer["choices"][0]["message"]["content"] == "Hi!"
    assert len(answer["choices"][0]["logprobs"]["content"]) == 2
    with pytest.raises(IngateError):
        run([b'data: {"error": {"message": "No", "code": "rate_limit_exceeded"}}\n\n'])
