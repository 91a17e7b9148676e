"""Any tool's name and parameters, in a stream divided anywhere, come back exactly, whichever API the client calls."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ingate import Gateway
from ingate.wire.completion import assemble
from support.downstream import message_from
from support.upstream import Reply, upstream

if TYPE_CHECKING:
    from ingate.wire.passthrough import Api
    from support.upstream import Upstream

# A model with rules for both kinds of names, at a provider that speaks chat completions alone.
SPEC = "together_ai/anthropic/claude-opus-5-5"
_CHARS = st.characters(codec="utf-8", categories=("L", "N", "P", "S"))
_NAMES = st.one_of(
    st.from_regex("[a-z]{1,4}[._]{0,2}[a-z]{0,4}", fullmatch=True), st.text(_CHARS, min_size=1, max_size=80)
)


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    """Tools, calls of some of them, and where the stream is divided."""
    tools = {
        name: draw(st.lists(_NAMES, max_size=3, unique=True))
        for name in draw(st.lists(_NAMES, min_size=1, max_size=3, unique=True))
    }
    called = [
        (name, dict.fromkeys(tools[name], draw(st.sampled_from([1, 'a"b\\', {"$in": [1, {"a b": None}]}, "ünï"]))))
        for name in draw(st.lists(st.sampled_from(sorted(tools)), min_size=1, max_size=3))
    ]
    return {
        "tools": tools,
        "calls": called,
        "cuts": draw(st.lists(st.integers(1, 60), max_size=6)),
        "in_pieces": draw(st.booleans()),
        "text": draw(st.sampled_from(["", "So."])),
    }


def _request(api: Api, tools: dict[str, list[str]]) -> dict[str, Any]:
    made: list[Any] = []
    for name, properties in tools.items():
        schema = {"type": "object", "properties": {one: {} for one in properties}}
        if api == "chat":
            made.append({"type": "function", "function": {"name": name, "parameters": schema}})
        elif api == "responses":
            made.append({"type": "function", "name": name, "parameters": schema})
        else:
            made.append({"name": name, "input_schema": schema})
    if api == "responses":
        return {"model": SPEC, "input": "go", "tools": made}
    return {"model": SPEC, "messages": [{"role": "user", "content": "go"}], "tools": made, "max_tokens": 99}


def _pieces(text: str, cuts: list[int]) -> list[str]:
    places = [0, *sorted({cut for cut in cuts if cut < len(text)}), len(text)]
    return [text[one:two] for one, two in itertools.pairwise(places)]


def _events(case: dict[str, Any], sent: dict[str, tuple[str, dict[str, str]]]) -> list[Any]:
    """The provider's stream: each name and all arguments in pieces."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": case["text"]}]
    for index, (name, arguments) in enumerate(case["calls"]):
        sent_name, keys = sent[name]
        text = json.dumps({keys[key]: value for key, value in arguments.items()}, ensure_ascii=False)
        names = _pieces(sent_name, case["cuts"]) if case["in_pieces"] else [sent_name]
        head = {"index": index, "id": f"c{index}", "type": "function", "function": {"name": names[0]}}
        tail = [{"index": index, "function": {"name": piece}} for piece in names[1:]]
        tail += [{"index": index, "function": {"arguments": piece}} for piece in _pieces(text, case["cuts"])]
        deltas += [{"tool_calls": [delta]} for delta in (head, *tail)]
    chunks = [{"id": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    return [*chunks, {"id": "x", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}]


async def _read(gateway: Gateway, api: Api, body: dict[str, Any]) -> list[tuple[str, Any]]:
    """The names and arguments of the calls that a client reads from a stream."""
    events = [event async for event in gateway.stream(body, api=api)]
    if api == "chat":
        found = assemble(events)["choices"][0]["message"]["tool_calls"]
        return [(one["function"]["name"], json.loads(one["function"]["arguments"])) for one in found]
    if api == "messages":
        blocks = [block for block in message_from(events)["content"] if block["type"] == "tool_use"]
        return [(block["name"], block["input"]) for block in blocks]
    items = [item for item in events[-1]["response"]["output"] if item["type"] == "function_call"]
    whole = {
        event["item_id"]: event["arguments"]
        for event in events
        if event["type"] == "response.function_call_arguments.done"
    }
    for item in items:
        parts = [
            event["delta"]
            for event in events
            if event["type"] == "response.function_call_arguments.delta" and event["item_id"] == item["id"]
        ]
        assert "".join(parts) == item["arguments"] == whole[item["id"]]
    return [(item["name"], json.loads(item["arguments"])) for item in items]


def _sent(told: Upstream, tools: dict[str, list[str]]) -> dict[str, tuple[str, dict[str, str]]]:
    """The caller's names → the names that the provider was sent, of the tools and of their parameters."""
    functions = [tool["function"] for tool in told.seen[-1].body["tools"]]
    return {
        name: (function["name"], dict(zip(properties, function["parameters"].get("properties", {}), strict=True)))
        for (name, properties), function in zip(tools.items(), functions, strict=True)
    }


async def _all(api: Api, cases: list[dict[str, Any]]) -> None:
    with upstream() as told:
        config = {"together_ai": {"api_key": "k", "base_url": told.url}}
        async with Gateway(config, retries=0) as gateway:
            for case in cases:
                body = _request(api, case["tools"])
                await gateway.complete(body, api=api)
                told.say(Reply(events=_events(case, _sent(told, case["tools"]))))
                assert await _read(gateway, api, body) == case["calls"]


@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
@settings(
    max_examples=15,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(cases=st.lists(calls(), min_size=3, max_size=3))
def test_calls_come_back_exactly(api: Api, cases: list[dict[str, Any]]) -> None:
    asyncio.run(_all(api, cases))
