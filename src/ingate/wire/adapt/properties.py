"""Names of a tool's parameters as the provider accepts them, and the caller's names in the arguments of the answer.

Anthropic accepts letters, digits, `_`, `.` and `-` only, up to 64 characters, wherever Claude is hosted; MCP servers have
`filter[id]`, `$top` and `@type`. The names at the top of the schema are checked, those of objects within it are not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.wire.adapt.keys import with_keys
from ingate.wire.adapt.spelling import listed, spelling_of
from ingate.wire.fields import replaced

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.adapt.draft import Draft

# Keywords whose schemas describe the same object.
_SAME: Final = ("if", "then", "else", "not")
_SAME_LISTS: Final = ("allOf", "anyOf", "oneOf")
# Keywords whose keys are names of properties.
_BY_NAME: Final = ("properties", "dependentRequired", "dependentSchemas", "dependencies")
_POINTER: Final = "#/properties/"
_DEPTH: Final = 64


class PropertyNames:
    """The names of parameters of one request's tools that its provider does not accept, with what replaces them.

    Args:
        replaced: The tool's name as the caller gave it → the caller's names → the names that are sent.
    """

    __slots__ = ("_caller", "_sent")

    def __init__(self, replaced: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self._sent = dict(replaced or {})
        self._caller = {tool: {sent: name for name, sent in names.items()} for tool, names in self._sent.items()}

    def __bool__(self) -> bool:
        return bool(self._sent)

    def callers(self, tool: str) -> Mapping[str, str] | None:
        """The names that are sent → the caller's, of the tool with this name; None if it has its own."""
        return self._caller.get(tool)

    @classmethod
    def apply(cls, draft: Draft, facts: Mapping[str, Any]) -> PropertyNames:
        """Replace the names that `facts["property_name"]` does not allow in the tools and in the calls of the history."""
        spelling = spelling_of(facts.get("property_name"), "property")
        tools, functions = draft.body.get("tools"), draft.body.get("functions")
        if spelling is None or not (tools or functions):
            return _NONE
        by_tool: dict[str, dict[str, None]] = {}
        for tool in tools if isinstance(tools, list) else ():
            _collect(tool.get("function") if isinstance(tool, dict) else None, by_tool)
        for function in functions if isinstance(functions, list) else ():
            _collect(function, by_tool)
        sent = {tool: made for tool, names in by_tool.items() if (made := spelling.replacements(names))}
        if not sent:
            return _NONE
        made = cls(sent)
        merged = {name: to for names in sent.values() for name, to in names.items()}
        note = (
            f"the model sees the parameters {listed(merged)} of {', '.join(map(repr, list(sent)[:4]))}: its provider does "
            "not accept the names; the answer has yours"
        )
        if isinstance(tools, list):
            draft.respell("tools", replaced(tools, made._tool), note)
            note = ""
        if isinstance(functions, list):
            draft.respell("functions", replaced(functions, made._function), note)
        if draft.tool_messages and (messages := draft.messages) is not None:
            draft.respell("messages", replaced(messages, made._message))
        return made

    def restore(self, message: dict[str, Any]) -> None:
        """Put the caller's names into the arguments of a message, in place. Its tools have the caller's names already."""
        calls = message.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            function = call.get("function") if isinstance(call, dict) else None
            if not isinstance(function, dict) or (names := self._caller.get(str(function.get("name")))) is None:
                continue
            if isinstance(text := function.get("arguments"), str):
                function["arguments"] = with_keys(text, names)

    def _tool(self, tool: Any) -> Any:
        function = tool.get("function") if isinstance(tool, dict) else None
        made = self._function(function)
        return tool if made is function else {**tool, "function": made}

    def _function(self, function: Any) -> Any:
        names = self._sent.get(str(function.get("name"))) if isinstance(function, dict) else None
        return function if names is None else {**function, "parameters": _renamed(function.get("parameters"), names, 0)}

    def _message(self, message: Any) -> Any:
        calls = message.get("tool_calls") if isinstance(message, dict) else None
        if not isinstance(calls, list):
            return message
        made = replaced(calls, self._call)
        return message if made is calls else {**message, "tool_calls": made}

    def _call(self, call: Any) -> Any:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or (names := self._sent.get(str(function.get("name")))) is None:
            return call
        given = function.get("arguments")
        if isinstance(given, str):
            text = with_keys(given, names)
            return call if text == given else {**call, "function": {**function, "arguments": text}}
        if isinstance(given, dict) and not names.keys().isdisjoint(given):
            made = {names.get(key, key): value for key, value in given.items()}
            return {**call, "function": {**function, "arguments": made}}
        return call


_NONE = PropertyNames()


def is_accepted_object(schema: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    """Whether the names of a schema's properties need no replacement."""
    spelling = spelling_of(facts.get("property_name"), "property")
    properties = schema.get("properties")
    return spelling is None or not isinstance(properties, dict) or all(map(spelling.accepts, map(str, properties)))


def _collect(function: Any, by_tool: dict[str, dict[str, None]]) -> None:
    parameters = function.get("parameters") if isinstance(function, dict) else None
    properties = parameters.get("properties") if isinstance(parameters, dict) else None
    if isinstance(properties, dict) and isinstance(name := function.get("name"), str):
        found = by_tool.setdefault(name, {})
        for key in properties:
            if isinstance(key, str):
                found[key] = None


def _renamed(schema: Any, names: Mapping[str, str], depth: int) -> Any:
    """A schema with other names for the properties of the object that it describes."""
    if not isinstance(schema, dict) or depth > _DEPTH:
        return schema
    made = dict(schema)
    for key in _BY_NAME:
        if isinstance(named := made.get(key), dict):
            made[key] = {names.get(name, name): value for name, value in named.items()}
    if isinstance(needed := made.get("dependentRequired"), dict):
        made["dependentRequired"] = {name: _listed(value, names) for name, value in needed.items()}
    if "required" in made:
        made["required"] = _listed(made["required"], names)
    for key in _SAME:
        if key in made:
            made[key] = _renamed(made[key], names, depth + 1)
    for key in _SAME_LISTS:
        if isinstance(members := made.get(key), list):
            made[key] = [_renamed(member, names, depth + 1) for member in members]
    return _with_pointers(made, names) if depth == 0 else made


def _listed(value: Any, names: Mapping[str, str]) -> Any:
    if not isinstance(value, list):
        return value
    return [names.get(name, name) if isinstance(name, str) else name for name in value]


def _with_pointers(node: Any, names: Mapping[str, str], depth: int = 0) -> Any:
    """A schema whose references to renamed properties follow them."""
    if depth > _DEPTH:
        return node
    if isinstance(node, list):
        return [_with_pointers(item, names, depth + 1) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _with_pointers(value, names, depth + 1) for key, value in node.items()}
    reference = made.get("$ref")
    if isinstance(reference, str) and reference.startswith(_POINTER):
        name, slash, rest = reference.removeprefix(_POINTER).partition("/")
        known = names.get(name.replace("~1", "/").replace("~0", "~"))
        if known is not None:
            made["$ref"] = f"{_POINTER}{known}{slash}{rest}"
    return made
