"""Schemas with one type for every node."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingate.wire.adapt import adapt
from ingate.wire.codec import Target
from ingate.wire.typed_schema import typed_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "object", "properties": {"a": TEXT}}, {"type": "object", "properties": {"a": TEXT}}),
        (
            {"properties": {"a": {"enum": ["x"]}}},
            {"type": "object", "properties": {"a": {"type": "string", "enum": ["x"]}}},
        ),
        ({"const": 3}, {"type": "integer", "enum": [3]}),
        ({"type": ["string", "null"]}, {"anyOf": [TEXT, {"type": "null"}]}),
        (
            {"type": "object", "anyOf": [{"properties": {"a": TEXT}}, {"required": ["b"]}]},
            {"anyOf": [{"type": "object", "properties": {"a": TEXT}}, {"type": "object", "required": ["b"]}]},
        ),
        ({"$ref": "#/$defs/t", "description": "d", "$defs": {"t": TEXT}}, {"type": "string", "description": "d"}),
        (
            {
                "allOf": [{"properties": {"a": TEXT}}, {"$ref": "#/$defs/o"}],
                "$defs": {"o": {"properties": {"b": TEXT}}},
            },
            {"type": "object", "properties": {"a": TEXT, "b": TEXT}},
        ),
        ({"type": "array", "items": [TEXT, {"type": "number"}]}, {"type": "array", "items": TEXT}),
        ({"type": "object", "not": {}}, {"type": "object", "description": '({"not": {}})'}),
    ],
)
def test_a_schema(schema: dict[str, Any], expected: dict[str, Any]):
    before = copy.deepcopy(schema)
    assert typed_schema(schema) == expected
    assert schema == before


def test_a_recursive_schema_ends():
    tree = {"$ref": "#/$defs/n", "$defs": {"n": {"properties": {"next": {"$ref": "#/$defs/n"}}}}}
    assert typed_schema(tree) == {
        "type": "object", "properties": {"next": {"type": "object", "description": "nested n"}}
    }  # fmt: skip


def test_tools_are_rewritten_where_every_node_needs_a_type():
    tool = {
        "type": "function",
        "function": {"name": "f", "parameters": {"properties": {"a": {"$ref": "#/$defs/t"}}, "$defs": {"t": TEXT}}},
    }
    target = Target(model="m", api_base="", drop_params="strict", facts={"typed_schemas": True})
    made = adapt({"messages": [], "tools": [tool]}, target, "chat").body["tools"][0]["function"]["parameters"]
    assert made == {"type": "object", "properties": {"a": TEXT}}


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    yield schema
    for child in schema.get("properties", {}).values():
        yield from _nodes(child)
    for child in schema.get("anyOf", ()):
        yield from _nodes(child)
    if "items" in schema:
        yield from _nodes(schema["items"])


NODES = st.recursive(
    st.sampled_from(
        [{}, TEXT, {"enum": [1, "a"]}, {"$ref": "#/$defs/d"}, {"type": ["integer", "null"]}, {"const": True}, True]
    ),
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from("ab"), inner, max_size=2).map(lambda found: {"properties": found}),
        st.lists(inner, min_size=1, max_size=2).map(lambda found: {"anyOf": found, "type": "object"}),
        st.lists(inner, min_size=1, max_size=2).map(lambda found: {"oneOf": found}),
        st.lists(inner, min_size=1, max_size=2).map(lambda found: {"allOf": found}),
        inner.map(lambda found: {"items": found}),
    ),
    max_leaves=8,
)


@given(NODES, NODES)
def test_every_node_has_one_type_or_a_union(schema: Any, definition: Any):
    root = {"type": "object", "properties": {"x": schema}, "$defs": {"d": definition}}
    made = typed_schema(root)
    for node in _nodes(made):
        assert ("type" in node) != ("anyOf" in node)
        assert not node.keys() & {"$ref", "$defs", "oneOf", "allOf"}
        assert isinstance(node.get("type", ""), str)
    jsonschema.Draft202012Validator.check_schema(made)
