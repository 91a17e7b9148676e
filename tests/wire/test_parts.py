"""Reading an OpenAI request: content parts, tool calls, tools, tool choice and response format."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from ingate.errors import BadRequestError
from ingate.wire import parts
from ingate.wire.parts import (
    Choice,
    Part,
    Tool,
    calls_of,
    choice_of,
    data_url,
    format_of,
    messages_of,
    parts_of,
    tools_of,
)

MARK = {"type": "ephemeral"}


def read(item: Any) -> dict[str, Any]:
    """The fields of the part that differ from an empty one, without `raw`."""
    (part,) = parts_of([item])
    empty = asdict(Part(kind=part.kind))
    return {
        key: value for key, value in asdict(part).items() if key == "kind" or (value != empty[key] and key != "raw")
    }


@pytest.mark.parametrize(
    ("item", "part"),
    [
        ("a", {"kind": "text", "text": "a"}),
        ({"type": "text", "text": "a", "cache_control": MARK}, {"kind": "text", "text": "a", "cache_control": MARK}),
        ({"type": "text", "text": "a", "cache_control": "x"}, {"kind": "text", "text": "a"}),
        ({"type": "input_text", "text": "a"}, {"kind": "text", "text": "a"}),
        ({"type": "output_text", "text": "a"}, {"kind": "text", "text": "a"}),
        ({"type": "refusal", "refusal": "no"}, {"kind": "text", "text": "no"}),
        ({"type": "image_url", "image_url": {"url": "https://h/a.PNG?x=1"}}, {"kind": "image", "mime": "image/png", "url": "https://h/a.PNG?x=1"}),
        ({"type": "image_url", "image_url": "https://h/a"}, {"kind": "image", "url": "https://h/a"}),
        ({"type": "input_image", "image_url": "data:image/gif;base64,AA=="}, {"kind": "image", "mime": "image/gif", "data": "AA=="}),
        ({"type": "input_image", "file_id": "f", "cache_control": MARK}, {"kind": "image", "file_id": "f", "cache_control": MARK}),
        ({"type": "video_url", "video_url": {"url": "gs://b/a.mp4"}}, {"kind": "video", "mime": "video/mp4", "url": "gs://b/a.mp4"}),
        ({"type": "input_audio", "input_audio": {"data": "AA==", "format": "MP3"}}, {"kind": "audio", "mime": "audio/mpeg", "data": "AA=="}),
        ({"type": "input_audio", "input_audio": {"data": "AA=="}}, {"kind": "audio", "mime": "audio/wav", "data": "AA=="}),
        ({"type": "input_audio", "input_audio": {"data": "AA==", "format": "opus"}}, {"kind": "audio", "mime": "audio/opus", "data": "AA=="}),
        ({"type": "file", "file": {"filename": "a.pdf", "file_data": "AA ==\n"}}, {"kind": "file", "mime": "application/pdf", "data": "AA==", "name": "a.pdf"}),
        ({"type": "file", "file": {"file_data": "AA==", "mime_type": "image/png"}}, {"kind": "file", "mime": "image/png", "data": "AA=="}),
        ({"type": "file", "file": {"file_data": "AA==", "format": "x/y", "mime_type": "image/png"}}, {"kind": "file", "mime": "x/y", "data": "AA=="}),
        ({"type": "file", "file": {"filename": "", "file_data": "data:text/plain;base64,SGk="}}, {"kind": "file", "mime": "text/plain", "data": "SGk=", "text": "Hi"}),
        ({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/octet-stream;base64,AA=="}}, {"kind": "file", "mime": "application/pdf", "data": "AA==", "name": "a.pdf"}),
        ({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:image/png;base64,AA=="}}, {"kind": "file", "mime": "image/png", "data": "AA==", "name": "a.pdf"}),
        ({"type": "file", "file": {"file_data": "https://h/a.pdf"}, "cache_control": MARK}, {"kind": "file", "mime": "application/pdf", "url": "https://h/a.pdf", "cache_control": MARK}),
        ({"type": "input_file", "file_url": "https://h/a.pdf"}, {"kind": "file", "mime": "application/pdf", "url": "https://h/a.pdf"}),
        ({"type": "input_file", "file_id": "f1", "filename": "a.txt"}, {"kind": "file", "mime": "text/plain", "file_id": "f1", "name": "a.txt"}),
        ({"type": "file", "file": {"file_id": "https://h/a.pdf"}, "cache_control": MARK}, {"kind": "file", "mime": "application/pdf", "url": "https://h/a.pdf", "cache_control": MARK}),
        ({"type": "hologram", "cache_control": MARK}, {"kind": "native", "cache_control": MARK}),
        ({}, {"kind": "native"}),
    ],
)  # fmt: skip
def test_parts_are_read_whatever_their_type(item: Any, part: dict[str, Any]) -> None:
    assert read(item) == part
    if isinstance(item, dict):
        assert parts_of([item])[0].raw == item


@pytest.mark.parametrize(
    ("form", "mime"),
    [
        ("wav", "audio/wav"),
        ("mp3", "audio/mpeg"),
        ("flac", "audio/flac"),
        ("ogg", "audio/ogg"),
        ("aac", "audio/aac"),
        ("pcm16", "audio/pcm16"),
    ],
)
def test_audio_formats_are_media_types(form: str, mime: str) -> None:
    assert read({"type": "input_audio", "input_audio": {"data": "AA==", "format": form}})["mime"] == mime


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (3, "is int, not a string or a list"),
        ([3], "a content part is int"),
        ([{"type": "text"}], "a 'text' part has no text"),
        ([{"type": "refusal", "text": "x"}], "a 'refusal' part has no text"),
        ([{"type": "image_url"}], "a 'image_url' part has no URL"),
        ([{"type": "image_url", "image_url": {"url": ""}}], "has no URL"),
        ([{"type": "video_url", "image_url": "https://h"}], "a 'video_url' part has no URL"),
        ([{"type": "image_url", "image_url": "a.png"}], "'a.png' is neither a data URL nor an address"),
        ([{"type": "input_audio"}], "an 'input_audio' part has no data"),
        ([{"type": "input_audio", "input_audio": {"data": 3}}], "an 'input_audio' part has no data"),
        ([{"type": "file"}], "neither file_data nor file_id"),
        ([{"type": "file", "file": {"file_data": "", "file_id": ""}}], "neither file_data nor file_id"),
        ([{"type": "file", "file": {"filename": "a.txt", "file_data": "?"}}], "inline content is not base64"),
        ([{"type": "image_url", "image_url": "data:image/png"}], "no ',' before its content"),
        ([{"type": "image_url", "image_url": "data:image/png;base64,?"}], "content is not base64"),
    ],
)
def test_malformed_content_is_a_bad_request(content: Any, words: str) -> None:
    with pytest.raises(BadRequestError, match=words):
        parts_of(content)


def test_text_and_media_of_content() -> None:
    assert parts_of(None) == []
    assert parts_of("a") == [Part(kind="text", text="a")]
    content = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": "https://h"}, "b"]
    assert parts.text_of(content) == "ab"
    assert parts.has_media(content)
    assert not parts.has_media("a")
    assert not parts.has_media([{"type": "text", "text": "a"}])


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("https://h", None),
        ("DATA:image/PNG;base64,A A=\n=", ("image/png", "AA==")),
        ("data:;base64,AA==", ("application/octet-stream", "AA==")),
        ("data:image/png; BASE64,AA==", ("image/png", "AA==")),
        ("data:,a%20b", ("text/plain", "YSBi")),
        ("data:text/html,<p>", ("text/html", "PHA+")),
    ],
)
def test_data_urls(url: str, meant: Any) -> None:
    assert data_url(url) == meant


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant", "tool", "function"])
def test_messages_have_one_of_the_known_roles(role: str) -> None:
    messages = [{"role": role}]
    assert messages_of({"messages": messages}) is messages


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        (None, "no messages"),
        ([], "no messages"),
        ("x", "no messages"),
        (["x"], r"messages\[0\] is str"),
        ([{"role": "user"}, {"role": "robot"}], r"messages\[1\] has the role 'robot'"),
        ([{}], r"messages\[0\] has the role None"),
    ],
)
def test_malformed_messages_are_a_bad_request(messages: Any, words: str) -> None:
    with pytest.raises(BadRequestError, match=words):
        messages_of({"messages": messages})


def function(name: Any = "f", arguments: Any = "{}") -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


@pytest.mark.parametrize(
    ("message", "calls"),
    [
        ({}, []),
        ({"tool_calls": None}, []),
        ({"tool_calls": [{"id": "a", "function": function(arguments='{"x":1}')}]}, [("a", "f", {"x": 1})]),
        ({"tool_calls": [{"function": function(None, {"x": 1})}]}, [("", "", {"x": 1})]),
        ({"tool_calls": [{"id": 3, "function": function(arguments=" ")}]}, [("3", "f", {})]),
        ({"tool_calls": [{"id": "a", "function": function(arguments="{oops")}]}, [("a", "f", {"arguments": "{oops"})]),
        ({"tool_calls": [{"id": "a", "function": function(arguments="[1]")}]}, [("a", "f", {"arguments": [1]})]),
        ({"tool_calls": [{"id": "a", "function": function(arguments=None)}]}, [("a", "f", {})]),
        ({"function_call": function(arguments='{"x":1}')}, [("", "f", {"x": 1})]),
        ({"tool_calls": [], "function_call": function()}, [("", "f", {})]),
        ({"tool_calls": [{"id": "a", "custom": {"name": "sql", "input": "select"}}]}, [("a", "sql", {"input": "select"})]),
        ({"tool_calls": [{"id": "a", "custom": {"name": "sql"}}]}, [("a", "sql", {"input": ""})]),
    ],
)  # fmt: skip
def test_tool_calls_are_read(message: dict[str, Any], calls: list[Any]) -> None:
    assert [call[:3] for call in calls_of(message)] == calls


@pytest.mark.parametrize("call", ["x", {}, {"function": "f"}, {"custom": "c"}])
def test_a_call_without_a_function_is_a_bad_request(call: Any) -> None:
    with pytest.raises(BadRequestError, match="no function"):
        list(calls_of({"tool_calls": [call]}))


def test_a_call_is_handed_on_as_it_came() -> None:
    call = {"id": "a", "function": function(), "extra": 1}
    assert next(calls_of({"tool_calls": [call]}))[3] is call


OBJECT = {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("body", "tools"),
    [
        ({}, []),
        ({"tools": [], "functions": [{"name": "f"}]}, [Tool(name="f", description="", schema=OBJECT)]),
        ({"tools": None, "functions": None}, []),
        (
            {"tools": [{"function": {"name": "f", "description": "d", "parameters": {"properties": {"a": {}}}, "strict": True}, "cache_control": MARK}]},
            [Tool(name="f", description="d", schema={"type": "object", "properties": {"a": {}}}, strict=True, cache_control=MARK)],
        ),
        (
            {"tools": [{"function": {"name": "f", "parameters": {}, "strict": "yes", "cache_control": MARK}}]},
            [Tool(name="f", description="", schema=OBJECT, cache_control=MARK)],
        ),
        (
            {"tools": [{"function": {"name": "f", "parameters": "x", "description": None}, "cache_control": "x"}]},
            [Tool(name="f", description="", schema=OBJECT)],
        ),
        (
            {"tools": [{"type": "custom", "custom": {"name": "sql", "description": "d"}}]},
            [Tool(name="sql", description="d", schema={"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]})],
        ),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "string"}}}]}, [Tool(name="f", description="", schema={"type": "string"})]),
    ],
)  # fmt: skip
def test_tools_are_read(body: dict[str, Any], tools: list[Tool]) -> None:
    assert tools_of(body, Choice()) == (tools, [])


def test_tools_of_providers_are_kept_and_only_allowed_ones_are_offered() -> None:
    native = {"type": "web_search"}
    body = {"tools": [{"function": {"name": "f"}}, native, {"function": {"name": "g"}}, {"custom": {"name": "h"}}]}
    functions, others = tools_of(body, Choice(allowed=("g",)))
    assert [tool.name for tool in functions] == ["g"]
    assert others == [native, {"custom": {"name": "h"}}]
    first, second = tools_of({"tools": [{"function": {"name": "a"}}, {"function": {"name": "b"}}]}, Choice())[0]
    assert first.schema is not second.schema


@pytest.mark.parametrize(
    ("tools", "words"),
    [("x", "not a list"), (["x"], "not an object"), ([{"function": {}}], "no name"), ([{"function": {"name": ""}}], "no name")],
)  # fmt: skip
def test_malformed_tools_are_a_bad_request(tools: Any, words: str) -> None:
    with pytest.raises(BadRequestError, match=words):
        tools_of({"tools": tools}, Choice())


@pytest.mark.parametrize(
    ("given", "choice"),
    [
        (None, Choice()),
        ("auto", Choice()),
        ("none", Choice(mode="none")),
        ("required", Choice(mode="required")),
        ("any", Choice(mode="required")),
        ({"type": "auto"}, Choice()),
        ({"type": "none"}, Choice(mode="none")),
        ({"type": "any"}, Choice(mode="required")),
        ({"type": "required"}, Choice(mode="required")),
        ({"type": "function", "function": {"name": "f"}}, Choice(mode="named", name="f")),
        ({"type": "custom", "custom": {"name": "f"}}, Choice(mode="named", name="f")),
        ({"type": "function", "name": "f"}, Choice(mode="named", name="f")),
        ({"name": "f"}, Choice(mode="named", name="f")),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "c"}}, "x"]}},
            Choice(mode="required", allowed=("f", "c")),
        ),
        ({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "g"}]}, Choice(allowed=("g",))),
        ({"type": "allowed_tools"}, Choice(allowed=())),
    ],
)  # fmt: skip
def test_tool_choices_are_read(given: Any, choice: Choice) -> None:
    assert choice_of({"tool_choice": given}) == choice


def test_the_old_function_call_is_a_tool_choice() -> None:
    assert choice_of({"function_call": {"name": "f"}}) == Choice(mode="named", name="f")
    assert choice_of({"function_call": "none"}) == Choice(mode="none")
    assert choice_of({"tool_choice": "auto", "function_call": "none"}) == Choice()
    assert choice_of({}) == Choice()


@pytest.mark.parametrize(
    "given", ["sometimes", 3, {}, {"type": "function"}, {"function": {"name": 3}}, {"function": "f"}]
)
def test_a_malformed_tool_choice_is_a_bad_request(given: Any) -> None:
    with pytest.raises(BadRequestError, match="tool_choice"):
        choice_of({"tool_choice": given})


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (None, ("text", None)),
        ({"type": "text"}, ("text", None)),
        ({"type": "json_object"}, ("json_object", None)),
        ({"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}, ("json_schema", {"type": "object"})),
        ({"type": "json_schema", "schema": {"type": "array"}}, ("json_schema", {"type": "array"})),
    ],
)
def test_response_formats_are_read(given: Any, meant: Any) -> None:
    assert format_of({"response_format": given}) == meant


@pytest.mark.parametrize(
    "given", ["json", {}, {"type": "xml"}, {"type": "json_schema"}, {"type": "json_schema", "json_schema": {}}]
)
def test_a_malformed_response_format_is_a_bad_request(given: Any) -> None:
    with pytest.raises(BadRequestError, match="response_format"):
        format_of({"response_format": given})
