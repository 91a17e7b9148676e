"""Schemas of tools and answers as the provider accepts them: an object at the root, without a union there.

OpenAI and Anthropic reject a tool whose schema has `anyOf`, `oneOf`, `allOf`, `enum` or `not` at the root. The members of a
union become one object that allows what any of them allows; what that loses is added to the description, which the model
reads.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ingate.wire.fields import replaced
from ingate.wire.typed_schema import rewritten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.adapt.draft import Draft

_UNIONS: Final = ("anyOf", "oneOf")
_DESCRIPTION_CHARS: Final = 2000


def with_accepted_schemas(draft: Draft, facts: Mapping[str, Any]) -> None:
    """Rewrite the schemas of tools that have a keyword of `facts["schema_root"]` at the root.

    Where `facts["typed_schemas"]` is set, every node gets one type.
    """
    tools = draft.body.get("tools")
    if not isinstance(tools, list) or not tools:
        return
    if facts.get("typed_schemas"):
        tools = _with_types(draft, tools)
    if not (refused := facts.get("schema_root")):
        return
    changed: list[str] = []
    made = replaced(tools, lambda tool: _tool(tool, frozenset(refused), changed))
    if changed:
        draft.change(
            "tools",
            made,
            f"the schema of {', '.join(map(repr, changed[:4]))} was rewritten as one object: the model's provider does not "
            "accept a union at the root",
        )
    else:
        draft.respell("tools", made)


def _with_types(draft: Draft, tools: list[Any]) -> list[Any]:
    """The tools with typed schemas, which is reported if they demand less."""
    lost: list[str] = []
    typed = replaced(tools, lambda tool: _typed(tool, lost))
    if lost:
        why = "the provider demands one type for each value"
        names = ", ".join(map(repr, lost[:4]))
        draft.change("tools", typed, f"constraints in the schema of {names} became part of descriptions: {why}")
    else:
        draft.respell("tools", typed)
    return typed


def _typed(tool: Any, lost: list[str]) -> Any:
    """A tool whose schema has one type for every node; its name is added to `lost` if the schema demands less."""
    function = tool.get("function") if isinstance(tool, dict) else None
    schema = function.get("parameters") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(schema, dict) or not schema:
        return tool
    made, loses = rewritten(schema)
    if loses:
        lost.append(str(function.get("name")))
    return tool if made == schema else {**tool, "function": {**function, "parameters": made}}


def _tool(tool: Any, refused: frozenset[str], changed: list[str]) -> Any:
    function = tool.get("function") if isinstance(tool, dict) else None
    schema = function.get("parameters") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(schema, dict):
        return tool
    if not _is_refused(schema, refused):
        if not schema or schema.get("type") == "object":
            return tool
        return {**tool, "function": {**function, "parameters": {"type": "object", **schema}}}
    changed.append(str(function.get("name")))
    made, lost = object_schema(schema, refused)
    described = {**function, "parameters": made}
    if lost:
        text = function.get("description")
        note = f"The arguments must also satisfy this JSON Schema: {lost[:_DESCRIPTION_CHARS]}"
        described["description"] = f"{text}\n{note}" if isinstance(text, str) and text else note
    if described.get("strict") is True:
        described["strict"] = False  # a strict schema lists every property as required, which a union cannot
    return {**tool, "function": described}


def _is_refused(schema: Mapping[str, Any], refused: frozenset[str]) -> bool:
    return not refused.isdisjoint(schema) or schema.get("type", "object") != "object"


def object_schema(schema: Mapping[str, Any], refused: frozenset[str]) -> tuple[dict[str, Any], str]:
    """A schema with an object at its root that accepts the objects that any part of `schema` describes.

    Args:
        schema: Any JSON Schema.
        refused: Keywords that must not be at the root.

    Returns:
        The schema, and what it no longer demands, as JSON; empty if nothing.
    """
    definitions = {key: schema[key] for key in ("$defs", "definitions") if isinstance(schema.get(key), dict)}
    merged = _merged(schema, schema, refused, set())
    made: dict[str, Any] = {"type": "object", "properties": merged["properties"], **definitions}
    if merged["required"]:
        made["required"] = merged["required"]
    apart = {"type", "properties", "required", *definitions, *refused, "$ref"}
    made |= {key: value for key, value in schema.items() if key not in apart}
    if "additionalProperties" in made and not isinstance(schema.get("properties"), dict):
        del made["additionalProperties"]  # it would close the object to the members' properties
    lost = {key: schema[key] for key in sorted(refused & schema.keys())}
    return made, json.dumps(lost, ensure_ascii=False, default=str) if lost else ""


def _merged(node: Any, root: Mapping[str, Any], refused: frozenset[str], seen: set[str]) -> dict[str, Any]:
    """The properties that an object may have by any part of `node`, and those that each part requires."""
    if not isinstance(node, dict):
        return {"properties": {}, "required": []}
    # Each definition is read once: definitions that refer to each other twice would take exponential time.
    if isinstance(reference := node.get("$ref"), str) and reference not in seen:
        seen.add(reference)
        return _merged(_resolved(reference, root), root, refused, seen)
    properties = dict(node["properties"]) if isinstance(node.get("properties"), dict) else {}
    required = [name for name in _items(node, "required") if isinstance(name, str)]
    for member in _items(node, "allOf"):
        found = _merged(member, root, refused, seen)
        _add(properties, found["properties"])
        required += [name for name in found["required"] if name not in required]
    for key in _UNIONS:
        members = [_merged(member, root, refused, seen) for member in _items(node, key) if isinstance(member, dict)]
        for found in members:
            _add(properties, found["properties"])
        if members:
            in_all = [name for name in members[0]["required"] if all(name in one["required"] for one in members)]
            required += [name for name in in_all if name not in required]
    return {"properties": properties, "required": [name for name in required if name in properties]}


def _items(node: Mapping[str, Any], key: str) -> list[Any]:
    value = node.get(key)
    return value if isinstance(value, list) else []


def _add(properties: dict[str, Any], found: Mapping[str, Any]) -> None:
    """Add a member's properties; one that another member has too accepts what either accepts."""
    for name, schema in found.items():
        known = properties.get(name)
        if known is None or known == schema:
            properties[name] = schema
        elif isinstance(known, dict) and set(known) == {"anyOf"}:
            properties[name] = known if schema in known["anyOf"] else {"anyOf": [*known["anyOf"], schema]}
        else:
            properties[name] = {"anyOf": [known, schema]}


def _resolved(reference: str, root: Mapping[str, Any]) -> Any:
    node: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        node = node.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) and step else node
    return node if node is not root else {}
