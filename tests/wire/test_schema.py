"""JSON Schema as each provider's API accepts it; what it does not accept is in the description."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ingate.wire.schema import anthropic_schema, gemini_json_schema, gemini_openapi_schema

STRING = {"type": "STRING"}


def test_anthropics_objects_are_closed_at_every_level() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "array", "items": {"type": "object"}},
            "b": {"anyOf": [{"properties": {"c": {"type": "string"}}}, {"type": "null"}]},
        },
        "$defs": {"D": {"type": "object", "additionalProperties": True}},
        "definitions": {"E": {"type": "object", "properties": {}}},
    }
    before = copy.deepcopy(schema)
    closed = {"type": "object", "properties": {}, "additionalProperties": False}
    assert anthropic_schema(schema, set()) == {
        "type": "object",
        "properties": {
            "a": {"type": "array", "items": closed},
            "b": {
                "anyOf": [{"properties": {"c": {"type": "string"}}, "additionalProperties": False}, {"type": "null"}]
            },
        },
        "$defs": {"D": closed},
        "definitions": {"E": closed},
        "additionalProperties": False,
    }
    assert schema == before


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"type": "integer", "minimum": 1}, {"type": "integer", "description": "(minimum: 1)"}),
        (
            {"type": "string", "maxLength": 5, "description": "A name"},
            {"type": "string", "description": "A name (maxLength: 5)"},
        ),
        ({"type": "string", "format": "email"}, {"type": "string", "format": "email"}),
        ({"type": "string", "format": "é"}, {"type": "string", "description": '(format: "é")'}),
        ({"type": "array", "minItems": 1}, {"type": "array", "minItems": 1}),
        ({"type": "array", "minItems": 0}, {"type": "array", "minItems": 0}),
        ({"type": "array", "minItems": 2}, {"type": "array", "description": "(minItems: 2)"}),
        ({"oneOf": [{"const": 1}]}, {"anyOf": [{"const": 1}]}),
        ({"allOf": [{"type": "string", "pattern": "a"}]}, {"allOf": [{"type": "string", "description": '(pattern: "a")'}]}),
        ({"$schema": "x", "examples": [1], "title": "T", "default": 2}, {"title": "T", "default": 2}),
        ({"type": "string", "description": 3, "pattern": "a"}, {"type": "string", "description": '(pattern: "a")'}),
        ({"items": True, "anyOf": "x", "properties": []}, {"items": True, "anyOf": "x", "properties": [], "additionalProperties": False}),
    ],
)  # fmt: skip
def test_anthropic_schemas_keep_what_is_accepted(given: dict[str, Any], made: dict[str, Any]) -> None:
    assert anthropic_schema(given, set()) == made


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"const": 1}, {"enum": [1]}),
        ({"$ref": "#/definitions/A", "definitions": {"A": {"const": 1}}}, {"$ref": "#/$defs/A", "$defs": {"A": {"enum": [1]}}}),
        ({"$ref": "#/$defs/A"}, {"$ref": "#/$defs/A"}),
        ({"properties": {"a": {"pattern": "x"}}}, {"properties": {"a": {"description": '(pattern: "x")'}}}),
        ({"items": {"const": "a"}}, {"items": {"enum": ["a"]}}),
        ({"additionalProperties": {"const": "a"}}, {"additionalProperties": {"enum": ["a"]}}),
        ({"additionalProperties": False}, {"additionalProperties": False}),
        ({"anyOf": [{"const": 1}]}, {"anyOf": [{"enum": [1]}]}),
        ({"oneOf": [{"const": 1}]}, {"oneOf": [{"enum": [1]}]}),
        ({"prefixItems": [{"const": 1}]}, {"prefixItems": [{"enum": [1]}]}),
        ({"allOf": [{"type": "string"}]}, {"description": '(allOf: [{"type": "string"}])'}),
        ({"type": "integer", "minimum": 1, "strict": True, "$comment": "c"}, {"type": "integer", "minimum": 1}),
        ({"title": "T", "default": 1}, {"title": "T"}),
    ],
)  # fmt: skip
def test_geminis_json_schemas_keep_what_is_accepted(given: dict[str, Any], made: dict[str, Any]) -> None:
    assert gemini_json_schema(given, set()) == made


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"type": "string"}, STRING),
        ({"type": ["string", "null"]}, {**STRING, "nullable": True}),
        ({"type": ["string"]}, {**STRING, "nullable": False}),
        ({"type": ["string", "integer"]}, {"anyOf": [STRING, {"type": "INTEGER"}], "nullable": False}),
        ({"type": ["string", "integer", "null"], "title": "T"}, {"anyOf": [STRING, {"type": "INTEGER"}], "nullable": True, "title": "T"}),
        ({"type": ["null"]}, {"nullable": True}),
        ({"anyOf": [{"type": "string"}, {"type": "null"}], "title": "T"}, {**STRING, "nullable": True, "title": "T"}),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, {"anyOf": [STRING, {"type": "INTEGER"}]}),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]}, {"anyOf": [STRING, {"type": "INTEGER"}], "nullable": True}),
        ({"anyOf": [{"type": "string", "title": "in"}], "title": "out"}, {**STRING, "title": "out"}),
        ({"enum": ["a", "b"]}, {"type": "STRING", "enum": ["a", "b"]}),
        ({"const": "a", "type": "string"}, {"type": "STRING", "enum": ["a"]}),
        ({"enum": [1, None], "type": "integer"}, {"type": "INTEGER", "description": "(allowed values: [1])"}),
        ({"const": 1}, {"description": "(allowed values: [1])"}),
        ({"type": "string", "format": "date-time"}, {**STRING, "format": "date-time"}),
        ({"format": "int32", "type": "integer"}, {"type": "INTEGER", "format": "int32"}),
        ({"type": "string", "format": "email"}, {**STRING, "description": '(format: "email")'}),
        ({"format": "int32"}, {"description": '(format: "int32")'}),
        ({"type": "array"}, {"type": "ARRAY", "items": STRING}),
        ({"type": "array", "items": {"type": "integer"}}, {"type": "ARRAY", "items": {"type": "INTEGER"}}),
        ({"type": "array", "items": True}, {"type": "ARRAY", "items": {}}),
        (
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "b"], "additionalProperties": False},
            {"type": "OBJECT", "properties": {"a": STRING}, "required": ["a"]},
        ),
        ({"required": ["a"]}, {"required": ["a"]}),
        ({"type": "string", "minLength": 1, "pattern": "x", "default": "y", "title": "T", "x-z": 1}, {**STRING, "minLength": 1, "pattern": "x", "title": "T", "description": "(x-z: 1)"}),
    ],
)  # fmt: skip
def test_geminis_openapi_schemas_keep_what_is_accepted(given: dict[str, Any], made: dict[str, Any]) -> None:
    before = copy.deepcopy(given)
    assert gemini_openapi_schema(given, set()) == made
    assert given == before


def test_references_are_replaced_and_recursion_ends() -> None:
    tree = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Tree"}, "other": {"$ref": "#/definitions/Leaf"}}}
    schema = {"$ref": "#/$defs/Tree", "description": "The root", "$defs": {"Tree": tree}, "definitions": {"Leaf": {"type": "string"}}}  # fmt: skip
    assert gemini_openapi_schema(schema, set()) == {
        "type": "OBJECT",
        "description": "The root",
        "properties": {"next": {"type": "OBJECT", "description": "nested Tree"}, "other": STRING},
    }
    assert gemini_openapi_schema({"$ref": "#/$defs/Missing"}, set()) == {
        "type": "OBJECT",
        "description": "nested Missing",
    }


def test_the_parts_of_all_of_are_merged() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "allOf": [
            {"properties": {"b": {"type": "integer"}}, "required": ["b", "a"], "title": "inner"},
            {"allOf": [{"properties": {"c": {"type": "boolean"}}}], "title": "later"},
            "noise",
        ],
    }
    made = gemini_openapi_schema(schema, set())
    assert set(made["properties"]) == {"a", "b", "c"}
    assert made["required"] == ["b", "a"]
    assert made["title"] == "later"
    assert "allOf" not in made


def test_a_schema_nested_without_end_is_cut_off_and_not_followed() -> None:
    deep: dict[str, Any] = {"const": 1}
    for _ in range(200):
        deep = {"items": deep}
    assert gemini_json_schema(deep, set())["items"]
    assert anthropic_schema(deep, set())["items"]
    inner: Any = gemini_json_schema(deep, set())
    for _ in range(200):
        inner = inner["items"]
    assert inner == {"const": 1}


@pytest.mark.parametrize(
    ("convert", "schema", "keywords"),
    [
        (anthropic_schema, {"type": "object", "properties": {"a": {"type": "string", "minLength": 3}}}, {"minLength"}),
        (anthropic_schema, {"anyOf": [{"type": "array", "minItems": 4}], "title": "T"}, {"minItems"}),
        (anthropic_schema, {"type": "string", "format": "date"}, set()),
        (gemini_json_schema, {"items": {"type": "string", "pattern": "^a"}}, {"pattern"}),
        (gemini_json_schema, {"type": "integer", "minimum": 1, "default": 2}, set()),
        (gemini_openapi_schema, {"type": "integer", "enum": [1, 2], "multipleOf": 2}, {"allowed values", "multipleOf"}),
        (gemini_openapi_schema, {"$ref": "#/$defs/T", "$defs": {"T": {"properties": {"t": {"$ref": "#/$defs/T"}}}}}, {"$ref"}),
        (gemini_openapi_schema, {"type": "string", "minLength": 3}, set()),
    ],
)  # fmt: skip
def test_what_is_no_longer_enforced_is_named(convert: Any, schema: dict[str, Any], keywords: set[str]) -> None:
    lost: set[str] = set()
    convert(schema, lost)
    assert lost == keywords
