"""JSON Schema in which every node has one type, for providers that accept only that.

Moonshot's subset (https://github.com/MoonshotAI/walle/blob/main/docs/mfjs-spec.md) demands a `type` on each node, and none
beside `anyOf`. References are put in their place: a bare one is rejected, too
(https://github.com/anomalyco/opencode/issues/39995).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_TYPES: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (bool, "boolean"), (str, "string"), (int, "integer"), (float, "number"), (list, "array"), (dict, "object")
)  # fmt: skip
# Keywords that imply a node's type.
_IMPLIED: Final[Mapping[str, str]] = {
    "properties": "object", "required": "object", "additionalProperties": "object", "items": "array", "minItems": "array",
    "maxItems": "array", "minLength": "string", "maxLength": "string", "pattern": "string", "format": "string",
    "minimum": "number", "maximum": "number", "multipleOf": "number",
}  # fmt: skip
# Anything, where nothing says what a value is.
_ANY: Final = [{"type": kind} for kind in ("string", "number", "boolean", "object")]
# What is told in the description instead.
_DESCRIBED: Final = frozenset(
    {"not", "if", "then", "else", "patternProperties", "dependentRequired", "contains", "prefixItems"}
)
_SILENT: Final = frozenset({"$defs", "definitions", "$schema", "$id", "$comment", "title", "examples"})
_DEPTH: Final = 32
_MOST_NODES: Final = 10_000  # a small schema can refer to itself so often that it would fill the memory


def typed_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with one type for every node and without references; a recursive one ends in an object."""
    return rewritten(schema)[0]


def rewritten(schema: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """`typed_schema`, and whether it demands less: a constraint became part of a description, or a recursion ended."""
    typed = _Typed(schema)
    return typed.node(schema, (), 0), typed.lost


class _Typed:
    """Converts one schema.

    Args:
        root: The schema, to which its references refer.
    """

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._nodes = 0
        self.lost = False

    def node(self, given: Any, path: tuple[str, ...], depth: int) -> dict[str, Any]:
        """One node; `path` are the references around it."""
        self._nodes += 1
        if depth > _DEPTH or self._nodes > _MOST_NODES:
            self.lost = True
            return {"type": "object"}
        if not isinstance(given, dict):
            return {"anyOf": [dict(one) for one in _ANY]}
        if isinstance(reference := given.get("$ref"), str):
            return self._referenced(reference, given, path, depth)
        given, path = self._without_all_of(given, path)
        if isinstance(kinds := given.get("type"), list):
            rest = {key: value for key, value in given.items() if key != "type"}
            named = [str(kind) for kind in kinds]
            given = (
                {**rest, "type": named[0]} if len(named) == 1 else {**rest, "anyOf": [{"type": kind} for kind in named]}
            )
        members = given.get("anyOf") or given.get("oneOf")
        if isinstance(members, list) and members:
            return self._union(given, members, path, depth)
        return self._plain(given, path, depth)

    def _referenced(
        self, reference: str, given: Mapping[str, Any], path: tuple[str, ...], depth: int
    ) -> dict[str, Any]:
        found = _at(self._root, reference)
        more = {key: value for key, value in given.items() if key in {"description", "default"}}
        if reference in path or not isinstance(found, dict):
            self.lost = True
            return {"type": "object", "description": f"nested {reference.rpartition('/')[2]}", **more}
        return {**self.node(found, (*path, reference), depth + 1), **more}

    def _without_all_of(self, given: dict[str, Any], path: tuple[str, ...]) -> tuple[dict[str, Any], tuple[str, ...]]:
        """A node with the members of its `allOf` merged into it, and the references around it now."""
        members = given.get("allOf")
        if not isinstance(members, list):
            return given, path
        merged: dict[str, Any] = {}
        for member in (*members, {key: value for key, value in given.items() if key != "allOf"}):
            found, path = self._resolved(member, path)
            found, path = self._without_all_of(found, path)
            for key, value in found.items():
                if key == "properties" and isinstance(value, dict):
                    merged[key] = {**merged.get(key, {}), **value}
                elif key == "required" and isinstance(value, list):
                    merged[key] = [*merged.get(key, []), *(one for one in value if one not in merged.get(key, []))]
                elif key not in {"$ref", "$defs", "definitions"}:
                    merged[key] = value
        return merged, path

    def _resolved(self, member: Any, path: tuple[str, ...]) -> tuple[dict[str, Any], tuple[str, ...]]:
        """A member of an `allOf` with what it refers to."""
        made = member if isinstance(member, dict) else {}
        while isinstance(reference := made.get("$ref"), str):
            rest = {key: value for key, value in made.items() if key != "$ref"}
            found = _at(self._root, reference) if reference not in path else None
            made, path = {**(found if isinstance(found, dict) else {}), **rest}, (*path, reference)
        return made, path

    def _union(self, given: Mapping[str, Any], members: list[Any], path: tuple[str, ...], depth: int) -> dict[str, Any]:
        """A union; what stands beside its members belongs to each of them."""
        kept = {key: given[key] for key in ("description", "default") if key in given}
        shared = {
            key: value for key, value in given.items() if key not in {"anyOf", "oneOf", *kept, *_SILENT, *_DESCRIBED}
        }
        made = [self.node({**shared, **one} if isinstance(one, dict) else one, path, depth + 1) for one in members]
        flat = [inner for one in made for inner in (one["anyOf"] if one.keys() == {"anyOf"} else [one])]
        return {"anyOf": flat, **kept} if len(flat) > 1 else {**flat[0], **kept}

    def _plain(self, given: Mapping[str, Any], path: tuple[str, ...], depth: int) -> dict[str, Any]:
        kind = given.get("type") if isinstance(given.get("type"), str) else _implied(given)
        if kind is None:
            made = {key: given[key] for key in ("description", "default") if key in given}
            self.lost = self.lost or not given.keys() <= {*made, "type", *_SILENT}
            return {"anyOf": [dict(one) for one in _ANY], **made}
        made = {"type": kind}
        told: dict[str, Any] = {}
        for key, value in given.items():
            if key == "properties" and isinstance(value, dict):
                made[key] = {name: self.node(child, path, depth + 1) for name, child in value.items()}
            elif key == "items":
                first = value[0] if isinstance(value, list) and value else value
                self.lost = self.lost or first is not value
                made[key] = self.node(first, path, depth + 1)
            elif key == "additionalProperties" and isinstance(value, dict):
                made[key] = self.node(value, path, depth + 1) if value else True
            elif key == "const":
                made["enum"] = [value]
            elif key in _DESCRIBED:
                told[key] = value
                self.lost = True
            elif key not in _SILENT and key != "type":
                made[key] = value
        if told:
            words = json.dumps(told, ensure_ascii=False, default=str)
            text = made.get("description")
            made["description"] = f"{text} ({words})" if isinstance(text, str) and text else f"({words})"
        return made


def _implied(node: Mapping[str, Any]) -> str | None:
    """The type that a node's keywords or values imply."""
    values = [node["const"]] if "const" in node else node.get("enum")
    if isinstance(values, list) and values:
        kinds = {next((name for kind, name in _TYPES if isinstance(value, kind)), "null") for value in values}
        return kinds.pop() if len(kinds) == 1 else "string"
    return next((kind for key, kind in _IMPLIED.items() if key in node), None)


def _at(root: Mapping[str, Any], reference: str) -> Any:
    node: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        node = node.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) and step else node
    return node
