"""Chat requests that current models reject unless they are adapted, without a model."""

from __future__ import annotations

from typing import Any

from support.conversations import (
    ANSWERS,
    ASKED,
    BOTH,
    CITY,
    CLOCK,
    EPHEMERAL,
    PERSON,
    PNG,
    WEATHER,
    assistant,
    call,
    function,
    image,
    result,
    system,
    text,
    user,
)

# As Gemini's hosts sign: another provider is not to be sent it.
GEMINI_SIGNATURE = "CiQBsigned0"
HI = user("Hi")
_SCHEMA = {"name": "person", "schema": PERSON, "strict": True}
_LONG_ID = "call_" + "abcDEF0123456789-" * 7
_THREAD = [ASKED, BOTH, *ANSWERS]
_TWO_ROUNDS = [
    user("Weather in Rome, then in Oslo?"),
    assistant("Rome first.", call("call_1", "get_weather", {"city": "Rome"})),
    result("call_1", "sunny"),
    assistant(None, call("call_2", "get_weather", {"city": "Oslo"})),
    result("call_2", "rain"),
]
_THOUGHT = [
    user("Weather in Rome?"),
    assistant(None, call("call_7", "get_weather", {"city": "Rome"}), reasoning_content="I need the weather."),
    result("call_7", "sunny"),
]


def _tools(*names: str) -> list[dict[str, Any]]:
    return [function(name, CITY) for name in names]


def _used(name: str, call_id: str = "call_1") -> list[dict[str, Any]]:
    return [user("Go."), assistant(None, call(call_id, name, {"city": "Rome"})), result(call_id, "done")]


def _schema(root: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [ASKED], "tools": [function("find", root)]}


