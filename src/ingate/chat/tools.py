"""Tools that a model may call: names, approval, and concurrent calls. A failure is a result, never an exception."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

Permission = Literal["once", "always", "no"]

LONGEST_RESULT: Final = 100_000  # characters
_NAME: Final = re.compile(r"[^a-zA-Z0-9_-]+")
_LONGEST_NAME: Final = 64


class Tool(msgspec.Struct, frozen=True):
    """One tool of one server.

    Attributes:
        server: The server's name.
        name: The tool's name there.
        description: What it does, for the model.
        parameters: JSON Schema of its arguments.
        run: Calls it; returns the result's text and whether it is an error.
    """

    server: str
    name: str
    description: str
    parameters: dict[str, Any]
    run: Callable[[dict[str, Any]], Awaitable[tuple[str, bool]]]


class Call(msgspec.Struct, frozen=True):
    """A call that the model requests.

    Attributes:
        id: The call's id.
        name: The tool's name, as the model knows it.
        server: The tool's server, empty if there is no such tool.
        arguments: Its arguments, None if they are not a JSON object.
        raw: Its arguments as the model wrote them.
    """

    id: str
    name: str
    server: str
    arguments: dict[str, Any] | None
    raw: str


class Result(msgspec.Struct, frozen=True):
    """The result of a call.

    Attributes:
        text: What the model gets.
        error: Whether it failed.
        seconds: How long it took.
    """

    text: str
    error: bool = False
    seconds: float = 0.0


class CallObserver(Protocol):
    """Sees every call, and approves them."""

    async def allow(self, call: Call) -> Permission:
        """Whether the tool may be called, asked for each call until the answer for its tool is `"always"`."""
        ...

    def tool_started(self, call: Call) -> None:
        """The call has begun."""
        ...

    def tool_ended(self, call: Call, result: Result) -> None:
        """The call is over, or was not made."""
        ...


class Toolbox:
    """All tools of a chat, by the names that the model sees.

    A name is the tool's own; if two servers have a tool of that name, both are prefixed with their server's name.

    Args:
        allow_all: Call every tool without asking.
    """

    def __init__(self, *, allow_all: bool = False) -> None:
        self.allow_all = allow_all
        self._allowed: set[tuple[str, str]] = set()
        self._tools: list[Tool] = []
        self._named: dict[str, Tool] = {}

    def replace(self, tools: Iterable[Tool]) -> None:
        """Replace all tools."""
        self._tools = list(tools)
        self._named = _named(self._tools)

    def __len__(self) -> int:
        return len(self._tools)

    @property
    def named(self) -> Mapping[str, Tool]:
        """The tools by the names that the model sees."""
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
        """Parse a tool call of an answer."""
        function = call.get("function") or {}
        name, raw = str(function.get("name") or ""), str(function.get("arguments") or "")
        try:
            arguments = json.loads(raw or "{}")
        except ValueError:
            arguments = None
        tool = self._named.get(name)
        return Call(
            id=str(call.get("id") or ""),
            name=name,
            server=tool.server if tool else "",
            arguments=arguments if isinstance(arguments, dict) else None,
            raw=raw,
        )

    async def run(self, calls: list[Call], observer: CallObserver, done: Callable[[Call, Result], None]) -> None:
        """Run the calls concurrently, after asking whether they are allowed.

        Errors become results for the model to read. `done` receives each result as soon as it is there.
        """
        allowed = []
        for call in calls:
            problem = self._problem(call) or await self._ask(call, observer)
            if problem:
                result = Result(problem, error=True)
                observer.tool_ended(call, result)
                done(call, result)
            else:
                allowed.append(call)

        async def one(call: Call) -> None:
            observer.tool_started(call)
            began = time.perf_counter()
            text, error = await _safely(self._named[call.name], call.arguments or {})
            result = Result(text, error, time.perf_counter() - began)
            observer.tool_ended(call, result)
            done(call, result)

        async with asyncio.TaskGroup() as group:
            for call in allowed:
                group.create_task(one(call))

    def _problem(self, call: Call) -> str:
        if call.name not in self._named:
            return f"There is no tool {call.name!r}. Available tools: {', '.join(self._named) or 'none'}."
        if call.arguments is None:
            return f"The arguments are not a JSON object: {call.raw[:200]}"
        return ""

    async def _ask(self, call: Call, observer: CallObserver) -> str:
        """Why the call is not allowed, empty if it is."""
        tool = self._named[call.name]
        known = (tool.server, tool.name)
        if self.allow_all or known in self._allowed:
            return ""
        match await observer.allow(call):
            case "always":
                self._allowed.add(known)
            case "no":
                return "The user denied this call."
        return ""


async def _safely(tool: Tool, arguments: dict[str, Any]) -> tuple[str, bool]:
    try:
        text, error = await tool.run(arguments)
    except Exception as problem:  # noqa: BLE001 -- the model deals with a tool's failure
        return f"{type(problem).__name__}: {problem}", True
    if len(text) > LONGEST_RESULT:
        text = f"{text[:LONGEST_RESULT]}\n[truncated: the whole result has {len(text):,} characters]"
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
    """A name that OpenAI accepts."""
    return _NAME.sub("_", name)[:_LONGEST_NAME] or "tool"
