"""Schemas of tools with an object at the root, which accepts what any part of the caller's schema describes."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingate.errors import BadRequestError
from ingate.wire.adapt import adapt, is_accepted
from ingate.wire.codec import Target

TARGET = Target(model="gpt-5.5", api_base="", provider="openai")
REFUSED = {"anyOf", "oneOf", "allOf", "enum", "not", "$ref"}
BY_ID = {"type": "object", "properties": {"id": {"type": "integer"}, "deep": {"type": "boolean"}}, "required": ["id"]}
BY_NAME = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "deep": {"type": "string"}},
    "required": ["name"],
}


def _body(schema: Any, **function: Any) -> dict[str, Any]:
    return {
        "messages": [],
        "tools": [{"type": "function", "function": {"name": "find", "parameters": schema, **function}}],
    }


def _adapted(schema: Any, **function: Any) -> dict[str, Any]:
    return adapt(_body(schema, **function), TARGET, "responses").body["tools"][0]["function"]


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
def test_a_union_becomes_an_object_with_the_properties_of_all_members(keyword: str):
    schema = {keyword: [BY_ID, BY_NAME]}
    before = copy.deepcopy(schema)
    made = _adapted(schema, description="Finds a thing.", strict=True)
    assert schema == before
    assert made["parameters"] == {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "deep": {"anyOf": [{"type": "boolean"}, {"type": "string"}]},
            "name": {"type": "string"},
        },
    }
    assert made["description"].startswith("Finds a thing.\n")
    assert f'"{keyword}"' in made["description"]
    assert made["strict"] is False


def test_what_every_member_requires_is_required():
    other = {"properties": {"id": {"type": "string"}}, "required": ["id"]}
    assert _adapted({"anyOf": [BY_ID, other]})["parameters"]["required"] == ["id"]


def test_all_of_requires_what_any_member_requires():
    made = _adapted({"allOf": [BY_ID, BY_NAME], "required": ["deep"]})["parameters"]
    assert sorted(made["required"]) == ["deep", "id", "name"]


def test_references_are_followed_and_definitions_kept_and_a_cycle_ends():
    schema = {"$ref": "#/$defs/node", "$defs": {"node": {"anyOf": [BY_ID, {"$ref": "#/$defs/node"}]}}}
    made = _adapted(schema)["parameters"]
    assert set(made["properties"]) == {"id", "deep"}
    assert made["$defs"] == schema["$defs"]
    assert _adapted({"$ref": "#/nowhere/x"})["parameters"]["properties"] == {}


def test_an_object_without_a_union_is_the_callers_own():
    body = _body(BY_ID)
    assert adapt(body, TARGET, "responses").body["tools"] is body["tools"]
    assert is_accepted(body, TARGET, "responses")
    nested = {"type": "object", "properties": {"x": {"anyOf": [BY_ID, BY_NAME]}}}
    assert is_accepted(_body(nested), TARGET, "responses")


def test_the_change_is_a_warning_and_under_the_strict_policy_an_error():
    made = adapt(_body({"anyOf": [BY_ID]}), TARGET, "responses")
    assert "'find'" in made.warnings[0]
    strict = Target(model="gpt-5.5", api_base="", provider="openai", drop_params="strict")
    with pytest.raises(BadRequestError, match="find") as caught:
        adapt(_body({"anyOf": [BY_ID]}), strict, "responses")
    assert caught.value.fix


@pytest.mark.parametrize(
    "schema", [None, "x", [], {"anyOf": "x"}, {"anyOf": [1]}, {"anyOf": [BY_ID], "required": [1], "properties": 3}]
)
def test_malformed_schemas_do_not_raise(schema: Any):
    adapt(_body(schema), TARGET, "responses")


_NAMES = st.sampled_from(["a", "b", "c"])
_LEAF = st.sampled_from([{"type": "string"}, {"type": "integer"}, {"type": "boolean"}, {"enum": ["x", 1]}, {}])
_OBJECT = st.builds(
    lambda properties, required: {
        "type": "object",
        "properties": properties,
        "required": [name for name in required if name in properties],
        "additionalProperties": False,
    },
    st.dictionaries(_NAMES, _LEAF, max_size=3),
    st.lists(_NAMES, max_size=2, unique=True),
)
_SCHEMA = st.recursive(
    _OBJECT,
    lambda inner: st.builds(
        lambda keyword, members, base: {**base, keyword: members},
        st.sampled_from(["anyOf", "oneOf", "allOf"]),
        st.lists(inner, min_size=1, max_size=3),
        _OBJECT | st.just({}),
    ),
    max_leaves=6,
)
_VALUE = st.dictionaries(_NAMES, st.sampled_from(["x", "y", 1, 2, True, None]), max_size=3)


@given(_SCHEMA, _VALUE)
def test_the_object_accepts_every_value_that_a_closed_schema_accepts(schema: dict[str, Any], value: dict[str, Any]):
    made = _adapted(schema)["parameters"]
    assert REFUSED.isdisjoint(made)
    assert made["type"] == "object"
    if jsonschema.Draft202012Validator(schema).is_valid(value):
        jsonschema.validate(value, made)


def test_a_schema_without_a_type_is_said_to_be_an_object_under_every_policy():
    body = _body({"properties": {"a": {"type": "string"}}})
    made = adapt(body, Target(model="m", api_base="", drop_params="strict"), "chat")
    assert made.body["tools"][0]["function"]["parameters"] == {
        "type": "object",
        "properties": {"a": {"type": "string"}},
    }
    assert made.warnings == []


def test_definitions_that_refer_to_each_other_twice_are_read_once():
    definitions: dict[str, Any] = {f"a{at}": {"anyOf": [{"$ref": f"#/$defs/a{at + 1}"}] * 2} for at in range(60)}
    definitions["a60"] = BY_ID
    made = _adapted({"$ref": "#/$defs/a0", "$defs": definitions})["parameters"]
    assert set(made["properties"]) == {"id", "deep"}
