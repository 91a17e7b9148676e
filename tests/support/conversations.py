"""Conversations that every lane must be able to put into its provider's words, as OpenAI requests without a model."""

from __future__ import annotations

import json
from typing import Any

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKJSVFT0YK"
WAV = "UklGRiQAAABXQVZFZm10IBAAAAA="
EPHEMERAL = {"type": "ephemeral"}

PERSON = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "email": {"type": ["string", "null"], "format": "email"},
        "role": {"const": "admin"},
        "home": {"$ref": "#/$defs/Place"},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 5, "uniqueItems": True},
        "pet": {"oneOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["name", "age", "home"],
    "additionalProperties": False,
    "$defs": {"Place": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}},
}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def system(content: Any) -> dict[str, Any]:
    return {"role": "system", "content": content}


def function(name: str, schema: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    inner: dict[str, Any] = {"name": name, "description": f"Does {name}.", **more}
    if schema is not None:
        inner["parameters"] = schema
    return {"type": "function", "function": inner}


def call(call_id: str, name: str, arguments: Any, **more: Any) -> dict[str, Any]:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": text}, **more}


def assistant(content: Any = None, *calls: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **({"tool_calls": list(calls)} if calls else {}), **more}


def result(call_id: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content, **more}


def image(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}, **more}


def text(value: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": value, **more}


CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER, CLOCK = function("get_weather", CITY), function("get_time")
ASKED = user("What is the weather in Rome, and the time?")
BOTH = assistant(None, call("call_1", "get_weather", {"city": "Rome"}), call("call_2", "get_time", ""))
ANSWERS = [result("call_1", '{"celsius": 21}'), result("call_2", "noon")]

CONVERSATIONS: dict[str, dict[str, Any]] = {
    "one question": {"messages": [user("Hello")]},
    "system and developer messages": {
        "messages": [system("Be brief."), {"role": "developer", "content": "Answer in Italian."}, user("Hello")]
    },
    "a system message in the middle": {
        "messages": [system("Be brief."), user("Hi"), assistant("Hello!"), system("Now in French."), user("And you?")]
    },
    "only a system message": {"messages": [system("Write a haiku.")]},
    "several users in a row": {"messages": [user("One"), user("Two"), user([text("Three"), text("")])]},
    "it begins with the assistant": {"messages": [assistant("How can I help?"), user("Count to three.")]},
    "it ends with the assistant": {"messages": [user("Finish my sentence."), assistant("The sky is ")]},
    "empty texts among others": {"messages": [user("Hi"), assistant(""), user("  "), assistant(None), user("Still?")]},
    "an image inline": {"messages": [user([text("What is this?"), image(f"data:image/png;base64,{PNG}")])]},
    "an image by address": {"messages": [user([image("https://example.com/cat.jpg"), text("And this?")])]},
    "a PDF": {
        "messages": [
            user(
                [
                    {"type": "file", "file": {"filename": "r.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
                    text("Sum it up."),
                ]
            )
        ]
    },
    "a text file": {
        "messages": [
            user([{"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,SGk="}}])
        ]
    },
    "tools on offer": {"messages": [ASKED], "tools": [WEATHER, CLOCK]},
    "a tool must be called": {"messages": [ASKED], "tools": [WEATHER, CLOCK], "tool_choice": "required"},
    "one tool must be called": {
        "messages": [ASKED],
        "tools": [WEATHER, CLOCK],
        "tool_choice": {"type": "function", "function": {"name": "get_time"}},
    },
    "no tool may be called": {"messages": [ASKED], "tools": [WEATHER, CLOCK], "tool_choice": "none"},
    "one call at a time": {"messages": [ASKED], "tools": [WEATHER, CLOCK], "parallel_tool_calls": False},
    "parallel calls answered": {"messages": [ASKED, BOTH, *ANSWERS], "tools": [WEATHER, CLOCK]},
    "calls, text and a next question": {
        "messages": [
            ASKED,
            assistant("Let me look.", call("call_1", "get_weather", {"city": "Rome"})),
            result("call_1", "sunny"),
            assistant("It is sunny."),
            user("Thanks!"),
        ],
        "tools": [WEATHER],
    },
    "a user speaks after tool results": {
        "messages": [ASKED, BOTH, *ANSWERS, user("In short?")],
        "tools": [WEATHER, CLOCK],
    },
    "a tool gives an image": {
        "messages": [
            user("Draw a cat."),
            assistant(None, call("call_9", "draw", {"what": "cat"})),
            result("call_9", [text("done"), image(f"data:image/png;base64,{PNG}")]),
        ],
        "tools": [function("draw")],
    },
    "a tool gives nothing": {
        "messages": [user("Go."), assistant(None, call("call_9", "go", {})), result("call_9", "")],
        "tools": [function("go")],
    },
    "tools were used and are gone": {"messages": [ASKED, BOTH, *ANSWERS]},
    "ids and arguments of another provider": {
        "messages": [
            user("Go."),
            assistant(None, call("functions.go:0", "go", '{"cut": "of')),
            result("functions.go:0", "[1, 2]"),
        ],
        "tools": [function("go")],
    },
    "a strict tool with a rich schema": {
        "messages": [user("Save Ada.")],
        "tools": [function("save", PERSON, strict=True)],
    },
    "an answer by schema": {
        "messages": [user("Who is Ada?")],
        "response_format": {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON, "strict": True}},
    },
    "an answer by schema, with tools": {
        "messages": [user("Who is Ada?")],
        "tools": [WEATHER],
        "response_format": {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON}},
    },
    "any JSON": {"messages": [user("Ada as JSON.")], "response_format": {"type": "json_object"}},
    "sampling": {
        "messages": [user("Hi")],
        "temperature": 0.2,
        "top_p": 0.9,
        "top_k": 20,
        "max_tokens": 50,
        "stop": ["END", "\n"],
        "seed": 7,
    },
    "what only OpenAI has": {
        "messages": [user("Hi")],
        "logit_bias": {"50256": -100},
        "n": 1,
        "frequency_penalty": 0,
        "presence_penalty": 0.0,
        "logprobs": False,
        "user": "ada",
        "store": True,
        "metadata": {"tag": "x"},
        "stream_options": {"include_usage": True},
        "service_tier": "auto",
        "prompt_cache_key": "k",
    },
    "reasoning, low": {"messages": [user("Think.")], "reasoning_effort": "low"},
    "reasoning, none": {"messages": [user("Think.")], "reasoning_effort": "none"},
    "reasoning, as much as there is": {"messages": [user("Think.")], "reasoning_effort": "xhigh", "max_tokens": 4096},
    "reasoning and sampling": {
        "messages": [user("Think.")],
        "reasoning_effort": "high",
        "temperature": 0.5,
        "top_p": 0.5,
    },
    "reasoning and a forced tool": {
        "messages": [ASKED],
        "tools": [WEATHER],
        "tool_choice": "required",
        "reasoning_effort": "high",
    },
    "reasoning after a tool call": {
        "messages": [
            user("Weather in Rome?"),
            assistant(
                None,
                call(
                    "toolu_1",
                    "get_weather",
                    {"city": "Rome"},
                    extra_content={"google": {"thought_signature": "c2lnbmVk"}},
                ),
                thinking_blocks=[
                    {"type": "thinking", "thinking": "I need the weather.", "signature": "c2ln"},
                    {"type": "redacted_thinking", "data": "c2VjcmV0"},
                ],
                reasoning_content="I need the weather.",
            ),
            result("toolu_1", "sunny"),
        ],
        "tools": [WEATHER],
        "reasoning_effort": "medium",
    },
    "prompt-cache marks": {
        "messages": [
            system([text("A long text."), text("Its end.", cache_control=EPHEMERAL)]),
            user([text("Hi", cache_control={"type": "ephemeral", "ttl": "1h"})]),
        ],
        "tools": [{**WEATHER, "cache_control": EPHEMERAL}],
    },
    "the functions of old": {
        "messages": [
            user("Weather?"),
            {"role": "assistant", "content": None, "function_call": {"name": "get_weather", "arguments": "{}"}},
            {"role": "function", "name": "get_weather", "content": "rain"},
        ],
        "functions": [WEATHER["function"]],
        "function_call": "auto",
    },
    "a web search": {"messages": [user("News?")], "web_search_options": {"search_context_size": "low"}},
    "unicode": {"messages": [user("Grüße 👋🏽 \u202e\u0000 日本語")]},
}
