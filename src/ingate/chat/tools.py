"""Tools a model may call: named, asked for, run side by side, and never the end of a conversation."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

Answer = Literal["once", "always", "no"]

LONGEST_RESULT: Final = 100_000  # characters
_NAME: Final = re.compile(r"[^a-zA-Z0-9_-]+")
_LONGEST_NAME: Final = 64


class Tool(msgspec.Struct, frozen=True):
    """One tool of one server.

    Attributes:
        server: The server's name.
        name: The tool's name there.
        description: For the model.
        parameters: JSON Schema of its arguments.
        run: Calls it; returns its text and whether that is an error.
    """

    server: str
    name: str
    description: str
    parameters: dict[str, Any]
    run: Callable[[dict[str, Any]], Awaitable[tuple[str, bool]]]


class Call(msgspec.Struct, frozen=True):
    """One call the model asks for.

    Attributes:
        id: The call's id.
        name: The tool as the model knows it.
        server: Whose tool it is, empty where there is no such tool.
        arguments: Its arguments, None where they are no JSON object.
        spelt: Its arguments as the model wrote them.
    """

    id: str
    name: str
    server: str
    arguments: dict[str, Any] | None
    spelt: str


class Result(msgspec.Struct, frozen=True):
    """What a call gave.

    Attributes:
        text: What goes back to the model.
        error: Whether it failed.
        seconds: How long it took.
    """

    text: str
    error: bool = False
    seconds: float = 0.0


class Watcher(Protocol):
    """Who is told of calls, and asked before the first one of a tool."""

    async def allow(self, call: Call) -> Answer: ...
    def tool_started(self, call: Call) -> None: ...
    def tool_ended(self, call: Call, result: Result) -> None: ...


class Toolbox:
    """All tools of a chat, by the names the model sees.

    A name is the tool's own; where two servers have the same one, both get their server's name in front.

    Args:
        allow_all: Run every tool unasked.
    """

    def __init__(self, *, allow_all: bool = False) -> None:
        self.allow_all = allow_all
        self._allowed: set[tuple[str, str]] = set()
        self._tools: list[Tool] = []
        self._named: dict[str, Tool] = {}

    def replace(self, tools: Iterable[Tool]) -> None:
        """Have these tools and no others."""
        self._tools = list(tools)
        self._named = _named(self._tools)

    def __len__(self) -> int:
        return len(self._tools)

    @property
    def named(self) -> Mapping[str, Tool]:
        """Name for the model → tool."""
        return self._named

    def schemas(self) -> list[dict[str, Any]]:
        """The request's `tools`."""
        return [
            {
                "type": "function",
                "function": {"name": name, "description": tool.description, "parameters": tool.parameters},
            }
            for name, tool in self._named.items()
        ]

    def read(self, call: Mapping[str, Any]) -> Call:
        """A tool call of an answer."""
        function = call.get("function") or {}
        name, spelt = str(function.get("name") or ""), str(function.get("arguments") or "")
        try:
            arguments = json.loads(spelt or "{}")
        except ValueError:
            arguments = None
        tool = self._named.get(name)
        return Call(
            id=str(call.get("id") or ""),
            name=name,
            server=tool.server if tool else "",
            arguments=arguments if isinstance(arguments, dict) else None,
            spelt=spelt,
        )

    async def run(self, calls: list[Call], watcher: Watcher, done: Callable[[Call, Result], None]) -> None:
        """Run the calls side by side, after the person has been asked about each new tool.

        Whatever goes wrong becomes a result for the model to read. `done` gets each result as it comes.
        """
        allowed = []
        for call in calls:
            problem = self._problem(call) or await self._ask(call, watcher)
            if problem:
                result = Result(problem, error=True)
                watcher.tool_ended(call, result)
                done(call, result)
            else:
                allowed.append(call)

        async def one(call: Call) -> None:
            watcher.tool_started(call)
            began = time.perf_counter()
            text, error = await _safely(self._named[call.name], call.arguments or {})
            result = Result(text, error, time.perf_counter() - began)
            watcher.tool_ended(call, result)
            done(call, result)

        async with asyncio.TaskGroup() as group:
            for call in allowed:
                group.create_task(one(call))

    def _problem(self, call: Call) -> str:
        if call.name not in self._named:
            return f"There is no tool {call.name!r}. There are: {', '.join(self._named) or 'none'}."
        if call.arguments is None:
            return f"The arguments are not a JSON object: {call.spelt[:200]}"
        return ""

    async def _ask(self, call: Call, watcher: Watcher) -> str:
        tool = self._named[call.name]
        known = (tool.server, tool.name)
        if self.allow_all or known in self._allowed:
            return ""
        match await watcher.allow(call):
            case "always":
                self._allowed.add(known)
            case "no":
                return "The person does not allow this call."
        return ""


async def _safely(tool: Tool, arguments: dict[str, Any]) -> tuple[str, bool]:
    try:
        text, error = await tool.run(arguments)
    except Exception as problem:  # noqa: BLE001 -- a tool's failure is the model's to deal with
        return f"{type(problem).__name__}: {problem}", True
    if len(text) > LONGEST_RESULT:
        text = f"{text[:LONGEST_RESULT]}\n[cut off: {len(text):,} characters in all]"
    return text, error


def _named(tools: list[Tool]) -> dict[str, Tool]:
    plain: dict[str, int] = {}
    for tool in tools:
        name = _clean(tool.name)
        plain[name] = plain.get(name, 0) + 1
    out: dict[str, Tool] = {}
    for tool in tools:
        name = _clean(tool.name)
        if plain[name] > 1:
            name = _clean(f"{tool.server}_{tool.name}")
        base, number = name, 2
        while name in out:
            name = f"{base[: _LONGEST_NAME - 4]}_{number}"
            number += 1
        out[name] = tool
    return out


def _clean(name: str) -> str:
    """A name as OpenAI takes it."""
    return _NAME.sub("_", name)[:_LONGEST_NAME] or "tool"
