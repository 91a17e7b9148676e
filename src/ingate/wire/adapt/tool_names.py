"""Names of tools as the provider accepts them, and the caller's names in the answer.

MCP servers name tools `files.read` or `get weather`; most providers accept letters, digits, `_` and `-` only, up to 64
characters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingate.wire.adapt.spelling import listed, spelling_of
from ingate.wire.fields import replaced

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.adapt.draft import Draft


class ToolNames:
    """The names of one request's tools that its provider does not accept, with what replaces them.

    Args:
        replaced: The caller's name → the name that is sent.
    """

    __slots__ = ("_caller", "_sent")

    def __init__(self, replaced: Mapping[str, str] | None = None) -> None:
        self._sent = dict(replaced or {})
        self._caller = {sent: name for name, sent in self._sent.items()}

    def __bool__(self) -> bool:
        return bool(self._sent)

    def callers(self, sent: str) -> str:
        """The caller's name of a tool in the answer."""
        return self._caller.get(sent, sent)

    @classmethod
    def apply(cls, draft: Draft, facts: Mapping[str, Any]) -> ToolNames:
        """Replace the names that `facts["tool_name"]` does not allow in the tools, the tool choice and the history."""
        body = draft.body
        if not (draft.tool_messages or body.get("tools") or body.get("functions")):
            return _NONE
        spelling = spelling_of(facts.get("tool_name"), "tool")
        if spelling is None or not (sent := spelling.replacements(_names(body, draft.tool_messages))):
            return _NONE
        made = cls(sent)
        note = f"the model sees the tools {listed(sent)}: its provider does not accept the names; the answer has yours"
        for key, rename in (("tools", made._tool), ("functions", made._named), ("messages", made._message)):
            if isinstance(items := body.get(key), list):
                draft.respell(key, replaced(items, rename), note)
                note = ""
        for key in ("tool_choice", "function_call"):
            if isinstance(choice := body.get(key), dict):
                draft.respell(key, made._choice(choice))
        return made

    def restore(self, message: dict[str, Any]) -> None:
        """Put the caller's names into a message or a delta of the answer, in place."""
        calls = message.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            for key in ("function", "custom"):
                inner = call.get(key) if isinstance(call, dict) else None
                self._restore(inner)
        self._restore(message.get("function_call"))

    def _restore(self, item: Any) -> None:
        if isinstance(item, dict) and isinstance(name := item.get("name"), str) and name in self._caller:
            item["name"] = self._caller[name]

    def _tool(self, tool: Any) -> Any:
        if not isinstance(tool, dict):
            return tool
        for key in ("function", "custom"):
            if isinstance(inner := tool.get(key), dict):
                named = self._named(inner)
                return tool if named is inner else {**tool, key: named}
        return tool

    def _named(self, item: Any) -> Any:
        name = item.get("name") if isinstance(item, dict) else None
        sent = self._sent.get(name) if isinstance(name, str) else None
        return item if sent is None else {**item, "name": sent}

    def _choice(self, choice: dict[str, Any]) -> dict[str, Any]:
        made = self._named(self._tool(choice))
        for key, holder in (("allowed_tools", made.get("allowed_tools")), ("tools", made)):
            if isinstance(holder, dict) and isinstance(tools := holder.get("tools"), list):
                named = replaced(tools, lambda tool: self._named(self._tool(tool)))
                if named is not tools:
                    made = {**made, key: {**holder, "tools": named} if key == "allowed_tools" else named}
        return made

    def _message(self, message: Any) -> Any:
        if not isinstance(message, dict):
            return message
        made = message
        if isinstance(calls := message.get("tool_calls"), list):
            named = replaced(calls, self._tool)
            made = made if named is calls else {**made, "tool_calls": named}
        if isinstance(call := message.get("function_call"), dict) and (named_call := self._named(call)) is not call:
            made = {**made, "function_call": named_call}
        if message.get("role") in {"tool", "function"}:
            made = self._named(made)
        return made


_NONE = ToolNames()


def _names(body: Mapping[str, Any], tool_messages: list[dict[str, Any]]) -> dict[str, None]:
    """Every name of a function in a request: of tools, and of calls in the history."""
    holders: list[Any] = []
    for key, is_inner in (("tools", True), ("functions", False)):
        if isinstance(tools := body.get(key), list):
            holders += _inner(tools) if is_inner else tools
    for message in tool_messages:
        if isinstance(calls := message.get("tool_calls"), list):
            holders += _inner(calls)
        elif message.get("role") != "assistant":
            holders.append(message)  # a result, which has the tool's name itself
        if "function_call" in message:
            holders.append(message["function_call"])
    found = [holder.get("name") for holder in holders if holder.__class__ is dict]
    return dict.fromkeys(name for name in found if name and name.__class__ is str)


def _inner(items: list[Any]) -> list[Any]:
    """The functions of tools or of calls."""
    return [item.get("function") or item.get("custom") for item in items if isinstance(item, dict)]
