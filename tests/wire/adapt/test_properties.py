"""Names of parameters as the provider accepts them, and the caller's names in the arguments."""

from __future__ import annotations

import copy
import itertools
import json
import re
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingate.wire.adapt import Adapted, adapt, is_accepted
from ingate.wire.adapt.keys import KeyRewriter, with_keys
from ingate.wire.codec import Target

PATTERN = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
ODD = ["filter[id]", "$top", "@type", "cwd?", "über", "x" * 70, "", "a b", "a.b", "a_b"]
CLAUDE = Target(model="claude-opus-5-5", api_base="", provider="anthropic", drop_params="strict")


def _tool(properties: Any, name: str = "find.it", **more: Any) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {"name": name, "parameters": {"type": "object", "properties": properties, **more}},
    }


def _body(properties: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "go"}], "tools": [_tool(properties, **more)]}


def _parameters(made: Adapted) -> dict[str, Any]:
    return made.body["tools"][0]["function"]["parameters"]


def _answer(made: Adapted, arguments: str) -> Any:
    """The arguments that a caller gets for those that the model wrote."""
    name = made.body["tools"][0]["function"]["name"]
    call = {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}}
    answer = {"choices": [{"index": 0, "message": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    made.restore(answer)
    assert answer["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "find.it"
    return answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]


@pytest.mark.parametrize(
    ("provider", "model", "wire_format"),
    [
        ("anthropic", "claude-opus-5-5", "messages"),
        ("bedrock", "global.anthropic.claude-sonnet-5-5", "bedrock"),
        ("vertex_ai", "claude-haiku-4-5@20251001", "messages"),
        ("openrouter", "anthropic/claude-opus-5.5", "chat"),
    ],
)
def test_names_are_replaced_wherever_claude_is_hosted(provider: str, model: str, wire_format: str):
    target = Target(model=model, api_base="", provider=provider, drop_params="strict")
    made = adapt(_body({name: {} for name in ODD}), target, wire_format)
    assert all(map(PATTERN.fullmatch, _parameters(made)["properties"]))
    assert len(_parameters(made)["properties"]) == len(ODD)
    assert any("'filter[id]' as 'filter_id_'" in warning for warning in made.warnings)


def test_other_providers_get_the_names_as_they_are():
    body = _body({name: {} for name in ODD}, name="find")
    assert is_accepted(body, Target(model="gpt-6.1-sol", api_base="", provider="openai"), "chat")


def test_names_within_are_not_checked_and_stay():
    inner = {"type": "object", "properties": {"$top": {}}}
    made = adapt(_body({"$top": inner, "plain": inner}), CLAUDE, "messages")
    assert _parameters(made)["properties"] == {"_top": inner, "plain": inner}


def test_what_refers_to_a_name_follows_it():
    schema = {
        "required": ["$top", "plain"],
        "dependentRequired": {"$top": ["plain", "$top"]},
        "if": {"properties": {"$top": {"const": 1}}, "required": ["$top"]},
        "$defs": {"one": {"$ref": "#/properties/$top"}, "two": {"$ref": "#/properties/a~1b/items"}},
    }
    made = _parameters(adapt(_body({"$top": {}, "a/b": {"items": {}}, "plain": {}}, **schema), CLAUDE, "messages"))
    assert made["required"] == ["_top", "plain"]
    assert made["dependentRequired"] == {"_top": ["plain", "_top"]}
    assert made["if"] == {"properties": {"_top": {"const": 1}}, "required": ["_top"]}
    assert made["$defs"] == {"one": {"$ref": "#/properties/_top"}, "two": {"$ref": "#/properties/a_b/items"}}


def test_the_arguments_of_the_history_have_the_names_that_are_sent():
    body = _body({"$top": {}})
    for arguments in ('{"$top": {"$top": 1}}', {"$top": {"$top": 1}}):
        call = {"id": "c", "type": "function", "function": {"name": "find.it", "arguments": arguments}}
        body["messages"] += [
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": "1"},
        ]
    before = copy.deepcopy(body)
    made = adapt(body, CLAUDE, "messages")
    assert body == before
    sent = [one["tool_calls"][0]["function"]["arguments"] for one in made.body["messages"] if "tool_calls" in one]
    assert sent == ['{"_top": {"$top": 1}}', {"_top": {"$top": 1}}]


def test_the_arguments_of_an_answer_have_the_callers_names():
    made = adapt(_body({"$top": {}, "_top": {}}), CLAUDE, "messages")
    first, second = _parameters(made)["properties"]
    assert second == "_top"
    assert _answer(made, json.dumps({first: {first: 1}, second: [first]})) == json.dumps(
        {"$top": {first: 1}, "_top": [first]}
    )
    assert _answer(made, f'{{"{first}') == f'{{"{first}', "what broke off stays as it came"


def test_a_union_at_the_root_is_merged_first():
    tool = _tool({}, anyOf=[{"type": "object", "properties": {"$top": {}}}])
    made = adapt(
        {"messages": [], "tools": [tool]},
        Target(model="claude-opus-5-5", api_base="", provider="anthropic"),
        "messages",
    )
    assert list(_parameters(made)["properties"]) == ["_top"]


def test_an_answers_schema_with_such_names_is_put_into_the_prompt_where_a_tool_would_carry_it():
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object", "properties": {"$n": {}}}}}
    body = {"messages": [{"role": "user", "content": "go"}], "response_format": form}
    made = adapt(body, Target(model="claude-3-opus", api_base="", provider="anthropic"), "messages")
    assert "response_format" not in made.body
    assert made.check is not None


@pytest.mark.parametrize(
    "bad", [{"tools": [{"function": {"name": 3, "parameters": {"properties": {"$": 1}}}}]}, {"tools": [1]}]
)
def test_malformed_tools_are_left_to_the_codec(bad: dict[str, Any]):
    assert adapt(bad, CLAUDE, "messages").body["tools"] is not None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*ODD, 'q"\\']), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.sampled_from([*ODD, 'q"\\', "🙂"]), VALUES, max_size=5)


