"""The types of a chat request's nested fields, checked before anything reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES: Final[Mapping[type, str]] = {str: "a string", dict: "an object", list: "an array"}


def check_shape(body: Mapping[str, Any]) -> None:
    """Raise `InvalidRequestError`, naming the field, if one that decides how a request is read has a wrong type.

    Every field may be absent or null. Fields that are only passed on are not checked.
    """
    if (messages := body.get("messages")) is not None:
        _typed(messages, "messages", list)
        for at, message in enumerate(messages):
            _message(message, f"messages[{at}]")
    if (tools := body.get("tools")) is not None:
        _typed(tools, "tools", list)
        for at, tool in enumerate(tools):
            _tool(tool, f"tools[{at}]")
    if (functions := body.get("functions")) is not None:
        _typed(functions, "functions", list)
        for at, function in enumerate(functions):
            _function(function, f"functions[{at}]")
    for name in ("tool_choice", "function_call"):
        if isinstance(choice := body.get(name), dict):
            _choice(choice, name)
        elif choice is not None:
            _typed(choice, name, str, dict)
    if (form := body.get("response_format")) is not None:
        _fields(form, "response_format", type=(str,), json_schema=(dict,))
        if (wrapper := form.get("json_schema")) is not None:
            _fields(wrapper, "response_format.json_schema", name=(str,), schema=(dict,))
    if (effort := body.get("reasoning_effort")) is not None:
        _typed(effort, "reasoning_effort", str, dict)
    for name, key in (("thinking", "type"), ("reasoning", "effort"), ("reasoning_effort", "effort")):
        if isinstance(nested := body.get(name), dict) and nested.get(key) is not None:
            _typed(nested[key], f"{name}.{key}", str)


def _message(message: Any, where: str) -> None:
    _fields(
        message, where, role=(str,), content=(str, list), tool_calls=(list,), tool_call_id=(str,), function_call=(dict,)
    )
    if isinstance(parts := message.get("content"), list):
        for at, part in enumerate(parts):
            if not isinstance(part, str):
                _fields(part, f"{where}.content[{at}]", type=(str,))
    for at, call in enumerate(message.get("tool_calls") or ()):
        _tool(call, f"{where}.tool_calls[{at}]")
    if message.get("function_call") is not None:
        _function(message["function_call"], f"{where}.function_call")


def _tool(tool: Any, where: str) -> None:
    _fields(tool, where, type=(str,), function=(dict,), custom=(dict,), id=(str,))
    for name in ("function", "custom"):
        if tool.get(name) is not None:
            _function(tool[name], f"{where}.{name}")


def _function(function: Any, where: str) -> None:
    _fields(function, where, name=(str,), parameters=(dict,))


def _choice(choice: dict[str, Any], where: str) -> None:
    _fields(
        choice, where, type=(str,), name=(str,), function=(dict,), custom=(dict,), allowed_tools=(dict,), tools=(list,)
    )
    for name in ("function", "custom"):
        if choice.get(name) is not None:
            _function(choice[name], f"{where}.{name}")
    if (allowed := choice.get("allowed_tools")) is not None:
        _fields(allowed, f"{where}.allowed_tools", mode=(str,), tools=(list,))
    for holder, path in ((choice, where), (allowed or {}, f"{where}.allowed_tools")):
        for at, tool in enumerate(holder.get("tools") or ()):
            _tool(tool, f"{path}.tools[{at}]")


def _fields(value: Any, where: str, **expected: tuple[type, ...]) -> None:
    _typed(value, where, dict)
    for name, types in expected.items():
        if (field := value.get(name)) is not None and not isinstance(field, types):
            _typed(field, f"{where}.{name}", *types)


def _typed(value: Any, where: str, *types: type) -> None:
    if isinstance(value, types):
        return
    shown = repr(value)
    shown = shown if len(shown) <= 40 else f"{shown[:37]}..."
    wanted = " or ".join(_NAMES[one] for one in types)
    raise InvalidRequestError(f"{where!r} must be {wanted}, and is {shown}", param=where, code="invalid_type")
