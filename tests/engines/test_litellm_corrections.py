"""How an answer of litellm's is corrected by the provider's own, without a call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingate.engines.litellm_ import answers
from ingate.engines.litellm_.answers import ChunkCorrector, completion, has_answer, plain, provider_decides
from ingate.engines.litellm_.observe import Observation
from ingate.engines.litellm_.reading import ProviderReading

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
CALL = {"model": "groq/m"}
SHAPED = {"model": "groq/m", "response_format": {"type": "json_object"}}


class Model:
    """An object as litellm returns it: fields, private ones, and those pydantic does not know."""

    def __init__(self, extra: dict[str, Any] | None = None, **fields: Any) -> None:
        self.__dict__.update(fields)
        if extra is not None:
            object.__setattr__(self, "__pydantic_extra__", extra)


class Name(str):
    """A string of a class of its own, with fields."""

    __slots__ = ("__dict__",)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Model(a=1, b=None, _hidden=2, __private=3), {"a": 1}),
        (Model(a=1, extra={"a": "again", "b": 2, "c": None}), {"a": 1, "b": 2}),
        (Model(items=[Model(x=1.5), None, "s"], pair=(True, 2)), {"items": [{"x": 1.5}, None, "s"], "pair": [True, 2]}),
        ({"a": None, "_b": Model(c=False)}, {"_b": {"c": False}}),
        (Name("text"), "text"),
        (b"bytes", "b'bytes'"),
        (None, None),
    ],
)
def test_litellms_objects_become_dicts_without_their_empty_and_private_fields(value: Any, expected: Any) -> None:
    got = plain(value)
    assert got == expected
    assert type(got) is type(expected)


def tools(*names: Any) -> list[Any]:
    return [{"type": "function", "function": {"name": name}} for name in names]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ({}, True),
        ({"response_format": None}, True),
        ({"response_format": {"type": "text"}}, True),
        ({"response_format": {}}, True),
        ({"response_format": {"type": "json_object"}}, False),
        ({"response_format": {"type": "json_schema"}}, False),
        ({"response_format": dict}, False),
        ({"tools": tools("look_up-2")}, True),
        ({"tools": tools("a" * 64)}, True),
        ({"tools": tools("a" * 65)}, False),
        ({"tools": tools("fine", "a.b")}, False),
        ({"tools": tools("2fast")}, False),
        ({"tools": [{"type": "web_search", "name": "a.b"}, {"function": None}, {"function": "f"}, "text"]}, True),
        ({"tools": None}, True),
        ({"model": "ollama/m"}, True),
        ({"model": "ollama/m", "tools": tools("f")}, False),
        ({"model": "ollama_chat/m", "tools": tools("f")}, False),
        ({"model": "ollama_chat/m", "tools": []}, True),
        ({"merge_reasoning_content_in_choices": True}, False),
        ({"mock_response": "x"}, False),
        ({"mock_tool_calls": []}, False),
        ({"fallbacks": []}, False),
        ({"temperature": 1}, True),
    ],
)
def test_litellm_decides_only_where_it_may_have_changed_the_request(call: dict[str, Any], expected: bool) -> None:
    assert provider_decides({**CALL, **call}) is expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"role": "assistant", "content": "Hi"}, True),
        ({"role": "assistant", "content": ""}, False),
        ({"role": "assistant", "provider_specific_fields": {"a": 1}}, False),
        ({"role": "assistant", "tool_calls": [{"id": "c"}]}, True),
        ({"reasoning_content": "hm"}, True),
        ({}, False),
        (None, False),
    ],
)
def test_a_role_alone_is_no_answer(message: Any, expected: bool) -> None:
    assert has_answer({"choices": [{"message": {}}, {"message": message}]}) is expected
    assert ChunkCorrector(reading(b"")).correct({"choices": [{"delta": message}]})[0]["choices"] == [{"delta": message}]
    corrector = ChunkCorrector(reading(b""))
    corrector.correct({"choices": [{"delta": message}]})
    assert corrector.has_answer is expected
    corrector.correct({"choices": [{"delta": {}}]})
    assert corrector.has_answer is expected


def test_no_choices_are_no_answer() -> None:
    assert not has_answer({})
    assert not has_answer({"choices": None})


def reading(content: bytes, kind: str = "application/json") -> ProviderReading:
    observation = Observation()
    observation.status, observation.headers = 200, {"content-type": kind}
    observation._note(content)
    return ProviderReading(observation, "groq", "m")


def whole(*choices: dict[str, Any], **fields: Any) -> ProviderReading:
    """The reading of a whole answer of the provider's."""
    answer = {"id": "own-id", "object": "chat.completion", "created": 1, "model": "m", "choices": choices}
    return reading(json.dumps({**answer, "usage": USAGE, **fields}).encode())


