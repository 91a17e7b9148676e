"""The tools of a Responses request as functions of a chat request, and calls of those functions as items again."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import msgspec

from ingate.wire.client_fields import invalid, json_type, objects, optional, required

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.client_fields import Warnings

_MOST_NAME: Final = 64  # characters of a function's name
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9_-]")
_INPUT: Final = "input"
_EMPTY: Final[Mapping[str, Any]] = {"type": "object", "properties": {}}
_SEARCH_TOOLS: Final = {
    "type": "object",
    "properties": {"query": {"type": "string", "description": "What the tools should be able to do."}},
    "required": ["query"],
}
# The characters of a JSON string that can be decoded without what follows them.
_WHOLE: Final = re.compile(r'(?:[^"\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*')
_OPENING: Final = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_HIGH_SURROGATE: Final = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\Z")
_encode = msgspec.json.Encoder().encode


class ToolName(NamedTuple):
    """A tool as the client knows it."""

    kind: Literal["function", "custom", "tool_search"]
    name: str
    namespace: str | None = None


class Tools:
    """What the model may call, by the client's names and by those of the chat request.

    A function of a namespace becomes `<namespace>__<name>`. A custom tool becomes a function with one string, `input`.
    `tool_search`, if the client runs it, becomes a function of that name; OpenAI's own search is not needed, since the
    tools that it would find are all offered. What other servers than OpenAI's cannot run is left out with a warning.

    Attributes:
        functions: The functions, in order.
        web_search: Chat's `web_search_options`, None if the request has no web search.
    """

    def __init__(self, warnings: Warnings) -> None:
        self.functions: list[dict[str, Any]] = []
        self.web_search: dict[str, Any] | None = None
        self._warnings = warnings
        self._tools: dict[str, ToolName] = {}  # by the function's name
        self._left_out: set[str] = set()  # types

    # Definitions.

    def add(self, tools: list[Any], where: str) -> None:
        """Add tool definitions of the request, or ones that were loaded during the conversation.

        Raises:
            InvalidRequestError: One is malformed; `param` names it.
        """
        for place, tool in enumerate(objects(tools, where)):
            self._add(tool, f"{where}[{place}]", None)

    def _add(self, tool: dict[str, Any], where: str, namespace: str | None) -> None:
        kind = required(tool, "type", "a string", within=where)
        if kind == "function":
            self._add_function(tool, where, namespace)
        elif kind == "custom":
            self._add_custom(tool, where, namespace)
        elif kind == "namespace" and namespace is None:
            self._add_namespace(tool, where)
        elif kind == "tool_search":
            if tool.get("execution") == "client":
                parameters = optional(tool, "parameters", "an object", within=where) or _SEARCH_TOOLS
                description = (
                    tool.get("description") or "Find tools for a task. The tools found can be called afterwards."
                )
                self._offer(ToolName("tool_search", "tool_search"), description, parameters)
        elif kind.startswith("web_search"):
            self._add_search(tool, where)
        else:
            name = tool.get("server_label") or kind
            self._warnings.add(f"the tool {name!r} ({kind}) was left out: it runs on OpenAI's servers only")
            self._left_out.add(kind)

    def _add_function(self, tool: dict[str, Any], where: str, namespace: str | None) -> None:
        name = required(tool, "name", "a string", within=where)
        parameters = optional(tool, "parameters", "an object", within=where) or _EMPTY
        strict = optional(tool, "strict", "a boolean", within=where)
        description = optional(tool, "description", "a string", within=where)
        self._offer(ToolName("function", name, namespace), description, parameters, strict=strict)

    def _add_custom(self, tool: dict[str, Any], where: str, namespace: str | None) -> None:
        name = required(tool, "name", "a string", within=where)
        hint = "The whole input, as plain text."
        form = optional(tool, "format", "an object", within=where) or {}
        if form.get("type") == "grammar":
            hint = f"The whole input, as text that matches this {form.get('syntax') or ''} grammar:\n{form.get('definition')}"
        parameters = {
            "type": "object",
            "properties": {_INPUT: {"type": "string", "description": hint}},
            "required": [_INPUT],
            "additionalProperties": False,
        }
        description = optional(tool, "description", "a string", within=where)
        self._offer(ToolName("custom", name, namespace), description, parameters)

    def _add_namespace(self, tool: dict[str, Any], where: str) -> None:
        name = required(tool, "name", "a string", within=where)
        about = optional(tool, "description", "a string", within=where)
        members = objects(required(tool, "tools", "an array", within=where), f"{where}.tools")
        for place, member in enumerate(members):
            if place == 0 and about:  # once is enough
                member = {**member, "description": f"{about}\n\n{member.get('description') or ''}".strip()}
            self._add(member, f"{where}.tools[{place}]", name)

    def _add_search(self, tool: dict[str, Any], where: str) -> None:
        self.web_search = {}
        if size := optional(tool, "search_context_size", "a string", within=where):
            self.web_search["search_context_size"] = size
        place = optional(tool, "user_location", "an object", within=where) or {}
        known = {key: value for key, value in place.items() if key != "type" and value is not None}
        if known:
            self.web_search["user_location"] = {"type": "approximate", "approximate": known}
        if tool.get("filters"):
            self._warnings.add("filters of the tool 'web_search' were left out: only OpenAI's servers have them")

    def _offer(
        self, tool: ToolName, description: str | None, parameters: Mapping[str, Any], *, strict: bool | None = None
    ) -> None:
        if tool in self._tools.values():
            return  # loaded twice
        name = _qualified(tool)
        while name in self._tools:
            name = f"{name[: _MOST_NAME - 2]}_2"
        self._tools[name] = tool
        function: dict[str, Any] = {"name": name, "parameters": dict(parameters)}
        if description:
            function["description"] = description
        if strict is not None:
            function["strict"] = strict
        self.functions.append({"type": "function", "function": function})

    def function_name(self, tool: ToolName) -> str:
        """The name of a tool's function, whether or not the tool is offered. History may call tools that are gone."""
        for name, offered in self._tools.items():
            if offered == tool:
                return name
        if tool.namespace == tool.name:
            return tool.name  # OpenAI names the namespace of a function that its search has found after the function
        return _qualified(tool)

    def tool_of(self, function: str) -> ToolName:
        """The tool that a function stands for; a plain function if it was not offered."""
        return self._tools.get(function, ToolName("function", function))

    # The choice.

    def choice(self, given: Any) -> Any:
        """The request's `tool_choice` for the chat request, None to leave it out.

        Raises:
            InvalidRequestError: It is malformed or names a tool that is not there.
        """
        match given:
            case None:
                return None
            case "auto" | "none" | "required":
                return given if self.functions else None
            case {"type": "function" | "custom" as kind, "name": str(name)}:
                return self._named(ToolName(kind, name, given.get("namespace")))
            case {"type": "tool_search"} if "tool_search" in {tool.kind for tool in self._tools.values()}:
                return self._named(ToolName("tool_search", "tool_search"))
            case {"type": "allowed_tools", "mode": "auto" | "required" as mode, "tools": list(tools)}:
                return self._allowed(mode, objects(tools, "tool_choice.tools"))
            case {"type": str(kind)} if kind in self._left_out:
                self._warnings.add(f"tool_choice was left out: the tool {kind!r} was")
                return None
            case {"type": str(kind)} if kind.startswith("web_search") and self.web_search is not None:
                self._warnings.add("tool_choice was left out: web search cannot be forced here")
                return None
            case dict() if not isinstance(given.get("type"), str):
                raise invalid("tool_choice.type", "'tool_choice' has no type")
            case dict() | str():
                raise invalid("tool_choice", f"'tool_choice' is {given!r}, which names none of the request's tools")
        raise invalid("tool_choice", f"'tool_choice' must be a string or an object, not {json_type(given)}")

    def _named(self, tool: ToolName) -> dict[str, Any]:
        name = self.function_name(tool)
        if name not in self._tools or self._tools[name].kind != tool.kind:
            raise invalid("tool_choice", f"'tool_choice' names {tool.name!r}, which is not one of the tools")
        return {"type": "function", "function": {"name": name}}

    def _allowed(self, mode: str, allowed: list[dict[str, Any]]) -> Any:
        names: list[str] = []
        for tool in allowed:
            name = str(tool.get("name") or "")
            match tool.get("type"):
                case "function" | "custom" as kind:
                    names.append(self.function_name(ToolName(kind, name, tool.get("namespace"))))
                case "namespace":
                    names += [function for function, known in self._tools.items() if known.namespace == name]
                case "tool_search":
                    names.append("tool_search")
        known = [{"type": "function", "function": {"name": name}} for name in names if name in self._tools]
        if known:
            return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": known}}
        return "none" if self.functions else None

    # Calls.

    def arguments_of(self, tool: ToolName, item: Mapping[str, Any], where: str) -> str:
        """The arguments of an item that is a call, as the function's JSON text."""
        if tool.kind == "custom":
            return _encode({_INPUT: required(item, "input", "a string", within=where)}).decode()
        if tool.kind == "tool_search":
            return _encode(item.get("arguments") or {}).decode()
        return required(item, "arguments", "a string", within=where) or "{}"


