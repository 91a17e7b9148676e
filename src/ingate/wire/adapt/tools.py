"""The tools of a request: each name once, and none at all for a model that has no tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.wire.fields import arguments_text, replaced, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.adapt.draft import Draft

_PARAMETERS: Final = ("tools", "tool_choice", "parallel_tool_calls", "functions", "function_call")


def with_accepted_tools(draft: Draft, facts: Mapping[str, Any]) -> None:
    """Leave out tools that the model does not take.

    Where `facts["tools"]` is False, the calls and results of the history become text. Where `facts["unique_tools"]` is
    set, of several tools with one name the first stays.
    """
    if facts.get("tools", True) is False:
        _leave_out(draft)
    elif facts.get("unique_tools") and isinstance(tools := draft.body.get("tools"), list) and len(tools) > 1:
        _keep_first(draft, tools)


def _keep_first(draft: Draft, tools: list[Any]) -> None:
    known: dict[str, Any] = {}
    kept: list[Any] = []
    lost: list[str] = []
    for tool in tools:
        name = _name(tool)
        if name and name in known:
            if tool != known[name]:
                lost.append(name)
            continue
        if name:
            known[name] = tool
        kept.append(tool)
    if len(kept) == len(tools):
        return
    if lost:
        names = ", ".join(map(repr, dict.fromkeys(lost[:4])))
        draft.change("tools", kept, f"of the tools named {names} only the first of each is offered")
    else:
        draft.respell("tools", kept)


def _name(tool: Any) -> str:
    inner = (tool.get("function") or tool.get("custom")) if isinstance(tool, dict) else None
    name = inner.get("name") if isinstance(inner, dict) else None
    return name if isinstance(name, str) else ""


def _leave_out(draft: Draft) -> None:
    if draft.body.get("tools") or draft.body.get("functions"):
        draft.drop("tools", "the model has no tools")
    for name in _PARAMETERS:
        draft.respell(name, None)  # they mean nothing without tools
    if not draft.tool_messages or (messages := draft.messages) is None:
        return
    made = replaced(messages, _as_text)
    if made is not messages:
        why = "the calls and results of tools in the conversation became text: the model has no tools"
        draft.change("messages", made, why)


def _as_text(message: Any) -> Any:
    role = message.get("role") if isinstance(message, dict) else None
    if role in {"tool", "function"}:
        name = message.get("name") or message.get("tool_call_id") or "the tool"
        return {"role": "user", "content": f"[Result of {name}]\n{text_of(message.get('content'))}"}
    if role != "assistant" or not (message.get("tool_calls") or message.get("function_call")):
        return message
    lines = [text_of(message.get("content"))]
    calls = message.get("tool_calls") or [{"function": message["function_call"]}]
    for call in calls if isinstance(calls, list) else ():
        inner = (call.get("function") or call.get("custom") or {}) if isinstance(call, dict) else {}
        given = arguments_text(inner.get("arguments", inner.get("input")))
        lines.append(f"[Called {inner.get('name')} ({call.get('id') or 'no id'}) with {given or 'no arguments'}]")
    made = {key: value for key, value in message.items() if key not in {"tool_calls", "function_call"}}
    return {**made, "content": "\n".join(line for line in lines if line)}