def choice(message: dict[str, Any], finish: str | None = "stop", index: int = 0) -> dict[str, Any]:
    return {"index": index, "message": {"role": "assistant", **message}, "finish_reason": finish}


def called(identity: str, name: str = "f") -> dict[str, Any]:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": "{}"}}


def test_the_providers_answer_replaces_litellms_but_for_fields_and_the_id_that_only_litellm_has() -> None:
    got = completion(
        {"id": "litellms", "service_tier": "auto", "choices": [choice({"content": "changed"})]},
        whole(choice({"content": "Hi", "reasoning_content": "hm"}, "length")),
        CALL,
    )
    assert (got["id"], got["service_tier"], got["usage"]) == ("litellms", "auto", USAGE)
    assert [(one["finish_reason"], one["message"]) for one in got["choices"]] == [
        ("length", {"role": "assistant", "content": "Hi", "reasoning_content": "hm"})
    ]
    assert completion({}, whole(choice({"content": "Hi"})), CALL)["id"] == "own-id"


def test_without_a_reading_litellms_answer_stands_with_its_signatures_in_place() -> None:
    call = called("c1__thought__sig")
    answer = {"id": "x", "choices": [{"message": {"tool_calls": [call]}}, {"message": None}], "usage": {"a": 1}}
    assert completion(answer, reading(b"{}"), CALL) == {
        "id": "x",
        "choices": [
            {"message": {"tool_calls": [{**called("c1"), "extra_content": {"google": {"thought_signature": "sig"}}}]}},
            {"message": None},
        ],
        "usage": {"a": 1},
    }


@pytest.mark.parametrize(
    ("litellms", "own", "expected"),
    [
        # JSON through a tool of litellm's own: its text, the provider's counts, and no tool turn.
        (
            choice({"content": '{"a":1}'}),
            choice({"content": None, "tool_calls": [called("c", "json_tool_call")]}, "tool_calls"),
            choice({"content": '{"a":1}'}),
        ),
        (
            choice({"content": '{"a":1}'}, "tool_calls"),
            choice({"content": None, "tool_calls": [called("c", "json_tool_call")]}, "tool_calls"),
            choice({"content": '{"a":1}'}),
        ),
        # Calls of the caller's tools keep litellm's names for them, and the tool turn.
        (
            choice({"tool_calls": [called("c", "a.b")]}),
            choice({"content": "", "tool_calls": [called("c", "a_b")]}, "tool_calls"),
            choice({"tool_calls": [called("c", "a.b")]}, "tool_calls"),
        ),
        # What litellm omitted is added, what it has stays, and an end at the limit is reported.
        (
            choice({"content": "kept", "refusal": "litellms"}),
            choice({"content": "own", "refusal": "own", "reasoning_content": "hm"}, "length"),
            choice({"content": "kept", "refusal": "litellms", "reasoning_content": "hm"}, "length"),
        ),
        # The provider's text, if litellm lost it.
        (choice({"content": ""}), choice({"content": "own"}), choice({"content": "own"})),
        (
            choice({"tool_calls": [called("c")]}),
            choice({"content": "own", "tool_calls": [called("c")]}, "tool_calls"),
            choice({"tool_calls": [called("c")]}, "tool_calls"),
        ),
    ],
)
def test_in_an_answer_that_litellm_shaped_only_what_it_lost_is_the_providers(
    litellms: dict[str, Any], own: dict[str, Any], expected: dict[str, Any]
) -> None:
    got = completion({"id": "x", "choices": [litellms], "usage": {"invented": 1}}, whole(own), SHAPED)
    assert got == {"id": "x", "choices": [expected], "usage": USAGE}


