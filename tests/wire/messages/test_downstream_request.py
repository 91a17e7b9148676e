"""Requests of Anthropic's Messages API as chat requests."""

from __future__ import annotations

from typing import Any

import pytest

from ingate.errors import InvalidRequestError
from ingate.wire.downstream import error_body, translate
from ingate.wire.messages.downstream_request import MessagesRequest
from ingate.wire.thinking import seal

HI: list[Any] = [{"role": "user", "content": "hi"}]
TOOL = {"name": "look", "description": "d", "input_schema": {"type": "object", "properties": {"q": {"type": "string"}}}}
CALL = {"type": "tool_use", "id": "call_1", "name": "look", "input": {"q": "x"}}
MARK = {"type": "ephemeral"}


def request(model: str = "openai/gpt-5", **body: Any) -> MessagesRequest:
    found = translate("messages", {"model": model, "max_tokens": 50, "messages": HI, **body})
    assert isinstance(found, MessagesRequest)
    return found


def turns(*content: Any, model: str = "openai/gpt-5") -> tuple[list[Any], list[str]]:
    """The chat messages of a conversation, user first, and the warnings."""
    messages = [{"role": ("user", "assistant")[at % 2], "content": one} for at, one in enumerate(content)]
    found = request(model, messages=messages)
    return found.chat["messages"], found.warnings


def test_parameters_have_chat_names() -> None:
    found = request(
        system="Be kind.",
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        stop_sequences=["END"],
        stream=True,
        service_tier="standard_only",
        metadata={"user_id": "u-1"},
    )
    assert found.stream
    assert found.warnings == []
    assert found.chat == {
        "model": "openai/gpt-5",
        "max_tokens": 50,
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hi"}],
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "stop": ["END"],
        "service_tier": "default",
        "user": "u-1",
    }


def test_a_long_user_id_is_hashed_to_what_openai_accepts() -> None:
    users = {request(metadata={"user_id": "u" * 65 + end}).chat["user"] for end in "aab"}
    assert [len(user) for user in users] == [64, 64]


def test_system_blocks_and_system_messages_inside_the_conversation() -> None:
    system = [{"type": "text", "text": "A", "cache_control": MARK}, {"type": "text", "text": "B"}]
    messages = [*HI, {"role": "assistant", "content": "yo"}, {"role": "system", "content": "C"}, *HI]
    assert request(system=system, messages=messages).chat["messages"] == [
        {"role": "system", "content": "A\n\nB"},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "yo"},
        {"role": "system", "content": "C"},
        {"role": "user", "content": "hi"},
    ]
    marked = request("anthropic/claude-x", system=system).chat["messages"][0]
    assert marked["content"][0] == {"type": "text", "text": "A", "cache_control": MARK}


@pytest.mark.parametrize(
    ("body", "effort"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "low"),
        ({"thinking": {"type": "enabled", "budget_tokens": 30_000}}, "max"),
        ({"thinking": {"type": "adaptive"}}, "medium"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}}, "xhigh"),
        ({"thinking": {"type": "disabled"}}, "none"),
        ({"output_config": {"effort": "high"}}, "high"),
        ({}, None),
    ],
)
def test_thinking_is_an_effort(body: dict[str, Any], effort: str | None) -> None:
    assert request(**body).chat.get("reasoning_effort") == effort


@pytest.mark.parametrize("name", ["output_format", "output_config"])
def test_the_output_format_is_a_response_format(name: str) -> None:
    wanted = {"type": "json_schema", "schema": {"type": "object"}}
    found = request(**{name: wanted if name == "output_format" else {"format": wanted}}).chat["response_format"]
    assert found == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
    }


