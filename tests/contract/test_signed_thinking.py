"""Signed thinking is valid when it comes back, or it is left out with a warning: on each cloud that serves Claude.

The hosts sign a thought with what came before it (`tests/support/rules/history.py`), and verify that.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ingate import Gateway
from support.cells import waiting
from support.contract import streamed, strings
from support.conversations import CITY, function, result, system, user
from support.simulators.hosts import hosted
from support.simulators.table import HOSTS

CLAUDES = [
    "anthropic/claude-opus-5-5", "anthropic/claude-sonnet-5-5", "anthropic/claude-haiku-5-5",
    "bedrock/global.anthropic.claude-sonnet-5-5", "vertex_ai/claude-sonnet-5-5", "azure_ai/claude-opus-5-5",
]  # fmt: skip
LOOK, OTHER = function("mcp.look", CITY), function("other", CITY)


def _nothing(body: dict[str, Any]) -> None:
    """The next turn as it should be."""


def _later_system(body: dict[str, Any]) -> None:
    body["messages"].append(system("Now in French."))


def _question_and_system(body: dict[str, Any]) -> None:
    body["messages"] += [{"role": "assistant", "content": "Sunny."}, user("And in Oslo?"), system("Hurry.")]


def _other_system(body: dict[str, Any]) -> None:
    body["messages"][0] = system("It is Tuesday.")


def _one_tool_more(body: dict[str, Any]) -> None:
    body["tools"].append(OTHER)


def _one_tool_less(body: dict[str, Any]) -> None:
    body["tools"] = [LOOK]


def _no_tools(body: dict[str, Any]) -> None:
    del body["tools"]


def _tool_choice(body: dict[str, Any]) -> None:
    body["tool_choice"] = "none"


def _edited(body: dict[str, Any]) -> None:
    body["messages"][1] = user("Weather in Milan?")


def _schema(body: dict[str, Any]) -> None:
    form = {"name": "answer", "schema": {"type": "object", "properties": {"a": {"type": "string"}}}}
    body["response_format"] = {"type": "json_schema", "json_schema": form}


def _effort(body: dict[str, Any]) -> None:
    body["reasoning_effort"] = "none"


CHANGES = [
    _nothing, _later_system, _question_and_system, _other_system, _one_tool_more, _one_tool_less, _no_tools,
    _tool_choice, _edited, _schema, _effort,
]  # fmt: skip
# Nothing before the thought changes by these: it comes back.
KEPT = {_nothing, _tool_choice}


def _cells() -> list[Any]:
    known = waiting("signed")
    return [
        pytest.param(
            spec, change, id=f"{spec}{change.__name__}",
            marks=[pytest.mark.xfail(strict=True, reason=reason)] if reason else [],
        )
        for spec in CLAUDES
        for change in CHANGES
        for reason in [known.get(spec, {}).get(change.__name__)]
    ]  # fmt: skip


async def next_turn(spec: str, change: Any, *, stream: bool) -> None:
    """A tool's round, and the next turn after a change; raises where the host refuses it."""
    host = HOSTS[spec]
    async with hosted(host) as running:
        told = running[host.provider]
        async with Gateway(told.config, retries=0) as gateway:
            body = {
                "model": spec, "messages": [system("Be brief."), user("Weather in Rome?")], "tools": [LOOK, OTHER]
            }  # fmt: skip
            body = copy.deepcopy(body)
            answer = await (streamed(gateway, body) if stream else gateway.complete(body))
            message = answer["choices"][0]["message"]
            (call,) = message["tool_calls"]
            assert call["function"]["name"] == "mcp.look"
            assert message["thinking_blocks"][0]["signature"] == told.replies[0].signature
            body["messages"] += [message, result(call["id"], "sunny")]
            change(body)
            answer = await (streamed(gateway, body) if stream else gateway.complete(body))
    assert [str(error) for error in told.refused] == []
    sent = set(strings(told.taken[-1][1]))
    is_kept = told.replies[0].signature in sent
    said = " ".join(answer["ingate"]["warnings"]).lower()
    assert is_kept or "thinking" in said or "reasoning" in said or "disabled" in sent
    if change in KEPT:
        assert is_kept


@pytest.mark.parametrize(("spec", "change"), _cells())
async def test_signed_thinking_is_valid_or_left_out_with_a_warning(spec: str, change: Any) -> None:
    await next_turn(spec, change, stream=False)
    await next_turn(spec, change, stream=True)