def _qualified(tool: ToolName) -> str:
    """A function's name, made valid and short enough if it has a namespace in it."""
    if tool.namespace is None:
        return tool.name
    name = _NOT_IN_NAMES.sub("_", f"{tool.namespace}__{tool.name}")
    if len(name) > _MOST_NAME:
        name = f"{name[: _MOST_NAME - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return name


def item_id(tool: ToolName) -> str:
    """A new id for an item that is a call of the tool."""
    prefix = {"function": "fc", "custom": "ctc", "tool_search": "tsc"}[tool.kind]
    return f"{prefix}_{uuid.uuid4().hex}"


def call_item(
    tool: ToolName, call_id: str, arguments: str, *, identity: str = "", status: str = "completed"
) -> dict[str, Any]:
    """A call as the item of this API: `function_call`, `custom_tool_call` or `tool_search_call`."""
    call_id = call_id or f"call_{uuid.uuid4().hex}"
    head = {"id": identity or item_id(tool), "type": f"{tool.kind}_call", "status": status, "call_id": call_id}
    namespace = {"namespace": tool.namespace} if tool.namespace is not None else {}
    if tool.kind == "custom":
        return {**head, "type": "custom_tool_call", "name": tool.name, "input": input_of(arguments), **namespace}
    if tool.kind == "tool_search":
        return {**head, "execution": "client", "arguments": _object(arguments)}
    return {**head, "name": tool.name, "arguments": arguments, **namespace}