CURRENT: dict[str, dict[str, Any]] = {
    "plain": {"messages": [HI]},
    "a developer message": {"messages": [{"role": "developer", "content": "Be brief."}, HI]},
    "a system message in the middle": {
        "messages": [system("Be brief."), HI, assistant("Hello!"), system("Now in French."), user("And you?")]
    },
    "a system message last": {"messages": [system("Be brief."), HI, assistant("Hello!"), user("And?"), system("Hurry.")]},
    "a system message after a tool's result": {
        "messages": [*_THREAD, system("Now in French.")], "tools": [WEATHER, CLOCK]
    },
    "only a system message": {"messages": [system("Write a haiku.")]},
    "sampling": {"messages": [HI], "temperature": 0.2, "top_p": 0.9},
    "a temperature of 0": {"messages": [HI], "temperature": 0},
    "a high temperature": {"messages": [HI], "temperature": 1.8},
    "effort high, with limits": {
        "messages": [HI], "reasoning_effort": "high", "max_tokens": 2048, "temperature": 0.4, "top_p": 0.9,
    },
    "top_k and seed": {"messages": [HI], "top_k": 20, "seed": 7},
    "penalties": {"messages": [HI], "presence_penalty": 0.5, "frequency_penalty": 0.5},
    "penalties of 0": {"messages": [HI], "presence_penalty": 0, "frequency_penalty": 0},
    "stop": {"messages": [HI], "stop": ["END"]},
    "six stops": {"messages": [HI], "stop": ["a1", "b2", "c3", "d4", "e5", "f6"]},
    "logprobs": {"messages": [HI], "logprobs": True, "top_logprobs": 2},
    "logit_bias": {"messages": [HI], "logit_bias": {"50256": -100}},
    "max_tokens": {"messages": [HI], "max_tokens": 2048},
    "what only OpenAI has": {
        "messages": [HI], "user": "ada", "store": False, "metadata": {"tag": "x"}, "service_tier": "auto",
        "prompt_cache_key": "k", "verbosity": "low", "parallel_tool_calls": True, "tools": [WEATHER],
    },
    **{
        f"effort {level}": {"messages": [HI], "reasoning_effort": level}
        for level in ("none", "minimal", "low", "medium", "high", "xhigh", "max")
    },
    "effort none and sampling": {"messages": [HI], "reasoning_effort": "none", "temperature": 0.2},
    "effort high, tools": {"messages": [ASKED], "reasoning_effort": "high", "tools": [WEATHER, CLOCK]},
    "effort none, tools": {"messages": [ASKED], "reasoning_effort": "none", "tools": [WEATHER, CLOCK]},
    "effort none, tools used": {"messages": _THREAD, "reasoning_effort": "none", "tools": [WEATHER, CLOCK]},
    "tools": {"messages": [ASKED], "tools": [WEATHER, CLOCK]},
    "tools and sampling": {"messages": [ASKED], "tools": [WEATHER], "temperature": 0.2},
    "some tool must be called": {"messages": [ASKED], "tools": [WEATHER, CLOCK], "tool_choice": "required"},
    "one tool must be called": {
        "messages": [ASKED], "tools": [WEATHER, CLOCK],
        "tool_choice": {"type": "function", "function": {"name": "get_time"}},
    },
    "some tool must be called, effort high": {
        "messages": [ASKED], "tools": [WEATHER], "tool_choice": "required", "reasoning_effort": "high"
    },
    "no tool may be called": {"messages": [ASKED], "tools": [WEATHER, CLOCK], "tool_choice": "none"},
    "one call at a time": {"messages": [ASKED], "tools": [WEATHER, CLOCK], "parallel_tool_calls": False},
    "an answer by schema": {
        "messages": [user("Who is Ada?")], "response_format": {"type": "json_schema", "json_schema": _SCHEMA}
    },
    "an answer by schema, with tools": {
        "messages": [ASKED], "tools": [WEATHER], "response_format": {"type": "json_schema", "json_schema": _SCHEMA}
    },
    "an answer by schema after a tool": {
        "messages": _THREAD, "tools": [WEATHER, CLOCK],
        "response_format": {"type": "json_schema", "json_schema": _SCHEMA},
    },
    "any JSON": {"messages": [user("Ada as JSON.")], "response_format": {"type": "json_object"}},
    "any JSON, with tools": {
        "messages": [user("Ada as JSON.")], "tools": [WEATHER], "response_format": {"type": "json_object"}
    },
    "tool names with dots": {"messages": [ASKED], "tools": _tools("mcp.server.get", "mcp.server.set")},
    "tool names with spaces and slashes": {"messages": [ASKED], "tools": _tools("get the weather", "files/read")},
    "long tool names": {"messages": [ASKED], "tools": _tools("a" * 70 + "1", "a" * 70 + "2", "b" * 128)},
    "tool names that clash once mended": {"messages": [ASKED], "tools": _tools("a.b", "a_b", "a b", "a/b")},
    "tool names that begin with a digit": {"messages": [ASKED], "tools": _tools("3d_view", "_private", "-dash")},
    "tool names in other scripts": {"messages": [ASKED], "tools": _tools("wétter", "天気", "погода")},
    "two tools of one name": {"messages": [ASKED], "tools": _tools("look", "look")},
    "a tool named with dots was used": {"messages": _used("mcp.server.get"), "tools": _tools("mcp.server.get")},
    "a tool named with dots must be called": {
        "messages": [ASKED], "tools": _tools("mcp.server.get", "mcp.server.set"),
        "tool_choice": {"type": "function", "function": {"name": "mcp.server.set"}},
    },
    "a schema with anyOf at its root": _schema(
        {"anyOf": [CITY, {"type": "object", "properties": {"zip": {"type": "string"}}, "required": ["zip"]}]}
    ),
    "a schema with oneOf at its root": _schema({"type": "object", "oneOf": [CITY, {"required": ["id"]}]}),
    "a schema with allOf at its root": _schema({"allOf": [CITY, {"properties": {"unit": {"enum": ["C", "F"]}}}]}),
    "a schema with not and enum": _schema({"type": "object", "not": {"required": ["x"]}, "enum": [{"city": "Rome"}]}),
    "a schema without a type": _schema({"properties": {"city": {"type": "string"}}}),
    "a schema that is empty": _schema({}),
    "a strict tool": {"messages": [ASKED], "tools": [function("save", PERSON, strict=False)]},
    "two rounds of tools": {"messages": _TWO_ROUNDS, "tools": [WEATHER]},
    "parallel calls answered": {"messages": _THREAD, "tools": [WEATHER, CLOCK]},
    "parallel calls answered in another order": {
        "messages": [ASKED, BOTH, *reversed(ANSWERS)], "tools": [WEATHER, CLOCK]
    },
    "a user after a tool's result": {"messages": [*_THREAD, user("In short?")], "tools": [WEATHER, CLOCK]},
    "tools were used and are gone": {"messages": _THREAD},
    "the tools are others now": {"messages": _THREAD, "tools": _tools("search")},
    "a long id": {"messages": _used("go", _LONG_ID), "tools": _tools("go")},
    "an id with other characters": {"messages": _used("go", "functions.go:0|é"), "tools": _tools("go")},
    "an id twice": {
        "messages": [*_used("go"), assistant("Once more."), *_used("go")], "tools": _tools("go")
    },
    "arguments that broke off": {
        "messages": [user("Go."), assistant(None, call("call_1", "go", '{"cut": "of')), result("call_1", "failed")],
        "tools": _tools("go"),
    },
    "a tool gives nothing": {
        "messages": [user("Go."), assistant(None, call("call_1", "go", {})), result("call_1", "")], "tools": _tools("go")
    },
    "a call with text": {
        "messages": [ASKED, assistant("Let me look.", call("call_1", "get_weather", {"city": "Rome"})), ANSWERS[0]],
        "tools": [WEATHER],
    },
    "a call with empty text": {
        "messages": [ASKED, assistant("", call("call_1", "get_weather", {"city": "Rome"})), ANSWERS[0]],
        "tools": [WEATHER],
    },
    "it ends with the assistant": {"messages": [user("Finish my sentence."), assistant("The sky is")]},
    "it begins with the assistant": {"messages": [assistant("How can I help?"), user("Count to three.")]},
    "several users in a row": {"messages": [user("One"), user("Two"), user([text("Three")])]},
    "several assistants in a row": {"messages": [user("One"), assistant("Two"), assistant("Three"), user("Four")]},
    "empty texts": {"messages": [user("Hi"), assistant(""), user("  "), assistant(None), user([text(""), text("So?")])]},
    "an empty system message": {"messages": [system(""), HI]},
    "an image inline": {"messages": [user([text("What is this?"), image(f"data:image/png;base64,{PNG}")])]},
    "an image by address": {"messages": [user([image("https://example.com/cat.jpg"), text("And this?")])]},
    "reasoning of another provider": {"messages": _THOUGHT, "tools": [WEATHER]},
    "reasoning of another provider, then a question": {
        "messages": [*_THOUGHT, assistant("Sunny.", reasoning_content="Done."), user("Thanks!")], "tools": [WEATHER]
    },
    "fields of other providers": {
        "messages": [
            user("Weather in Rome?"),
            assistant(
                None,
                call("call_7", "get_weather", {"city": "Rome"}, extra_content={"google": {"thought_signature": GEMINI_SIGNATURE}}),
                reasoning_details=[{"type": "reasoning.text", "text": "Hm.", "format": "unknown", "index": 0}],
                annotations=[], refusal=None, audio=None, provider_specific_fields={"a": 1},
            ),
            result("call_7", "sunny"),
        ],
        "tools": [WEATHER],
    },
    "cache marks": {
        "messages": [system([text("A long text."), text("Its end.", cache_control=EPHEMERAL)]), HI],
        "tools": [{**WEATHER, "cache_control": EPHEMERAL}],
    },
}  # fmt: skip
