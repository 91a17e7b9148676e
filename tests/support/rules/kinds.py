"""What a rule can say: a mechanism for each kind, none of which knows a model's name."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from support.rules.broken import RuleBroken
from support.rules.view import at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.rules.load import Rule
    from support.rules.view import View


def _break(rule: Rule, view: View, where: str, **more: Any) -> None:
    said = {"where": where, "model": view.model, **more}
    raise RuleBroken(
        rule, where, re.sub(r"\{(\w+)\}", lambda found: str(said.get(found[1], found[0])), rule["message"])
    )


def holds(rule: Rule, view: View) -> bool:
    """Whether the request is one of those that the rule is about."""
    when = rule.get("when", {})
    told = {
        "effort": view.effort,
        "thinking": view.thinking,
        "form": view.form,
        "choice": view.choice,
        "tools": bool(view.tools),
        "tool_turns": any(turn.calls or turn.answers for turn in view.turns),
        "stream": bool(view.body.get("stream")),
    }
    return all(
        told[name.removeprefix("not_")] not in values if name.startswith("not_") else told[name] in values
        for name, values in when.items()
    )


# ---- parameters ---------------------------------------------------------------------------------------------------


def forbidden(rule: Rule, view: View) -> None:
    """Parameters that must not be there, except with the values of `except`."""
    for path in rule["paths"]:
        value = at(view.body, path)
        if value is not None and not any(_same(value, one) for one in rule.get("except", ())):
            name = path.rpartition(".")[2]
            _break(rule, view, path, name=rule.get("names", {}).get(name, name), value=json.dumps(value))


def _same(value: Any, other: Any) -> bool:
    return value == other and isinstance(value, bool) == isinstance(other, bool)


def allowed(rule: Rule, view: View) -> None:
    """A parameter that must have one of these values if it is there; `required` if it must be."""
    for path in rule["paths"]:
        value = at(view.body, path)
        if (value is None and rule.get("required")) or (value is not None and value not in rule["values"]):
            _break(
                rule, view, path, name=path.rpartition(".")[2], value=value, values=", ".join(map(repr, rule["values"]))
            )


def together(rule: Rule, view: View) -> None:
    """Parameters of which only one may be there."""
    if all(at(view.body, path) is not None for path in rule["paths"]):
        _break(rule, view, rule["paths"][0])


def count(rule: Rule, view: View) -> None:
    """A list or a number that may be no larger than `most`."""
    for path in rule["paths"]:
        value = at(view.body, path)
        size = len(value) if isinstance(value, list) else value if isinstance(value, (int, float)) else 0
        if size > rule["most"]:
            _break(rule, view, path, size=size, most=rule["most"])


def bounds(rule: Rule, view: View) -> None:
    """A number that must be at least `least` (or `above` it) and at most `most`."""
    for path in rule["paths"]:
        value = at(view.body, path)
        if isinstance(value, (int, float)) and not (
            rule.get("least", value) <= value <= rule["most"] and value > rule.get("above", value - 1)
        ):
            _break(rule, view, path, name=path.rpartition(".")[2], value=value)


def keys(rule: Rule, view: View) -> None:
    """Keys that are unknown: of the request, or of the messages of a role."""
    forbids = set(rule["forbids"])
    if rule["of"] == "request":
        for name in view.body:
            if name in forbids:
                _break(rule, view, name, name=name)
    for turn in view.turns:
        if rule["of"] in {turn.role, "messages"} and isinstance(turn.raw, dict):
            for name in turn.raw:
                if name in forbids:
                    _break(rule, view, f"{turn.where}.{turn.raw['role']}.{name}", name=name, at=turn.where)


def roles(rule: Rule, view: View) -> None:
    """Roles that are unknown."""
    for turn in view.turns:
        if isinstance(turn.raw, dict) and turn.raw.get("role") in rule["refused"]:
            _break(rule, view, turn.where, role=turn.raw["role"])


def header_needed(rule: Rule, view: View) -> None:
    """A parameter that needs a value in a header."""
    if at(view.body, rule["path"]) is not None and rule["value"] not in view.headers.get(rule["header"], ""):
        betas = view.body.get("anthropic_beta") or ()
        if rule["value"] not in betas:
            _break(rule, view, rule["path"])


# ---- tools --------------------------------------------------------------------------------------------------------


def no_tools(rule: Rule, view: View) -> None:
    """No tools on offer."""
    if view.tools:
        _break(rule, view, rule.get("param", "tools"))


def choice(rule: Rule, view: View) -> None:
    """Ways of choosing a tool that are refused."""
    if view.choice in rule["refused"]:
        _break(
            rule, view, "tool_choice", choice={"any": "required", "named": "specified"}.get(view.choice, view.choice)
        )


def tool_name(rule: Rule, view: View) -> None:
    """What a tool's name must look like, on offer and in the history."""
    names = [(f"{tool.where}.name", tool.name) for tool in view.tools]
    if not rule.get("offered_only"):
        names += [(f"{call.where}.function.name", call.name) for turn in view.turns for call in turn.calls]
    for where, name in names:
        if not re.fullmatch(rule["pattern"], name):
            _break(rule, view, where, name=name, length=len(name))