def test_what_only_anthropic_has_is_left_out_with_a_warning() -> None:
    found = request(
        context_management={"edits": [{"type": "clear_tool_uses_20250919"}]},
        mcp_servers=[{"type": "url", "url": "https://x.example", "name": "x"}],
        container="c_1",
        speed="fast",
        betas=["x"],
        inference_geo=None,
    )
    assert sorted(found.warnings) == [
        f"{name} was left out: only Anthropic's API has it"
        for name in ("container", "context_management", "mcp_servers", "speed")
    ]
    assert set(found.chat) == {"model", "max_tokens", "messages"}


def test_a_stored_thread_is_refused_so_that_the_sdk_sends_the_whole_history() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        translate("messages", {"model": "m/x", "max_tokens": 5, "messages": HI, "thread": {"type": "create"}})
    assert caught.value.param == "thread"
    body = error_body("messages", caught.value, "req_1")
    assert body["error"]["type"] == "invalid_request_error"
    assert body["error"]["details"] == {"error_code": "thread_unsupported_request", "unsupported": []}


# Tools.


def test_tools_and_their_choice() -> None:
    found = request(
        tools=[{**TOOL, "strict": True, "cache_control": MARK, "defer_loading": True, "input_examples": [{}]}],
        tool_choice={"type": "tool", "name": "look", "disable_parallel_tool_use": True},
    ).chat
    function = {"name": "look", "parameters": TOOL["input_schema"], "description": "d", "strict": True}
    assert found["tools"] == [{"type": "function", "function": function}]
    assert found["tool_choice"] == {"type": "function", "function": {"name": "look"}}
    assert found["parallel_tool_calls"] is False
    marked = request("anthropic/claude-x", tools=[{**TOOL, "cache_control": MARK}]).chat["tools"]
    assert marked[0]["cache_control"] == MARK


@pytest.mark.parametrize(("kind", "choice"), [("auto", "auto"), ("any", "required"), ("none", "none")])
def test_the_kinds_of_tool_choice(kind: str, choice: str) -> None:
    assert request(tools=[TOOL], tool_choice={"type": kind}).chat["tool_choice"] == choice
    assert "tool_choice" not in request(tool_choice={"type": kind}).chat


def test_web_search_is_asked_for_as_chat_asks_for_it() -> None:
    place = {"type": "approximate", "city": "Oslo", "country": "NO"}
    search = {"type": "web_search_20250305", "name": "web_search", "user_location": place, "max_uses": 3}
    found = request(tools=[search], tool_choice={"type": "tool", "name": "web_search"})
    approximate = {"city": "Oslo", "country": "NO"}
    assert found.chat["web_search_options"] == {"user_location": {"type": "approximate", "approximate": approximate}}
    assert "tools" not in found.chat
    assert len(found.warnings) == 2
    assert "max_uses" in found.warnings[0]
    assert "tool_choice" in found.warnings[1]


def test_tools_that_only_anthropic_runs_are_named_in_a_warning() -> None:
    hosted = [
        {"type": "code_execution_20250825", "name": "code_execution"},
        {"type": "mcp_toolset", "mcp_server_name": "files"},
        {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"},
    ]
    found = request(tools=[TOOL, *hosted])
    assert [tool["function"]["name"] for tool in found.chat["tools"]] == ["look"]
    assert found.warnings == [
        "the tool 'code_execution' (code_execution_20250825) was left out: only Anthropic's API has it",
        "the tool 'files' (mcp_toolset) was left out: only Anthropic's API has it",
    ]
    assert request("anthropic/claude-x", tools=hosted[:1]).chat["tools"] == hosted[:1]


def test_tools_that_are_added_and_removed_in_the_conversation() -> None:
    other = {**TOOL, "name": "other"}
    changes = [
        {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": other}},
        {"type": "tool_removal", "tool": {"type": "tool_reference", "name": "look"}},
        {"type": "text", "text": "go"},
    ]
    found = request(tools=[TOOL], messages=[{"role": "user", "content": changes}])
    assert [tool["function"]["name"] for tool in found.chat["tools"]] == ["other"]
    assert found.chat["messages"] == [{"role": "user", "content": "go"}]
    assert found.warnings == []


# History.


def test_images_and_documents() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QQ=="}}
    filed = {"type": "image", "source": {"type": "file", "file_id": "file_1"}}
    pdf = {"type": "document", "title": "a.pdf", "source": {"type": "url", "url": "https://a.example/a.pdf"}}
    text = {"type": "document", "title": "n", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}
    inside = {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "deep"}]}}
    stored = {"type": "document", "source": {"type": "file", "file_id": "file_2"}}
    found = {
        "type": "search_result",
        "source": "https://s.example",
        "title": "S",
        "content": [{"type": "text", "text": "hit"}],
    }
    messages, warnings = turns([image, filed, pdf, text, inside, stored, found])
    assert warnings == []
    assert messages[0]["content"] == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}},
        {"type": "image_url", "file_id": "file_1"},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "https://a.example/a.pdf"}},
        {"type": "text", "text": "n:\nwords"},
        {"type": "text", "text": "deep"},
        {"type": "file", "file": {"file_id": "file_2"}},
        {"type": "text", "text": "S (https://s.example)\nhit"},
    ]


