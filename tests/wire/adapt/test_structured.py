"""The form of an answer by the best mechanism that the model has, and validated where the provider does not."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingate.errors import BadRequestError
from ingate.wire.adapt import Adapted, adapt
from ingate.wire.adapt.answer_check import invalid
from ingate.wire.codec import Target

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
FORM = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA, "strict": True}}
TOOL = {"type": "function", "function": {"name": "f"}}


def _made(
    form: Any = FORM, policy: Any = "warn", wire_format: str = "chat", stream: bool = False, **facts: Any
) -> Adapted:
    more = facts.pop("more", {})
    body = {"messages": [{"role": "user", "content": "go"}], "response_format": form, **more}
    return adapt(body, Target(model="m", api_base="", drop_params=policy, facts=facts, stream=stream), wire_format)


def _answer(text: str | None, **more: Any) -> dict[str, Any]:
    return {
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text, **more}}]
    }


def test_the_providers_own_mechanism_is_left_alone():
    made = _made(structured="schema")
    assert made.body["response_format"] == FORM
    assert made.check is None


def test_json_mode_has_the_schema_in_the_prompt():
    made = _made(structured="json_object")
    assert made.body["response_format"] == {"type": "json_object"}
    assert '"required":["n"]' in made.body["messages"][0]["content"]
    assert "JSON" in made.warnings[0]
    assert made.check is not None


def test_without_json_mode_only_the_prompt_asks():
    made = _made(structured=False)
    assert "response_format" not in made.body
    assert '"required":["n"]' in made.body["messages"][0]["content"]


def test_a_server_with_schemas_only_is_sent_one_for_any_object():
    made = _made({"type": "json_object"}, structured="schema_only")
    assert made.body["response_format"]["json_schema"]["schema"] == {"type": "object"}


def test_json_mode_needs_the_word():
    made = _made({"type": "json_object"}, structured="json_object", json_word=True)
    assert "JSON" in made.body["messages"][0]["content"]
    with_word = [{"role": "user", "content": [{"type": "text", "text": "as json"}]}]
    more = {"messages": with_word}
    assert _made({"type": "json_object"}, structured="schema", json_word=True, more=more).body["messages"] is with_word


@pytest.mark.parametrize(
    ("case", "more", "stream", "stays"),
    [
        ("tools", {"tools": [TOOL]}, False, False),
        ("tools", {}, False, True),
        ("forced_tools", {"tools": [TOOL], "tool_choice": "required"}, False, False),
        ("forced_tools", {"tools": [TOOL]}, False, True),
        ("schema_streams", {}, True, False),
        ("schema_streams", {}, False, True),
    ],
)
def test_what_it_is_refused_together_with(case: str, more: dict[str, Any], stream: bool, stays: bool):
    for wire_format in ("chat", "gemini"):
        made = _made(structured="schema", structured_refused=[case], more=more, stream=stream, wire_format=wire_format)
        assert ("response_format" in made.body) is stays
        assert (made.check is None) is stays


@pytest.mark.parametrize("wire_format", ["messages", "bedrock", "gemini"])
def test_codecs_with_mechanisms_of_their_own_keep_it_and_the_answer_is_validated(wire_format: str):
    made = _made(structured=False, forced_tools=True, wire_format=wire_format)
    assert made.body["response_format"] == FORM
    assert made.check is not None


@pytest.mark.parametrize("wire_format", ["messages", "bedrock"])
def test_a_model_with_neither_schemas_nor_forced_tools_gets_the_schema_in_the_prompt(wire_format: str):
    made = _made(structured=False, forced_tools=False, wire_format=wire_format)
    assert "response_format" not in made.body
    assert '"n"' in made.body["messages"][0]["content"]
    assert "prompt" in made.warnings[0]
    assert made.check is not None


def test_strict_refuses_to_lower_it():
    with pytest.raises(BadRequestError, match="response_format"):
        _made(structured="json_object", policy="strict")


@pytest.mark.parametrize("text", ['{"n": 1}', '```json\n{"n": 1}\n```', '```\n{"n": 1}```\n'])
def test_a_valid_answer_is_handed_on_without_a_fence(text: str):
    made = _made(structured="json_object", policy="drop")
    made.restore(answer := _answer(text))
    assert answer["choices"][0]["message"]["content"] == '{"n": 1}'
    assert made.warnings == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [("Sure!", "not JSON"), ('{"n": "x"}', "$.n"), ("{}", "'n' is a required property"), ("1", "$")],
)
def test_an_invalid_answer_is_reported(text: str, problem: str):
    made = _made(structured="json_object", policy="drop")
    made.restore(answer := _answer(text))
    assert answer["choices"][0]["message"]["content"] == text
    assert len(made.warnings) == 1
    assert problem in made.warnings[0]


@pytest.mark.parametrize("answer", [_answer(None, tool_calls=[{}]), _answer(None), _answer("", refusal="no"), {}])
def test_what_is_no_answer_is_not_validated(answer: dict[str, Any]):
    made = _made(structured="json_object", policy="drop")
    made.restore(answer)
    assert made.warnings == []


def _stream(made: Adapted, *pieces: str, reason: str = "stop") -> str:
    """The text that a client reads from a stream of the pieces."""
    chunks = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces]
    chunks += [{"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}, {"choices": [], "usage": {}}]
    read = [one for chunk in chunks for one in made.chunks(chunk)]
    choices = [choice for chunk in read for choice in chunk["choices"]]
    assert [choice["finish_reason"] for choice in choices if choice.get("finish_reason")] == [reason]
    assert choices[-1].get("finish_reason") == reason
    return "".join(choice["delta"].get("content", "") for choice in choices)


@given(
    st.lists(st.integers(0, 30), max_size=6), st.sampled_from(['{"n": 1}', '```json\n{"n": 1}\n```', "```\n{", "Sure!"])
)
def test_a_stream_gives_the_text_of_the_whole_answer(cuts: list[int], text: str):
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    whole, streamed = _made(structured="json_object", policy="drop"), _made(structured="json_object", policy="drop")
    whole.restore(answer := _answer(text))
    assert (
        _stream(streamed, *(text[one:two] for one, two in itertools.pairwise(places)))
        == (answer["choices"][0]["message"]["content"])
    )
    assert streamed.warnings == whole.warnings


def test_each_choice_of_a_stream_has_a_fence_of_its_own():
    made = _made(structured="json_object", policy="drop")
    chunks = [
        {"choices": [{"index": index, "delta": {"content": piece}} for index in (0, 1)]}
        for piece in ("```json\n", '{"n"', ": 1}\n", "```")
    ]
    chunks += [{"choices": [{"index": index, "delta": {}, "finish_reason": "stop"}]} for index in (0, 1)]
    read = [choice for chunk in chunks for one in made.chunks(chunk) for choice in one["choices"]]
    for index in (0, 1):
        texts = [choice["delta"].get("content", "") for choice in read if choice["index"] == index]
        assert "".join(texts) == '{"n": 1}'
    assert made.warnings == []


def test_an_answer_that_broke_off_is_not_validated():
    made = _made(structured="json_object", policy="drop")
    partial = {"choices": [{"index": 0, "finish_reason": None, "message": {"content": '```json\n{"n"'}}]}
    made.restore(partial)
    assert partial["choices"][0]["message"]["content"] == '{"n"'
    assert made.warnings == []


def test_json_by_instruction_alone_is_an_object_without_a_fence():
    made = _made({"type": "json_object"}, structured=False, policy="drop")
    made.restore(answer := _answer("```json\n{}\n```"))
    assert answer["choices"][0]["message"]["content"] == "{}"
    made.restore(_answer("[]"))
    assert len(made.warnings) == 1


def test_a_stream_is_validated_at_its_end():
    good, bad, called = (_made(structured="json_object", policy="drop") for _ in range(3))
    _stream(good, '{"n"', ": 1}")
    _stream(bad, '{"n"', ": ")
    _stream(called, "let me look", reason="tool_calls")
    assert (len(good.warnings), len(bad.warnings), len(called.warnings)) == (0, 1, 0)


def test_references_to_addresses_are_not_fetched_and_broken_schemas_are_reported():
    assert "cannot be applied" in invalid("1", {"$ref": "http://127.0.0.1:9/schema.json"})
    assert "cannot be applied" in invalid("1", {"type": 5})
    assert invalid('"a"', {"$defs": {"s": {"type": "string"}}, "$ref": "#/$defs/s"}) == ""


@given(
    st.recursive(st.none() | st.booleans() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)), st.text()
)
def test_no_schema_and_no_text_breaks_the_check(value: Any, text: str):
    assert isinstance(invalid(text, {"type": value, "enum": value, "pattern": value}), str)