def test_each_choice_is_corrected_by_the_one_with_its_index() -> None:
    own = whole(choice({"content": "a"}, "length", 0), choice({"content": "b"}, "content_filter", 1))
    litellms = [
        {**choice({"content": ""}, "stop", 1)},
        {**choice({"content": ""}, "stop", 0)},
        {**choice({"content": "third"}, "stop", 2)},
    ]
    got = completion({"choices": litellms}, own, SHAPED)
    assert [(one["index"], one["message"]["content"], one["finish_reason"]) for one in got["choices"]] == [
        (1, "b", "content_filter"),
        (0, "a", "length"),
        (2, "third", "stop"),
    ]
    unnumbered = [{"message": {"content": ""}}, {"message": {"content": ""}}, {"finish_reason": "stop"}]
    got = completion({"choices": unnumbered}, own, SHAPED)
    assert got["choices"] == [
        {"message": {"content": "a"}, "finish_reason": "length"},
        {"message": {"content": "b"}, "finish_reason": "content_filter"},
        {"finish_reason": "stop", "message": {}},
    ]


@pytest.mark.parametrize(
    ("litellms", "own", "has_calls", "expected"),
    [
        ("stop", None, False, "stop"),
        (None, None, True, None),
        ("stop", "length", False, "length"),
        ("stop", "tool_calls", True, "tool_calls"),
        ("stop", "tool_calls", False, "stop"),
        ("length", "tool_calls", False, "length"),
        ("tool_calls", "tool_calls", False, "stop"),
        ("tool_calls", "stop", True, "stop"),
    ],
)
def test_the_finish_reason_is_the_providers_unless_it_is_for_litellms_own_tool(
    litellms: str | None, own: str | None, has_calls: bool, expected: str | None
) -> None:
    assert answers._finish(litellms, own, has_calls) == expected


