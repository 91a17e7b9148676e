"""Names of tools as the provider accepts them, and the caller's names in the answer.

MCP servers name tools `files.read` or `get weather`; most providers accept letters, digits, `_` and `-` only, up to 64
characters. The replacement depends on the name alone unless two would collide, so that it is the same in every turn.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from ingate.wire.fields import replaced

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.wire.params import ParamTracker

_HASH_CHARS: Final = 6
_FALLBACK: Final = "tool"


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

    @classmethod
    def of(cls, body: Mapping[str, Any], facts: Mapping[str, Any]) -> ToolNames:
        """The names in a request that `facts["tool_name"]` does not allow; see `data/model_facts.json`."""
        rule = facts.get("tool_name")
        if not isinstance(rule, dict):
            return cls()
        first, others, most = rule.get("first", ""), str(rule["chars"]), int(rule["max"])
        pattern = _pattern(str(first), others, most)
        names = dict.fromkeys(_names(body))
        bad = [name for name in names if not pattern.fullmatch(name)]
        if not bad:
            return cls()
        plain = {name: _replacement(name, str(first), others, most) for name in bad}
        taken = {name: 1 for name in names if name not in plain}
        for made in plain.values():
            taken[made] = taken.get(made, 0) + 1
        return cls({name: made if taken[made] == 1 else _hashed(made, name, most) for name, made in plain.items()})

    def apply(self, body: dict[str, Any], tracker: ParamTracker) -> None:
        """Replace the names in the tools, the tool choice and the history of a request (a copy the caller owns)."""
        if not self._sent:
            return
        listed = ", ".join(f"{name!r} as {sent!r}" for name, sent in list(self._sent.items())[:4])
        more = f" and {len(self._sent) - 4} more" if len(self._sent) > 4 else ""
        tracker.warn(
            f"the model sees the tools {listed}{more}: its provider does not accept the names; the answer has yours"
        )
        for key, rename in (("tools", self._tool), ("functions", self._named), ("messages", self._message)):
            if isinstance(items := body.get(key), list):
                body[key] = replaced(items, rename)
        for key in ("tool_choice", "function_call"):
            if isinstance(choice := body.get(key), dict):
                body[key] = self._choice(choice)

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
                named = [self._named(self._tool(tool)) for tool in tools]
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


@lru_cache(maxsize=64)
def _pattern(first: str, others: str, most: int) -> re.Pattern[str]:
    return re.compile(f"[{first}][{others}]{{0,{most - 1}}}" if first else f"[{others}]{{1,{most}}}")


def _names(body: Mapping[str, Any]) -> Iterable[str]:
    """Every name of a function in a request: of tools, and of calls in the history."""
    tools = body.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        yield from _inner_name(tool)
    functions = body.get("functions")
    for function in functions if isinstance(functions, list) else ():
        yield from _name(function)
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else ():
        if not isinstance(message, dict):
            continue
        if isinstance(calls := message.get("tool_calls"), list):
            for call in calls:
                yield from _inner_name(call)
        yield from _name(message.get("function_call"))
        if message.get("role") in {"tool", "function"}:
            yield from _name(message)


def _inner_name(item: Any) -> Iterable[str]:
    if isinstance(item, dict):
        yield from _name(item.get("function"))
        yield from _name(item.get("custom"))


def _name(item: Any) -> Iterable[str]:
    if isinstance(item, dict) and isinstance(name := item.get("name"), str) and name:
        yield name


def _replacement(name: str, first: str, others: str, most: int) -> str:
    made = re.sub(f"[^{others}]", "_", name)
    if not made.strip("_"):  # a name without one accepted letter
        made = f"{_FALLBACK}_{_digest(name)}"
    if first and not re.match(f"[{first}]", made):
        made = f"_{made}" if re.match(f"[{first}]", "_") else f"{_FALLBACK}_{made}"
    return made if len(made) <= most else _hashed(made, name, most)


def _hashed(made: str, name: str, most: int) -> str:
    return f"{made[: most - _HASH_CHARS - 1]}_{_digest(name)}"


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_CHARS]