def test_a_tool_turn() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://i.example/i.png"}}
    result = {
        "type": "tool_result",
        "tool_use_id": "call_1",
        "content": [{"type": "text", "text": "18"}, image, {"type": "tool_reference", "tool_name": "other"}],
    }
    messages, warnings = turns(
        "hi", [{"type": "text", "text": "wait"}, CALL], [{"type": "text", "text": "and?"}, result]
    )
    assert warnings == []
    assert messages[1:] == [
        {
            "role": "assistant",
            "content": "wait",
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"q":"x"}'}},
            ],
        },
        {
            "role": "tool",
            "tool_call_id": "call_1",
            "content": [
                {"type": "text", "text": "18"},
                {"type": "image_url", "image_url": {"url": "https://i.example/i.png"}},
                {"type": "text", "text": "The tool 'other' is available."},
            ],
        },
        {"role": "user", "content": "and?"},
    ]


def test_a_tool_that_failed_says_so() -> None:
    failed = {"type": "tool_result", "tool_use_id": "call_1", "content": "no such city", "is_error": True}
    assert turns("hi", [CALL], [failed])[0][-1]["content"] == "Error: no such city"
    flagged = turns("hi", [CALL], [failed], model="anthropic/claude-x")[0][-1]
    assert (flagged["content"], flagged["is_error"]) == ("no such city", True)
    empty = {"type": "tool_result", "tool_use_id": "call_1"}
    assert turns("hi", [CALL], [empty])[0][-1] == {"role": "tool", "tool_call_id": "call_1", "content": ""}


def test_cache_marks_are_kept_wherever_a_chat_can_hold_them() -> None:
    said = {"type": "text", "text": "wait", "cache_control": MARK}
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": "18", "cache_control": MARK}
    look = {"type": "text", "text": "look", "cache_control": MARK}
    content = ("hi", [said, {**CALL, "cache_control": MARK}], [result, look])
    messages, _ = turns(*content, model="anthropic/claude-x")
    assert messages[1]["content"] == [said]
    assert messages[1]["tool_calls"][0]["cache_control"] == MARK
    assert messages[2]["cache_control"] == MARK
    assert messages[3]["content"] == [look]
    assert "cache_control" not in str(turns(*content)[0])


def test_claude_behind_an_alias_gets_its_cache_marks_too() -> None:
    content = [{"type": "text", "text": "hi", "cache_control": MARK}]
    body = {"model": "smart", "max_tokens": 5, "messages": [{"role": "user", "content": content}]}
    assert translate("messages", body, target="bedrock/us.anthropic.claude-x").chat["messages"][0]["content"] == content
    assert translate("messages", body, target="groq/llama").chat["messages"][0]["content"] == "hi"


