"""Names, approval and results of tools."""

from __future__ import annotations

from typing import Any

import pytest

from ingate.chat.tools import LONGEST_RESULT, Call, Result, Tool, Toolbox
from support.chat import Recorder


async def echo(arguments: dict[str, Any]) -> tuple[str, bool]:
    return f"got {arguments}", False


def tool(name: str, run: Any = echo, server: str = "calc") -> Tool:
    return Tool(server, name, f"Does {name}.", {"type": "object"}, run)


def box(*tools: Tool, allow_all: bool = True) -> Toolbox:
    toolbox = Toolbox(allow_all=allow_all)
    toolbox.replace(tools)
    return toolbox


async def results(toolbox: Toolbox, *calls: Call, view: Recorder | None = None) -> list[tuple[str, Result]]:
    found: list[tuple[str, Result]] = []
    await toolbox.run(list(calls), view or Recorder(), lambda call, result: found.append((call.id, result)))
    return found


def test_a_call_is_read_as_the_model_wrote_it() -> None:
    toolbox = box(tool("add"))
    raw = {"id": "c", "function": {"name": "add", "arguments": '{"a": 1}'}}
    assert toolbox.read(raw) == Call("c", "add", "calc", {"a": 1}, '{"a": 1}')
    assert toolbox.read({"function": {"name": "add"}}) == Call("", "add", "calc", {}, "")
    assert toolbox.read({}) == Call("", "", "", {}, "")
    assert toolbox.read({"id": "c", "function": {"name": "no", "arguments": "[1]"}}) == Call("c", "no", "", None, "[1]")


@pytest.mark.parametrize("length", [LONGEST_RESULT, LONGEST_RESULT + 1])
async def test_a_result_is_cut_at_the_limit(length: int) -> None:
    async def talk(arguments: dict[str, Any]) -> tuple[str, bool]:
        return "x" * length, True

    ((_, result),) = await results(box(tool("talk", talk)), Call("1", "talk", "calc", {}, "{}"))
    assert result.error
    assert result.text.startswith("x" * LONGEST_RESULT)
    assert ("truncated" in result.text) is (length > LONGEST_RESULT)


async def test_calls_that_cannot_be_made_are_seen_and_not_started() -> None:
    view = Recorder("no")
    toolbox = box(tool("add"), tool("sub"), allow_all=False)
    found = await results(
        toolbox, Call("1", "mul", "", {}, "{}"), Call("2", "add", "calc", None, "[" + "9" * 300),
        Call("3", "sub", "calc", {}, "{}"), view=view,
    )  # fmt: skip
    assert [(id_, result.error) for id_, result in found] == [("1", True), ("2", True), ("3", True)]
    assert found[0][1].text == "There is no tool 'mul'. Available tools: add, sub."
    assert found[1][1].text == "The arguments are not a JSON object: [" + "9" * 199
    assert found[2][1].text == "The user denied this call."
    assert view.asked == ["sub"], "a call that cannot be made needs no permission"
    assert view.started == []
    asking = Toolbox()
    asking.replace([tool("sub")])
    await results(asking, Call("3", "sub", "calc", {}, "{}"), view=view)
    assert view.asked == ["sub", "sub"], "it asks unless it was said not to"
    assert [name for name, _ in view.results] == ["mul", "add", "sub", "sub"]


async def test_without_tools_that_is_said() -> None:
    ((_, result),) = await results(box(), Call("1", "add", "", {}, "{}"))
    assert result.text == "There is no tool 'add'. Available tools: none."


async def test_always_is_for_one_tool_of_one_server() -> None:
    toolbox = box(tool("look", server="sea"), tool("look", server="land"), allow_all=False)
    view = Recorder("always")
    for name in ("sea_look", "sea_look", "land_look"):
        await results(toolbox, Call("1", name, "", {}, "{}"), view=view)
    assert view.asked == ["sea_look", "land_look"]
    toolbox.replace([tool("look", server="sea")])
    await results(toolbox, Call("1", "look", "", {}, "{}"), view=view)
    assert view.asked == ["sea_look", "land_look"], "the permission outlives a change of its name"


def test_names_are_what_openai_accepts() -> None:
    assert list(box(tool("get.all/now"), tool("ünter"), tool("???")).named) == ["get_all_now", "_nter", "_"]
    (long,) = box(tool("x" * 70)).named
    assert long == "x" * 64
    assert list(box(tool("")).named) == ["tool"]


def test_names_that_collide_stay_apart() -> None:
    same = list(box(*(tool("look", server="sea") for _ in range(3))).named)
    assert same == ["sea_look", "sea_look_2", "sea_look_3"]
    long = list(box(*(tool("x" * 64, server="s") for _ in range(2))).named)
    assert len(set(long)) == 2
    assert all(len(name) <= 64 for name in long)
