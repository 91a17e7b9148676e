"""Tools and the tool choice of a chat request, as the Responses API has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.errors import BadRequestError
from ingate.wire.parts import choice_of

if TYPE_CHECKING:
    from ingate.wire.params import ParamTracker
    from ingate.wire.parts import Choice
    from ingate.wire.responses.providers import ResponsesProvider

_FREE_TEXT: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
}
# Another provider's prompt-cache marks, on a tool or in its function.
_MARKS: Final = frozenset({"cache_control"})


def add_tools(tracker: ParamTracker, out: dict[str, Any], row: ResponsesProvider) -> None:
    """Put `tools`, `tool_choice` and `parallel_tool_calls` into the request.

    Raises:
        BadRequestError: A tool is malformed, or the tool choice is not understood.
    """
    body = tracker.body
    tracker.take("tools", "functions", "tool_choice", "function_call")
    parallel = tracker.take("parallel_tool_calls")
    given = body.get("tools") or [
        {"type": "function", "function": function} for function in body.get("functions") or ()
    ]
    if not isinstance(given, list):
        raise BadRequestError("tools is not a list")
    choice, native = _choice(body.get("tool_choice", body.get("function_call")))
    tools = [_tool(tool, row) for tool in given]
    if choice is not None and choice.allowed is not None and not row.allowed_tools:
        tools = [tool for tool in tools if tool.get("name") in choice.allowed or tool.get("type") not in _NAMED]
    tools += _web_search(tracker, row)
    mode = choice.mode if choice is not None else "auto"
    if not tools or (mode == "none" and "tool_choice" in row.refused):
        return
    out["tools"] = tools
    if native is not None:
        out["tool_choice"] = native
    elif choice is not None and choice.allowed is not None and row.allowed_tools:
        out["tool_choice"] = _allowed(body.get("tool_choice"))
    elif choice is not None and not (mode == "auto" and "tool_choice" in row.refused):
        out["tool_choice"] = _one(choice, tools)
    if isinstance(parallel, bool) and not (parallel and "parallel_tool_calls" in row.refused):
        out["parallel_tool_calls"] = parallel


_NAMED: Final = frozenset({"function", "custom"})


def _tool(tool: Any, row: ResponsesProvider) -> dict[str, Any]:
    if not isinstance(tool, dict):
        raise BadRequestError("a tool is not an object")
    function, custom = tool.get("function"), tool.get("custom")
    if tool.get("type") == "custom" and isinstance(custom, dict):
        name = _name(custom)
        if row.custom_tools:
            made = {"type": "custom", **custom}
            form = custom.get("format")
            if isinstance(form, dict) and isinstance(form.get("grammar"), dict):  # one level deeper in chat
                made["format"] = {"type": "grammar", **form["grammar"]}
            return made
        function = {"name": name, "description": custom.get("description"), "parameters": _FREE_TEXT}
    if not isinstance(function, dict):
        return tool
    _name(function)
    made = {"type": "function"}
    made.update((key, value) for key, value in tool.items() if key not in {"type", "function", "custom"} | _MARKS)
    made.update((key, value) for key, value in function.items() if value is not None and key not in _MARKS)
    parameters = function.get("parameters")
    is_schema = isinstance(parameters, dict) and bool(parameters)
    made["parameters"] = {"type": "object", **parameters} if is_schema else {"type": "object", "properties": {}}
    # Responses is strict unless a tool says otherwise; Chat Completions only if it says so.
    made["strict"] = function.get("strict") is True
    return made


def _name(function: dict[str, Any]) -> str:
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise BadRequestError("a function has no name")
    return name


def _choice(given: Any) -> tuple[Choice | None, Any]:
    """The choice, and the choice as it was given if it is one of this API's own (`{"type": "web_search"}`)."""
    if given is None:
        return None, None
    own = isinstance(given, dict) and given.get("type") not in {
        *("function", "custom", "allowed_tools", "auto", "none", "required", "any"),
        None,
    }
    if own and not any(isinstance(given.get(key), dict) for key in ("function", "custom")):
        return None, given
    return choice_of({"tool_choice": given}), None


def _one(choice: Choice, tools: list[dict[str, Any]]) -> Any:
    if choice.mode != "named":
        return choice.mode
    kinds = {tool.get("name"): tool["type"] for tool in tools if tool.get("type") in _NAMED}
    return {"type": kinds.get(choice.name, "function"), "name": choice.name}


def _allowed(given: Any) -> dict[str, Any]:
    """A choice among some tools, without the levels that Chat Completions has in it."""
    spec = given.get("allowed_tools")
    spec = spec if isinstance(spec, dict) else given
    tools = []
    for tool in spec.get("tools") or ():
        if not isinstance(tool, dict):
            raise BadRequestError("tool_choice allows a tool that is not an object")
        inner = tool.get("function") or tool.get("custom")
        named = {"type": tool.get("type", "function"), "name": inner.get("name")} if isinstance(inner, dict) else tool
        tools.append(named)
    return {"type": "allowed_tools", "mode": spec.get("mode") or "auto", "tools": tools}


def _web_search(tracker: ParamTracker, row: ResponsesProvider) -> list[dict[str, Any]]:
    options = tracker.take("web_search_options")
    if not isinstance(options, dict):
        return []
    if not row.web_search:
        tracker.drop("web_search_options", "the provider has no web search of its own here")
        return []
    tool: dict[str, Any] = {"type": "web_search"}
    place = options.get("user_location")
    place = place.get("approximate", place) if isinstance(place, dict) else None
    found = {
        "search_context_size": options.get("search_context_size"),
        "user_location": {"type": "approximate", **{key: value for key, value in place.items() if value}}
        if isinstance(place, dict)
        else None,
    }
    more = {key: value for key, value in options.items() if key not in found}
    tool.update((key, value) for key, value in found.items() if value is not None and key in row.search_options)
    return [{**more, **tool}]