def test_blocks_that_have_no_equivalent_are_left_out_with_a_warning_each() -> None:
    ran = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    messages, warnings = turns(
        [{"type": "hologram"}, {"type": "text", "text": "hi"}, {"type": "container_upload", "file_id": "f"}],
        [ran, {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}, {"type": "text", "text": "ok"}],
        [{"type": "hologram"}],
        [{"type": "mcp_tool_use", "id": "m", "name": "x", "server_name": "y", "input": {}}],
        "go on",
    )
    assert messages == [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "ok"},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "go on"},
    ]
    kinds = ("hologram", "container_upload", "server_tool_use", "web_search_tool_result", "mcp_tool_use")
    assert warnings == [f"content blocks of the type {k!r} were left out: only Anthropic's API has them" for k in kinds]


def test_a_compaction_is_kept_as_its_summary() -> None:
    messages, _ = turns("hi", [{"type": "compaction", "content": "We chose Oslo."}, {"type": "text", "text": "ok"}])
    assert "We chose Oslo." in messages[1]["content"]


def test_native_thinking_goes_back_as_it_came() -> None:
    signed = {"type": "thinking", "thinking": "hm", "signature": "EqQB"}
    redacted = {"type": "redacted_thinking", "data": "Eo8D"}
    unsigned = {"type": "thinking", "thinking": "?", "signature": ""}
    messages, warnings = turns("hi", [signed, redacted, unsigned, CALL])
    assert messages[1]["thinking_blocks"] == [signed, redacted]
    assert messages[1]["reasoning_content"] == "hm?"
    assert warnings == []


@pytest.mark.parametrize("altered", [seal("openai", {"reasoning_items": []})[:-6], "ingate.1.?", "ingate.1."])
def test_an_altered_envelope_is_left_out_with_a_warning(altered: str) -> None:
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": altered},
        {"type": "redacted_thinking", "data": altered},
        {"type": "text", "text": "so"},
    ]
    messages, warnings = turns("hi", blocks)
    assert messages[1] == {"role": "assistant", "content": "so", "reasoning_content": "hm"}
    assert warnings == ["reasoning of an earlier turn was left out: its signature was altered by the client"]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": 5}, "model"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_k": 1.5}, "top_k"),
        ({"stream": "yes"}, "stream"),
        ({"stop_sequences": "END"}, "stop_sequences"),
        ({"stop_sequences": [5]}, "stop_sequences"),
        ({"metadata": "me"}, "metadata"),
        ({"metadata": {"user_id": 5}}, "metadata.user_id"),
        ({"thinking": "on"}, "thinking"),
        ({"thinking": {"type": "enabled", "budget_tokens": "2k"}}, "thinking.budget_tokens"),
        ({"output_config": "json"}, "output_config"),
        ({"output_config": {"effort": 5}}, "output_config.effort"),
        ({"output_format": {"type": "json_schema"}}, "output_format"),
        ({"system": 5}, "system"),
        ({"system": [{"text": "x"}]}, "system[0]"),
        ({"tools": "look"}, "tools"),
        ({"tools": ["look"]}, "tools[0]"),
        ({"tools": [{"name": 5}]}, "tools[0].name"),
        ({"tools": [{**TOOL, "input_schema": "any"}]}, "tools[0].input_schema"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "other"}}, "tool_choice.name"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages[0].content[0].source"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]},
            "messages[0].content[0].source",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "base64"}}]}]},
            "messages[0].content[0].source",
        ),
        ({"messages": [*HI, {"role": "assistant", "content": [{"type": "tool_use"}]}]}, "messages[1].content[0].id"),
        (
            {"messages": [*HI, {"role": "assistant", "content": [{**CALL, "input": "x"}]}]},
            "messages[1].content[0].input",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_9"}]}]},
            "messages[0].content[0].tool_use_id",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": "x"}]}]},
            "messages[0].content[0].tool_use_id",
        ),
    ],
)
def test_a_malformed_request_names_the_field(change: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        translate("messages", {"model": "m/x", "max_tokens": 5, "messages": HI, **change})
    assert caught.value.param == param
