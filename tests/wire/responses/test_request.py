"""Chat requests as Responses requests: every part of a conversation, every parameter, and what providers refuse."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingate.errors import BadRequestError
from ingate.wire.codec import Target, codec_for

CODEC = codec_for("responses")
USER = [{"role": "user", "content": "Hello"}]
IMAGE = "data:image/png;base64,aGk="
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def target(provider: str = "openai", model: str = "gpt-5.4", **more: Any) -> Target:
    return Target(model=model, api_base="https://api.example/v1", provider=provider, **more)


def build(body: dict[str, Any], at: Target | None = None) -> dict[str, Any]:
    """The body of the request for a chat request; messages are one user message unless given."""
    return json.loads(CODEC.request({"messages": USER, **body}, at or target()).body)


def request(body: dict[str, Any], at: Target | None = None) -> Any:
    return CODEC.request({"messages": USER, **body}, at or target())


def items(messages: list[dict[str, Any]], at: Target | None = None) -> list[dict[str, Any]]:
    return build({"messages": messages}, at)["input"]


def test_a_plain_question_stores_nothing_and_keeps_the_reasoning() -> None:
    assert build({}) == {
        "model": "gpt-5.4",
        "input": [{"type": "message", "role": "user", "content": "Hello"}],
        "store": False,
        "include": ["reasoning.encrypted_content"],
    }


def test_a_stream_is_asked_for_as_one() -> None:
    made = request({"stream_options": {"include_usage": True}}, target(stream=True))
    body = json.loads(made.body)
    assert body["stream"] is True
    assert "stream_options" not in body
    assert made.headers["accept"] == "text/event-stream"
    assert made.method == "POST"


def test_system_messages_at_the_beginning_are_instructions() -> None:
    body = build({"messages": [{"role": "system", "content": "Be brief."}, {"role": "developer", "content": [
        {"type": "text", "text": "Be kind."}]}, *USER, {"role": "system", "content": "Now rhyme."}]})  # fmt: skip
    assert body["instructions"] == "Be brief.\n\nBe kind."
    assert [item["role"] for item in body["input"]] == ["user", "system"]


def test_system_messages_alone_are_input() -> None:
    body = build({"messages": [{"role": "system", "content": "Say hello."}]})
    assert "instructions" not in body
    assert body["input"] == [{"type": "message", "role": "system", "content": "Say hello."}]


@pytest.mark.parametrize(("user", "is_instruction"), [("List them.", False), ("List them as JSON.", True)])
def test_instructions_stay_in_the_input_if_only_they_mention_json(user: str, is_instruction: bool) -> None:
    body = build(
        {
            "messages": [{"role": "system", "content": "Answer in JSON."}, {"role": "user", "content": user}],
            "response_format": {"type": "json_object"},
        }
    )
    assert ("instructions" in body) is is_instruction
    assert body["text"] == {"format": {"type": "json_object"}}


def test_the_developer_role_becomes_system_for_providers_that_do_not_know_it() -> None:
    messages = [*USER, {"role": "developer", "content": "Rhyme."}]
    assert items(messages)[1]["role"] == "developer"
    assert items(messages, target("groq"))[1]["role"] == "system"


def test_parts_of_a_user_message() -> None:
    content = [
        {"type": "text", "text": "Look:", "cache_control": {"type": "ephemeral"}},
        {"type": "image_url", "image_url": {"url": IMAGE, "detail": "high"}},
        {"type": "image_url", "image_url": {"url": "https://e.org/a.png"}},
        {"type": "input_image", "file_id": "file-1"},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}},
        {"type": "file", "file": {"file_data": "aGk="}},
        {"type": "file", "file": {"file_id": "file-2"}},
        {"type": "file", "file": {"file_data": "https://e.org/b.pdf"}},
        {"type": "file", "file": {"filename": "n.txt", "file_data": "data:text/plain;base64,aGk="}},
        {"type": "file", "file": {"filename": "p.png", "file_data": IMAGE}},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
        {"type": "input_file", "file_url": "https://e.org/c.pdf"},
    ]
    assert items([{"role": "user", "content": content}])[0]["content"] == [
        {"type": "input_text", "text": "Look:"},
        {"type": "input_image", "detail": "high", "image_url": IMAGE},
        {"type": "input_image", "detail": "auto", "image_url": "https://e.org/a.png"},
        {"type": "input_image", "detail": "auto", "file_id": "file-1"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="},
        {"type": "input_file", "filename": "document.pdf", "file_data": "data:application/pdf;base64,aGk="},
        {"type": "input_file", "file_id": "file-2"},
        {"type": "input_file", "file_url": "https://e.org/b.pdf"},
        {"type": "input_text", "text": "n.txt:\nhi"},
        {"type": "input_image", "detail": "auto", "image_url": IMAGE},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
        {"type": "input_file", "file_url": "https://e.org/c.pdf"},
    ]


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "video_url", "video_url": {"url": "https://e.org/a.mp4"}}],
        [{"type": "search_result", "source": "x"}],
        [{"type": "image_url", "image_url": {}}],
        [7],
        7,
    ],
)
def test_content_that_cannot_be_sent_is_refused(content: Any) -> None:
    with pytest.raises(BadRequestError):
        request({"messages": [{"role": "user", "content": content}]})


@pytest.mark.parametrize("messages", [None, [], "hi", [7], [{"role": "robot", "content": "x"}]])
def test_messages_that_are_not_a_conversation_are_refused(messages: Any) -> None:
    with pytest.raises(BadRequestError):
        request({"messages": messages})


def test_an_assistant_message_is_text_or_a_list_with_its_refusal() -> None:
    said = items([*USER, {"role": "assistant", "content": "Hi", "phase": "final_answer"}])[1]
    assert said == {"type": "message", "role": "assistant", "content": "Hi", "phase": "final_answer"}
    refused = items([*USER, {"role": "assistant", "content": "Well,", "refusal": "No."}])[1]
    assert refused["content"] == [
        {"type": "output_text", "text": "Well,", "annotations": []},
        {"type": "refusal", "refusal": "No."},
    ]
    parts = [{"type": "text", "text": "A"}, {"type": "refusal", "refusal": "B"}]
    assert [part["type"] for part in items([*USER, {"role": "assistant", "content": parts}])[1]["content"]] == [
        "output_text",
        "refusal",
    ]
    assert len(items([*USER, {"role": "assistant", "content": None}, {"role": "assistant", "content": ""}])) == 1


def test_a_phase_is_sent_only_where_it_is_known() -> None:
    said = {"role": "assistant", "content": "Hi", "phase": "commentary"}
    assert "phase" not in items([*USER, said], target("xai"))[1]
    assert "phase" not in items([*USER, {**said, "phase": "other"}])[1]


def test_openrouter_gets_lists_of_parts_with_an_id_and_a_status() -> None:
    said = {"role": "assistant", "content": "Hi", "refusal": "No."}
    sent = items([*USER, said, *USER, said, {"role": "assistant", "content": "Hi"}], target("openrouter"))
    assert [sent[1]["id"], sent[3]["id"]] == ["msg_1", "msg_2"]
    assert sent[1]["status"] == "completed"
    assert sent[4] == {"type": "message", "role": "assistant", "content": "Hi"}
    assert "id" not in items([*USER, said])[1]


def call(call_id: str = "call_1", arguments: Any = '{"city": "Oslo"}') -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "weather", "arguments": arguments}}


def test_calls_and_their_outputs() -> None:
    sent = items(
        [
            *USER,
            {"role": "assistant", "content": "Let me look.", "tool_calls": [call(), call("call_2", "")]},
            {"role": "tool", "tool_call_id": "call_1", "content": "Rain"},
            {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "Sun"}]},
        ]
    )
    assert sent[1:] == [
        {"type": "message", "role": "assistant", "content": "Let me look."},
        {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city": "Oslo"}'},
        {"type": "function_call", "call_id": "call_2", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "Rain"},
        {"type": "function_call_output", "call_id": "call_2", "output": "Sun"},
    ]


def test_arguments_go_back_as_they_were_written() -> None:
    sent = items([*USER, {"role": "assistant", "tool_calls": [call(arguments='{ "city" :"Ålesund"}')]}])
    assert sent[1]["arguments"] == '{ "city" :"Ålesund"}'
    made = items([*USER, {"role": "assistant", "tool_calls": [call(arguments={"a": 1})]}])
    assert made[1]["arguments"] == '{"a":1}'


@pytest.mark.parametrize(
    ("written", "sent"),
    [('{"city": "Os', '{"arguments":"{\\"city\\": \\"Os"}'), ("[1]", '{"arguments":[1]}'), (" ", "{}")],
)
def test_arguments_that_are_no_object_are_put_into_one(written: str, sent: str) -> None:
    """Ollama and others refuse a history with broken arguments, and with it the whole conversation."""
    assert items([*USER, {"role": "assistant", "tool_calls": [call(arguments=written)]}])[1]["arguments"] == sent


def test_a_tool_may_return_images_and_files() -> None:
    content = [{"type": "text", "text": "Here:"}, {"type": "image_url", "image_url": {"url": IMAGE}}]
    sent = items(
        [
            *USER,
            {"role": "assistant", "tool_calls": [call()]},
            {"role": "tool", "tool_call_id": "call_1", "content": content},
        ]
    )
    assert sent[2]["output"] == [
        {"type": "input_text", "text": "Here:"},
        {"type": "input_image", "detail": "auto", "image_url": IMAGE},
    ]


def test_images_of_tools_follow_the_outputs_where_outputs_are_text() -> None:
    image = {"type": "image_url", "image_url": {"url": IMAGE}}
    messages = [
        *USER,
        {"role": "assistant", "tool_calls": [call(), call("call_2")]},
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "Here:"}, image]},
        {"role": "tool", "tool_call_id": "call_2", "content": [image]},
    ]
    shown = {"type": "input_image", "detail": "auto", "image_url": IMAGE}
    for end in ([], [{"role": "user", "content": "And now?"}]):
        sent = items([*messages, *end], target("groq", "m"))
        assert [sent[3]["output"], sent[4]["output"]] == ["Here:", "(the next message shows what the tool returned)"]
        assert sent[5] == {"type": "message", "role": "user", "content": [shown, shown]}
        assert len(sent) == 6 + len(end)


def test_a_tool_that_returned_nothing() -> None:
    sent = items(
        [
            *USER,
            {"role": "assistant", "tool_calls": [call()]},
            {"role": "tool", "tool_call_id": "call_1", "content": None},
        ]
    )
    assert sent[2]["output"] == ""


def test_long_call_ids_are_shortened_alike_in_a_call_and_its_output() -> None:
    long = "call_" + "x" * 124
    sent = items(
        [
            *USER,
            {"role": "assistant", "tool_calls": [call(long)]},
            {"role": "tool", "tool_call_id": long, "content": "x"},
        ]
    )
    assert sent[1]["call_id"] == sent[2]["call_id"]
    assert len(sent[1]["call_id"]) <= 64
    other = items([*USER, {"role": "assistant", "tool_calls": [call(long + "y")]}])
    assert other[1]["call_id"] != sent[1]["call_id"]


def test_calls_of_the_old_functions_are_paired_by_name_and_order() -> None:
    sent = items(
        [
            *USER,
            {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}},
            {"role": "function", "name": "weather", "content": "Rain"},
        ]
    )
    assert sent[1]["call_id"] == sent[2]["call_id"] == "call_1"


def test_an_output_without_any_call_is_refused() -> None:
    with pytest.raises(BadRequestError, match="tool_call_id"):
        request({"messages": [*USER, {"role": "tool", "content": "x"}]})


@pytest.mark.parametrize("calls", [[7], [{"id": "x"}], "x"])
def test_malformed_calls_are_refused(calls: Any) -> None:
    with pytest.raises(BadRequestError):
        request({"messages": [*USER, {"role": "assistant", "tool_calls": calls}]})


def test_custom_calls_and_their_outputs_where_they_are_known() -> None:
    custom = {"id": "c1", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}
    messages = [
        *USER,
        {"role": "assistant", "tool_calls": [custom]},
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
    ]
    assert items(messages)[1:] == [
        {"type": "custom_tool_call", "call_id": "c1", "name": "sql", "input": "SELECT 1"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "1"},
    ]
    assert items(messages, target("xai", "grok-4"))[1:] == [
        {"type": "function_call", "call_id": "c1", "name": "sql", "arguments": '{"input": "SELECT 1"}'},
        {"type": "function_call_output", "call_id": "c1", "output": "1"},
    ]


def test_a_namespace_goes_back_with_its_call() -> None:
    called = {**call(), "provider_specific_fields": {"namespace": "crm"}}
    assert items([*USER, {"role": "assistant", "tool_calls": [called]}])[1]["namespace"] == "crm"


def test_a_signature_of_a_call_goes_back_only_where_it_is_known() -> None:
    called = {**call(), "provider_specific_fields": {"thought_signature": "c2ln", "other": 1}}
    history = [*USER, {"role": "assistant", "tool_calls": [called]}]
    assert items(history, target("perplexity", "google/m"))[1]["thought_signature"] == "c2ln"
    assert items(history)[1].keys() == {"type", "call_id", "name", "arguments"}


REASONING = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA", "content": []}


def history(*reasoning: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    turn = {"role": "assistant", "content": "Hm.", "tool_calls": [call()], "reasoning_items": list(reasoning), **more}
    return [*USER, turn, {"role": "tool", "tool_call_id": "call_1", "content": "Rain"}]


def test_reasoning_of_the_same_provider_goes_back_unchanged_before_what_it_led_to() -> None:
    sent = items(history({**REASONING, "provider": "openai", "index": 0}))
    assert sent[1] == REASONING
    assert list(sent[1]) == list(REASONING)
    assert [item["type"] for item in sent[1:]] == ["reasoning", "message", "function_call", "function_call_output"]


def test_several_items_keep_their_order_and_a_compaction_is_one_of_them() -> None:
    compaction = {"type": "compaction", "id": "cmp_1", "encrypted_content": "gBBB"}
    sent = items(history({**compaction, "provider": "openai"}, {**REASONING, "provider": "openai"}))
    assert sent[1:3] == [compaction, REASONING]


@pytest.mark.parametrize("provider", ["azure", "xai", None])
def test_reasoning_of_another_provider_is_left_out_with_one_warning(provider: str | None) -> None:
    foreign = {**REASONING, "provider": provider}
    made = request({"messages": [*history(foreign, foreign), *history(foreign)[1:]]})
    assert b"gAAA" not in made.body
    assert len(made.warnings) == 1
    assert "another provider" in made.warnings[0]


def test_signed_thinking_of_another_format_is_left_out_with_one_warning() -> None:
    block = {"type": "thinking", "thinking": "Hm", "signature": "c2ln"}
    made = request({"messages": history(thinking_blocks=[block], reasoning_content="Hm")})
    assert b"c2ln" not in made.body
    assert len(made.warnings) == 1
    assert request({"messages": history(reasoning_content="Hm")}).warnings == []


def test_a_bare_reasoning_id_is_left_out() -> None:
    """It refers to an item that was not stored: "Item with id 'rs_1' not found"."""
    bare = {"type": "reasoning", "id": "rs_1", "summary": [], "provider": "openai"}
    made = request({"messages": history(bare)})
    assert b"rs_1" not in made.body
    assert made.warnings == []


def test_with_storage_sealed_reasoning_goes_without_its_id() -> None:
    """With the id OpenAI wants the stored item that followed it, whose id a chat message does not have."""
    body = build({"messages": history({**REASONING, "provider": "openai"}), "store": True})
    assert body["store"] is True
    assert body["input"][1] == {key: value for key, value in REASONING.items() if key != "id"}
    assert body["include"] == ["reasoning.encrypted_content"]


def test_open_reasoning_text_goes_back_too() -> None:
    item = {"type": "reasoning", "id": "r", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm"}]}
    sent = items(history({**item, "provider": "deepseek"}), target("deepseek", "deepseek-flash"))
    assert sent[1] == item


def test_deepseek_gets_reasoning_text_of_another_provider() -> None:
    sent = items(history(reasoning_content="Hm"), target("deepseek", "deepseek-flash"))
    text = [{"type": "reasoning_text", "text": "Hm"}]
    assert sent[1] == {"type": "reasoning", "id": "rs_1", "summary": [], "content": text}
    assert items(history(reasoning_content="Hm"))[1]["type"] == "message"


def test_functions_are_flattened_and_not_strict_unless_asked() -> None:
    strict = {"type": "function", "function": {"name": "s", "parameters": {"properties": {}}, "strict": True}}
    bare = {
        "type": "function",
        "function": {"name": "b"},
        "defer_loading": True,
        "cache_control": {"type": "ephemeral"},
    }
    body = build({"tools": [WEATHER, strict, bare]})
    assert body["tools"] == [
        {
            "type": "function",
            "name": "weather",
            "description": "The weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
            "strict": False,
        },
        {"type": "function", "name": "s", "parameters": {"type": "object", "properties": {}}, "strict": True},
        {
            "type": "function",
            "defer_loading": True,
            "name": "b",
            "parameters": {"type": "object", "properties": {}},
            "strict": False,
        },
    ]


def test_custom_tools_and_tools_of_the_provider() -> None:
    custom = {
        "type": "custom",
        "custom": {
            "name": "sql",
            "description": "Runs SQL",
            "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: x"}},
        },
    }
    native = {"type": "code_interpreter", "container": {"type": "auto"}}
    assert build({"tools": [custom, native]})["tools"] == [
        {
            "type": "custom",
            "name": "sql",
            "description": "Runs SQL",
            "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"},
        },
        native,
    ]
    tool = build({"tools": [custom]}, target("groq"))["tools"][0]
    assert (tool["type"], tool["name"], tool["parameters"]["required"]) == ("function", "sql", ["input"])


@pytest.mark.parametrize(
    "tools", ["x", [7], [{"type": "function", "function": {}}], [{"type": "custom", "custom": {}}]]
)
def test_malformed_tools_are_refused(tools: Any) -> None:
    with pytest.raises(BadRequestError):
        request({"tools": tools})


NAMED = {"type": "function", "function": {"name": "weather"}}


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ("any", "required"),
        (NAMED, {"type": "function", "name": "weather"}),
        ({"type": "custom", "custom": {"name": "sql"}}, {"type": "custom", "name": "sql"}),
        ({"type": "code_interpreter"}, {"type": "code_interpreter"}),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [NAMED, {"type": "custom", "custom": {"name": "sql"}}],
                },
            },
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "weather"}, {"type": "custom", "name": "sql"}],
            },
        ),
    ],
)
def test_the_tool_choice(choice: Any, sent: Any) -> None:
    tools = [WEATHER, {"type": "custom", "custom": {"name": "sql"}}, {"type": "code_interpreter"}]
    body = build({"tools": tools, "tool_choice": choice, "parallel_tool_calls": False})
    assert body["tool_choice"] == sent
    assert body["parallel_tool_calls"] is False


def test_allowed_tools_leave_the_others_out_where_the_choice_is_unknown() -> None:
    other = {"type": "function", "function": {"name": "other"}}
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [NAMED]}}
    body = build({"tools": [WEATHER, other], "tool_choice": choice}, target("groq"))
    assert [tool["name"] for tool in body["tools"]] == ["weather"]
    assert body["tool_choice"] == "auto"


@pytest.mark.parametrize(
    ("choice", "dropped", "is_offered"),
    [("auto", [], True), ("none", [], False), ("required", ["tool_choice"], True), (NAMED, ["tool_choice"], True)],
)
def test_a_choice_where_there_is_none(choice: Any, dropped: list[str], is_offered: bool) -> None:
    made = request({"tools": [WEATHER], "tool_choice": choice}, target("ollama", "m"))
    body = json.loads(made.body)
    assert made.dropped == dropped
    assert ("tools" in body, "tool_choice" in body) == (is_offered, False)


def test_one_call_at_a_time_where_it_cannot_be_asked_for() -> None:
    at = target("perplexity", "m")
    assert request({"tools": [WEATHER], "parallel_tool_calls": True}, at).dropped == []
    assert request({"tools": [WEATHER], "parallel_tool_calls": False}, at).dropped == ["parallel_tool_calls"]


def test_a_choice_without_tools_is_not_sent() -> None:
    body = build({"tool_choice": "auto", "parallel_tool_calls": True, "tools": []})
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & body.keys()


def test_an_unreadable_choice_is_refused() -> None:
    with pytest.raises(BadRequestError):
        request({"tools": [WEATHER], "tool_choice": "sometimes"})


def test_the_functions_of_old() -> None:
    body = build({"functions": [{"name": "weather"}], "function_call": {"name": "weather"}})
    assert body["tools"][0]["name"] == "weather"
    assert body["tool_choice"] == {"type": "function", "name": "weather"}


def test_web_search_is_a_tool() -> None:
    options = {
        "search_context_size": "low",
        "user_location": {"type": "approximate", "approximate": {"city": "Oslo", "country": None}},
    }
    assert build({"web_search_options": options})["tools"] == [
        {"type": "web_search", "search_context_size": "low", "user_location": {"type": "approximate", "city": "Oslo"}}
    ]
    assert build({"web_search_options": options}, target("xai", "grok-4"))["tools"] == [{"type": "web_search"}]
    dropped = request({"web_search_options": options}, target("groq"))
    assert dropped.dropped == ["web_search_options"]


def test_the_form_of_the_answer() -> None:
    schema = {"type": "object", "properties": {}}
    given = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True, "description": "d"}}
    body = build({"response_format": given, "verbosity": "low"})
    assert body["text"] == {
        "format": {"type": "json_schema", "name": "n", "schema": schema, "description": "d", "strict": True},
        "verbosity": "low",
    }
    bare = build({"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}})
    assert bare["text"]["format"] == {"type": "json_schema", "name": "answer", "schema": schema}
    assert "text" not in build({"response_format": {"type": "text"}})


def test_perplexity_is_asked_in_the_words_of_chat_and_has_presets() -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
    made = request({"response_format": schema, "verbosity": "low"}, target("perplexity", "preset/pro-search"))
    body = json.loads(made.body)
    assert (body["response_format"], body["preset"]) == (schema, "pro-search")
    assert not {"text", "model", "store"} & body.keys()
    assert made.dropped == ["verbosity"]
    assert "response_format" not in build({"response_format": {"type": "text"}}, target("perplexity", "m"))
    assert build({}, target("perplexity", "openai/gpt-5.4"))["model"] == "openai/gpt-5.4"


@pytest.mark.parametrize("given", [{"type": "json_schema"}, {"type": "xml"}, "json"])
def test_an_unknown_form_is_refused(given: Any) -> None:
    with pytest.raises(BadRequestError):
        request({"response_format": given})


def test_an_effort_brings_a_summary_where_every_account_may_have_one() -> None:
    assert build({"reasoning_effort": "high"})["reasoning"] == {"effort": "high"}
    asked = build({"reasoning_effort": "high", "reasoning_summary": "detailed"})
    assert asked["reasoning"] == {"effort": "high", "summary": "detailed"}
    assert build({"reasoning_effort": "high"}, target("azure"))["reasoning"] == {"effort": "high", "summary": "auto"}
    assert build({"reasoning_effort": "none"}, target("azure"))["reasoning"] == {"effort": "none"}


def test_reasoning_given_as_an_object_is_sent_as_it_is() -> None:
    given = {"effort": "low", "summary": "concise"}
    assert build({"reasoning": given})["reasoning"] == given
    assert build({"reasoning_effort": given})["reasoning"] == given
    assert build({"reasoning": {"summary": None}, "reasoning_effort": "low"}, target("azure"))["reasoning"] == {
        "effort": "low"
    }


def test_thinking_is_translated_into_an_effort() -> None:
    assert build({"thinking": {"type": "enabled", "budget_tokens": 16000}})["reasoning"]["effort"] == "high"
    assert build({"thinking": {"type": "disabled"}})["reasoning"]["effort"] == "none"


def test_an_effort_the_model_does_not_have_becomes_the_nearest() -> None:
    made = request({"reasoning_effort": "minimal"})
    assert json.loads(made.body)["reasoning"]["effort"] in {"none", "low"}
    assert "minimal" in made.warnings[0]
    with pytest.raises(BadRequestError):
        request({"reasoning_effort": 7})


@pytest.mark.parametrize(("effort", "sent"), [("xhigh", "max"), ("minimal", "low"), ("high", "high"), ("none", "none")])
def test_efforts_that_a_provider_takes_for_every_model(effort: str, sent: str) -> None:
    made = request({"reasoning_effort": effort}, target("ollama", "m"))
    assert json.loads(made.body)["reasoning"] == {"effort": sent}
    assert bool(made.warnings) is (effort != sent)


@pytest.mark.parametrize(
    ("model", "effort"),
    [
        ("databricks-gpt-5-1", "none"),
        ("databricks-gpt-5-mini", "minimal"),
        ("openai/gpt-5.1", "none"),
        ("gpt-5-2025-08-07", "minimal"),
    ],
)
def test_openais_models_are_known_by_the_names_of_others(model: str, effort: str) -> None:
    made = request({"reasoning_effort": effort}, target("databricks", model))
    assert (json.loads(made.body)["reasoning"]["effort"], made.warnings) == (effort, [])


def test_a_model_that_does_not_reason_gets_neither_an_effort_nor_encrypted_content() -> None:
    """OpenAI: "Encrypted content is not supported with this model."."""
    made = request({"reasoning_effort": "high"}, target(model="gpt-4o"))
    body = json.loads(made.body)
    assert made.dropped == ["reasoning_effort"]
    assert not {"reasoning", "include"} & body.keys()


@pytest.mark.parametrize(
    ("at", "is_asked"),
    [
        (target("xai", "grok-9", facts={"caps": ("reasoning",)}), True),
        (target("xai", "grok-3", facts={"caps": ("tools",)}), False),
        (target("azure", "my-deployment"), False),
        (target("bedrock_mantle", "openai.gpt-5.4"), True),
        (target("groq", "openai/gpt-oss-20b", facts={"caps": ("reasoning",)}), False),
    ],
)
def test_encrypted_content_is_asked_for_where_the_model_reasons_and_the_provider_seals(
    at: Target, is_asked: bool
) -> None:
    assert ("reasoning.encrypted_content" in build({}, at).get("include", [])) is is_asked


def test_limits() -> None:
    assert build({"max_tokens": 100})["max_output_tokens"] == 100
    assert build({"max_completion_tokens": 50, "max_tokens": 100})["max_output_tokens"] == 50
    made = request({"max_tokens": 5})
    assert json.loads(made.body)["max_output_tokens"] == 16
    assert "16" in made.warnings[0]
    assert build({"max_tokens": 5}, target("xai", "grok-4"))["max_output_tokens"] == 5
    with pytest.raises(BadRequestError):
        request({"max_tokens": "many"})


def test_sampling_and_probabilities() -> None:
    at = target(model="gpt-4o")
    body = build({"temperature": 0.5, "top_p": 0.9, "logprobs": True, "top_logprobs": 3}, at)
    assert (body["temperature"], body["top_p"], body["top_logprobs"]) == (0.5, 0.9, 3)
    assert body["include"] == ["message.output_text.logprobs"]
    assert "include" not in build({"logprobs": False, "top_logprobs": 0}, at)


def test_sampling_is_dropped_where_the_model_refuses_it() -> None:
    at = target(model="gpt-5")
    made = request({"temperature": 0.5, "top_p": 1, "logprobs": True}, at)
    assert sorted(made.dropped) == ["logprobs", "temperature"]
    assert not {"temperature", "top_p", "top_logprobs"} & json.loads(made.body).keys()
    with pytest.raises(BadRequestError):
        request({"temperature": "hot"}, at)


def test_parameters_that_both_apis_have() -> None:
    given = {
        "metadata": {"a": "b"},
        "user": "u",
        "safety_identifier": "s",
        "prompt_cache_key": "k",
        "prompt_cache_retention": "24h",
        "service_tier": "flex",
    }
    assert given.items() <= build(given).items()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stop", ["END"]),
        ("n", 2),
        ("seed", 7),
        ("logit_bias", {"50256": -100}),
        ("presence_penalty", 0.5),
        ("frequency_penalty", 0.5),
        ("modalities", ["text", "audio"]),
        ("audio", {"voice": "alloy"}),
        ("prediction", {"type": "content", "content": "x"}),
    ],
)
def test_parameters_the_api_lacks_are_dropped_by_the_routes_policy(name: str, value: Any) -> None:
    made = request({name: value})
    assert made.dropped == [name]
    assert name in made.warnings[0]
    assert name not in json.loads(made.body)
    assert request({name: value}, target(drop_params="drop")).warnings == []
    with pytest.raises(BadRequestError, match=name):
        request({name: value}, target(drop_params="strict"))


@pytest.mark.parametrize(
    ("provider", "name", "value"),
    [("hosted_vllm", "stop", ["END"]), ("hosted_vllm", "seed", 7), ("openrouter", "presence_penalty", 0.5)],
)
def test_parameters_that_a_provider_has_besides(provider: str, name: str, value: Any) -> None:
    made = request({name: value}, target(provider, "m"))
    assert (json.loads(made.body)[name], made.dropped) == (value, [])


def test_values_that_ask_for_nothing_are_dropped_without_a_word() -> None:
    made = request({"n": 1, "stop": None, "presence_penalty": 0, "modalities": ["text"], "timeout": 3})
    assert (made.dropped, made.warnings) == ([], [])


def test_unknown_keys_and_this_apis_own_go_to_the_provider() -> None:
    body = build({"truncation": "auto", "max_tool_calls": 3, "include": ["file_search_call.results"], "x_new": 1})
    assert (body["truncation"], body["max_tool_calls"], body["x_new"]) == ("auto", 3, 1)
    assert body["include"] == ["file_search_call.results", "reasoning.encrypted_content"]


def test_extra_body_is_merged_over_the_request() -> None:
    body = build({"reasoning_effort": "low", "extra_body": {"reasoning": {"summary": "auto"}, "store": None, "y": [1]}})
    assert body["reasoning"] == {"effort": "low", "summary": "auto"}
    assert "store" not in body
    assert body["y"] == [1]


def test_extra_headers_are_sent() -> None:
    assert request({"extra_headers": {"OpenAI-Beta": "x"}}).headers["openai-beta"] == "x"


def test_the_body_is_left_as_it_is() -> None:
    body = {"messages": history({**REASONING, "provider": "openai"}), "tools": [WEATHER], "extra_body": {"a": {"b": 1}}}
    before = json.dumps(body)
    CODEC.request(body, target())
    assert json.dumps(body) == before


@pytest.mark.parametrize(
    ("provider", "name", "value"),
    [
        ("groq", "previous_response_id", "resp_1"),
        ("groq", "truncation", "auto"),
        ("groq", "store", True),
        ("openrouter", "store", True),
        ("openrouter", "previous_response_id", "resp_1"),
        ("ollama", "background", True),
        ("perplexity", "conversation", "conv_1"),
        ("openai", "top_k", 5),
        ("deepseek", "conversation", "conv_1"),
    ],
)
def test_what_a_provider_refuses_is_dropped_and_reported(provider: str, name: str, value: Any) -> None:
    made = request({name: value}, target(provider, "m"))
    assert made.dropped == [name]
    assert json.loads(made.body).get(name) in (None, False)
    with pytest.raises(BadRequestError):
        request({name: value}, target(provider, "m", drop_params="strict"))


@pytest.mark.parametrize(
    ("provider", "name", "value"),
    [("groq", "prompt_cache_key", "k"), ("groq", "safety_identifier", "s"), ("xai", "metadata", {"a": "b"})],
)
@pytest.mark.parametrize("policy", ["warn", "strict"])
def test_what_is_meant_for_openais_platform_is_left_out_in_silence(
    provider: str, name: str, value: Any, policy: Any
) -> None:
    made = request({name: value}, target(provider, "m", drop_params=policy))
    assert (made.dropped, made.warnings) == ([], [])
    assert name not in json.loads(made.body)


@pytest.mark.parametrize("provider", ["groq", "ollama", "perplexity"])
def test_providers_that_store_nothing_are_not_told_to(provider: str) -> None:
    assert "store" not in build({}, target(provider, "m"))


def test_probabilities_are_dropped_where_nothing_can_be_included() -> None:
    assert request({"logprobs": True}, target("groq", "m")).dropped == ["logprobs"]


def test_a_value_that_json_lacks_is_refused() -> None:
    with pytest.raises(BadRequestError):
        request({"x": object()})
