"""JSON Schema cut down to what a provider's schema reader takes.

What a reader does not know is not lost: it is told to the model in the description.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations
ANTHROPIC: Final = frozenset(
    {"type", "properties", "required", "items", "enum", "const", "anyOf", "allOf", "description", "title", "default"}
    | {"additionalProperties", "$ref", "$defs", "definitions", "format", "minItems"}
)
# https://ai.google.dev/api/generate-content#FIELDS.response_json_schema
GEMINI_JSON: Final = frozenset(
    {"$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items", "prefixItems"}
    | {"minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties"}
    | {"required", "propertyOrdering"}
)
# https://ai.google.dev/api/caching#Schema
GEMINI_OPENAPI: Final = frozenset(
    {"type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "properties", "required"}
    | {"minProperties", "maxProperties", "minLength", "maxLength", "pattern", "anyOf", "propertyOrdering", "items"}
    | {"minimum", "maximum", "example"}
)

_ANTHROPIC_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
_OPENAPI_FORMATS = {"STRING": {"enum", "date-time"}, "NUMBER": {"float", "double"}, "INTEGER": {"int32", "int64"}}
# Keywords that say nothing about an instance; they go without a word.
_SILENT = {"$schema", "$id", "$comment", "examples", "example", "default", "title", "readOnly", "writeOnly", "strict"}
_DEPTH = 64


def anthropic_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as Anthropic's structured outputs take it: closed objects, no numeric or length bounds."""
    return _anthropic(schema, 0)


def _anthropic(node: Any, depth: int) -> Any:
    if not isinstance(node, dict) or depth > _DEPTH:
        return node
    out: dict[str, Any] = {}
    told: dict[str, Any] = {}
    node = {("anyOf" if key == "oneOf" else key): value for key, value in node.items()}
    for key, value in node.items():
        if key in {"properties", "$defs", "definitions"} and isinstance(value, dict):
            out[key] = {name: _anthropic(child, depth + 1) for name, child in value.items()}
        elif key == "items":
            out[key] = _anthropic(value, depth + 1)
        elif key in {"anyOf", "allOf"} and isinstance(value, list):
            out[key] = [_anthropic(child, depth + 1) for child in value]
        elif (key == "format" and value not in _ANTHROPIC_FORMATS) or (key == "minItems" and value not in (0, 1)):
            told[key] = value
        elif key in ANTHROPIC:
            out[key] = value
        elif key not in _SILENT:
            told[key] = value
    if out.get("type") == "object" or "properties" in out:
        out.setdefault("properties", {})
        out["additionalProperties"] = False
    return _tell(out, told)


def gemini_json_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as `responseJsonSchema` and `parametersJsonSchema` take it: a subset of JSON Schema."""
    return _gemini_json(schema, 0)


def _gemini_json(node: Any, depth: int) -> Any:
    if not isinstance(node, dict) or depth > _DEPTH:
        return node
    out: dict[str, Any] = {}
    told: dict[str, Any] = {}
    for key, value in node.items():
        name = "$defs" if key == "definitions" else key
        if name in {"properties", "$defs"} and isinstance(value, dict):
            out[name] = {label: _gemini_json(child, depth + 1) for label, child in value.items()}
        elif name in {"items", "additionalProperties"}:
            out[name] = _gemini_json(value, depth + 1)
        elif name in {"anyOf", "oneOf", "prefixItems"} and isinstance(value, list):
            out[name] = [_gemini_json(child, depth + 1) for child in value]
        elif name == "$ref" and isinstance(value, str):
            out[name] = value.replace("#/definitions/", "#/$defs/")
        elif name == "const":
            out["enum"] = [value]
        elif name in GEMINI_JSON:
            out[name] = value
        elif name not in _SILENT:
            told[name] = value
    return _tell(out, told)


def gemini_openapi_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as Gemini's older `Schema` message takes it: OpenAPI 3.0 with upper-case types and no references."""
    roots = {**_mapping(schema.get("definitions")), **_mapping(schema.get("$defs"))}
    return _openapi(schema, roots, ())


def _openapi(node: Any, roots: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(node, dict):
        return {}
    if isinstance(ref := node.get("$ref"), str):
        name = ref.rsplit("/", 1)[-1]
        if name in path or name not in roots:
            # A recursive type has no form here; the model still learns that an object belongs there.
            return {"type": "OBJECT", "description": f"nested {name}"}
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return _openapi({**_mapping(roots[name]), **rest}, roots, (*path, name))
    node = _flattened(node)
    out: dict[str, Any] = {}
    told: dict[str, Any] = {}
    kind = node.get("type")
    if isinstance(kind, list):
        kinds = [one for one in kind if one != "null"]
        out["nullable"] = "null" in kind
        if len(kinds) > 1:
            node = {
                **{key: value for key, value in node.items() if key != "type"},
                "anyOf": [{"type": k} for k in kinds],
            }
        kind = kinds[0] if len(kinds) == 1 else None
    unions = node.get("anyOf") or node.get("oneOf")
    if isinstance(unions, list):
        members = [one for one in unions if not (isinstance(one, dict) and one.get("type") == "null")]
        if len(members) < len(unions):
            out["nullable"] = True
        if len(members) == 1:
            single = _openapi(members[0], roots, path)
            rest = _openapi({k: v for k, v in node.items() if k not in {"anyOf", "oneOf"}}, roots, path)
            return {**single, **rest, **out}
        out["anyOf"] = [_openapi(one, roots, path) for one in members]
    if isinstance(kind, str):
        out["type"] = kind.upper()
    for key, value in node.items():
        if key in {"type", "anyOf", "oneOf", "$defs", "definitions"}:
            continue
        if key == "properties" and isinstance(value, dict):
            out[key] = {name: _openapi(child, roots, path) for name, child in value.items()}
        elif key == "items":
            out[key] = _openapi(value, roots, path)
        elif key in {"enum", "const"}:
            values = value if key == "enum" and isinstance(value, list) else [value]
            if all(isinstance(one, str) for one in values):
                out["enum"], out["type"] = values, "STRING"
            else:
                told["allowed values"] = [one for one in values if one is not None]
        elif key == "format":
            if value in _OPENAPI_FORMATS.get(str(out.get("type")), ()):
                out[key] = value
            else:
                told[key] = value
        elif key in GEMINI_OPENAPI:
            out[key] = value
        elif key not in _SILENT and key != "additionalProperties":
            told[key] = value
    if out.get("type") == "ARRAY":
        out.setdefault("items", {"type": "STRING"})
    if isinstance(out.get("required"), list) and isinstance(out.get("properties"), dict):
        out["required"] = [name for name in out["required"] if name in out["properties"]]
    return _tell(out, told)


def _flattened(node: dict[str, Any]) -> dict[str, Any]:
    members = node.get("allOf")
    if not isinstance(members, list):
        return node
    merged: dict[str, Any] = {}
    for member in (*members, {key: value for key, value in node.items() if key != "allOf"}):
        for key, value in _flattened(_mapping(member)).items():
            if key == "properties" and isinstance(value, dict):
                merged[key] = {**_mapping(merged.get(key)), **value}
            elif key == "required" and isinstance(value, list):
                merged[key] = [*merged.get(key, []), *(name for name in value if name not in merged.get(key, []))]
            else:
                merged[key] = value
    return merged


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _tell(out: dict[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    if told:
        words = ", ".join(f"{key}: {json.dumps(value, ensure_ascii=False, default=str)}" for key, value in told.items())
        said = out.get("description")
        out["description"] = f"{said} ({words})" if isinstance(said, str) and said else f"({words})"
    return out