class Stream:
    """A corrector, the provider's stream, and litellm's chunks for it."""

    def __init__(self) -> None:
        self.observation = Observation()
        self.observation.status, self.observation.headers = 200, {"content-type": "text/event-stream"}
        self.reading = ProviderReading(self.observation, "groq", "m")
        self.corrector = ChunkCorrector(self.reading)

    def provider(self, delta: dict[str, Any], finish: str | None = None, index: int = 0, **fields: Any) -> None:
        """The provider sends a chunk."""
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", **fields}
        chunk["choices"] = [{"index": index, "delta": delta, "finish_reason": finish}]
        self.observation._note(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        self.reading.catch_up()

    def litellm(self, delta: Any, finish: str | None = None, index: int = 0, **fields: Any) -> dict[str, Any]:
        """litellm returns a chunk; the one choice of what is sent in its place."""
        litellms = {"index": index, "delta": delta, "finish_reason": finish}
        (chunk,) = self.corrector.correct({"choices": [litellms], **fields})
        assert chunk.keys() == {"choices"}
        (sent,) = chunk["choices"]
        return sent


def test_chunks_lose_litellms_usage_and_end_with_the_providers() -> None:
    stream = Stream()
    stream.provider({"content": "Hi"})
    assert stream.corrector.last() == []
    sent = stream.litellm({"content": "Hi"}, usage={"invented": 1})
    assert sent == {"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}
    stream.provider({}, "length", usage=USAGE)
    assert stream.litellm({}, "stop")["finish_reason"] == "length"
    assert stream.corrector.last() == [{"object": "chat.completion.chunk", "choices": [], "usage": USAGE}]


def test_chunks_that_no_codec_reads_are_passed_with_their_signatures_in_place() -> None:
    corrector = ChunkCorrector(reading(b"{}"))
    chunk = {
        "choices": [{"delta": {"tool_calls": [called("c1__thought__sig")]}}, {"delta": None}],
        "usage": {"a": 1},
    }
    assert not corrector.has_content
    assert corrector.correct(chunk) == [
        {
            "choices": [
                {
                    "delta": {
                        "tool_calls": [{**called("c1"), "extra_content": {"google": {"thought_signature": "sig"}}}]
                    }
                },
                {"delta": None},
            ],
            "usage": {"a": 1},
        }
    ]
    assert corrector.has_content
    assert corrector.held_back() == []
    assert ChunkCorrector(reading(b"{}")).correct({}) == [{}]


@pytest.mark.parametrize(
    ("delta", "finish", "expected"),
    [
        ({"role": "assistant"}, None, False),
        ({"role": "assistant", "content": ""}, None, False),
        ({"content": "Hi"}, None, True),
        ({}, "stop", True),
    ],
)
def test_a_role_alone_is_no_content(delta: dict[str, Any], finish: str | None, expected: bool) -> None:
    stream = Stream()
    stream.provider({"role": "assistant"})
    stream.litellm(delta, finish)
    assert stream.corrector.has_content is expected
    stream.litellm({})
    assert stream.corrector.has_content is expected


def test_reasoning_that_litellm_omits_comes_once_and_before_the_text() -> None:
    stream = Stream()
    stream.provider({"reasoning_content": "let me "})
    assert stream.litellm({"role": "assistant"})["delta"] == {"role": "assistant"}
    stream.provider({"reasoning_content": "see"})
    stream.provider({"content": "Hi"})
    assert stream.litellm({"content": "Hi"})["delta"] == {"content": "Hi", "reasoning_content": "let me see"}
    assert stream.litellm({"content": "!"})["delta"] == {"content": "!"}
    assert stream.litellm({}, "stop")["delta"] == {}


@pytest.mark.parametrize(
    ("delta", "finish"), [({"tool_calls": [{**called("c"), "index": 0}]}, None), ({}, "stop"), ({"content": "x"}, None)]
)
def test_omitted_reasoning_precedes_whatever_comes_first(delta: dict[str, Any], finish: str | None) -> None:
    stream = Stream()
    stream.provider({"reasoning_content": "hm"})
    assert stream.litellm(delta, finish)["delta"] == {**delta, "reasoning_content": "hm"}


def test_reasoning_that_litellm_passes_on_is_not_repeated() -> None:
    stream = Stream()
    stream.provider({"reasoning_content": "let me see"})
    assert stream.litellm({"reasoning_content": "let me", "content": "x"})["delta"] == {
        "reasoning_content": "let me",
        "content": "x",
    }
    assert stream.litellm({"content": "Hi"})["delta"] == {"content": "Hi"}


def test_another_choice_takes_neither_reasoning_nor_the_first_ones_finish_reason() -> None:
    stream = Stream()
    stream.provider({"reasoning_content": "hm"}, "length")
    stream.provider({"content": "b"}, "content_filter", index=1)
    assert stream.litellm({"content": "b"}, "stop", index=1) == {
        "index": 1,
        "delta": {"content": "b"},
        "finish_reason": "content_filter",
    }
    assert stream.litellm({}, "stop") == {
        "index": 0,
        "delta": {"reasoning_content": "hm"},
        "finish_reason": "length",
    }


def test_text_that_litellm_holds_back_is_sent_once_when_the_stream_breaks() -> None:
    stream = Stream()
    stream.provider({"content": "One "})
    stream.litellm({"content": "One "})
    assert stream.corrector.held_back() == []
    stream.provider({"content": "two"})
    assert stream.corrector.held_back() == [
        {
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": {"content": "two"}, "finish_reason": None}],
        }
    ]
    assert stream.corrector.held_back() == []


def test_text_that_litellm_changed_is_not_completed() -> None:
    stream = Stream()
    stream.provider({"content": "own words"})
    stream.litellm({"content": "other"})
    assert stream.corrector.held_back() == []


def test_calls_of_tools_that_the_provider_ran_are_not_the_callers() -> None:
    search = [
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}},
        },
        {"type": "content_block_stop", "index": 0},
    ]
    begin = {"id": "msg", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": {}}
    stream = Stream()
    for event in [{"type": "message_start", "message": begin}, *search]:
        stream.observation._note(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
    stream.reading.catch_up()
    first = {**called("srv_1"), "index": 0}
    more = {"index": 0, "function": {"arguments": '{"q":1}'}}
    mine = {**called("toolu_1"), "index": 1}
    sent = stream.litellm({"tool_calls": [first, mine]})["delta"]
    assert sent["tool_calls"] == [mine]
    assert "tool_calls" not in stream.litellm({"tool_calls": [more]})["delta"]
    again = {**called("toolu_2"), "index": 0}  # litellm may use an index again
    assert stream.litellm({"tool_calls": [again]})["delta"]["tool_calls"] == [again]
    assert stream.litellm({"tool_calls": [more]})["delta"]["tool_calls"] == [more]


def test_what_the_provider_ran_is_reported_once_and_only_in_its_own_words() -> None:
    stream = Stream()
    tool = {"id": "srv_1", "name": "web_search", "arguments": "{}"}
    stream.provider({"content": "Hi", "provider_tool_calls": [tool]})
    own = stream.reading.provider_tools
    assert [one["id"] for one in own] == ["srv_1"]
    assert stream.litellm({"content": "Hi", "provider_tool_calls": ["litellms"]})["delta"] == {
        "content": "Hi",
        "provider_tool_calls": own,
    }
    assert stream.litellm({"content": "!", "provider_tool_calls": ["litellms"]})["delta"] == {"content": "!"}