def _object(arguments: str) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(arguments or "{}")
    except (msgspec.DecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def input_of(arguments: str) -> str:
    """The text in the arguments of a custom tool's function; the arguments themselves if they are not its JSON."""
    value = _object(arguments).get(_INPUT)
    return value if isinstance(value, str) else arguments


class InputReader:
    """Reads the text of a custom tool's call from the JSON of its arguments while they arrive."""

    def __init__(self) -> None:
        self._json = ""  # not decoded yet
        self._is_open = False
        self._closed = False
        self._told: list[str] = []

    def feed(self, piece: str) -> str:
        """The text that a piece of the arguments completes, `""` if none."""
        if self._closed:
            return ""
        self._json += piece
        if not self._is_open:
            opening = _OPENING.match(self._json)
            if opening is None:
                return ""
            self._is_open = True
            self._json = self._json[opening.end() :]
        found = _WHOLE.match(self._json)
        whole = found.group() if found is not None else ""
        if half := _HIGH_SURROGATE.search(whole):
            whole = whole[: half.start()]
        self._json = self._json[len(whole) :]
        self._closed = self._json.startswith('"')
        text = json.loads(f'"{whole}"', strict=False)
        self._told.append(text)
        return text

    def rest(self, text: str) -> str:
        """What of the whole `text` has not been returned yet."""
        told = "".join(self._told)
        return text[len(told) :] if text.startswith(told) else ""
