"""JSON Schema reduced to what a provider's API accepts.

Keywords that an API does not accept are added to the description, which the model reads, though no provider enforces it. Each
function adds them to `lost`, for the caller to report.
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
# Keywords that do not constrain a value; they are left out.
_SILENT = {"$schema", "$id", "$comment", "examples", "example", "default", "title", "readOnly", "writeOnly", "strict"}
# What `_OpenAPI.convert` itself handles, and `additionalProperties`, which the format does not need.
_CONVERTED_APART = {"type", "anyOf", "oneOf", "$defs", "definitions", "additionalProperties"}
_DEPTH = 64


def anthropic_schema(schema: Mapping[str, Any], lost: set[str]) -> dict[str, Any]:
    """The schema as Anthropic's structured outputs accept it: closed objects, no numeric or length bounds."""
    return _anthropic(schema, 0, lost)


def _anthropic(node: Any, depth: int, lost: set[str]) -> Any:
    if not isinstance(node, dict) or depth > _DEPTH:
        return node
    out: dict[str, Any] = {}
    described: dict[str, Any] = {}
    node = {("anyOf" if key == "oneOf" else key): value for key, value in node.items()}
    for key, value in node.items():
        if key in {"properties", "$defs", "definitions"} and isinstance(value, dict):
            out[key] = {name: _anthropic(child, depth + 1, lost) for name, child in value.items()}
        elif key == "items":
            out[key] = _anthropic(value, depth + 1, lost)
        elif key in {"anyOf", "allOf"} and isinstance(value, list):
            out[key] = [_anthropic(child, depth + 1, lost) for child in value]
        elif (key == "format" and value not in _ANTHROPIC_FORMATS) or (key == "minItems" and value not in (0, 1)):
            described[key] = value
        elif key in ANTHROPIC:
            out[key] = value
        elif key not in _SILENT:
            described[key] = value
    if out.get("type") == "object" or "properties" in out:
        out.setdefault("properties", {})
        out["additionalProperties"] = False
    return _describe(out, described, lost)


def gemini_json_schema(schema: Mapping[str, Any], lost: set[str]) -> dict[str, Any]:
    """The schema as `responseJsonSchema` and `parametersJsonSchema` accept it: a subset of JSON Schema."""
    return _gemini_json(schema, 0, lost)


def _gemini_json(node: Any, depth: int, lost: set[str]) -> Any:
    if not isinstance(node, dict) or depth > _DEPTH:
        return node
    out: dict[str, Any] = {}
    described: dict[str, Any] = {}
    for key, value in node.items():
        name = "$defs" if key == "definitions" else key
        if name in {"properties", "$defs"} and isinstance(value, dict):
            out[name] = {label: _gemini_json(child, depth + 1, lost) for label, child in value.items()}
        elif name in {"items", "additionalProperties"}:
            out[name] = _gemini_json(value, depth + 1, lost)
        elif name in {"anyOf", "oneOf", "prefixItems"} and isinstance(value, list):
            out[name] = [_gemini_json(child, depth + 1, lost) for child in value]
        elif name == "$ref" and isinstance(value, str):
            out[name] = value.replace("#/definitions/", "#/$defs/")
        elif name == "const":
            out["enum"] = [value]
        elif name in GEMINI_JSON:
            out[name] = value
        elif name not in _SILENT:
            described[name] = value
    return _describe(out, described, lost)


def gemini_openapi_schema(schema: Mapping[str, Any], lost: set[str]) -> dict[str, Any]:
    """The schema as Gemini's older `Schema` message accepts it: OpenAPI 3.0 with upper-case types and no references."""
    return _OpenAPI({**_mapping(schema.get("definitions")), **_mapping(schema.get("$defs"))}, lost).convert(schema)


class _OpenAPI:
    """Converts one schema.

    Args:
        roots: The schema's definitions by name, put in the place of references to them.
        lost: Where the keywords go that became part of a description.
    """

    def __init__(self, roots: Mapping[str, Any], lost: set[str]) -> None:
        self._roots = roots
        self._lost = lost

    def convert(self, node: Any, path: tuple[str, ...] = ()) -> dict[str, Any]:
        """One node; `path` names the definitions around it."""
        if not isinstance(node, dict):
            return {}
        if isinstance(reference := node.get("$ref"), str):
            return self._definition(reference.rsplit("/", 1)[-1], node, path)
        node, out = _one_type(_flattened(node))
        if isinstance(unions := node.get("anyOf") or node.get("oneOf"), list):
            members = [one for one in unions if not (isinstance(one, dict) and one.get("type") == "null")]
            if len(members) < len(unions):
                out["nullable"] = True
            if len(members) == 1:
                rest = {key: value for key, value in node.items() if key not in {"anyOf", "oneOf"}}
                return {**self.convert(members[0], path), **self.convert(rest, path), **out}
            out["anyOf"] = [self.convert(one, path) for one in members]
        if isinstance(kind := node.get("type"), str):
            out["type"] = kind.upper()
        described: dict[str, Any] = {}
        for key, value in node.items():
            self._keyword(key, value, out, described, path)
        if out.get("type") == "ARRAY":
            out.setdefault("items", {"type": "STRING"})
        if isinstance(out.get("required"), list) and isinstance(out.get("properties"), dict):
            out["required"] = [name for name in out["required"] if name in out["properties"]]
        return _describe(out, described, self._lost)

    def _definition(self, name: str, node: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        if name in path or name not in self._roots:
            # This format cannot express a recursive type; the model still learns that an object belongs here.
            self._lost.add("$ref")
            return {"type": "OBJECT", "description": f"nested {name}"}
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return self.convert({**_mapping(self._roots[name]), **rest}, (*path, name))

    def _keyword(
        self, key: str, value: Any, out: dict[str, Any], described: dict[str, Any], path: tuple[str, ...]
    ) -> None:
        """Put one keyword into `out`, or into `described` if the format does not have it."""
        if key in _CONVERTED_APART:
            return
        if key == "properties" and isinstance(value, dict):
            out[key] = {name: self.convert(child, path) for name, child in value.items()}
        elif key == "items":
            out[key] = self.convert(value, path)
        elif key in {"enum", "const"}:
            values = value if key == "enum" and isinstance(value, list) else [value]
            if all(isinstance(one, str) for one in values):
                out["enum"], out["type"] = values, "STRING"
            else:
                described["allowed values"] = [one for one in values if one is not None]
        elif key in GEMINI_OPENAPI and (key != "format" or value in _OPENAPI_FORMATS.get(str(out.get("type")), ())):
            out[key] = value
        elif key not in _SILENT:
            described[key] = value


def _one_type(node: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A node with one type or a union in the place of a list of types, and `nullable` as the list implies it."""
    kinds = node.get("type")
    if not isinstance(kinds, list):
        return node, {}
    rest = {key: value for key, value in node.items() if key != "type"}
    named = [kind for kind in kinds if kind != "null"]
    if len(named) == 1:
        rest = {"type": named[0], **rest}
    elif named:
        rest["anyOf"] = [{"type": kind} for kind in named]
    return rest, {"nullable": "null" in kinds}


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


def _describe(out: dict[str, Any], described: Mapping[str, Any], lost: set[str]) -> dict[str, Any]:
    if described:
        lost.update(described)
        words = ", ".join(
            f"{key}: {json.dumps(value, ensure_ascii=False, default=str)}" for key, value in described.items()
        )
        text = out.get("description")
        out["description"] = f"{text} ({words})" if isinstance(text, str) and text else f"({words})"
    return out