def property_name(rule: Rule, view: View) -> None:
    """What the names at the top of a tool's schema must look like; those within it are not looked at."""
    for tool in view.tools:
        properties = tool.schema.get("properties") if isinstance(tool.schema, dict) else None
        for name in properties or ():
            if not re.fullmatch(rule["pattern"], name):
                _break(rule, view, f"{tool.where}.{rule['param']}.properties", name=name)


def unique_tools(rule: Rule, view: View) -> None:
    """No two tools of one name."""
    seen: set[str] = set()
    for tool in view.tools:
        if tool.name in seen:
            _break(rule, view, f"{tool.where}.name", name=tool.name)
        seen.add(tool.name)


def call_id(rule: Rule, view: View) -> None:
    """What a call's id must look like, in the call and in its result."""
    for turn in view.turns:
        ids = [(f"{call.where}.{rule.get('field', 'id')}", call.id) for call in turn.calls] + turn.answers
        for where, value in ids:
            if value is None or not re.fullmatch(rule["pattern"], value):
                _break(rule, view, where, id=value, length=len(value or ""))


def unique_calls(rule: Rule, view: View) -> None:
    """No id twice: within a message, or (`scope: request`) within the request."""
    seen: set[str | None] = set()
    for turn in view.turns:
        if rule.get("scope") != "request":
            seen = set()
        for call in turn.calls:
            if call.id in seen:
                _break(rule, view, call.where, id=call.id)
            seen.add(call.id)


# ---- schemas ------------------------------------------------------------------------------------------------------


def schema_root(rule: Rule, view: View) -> None:
    """Keywords that must not be at the root of a tool's schema, and the type that it must have."""
    for tool in view.tools:
        schema = tool.schema if isinstance(tool.schema, dict) else {}
        if schema.keys() & set(rule["keywords"]) or (rule.get("object") and schema and schema.get("type") != "object"):
            _break(rule, view, f"{tool.where}.{rule.get('param', 'parameters')}", name=tool.name)


def schema_keywords(rule: Rule, view: View) -> None:
    """Keywords that must not be anywhere in a tool's schema."""
    for tool in view.tools:
        for keyword in _keywords(tool.schema):
            if keyword in rule["keywords"]:
                _break(rule, view, f"{tool.where}.parameters", name=tool.name, keyword=keyword)


def _keywords(schema: Any, *, names: bool = False) -> Iterator[str]:
    if isinstance(schema, list):
        for item in schema:
            yield from _keywords(item)
    elif isinstance(schema, dict):
        for key, item in schema.items():
            if not names:
                yield key
            if key not in {"enum", "const", "default", "examples"} or names:
                yield from _keywords(item, names=key in {"properties", "$defs", "definitions"} and not names)


def schema_flavour(rule: Rule, view: View) -> None:
    """A subset of JSON Schema in which each node has one type, and none beside `anyOf` or `$ref`."""
    for tool in view.tools:
        for path, node in _nodes(tool.schema, ""):
            has_type = "type" in node
            if ("anyOf" in node or "$ref" in node) and has_type:
                keyword = "anyOf" if "anyOf" in node else "$ref"
                _break(
                    rule,
                    view,
                    tool.where,
                    path=path,
                    details=f"when using {keyword}, type should be defined in it instead of the parent schema",
                )
            if not str(node.get("$ref", "#/$defs/")).startswith(("#/$defs/", "#")):
                _break(rule, view, tool.where, path=path, details="references must start with #/$defs/")
            if path and not node.keys() & {"anyOf", "$ref"} and not isinstance(node.get("type"), str):
                _break(rule, view, tool.where, path=path, details="type is not defined")


def _nodes(schema: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """A schema's nodes with their paths, the root first."""
    if not isinstance(schema, dict):
        return
    yield path, schema
    for key, item in schema.items():
        if key in {"properties", "$defs"} and isinstance(item, dict):
            for name, child in item.items():
                yield from _nodes(child, f"{path}.{key}.{name}")
        elif key == "items":
            yield from _nodes(item, f"{path}.items")
        elif key == "anyOf" and isinstance(item, list):
            for number, child in enumerate(item):
                yield from _nodes(child, f"{path}.anyOf.{number}")


def form(rule: Rule, view: View) -> None:
    """Forms of an answer that are refused."""
    if view.form in rule["refused"]:
        _break(rule, view, "response_format", form=view.form)


def json_word(rule: Rule, view: View) -> None:
    """JSON mode needs the word in a message."""
    texts = [text for turn in view.turns for _, text in turn.texts]
    if view.form == "json_object" and not any("json" in text.lower() for text in texts):
        _break(rule, view, rule.get("param", "messages"))


PARAMETERS = {
    "forbidden": forbidden, "allowed": allowed, "together": together, "count": count, "bounds": bounds, "keys": keys, "roles": roles,
    "header_needed": header_needed, "no_tools": no_tools, "choice": choice, "tool_name": tool_name,
    "property_name": property_name,
    "unique_tools": unique_tools, "call_id": call_id, "unique_calls": unique_calls, "schema_root": schema_root,
    "schema_keywords": schema_keywords, "schema_flavour": schema_flavour, "form": form, "json_word": json_word,
}  # fmt: skip