@given(OBJECTS, st.booleans(), st.sampled_from([None, 1]), st.lists(st.integers(0, 200), max_size=8))
def test_any_arguments_come_back_whole_and_in_pieces(
    value: dict[str, Any], ascii_only: bool, indent: Any, cuts: list[int]
):
    names = {name: f"sent{at}" for at, name in enumerate(["filter[id]", "über", 'q"\\', "🙂", ""])}
    back = {sent: name for name, sent in names.items()}
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    sent = with_keys(text, names)
    assert json.loads(sent) == {names.get(key, key): inner for key, inner in value.items()}
    rewriter = KeyRewriter(back)
    places = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    read = "".join(rewriter.feed(sent[one:two]) for one, two in itertools.pairwise(places)) + rewriter.finish()
    assert json.loads(read) == value
    assert read == with_keys(sent, back)


@given(st.text('{}[],:"\\a1 ', max_size=20), st.lists(st.integers(0, 20), max_size=5))
def test_text_that_is_not_json_is_not_lost(text: str, cuts: list[int]):
    rewriter = KeyRewriter({"other": "x"})
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    assert "".join(rewriter.feed(text[one:two]) for one, two in itertools.pairwise(places)) + rewriter.finish() == text


@given(st.dictionaries(st.text(max_size=80), st.just({"type": "integer"}), min_size=1, max_size=8), st.data())
def test_any_names_become_accepted_distinct_and_stable_and_come_back(properties: dict[str, Any], data: st.DataObject):
    body = _body(properties, required=list(properties))
    made = adapt(body, CLAUDE, "messages")
    sent = _parameters(made)
    assert all(map(PATTERN.fullmatch, sent["properties"]))
    assert len(sent["properties"]) == len(properties)
    assert sent == _parameters(adapt(body, CLAUDE, "messages"))
    given_arguments = dict(zip(sent["properties"], range(99), strict=False))
    jsonschema.validate(given_arguments, sent)
    text = json.dumps(given_arguments)
    assert json.loads(_answer(made, text)) == dict(zip(properties, range(99), strict=False))
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=6))
    assert _streamed(made, text, cuts) == _answer(made, text)


def _streamed(made: Adapted, text: str, cuts: list[int]) -> str:
    name = made.body["tools"][0]["function"]["name"]
    pieces = [text[one:two] for one, two in itertools.pairwise([0, *sorted(cuts), len(text)])]
    head = {"index": 0, "id": "c", "type": "function", "function": {"name": name, "arguments": ""}}
    deltas = [head, *({"index": 0, "function": {"arguments": piece}} for piece in pieces)]
    chunks = [{"choices": [{"index": 0, "delta": {"tool_calls": [delta]}, "finish_reason": None}]} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    read = [
        call
        for chunk in chunks
        for one in made.chunks(chunk)
        for choice in one["choices"]
        for call in choice["delta"].get("tool_calls", ())
    ]
    return "".join(call["function"]["arguments"] for call in read)


def test_a_stream_that_breaks_off_in_a_key_loses_nothing():
    made = adapt(_body({"$top": {}}), CLAUDE, "messages")
    assert _streamed(made, '{"_to', [3]) == '{"_to'


def test_tools_of_one_name_share_the_names_of_their_parameters():
    tools = [_tool({"a b": {}}), _tool({"a$b": {}, "c d": {}})]
    target = Target(
        model="anthropic/claude-opus-5.5", api_base="", provider="openrouter", facts={"unique_tools": False}
    )
    made = adapt({"messages": [], "tools": tools}, target, "chat")
    sent = [tool["function"]["parameters"]["properties"] for tool in made.body["tools"]]
    (first,), (second, third) = map(list, sent)
    assert len({first, second, third}) == 3
    assert json.loads(_answer(made, json.dumps({first: 1, second: 2, third: 3}))) == {"a b": 1, "a$b": 2, "c d": 3}
