"""Requests of OpenAI's Responses API as chat requests."""

from __future__ import annotations

from typing import Any

import pytest

from ingate.errors import InvalidRequestError
from ingate.wire.downstream import translate
from ingate.wire.responses.downstream_request import ResponsesRequest
from ingate.wire.responses.downstream_request import translate as translate_with_history
from ingate.wire.thinking import seal

PARAMETERS = {"type": "object", "properties": {"q": {"type": "string"}}}
TOOL: Any = {"type": "function", "name": "look", "description": "d", "parameters": PARAMETERS, "strict": True}
CALL = {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": '{"q":"x"}'}
CALLED = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"q":"x"}'}}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "18"}


def request(model: str = "anthropic/claude-x", **body: Any) -> ResponsesRequest:
    found = translate("responses", {"model": model, "input": "hi", **body})
    assert isinstance(found, ResponsesRequest)
    return found


def turns(*items: Any) -> list[Any]:
    """The chat messages of input items."""
    found = request(input=list(items))
    assert found.warnings == []
    return found.chat["messages"]


def test_parameters_have_chat_names() -> None:
    found = request(
        instructions="Be kind.",
        temperature=0.5,
        top_p=0.9,
        top_logprobs=2,
        max_output_tokens=9,
        parallel_tool_calls=False,
        reasoning={"effort": "low", "summary": "auto"},
        text={"verbosity": "low", "format": {"type": "json_object"}},
        metadata={"a": "b"},
        prompt_cache_key="k",
        user="u",
        safety_identifier="s",
        service_tier="flex",
        frequency_penalty=0.25,
        presence_penalty=0.75,
        store=True,
        include=["reasoning.encrypted_content"],
        truncation="auto",
        stream=True,
    )
    assert found.stream
    assert found.warnings == []
    assert found.chat == {
        "model": "anthropic/claude-x",
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hi"}],
        "temperature": 0.5,
        "top_p": 0.9,
        "logprobs": True,
        "top_logprobs": 2,
        "max_completion_tokens": 9,
        "parallel_tool_calls": False,
        "reasoning_effort": "low",
        "verbosity": "low",
        "response_format": {"type": "json_object"},
        "metadata": {"a": "b"},
        "prompt_cache_key": "k",
        "user": "u",
        "safety_identifier": "s",
        "service_tier": "flex",
        "frequency_penalty": 0.25,
        "presence_penalty": 0.75,
    }


def test_a_schema_for_the_output() -> None:
    form = {"type": "json_schema", "name": "City", "schema": PARAMETERS, "strict": True}
    made = request(text={"format": form}).chat["response_format"]
    assert made == {"type": "json_schema", "json_schema": {"name": "City", "schema": PARAMETERS, "strict": True}}
    assert "response_format" not in request(text={"format": {"type": "text"}}).chat


# Tools.


def names(found: ResponsesRequest) -> list[str]:
    return [tool["function"]["name"] for tool in found.chat.get("tools") or ()]


def test_a_function_is_a_function() -> None:
    found = request(tools=[{**TOOL, "defer_loading": True}], tool_choice={"type": "function", "name": "look"})
    function = {"name": "look", "description": "d", "parameters": PARAMETERS, "strict": True}
    assert found.chat["tools"] == [{"type": "function", "function": function}]
    assert found.chat["tool_choice"] == {"type": "function", "function": {"name": "look"}}
    bare = request(tools=[{"type": "function", "name": "f"}]).chat["tools"]
    assert bare == [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]


def test_a_custom_tool_is_a_function_with_one_input() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: /x/"}
    tool = {"type": "custom", "name": "apply_patch", "description": "Edit files.", "format": grammar}
    found = request(tools=[tool], tool_choice={"type": "custom", "name": "apply_patch"})
    function = found.chat["tools"][0]["function"]
    assert (function["name"], function["description"]) == ("apply_patch", "Edit files.")
    assert function["parameters"]["required"] == ["input"]
    assert list(function["parameters"]["properties"]) == ["input"]
    assert "start: /x/" in function["parameters"]["properties"]["input"]["description"]
    assert found.chat["tool_choice"]["function"]["name"] == "apply_patch"
    call = {"type": "custom_tool_call", "call_id": "c", "name": "apply_patch", "input": 'say "hi"\n'}
    output = {"type": "custom_tool_call_output", "call_id": "c", "output": "done"}
    messages = request(tools=[tool], input=[call, output]).chat["messages"]
    assert messages[0]["tool_calls"][0]["function"]["arguments"] == r'{"input":"say \"hi\"\n"}'
    assert messages[1] == {"role": "tool", "tool_call_id": "c", "content": "done"}


def test_a_namespace_is_its_functions() -> None:
    space = {
        "type": "namespace",
        "name": "files",
        "description": "Files on disk.",
        "tools": [TOOL, {"type": "custom", "name": "write"}],
    }
    found = request(
        tools=[TOOL, space],
        tool_choice={"type": "function", "name": "look", "namespace": "files"},
        input=[{**CALL, "namespace": "files"}, OUTPUT],
    )
    assert names(found) == ["look", "files__look", "files__write"]
    assert found.chat["tools"][1]["function"]["description"] == "Files on disk.\n\nd"
    assert found.chat["tool_choice"]["function"]["name"] == "files__look"
    assert found.chat["messages"][0]["tool_calls"][0]["function"]["name"] == "files__look"


def test_names_that_are_too_long_or_taken_stay_distinct_and_valid() -> None:
    spaces = [
        {
            "type": "namespace",
            "name": "mcp.server" * 8,
            "tools": [{**TOOL, "name": "a" * 30}, {**TOOL, "name": "b" * 30}],
        },
        {"type": "namespace", "name": "x", "tools": [TOOL]},
    ]
    found = request(tools=[{**TOOL, "name": "x__look"}, *spaces])
    assert len(set(names(found))) == 4
    for name in names(found):
        assert len(name) <= 64
        assert name.replace("_", "").replace("-", "").isalnum()
    assert [found.tools.tool_of(name).namespace for name in names(found)] == [None, *["mcp.server" * 8] * 2, "x"]
    assert [found.tools.tool_of(name).name for name in names(found)] == ["x__look", "a" * 30, "b" * 30, "look"]


def test_a_function_that_openai_had_found_keeps_its_name() -> None:
    """OpenAI names the namespace of a function that its own search has loaded after the function."""
    message = request(tools=[TOOL], input=[{**CALL, "namespace": "look"}, OUTPUT]).chat["messages"][0]
    assert message["tool_calls"] == [CALLED]
    gone = request(tools=[TOOL], input=[{**CALL, "namespace": "gone"}, OUTPUT]).chat["messages"][0]
    assert gone["tool_calls"][0]["function"]["name"] == "gone__look"


def test_tool_search_of_the_client_is_a_function_and_loads_tools() -> None:
    search = {"type": "tool_search", "execution": "client", "description": "Find tools.", "parameters": PARAMETERS}
    called = {"type": "tool_search_call", "call_id": "s", "execution": "client", "arguments": {"q": "rates"}}
    loaded = {"type": "namespace", "name": "bank", "description": "", "tools": [TOOL]}
    output = {"type": "tool_search_output", "call_id": "s", "execution": "client", "tools": [loaded, TOOL]}
    found = request(tools=[search], input=[{"role": "user", "content": "hi"}, called, output, output])
    assert names(found) == ["tool_search", "bank__look", "look"]
    assert found.chat["tools"][0]["function"] == {
        "name": "tool_search",
        "description": "Find tools.",
        "parameters": PARAMETERS,
    }
    _, assistant, result, _ = found.chat["messages"]
    assert assistant["tool_calls"][0]["function"] == {"name": "tool_search", "arguments": '{"q":"rates"}'}
    assert result["content"] == '{"tools":[{"name":"bank"},{"name":"look","description":"d"}]}'


def test_openais_own_tool_search_is_not_needed() -> None:
    call = {"type": "tool_search_call", "id": "t", "call_id": None, "execution": "server", "arguments": {}}
    output = {"type": "tool_search_output", "id": "o", "call_id": None, "execution": "server", "tools": [TOOL]}
    found = request(tools=[{"type": "tool_search"}], input=[{"role": "user", "content": "hi"}, call, output])
    assert names(found) == ["look"]
    assert found.chat["messages"] == [{"role": "user", "content": "hi"}]
    assert found.warnings == []


def test_tools_may_come_with_the_input() -> None:
    item = {"type": "additional_tools", "role": "developer", "tools": [TOOL]}
    assert names(request(input=[item, {"role": "user", "content": "hi"}])) == ["look"]


def test_web_search_is_asked_for_as_chat_asks_for_it() -> None:
    place = {"type": "approximate", "city": "Oslo", "region": None}
    for kind in ("web_search", "web_search_preview", "web_search_2025_08_26"):
        found = request(tools=[{"type": kind, "search_context_size": "low", "user_location": place}])
        assert found.chat["web_search_options"] == {
            "search_context_size": "low",
            "user_location": {"type": "approximate", "approximate": {"city": "Oslo"}},
        }
        assert "tools" not in found.chat
    forced = request(tools=[{"type": "web_search", "filters": {"allowed_domains": ["a.example"]}}, TOOL])
    assert "filters" in forced.warnings[0]


def test_tools_that_only_openai_runs_are_named_in_a_warning() -> None:
    hosted = [
        {"type": "code_interpreter", "container": {"type": "auto"}},
        {"type": "mcp", "server_label": "docs", "server_url": "https://d.example"},
        {"type": "something_new"},
    ]
    found = request(tools=[*hosted, TOOL], tool_choice={"type": "mcp", "server_label": "docs"})
    assert names(found) == ["look"]
    assert "tool_choice" not in found.chat
    assert found.warnings == [
        "the tool 'code_interpreter' (code_interpreter) was left out: it runs on OpenAI's servers only",
        "the tool 'docs' (mcp) was left out: it runs on OpenAI's servers only",
        "the tool 'something_new' (something_new) was left out: it runs on OpenAI's servers only",
        "tool_choice was left out: the tool 'mcp' was",
    ]


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_allowed_tools(mode: str) -> None:
    space = {"type": "namespace", "name": "files", "description": "", "tools": [TOOL, {**TOOL, "name": "read"}]}
    allowed = [
        {"type": "function", "name": "look"},
        {"type": "namespace", "name": "files"},
        {"type": "image_generation"},
        {"type": "function", "name": "gone"},
    ]
    choice = {"type": "allowed_tools", "mode": mode, "tools": allowed}
    found = request(tools=[TOOL, {**TOOL, "name": "other"}, space], tool_choice=choice).chat["tool_choice"]
    functions = [{"type": "function", "function": {"name": name}} for name in ("look", "files__look", "files__read")]
    assert found == {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": functions}}
    none = {**choice, "tools": [{"type": "image_generation"}]}
    assert request(tools=[TOOL], tool_choice=none).chat["tool_choice"] == "none"


def test_a_choice_without_functions_is_left_out() -> None:
    assert "tool_choice" not in request(tools=[{"type": "web_search"}], tool_choice="required").chat
    forced = request(tools=[{"type": "web_search"}], tool_choice={"type": "web_search"})
    assert "tool_choice" not in forced.chat
    assert "web search cannot be forced" in forced.warnings[0]


# History.


def test_messages_of_every_role_and_part() -> None:
    parts = [
        {"type": "input_text", "text": "look"},
        {"type": "input_image", "image_url": "https://i.example/i.png", "detail": "low"},
        {"type": "input_image", "file_id": "file_1"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,QQ=="},
        {"type": "input_file", "file_url": "https://f.example/a.pdf"},
        {"type": "input_file", "file_id": "file_2"},
        {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "wav"}},
    ]
    said = [
        {"type": "output_text", "text": "a", "annotations": []},
        {"type": "refusal", "refusal": "b"},
    ]
    assert turns(
        {"role": "developer", "content": [{"type": "input_text", "text": "D"}]},
        {"type": "message", "role": "system", "content": "S"},
        {"role": "user", "content": parts},
        {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": said},
        {"role": "assistant", "phase": "final_answer", "content": "c"},
        {"role": "user", "content": [{"type": "input_text", "text": "x"}, {"type": "input_text", "text": "y"}]},
    ) == [
        {"role": "developer", "content": "D"},
        {"role": "system", "content": "S"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": "https://i.example/i.png", "detail": "low"}},
                {"type": "image_url", "file_id": "file_1"},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,QQ=="}},
                {"type": "file", "file": {"file_data": "https://f.example/a.pdf"}},
                {"type": "file", "file": {"file_id": "file_2"}},
                {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "wav"}},
            ],
        },
        {"role": "assistant", "content": "ab"},
        {"role": "assistant", "content": "c"},
        {"role": "user", "content": "xy"},
    ]


def test_a_turn_with_parallel_calls_is_one_message() -> None:
    second = {**CALL, "call_id": "call_2"}
    outputs = [{**OUTPUT, "call_id": "call_2"}, OUTPUT]
    said = {"role": "assistant", "content": "wait"}
    messages = turns(
        {"role": "user", "content": "hi"}, said, CALL, second, *outputs, {"role": "user", "content": "so?"}
    )
    assert messages[1] == {"role": "assistant", "content": "wait", "tool_calls": [CALLED, {**CALLED, "id": "call_2"}]}
    assert [message.get("tool_call_id") for message in messages[2:4]] == ["call_2", "call_1"]
    assert messages[4]["role"] == "user"


def test_outputs_follow_their_call_whatever_came_between() -> None:
    said = {"role": "assistant", "content": "I called it."}
    messages = turns({"role": "user", "content": "hi"}, CALL, said, {"role": "user", "content": "hurry"}, OUTPUT)
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "user"]
    assert messages[1] == {"role": "assistant", "content": "I called it.", "tool_calls": [CALLED]}


def test_calls_one_after_the_other_are_turns_of_their_own() -> None:
    second = {**CALL, "call_id": "call_2"}
    messages = turns({"role": "user", "content": "hi"}, CALL, OUTPUT, second, {**OUTPUT, "call_id": "call_2"})
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant", "tool"]


def test_an_output_may_be_a_list_of_parts() -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64,QQ=="}
    content = turns(CALL, {**OUTPUT, "output": [{"type": "input_text", "text": "18"}, image]})[1]["content"]
    assert content == [
        {"type": "text", "text": "18"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}},
    ]
    assert turns(CALL, {**OUTPUT, "output": [{"type": "output_text", "text": "18"}]})[1]["content"] == "18"


@pytest.mark.parametrize(
    ("call", "output", "name", "arguments", "content"),
    [
        (
            {"type": "local_shell_call", "id": "ls", "call_id": "c", "action": {"type": "exec", "command": ["ls"]}},
            {"type": "local_shell_call_output", "id": "c", "output": "a.txt"},
            "local_shell",
            '{"type":"exec","command":["ls"]}',
            "a.txt",
        ),
        (
            {"type": "shell_call", "call_id": "c", "action": {"commands": ["ls"]}},
            {"type": "shell_call_output", "call_id": "c", "output": [{"stdout": "a", "stderr": ""}]},
            "shell",
            '{"commands":["ls"]}',
            '[{"stdout":"a","stderr":""}]',
        ),
        (
            {"type": "apply_patch_call", "call_id": "c", "operation": {"type": "delete_file", "path": "a"}},
            {"type": "apply_patch_call_output", "call_id": "c", "status": "completed", "output": "ok"},
            "apply_patch",
            '{"type":"delete_file","path":"a"}',
            "ok",
        ),
        (
            {"type": "computer_call", "call_id": "c", "action": {"type": "screenshot"}},
            {
                "type": "computer_call_output",
                "call_id": "c",
                "output": {"type": "computer_screenshot", "image_url": "https://i.example/s.png"},
            },
            "computer",
            '{"type":"screenshot"}',
            [{"type": "image_url", "image_url": {"url": "https://i.example/s.png"}}],
        ),
    ],
)
def test_calls_of_tools_that_only_openais_models_have(
    call: dict[str, Any], output: dict[str, Any], name: str, arguments: str, content: Any
) -> None:
    assistant, result = turns(call, output)
    assert assistant["tool_calls"] == [
        {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}}
    ]
    assert result == {"role": "tool", "tool_call_id": "c", "content": content}


def test_items_of_openais_servers_are_left_out_with_a_warning() -> None:
    hosted = [
        {"type": "web_search_call", "id": "w", "status": "completed"},
        {"type": "mcp_call", "id": "m", "name": "x", "arguments": "{}", "server_label": "s"},
        {"type": "compaction", "encrypted_content": "gAAA"},
        {"type": "mcp_list_tools", "id": "l", "server_label": "s", "tools": []},
    ]
    found = request(input=[{"role": "user", "content": "hi"}, *hosted, {"role": "assistant", "content": "yo"}])
    assert [message["role"] for message in found.chat["messages"]] == ["user", "assistant"]
    kinds = ("mcp_call", "compaction")
    assert found.warnings == [
        f"input items of the type {kind!r} were left out: only OpenAI's servers read them" for kind in kinds
    ]


# Reasoning.


def test_a_providers_own_reasoning_item_goes_back_as_it_came() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [], "encrypted_content": "gAAAA"}
    raw = {"type": "reasoning", "id": "rs_2", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
    plain = {"type": "reasoning", "id": "rs_3", "summary": [{"type": "summary_text", "text": "so"}]}
    messages = turns({"role": "user", "content": "hi"}, item, raw, plain, CALL)
    assert messages[1]["reasoning_items"] == [item, raw]
    assert messages[1]["reasoning_content"] == "hmso"
    assert messages[1]["tool_calls"] == [CALLED]


def test_reasoning_that_led_to_nothing_does_not_move_to_another_turn() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"}
    messages = turns(
        {"role": "user", "content": "a"}, item, {"role": "user", "content": "b"}, {"role": "assistant", "content": "c"}
    )
    assert messages[2] == {"role": "assistant", "content": "c"}


def test_state_that_came_after_the_message_belongs_to_it() -> None:
    details = [{"type": "reasoning.encrypted", "data": "x"}]
    late = {"type": "reasoning", "summary": [], "encrypted_content": seal("openrouter", {"reasoning_details": details})}
    said = {"role": "assistant", "content": "c"}
    for following in ([], [{"role": "user", "content": "b"}]):
        message = turns({"role": "user", "content": "a"}, said, late, *following)[1]
        assert message == {**said, "reasoning_details": details}


@pytest.mark.parametrize("altered", [seal("anthropic", {"thinking_blocks": []})[:-6], "ingate.1.?", "ingate.1."])
def test_an_altered_envelope_is_left_out_with_a_warning(altered: str) -> None:
    item = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": altered}
    found = request(input=[item, {"role": "assistant", "content": "x"}])
    assert found.chat["messages"] == [{"role": "assistant", "content": "x", "reasoning_content": "hm"}]
    assert found.warnings == ["reasoning of an earlier turn was left out: its content was altered by the client"]


# Earlier responses.


def test_the_items_of_an_earlier_response_come_first() -> None:
    body = {"model": "m/x", "input": [OUTPUT], "previous_response_id": "resp_1", "instructions": "I"}
    found = translate_with_history(body, [{"role": "user", "content": "hi"}, CALL])
    assert [message["role"] for message in found.chat["messages"]] == ["system", "user", "assistant", "tool"]
    with pytest.raises(InvalidRequestError) as caught:
        translate_with_history(body)
    assert (caught.value.param, caught.value.code) == ("previous_response_id", "unsupported_parameter")


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": ""}, "model"),
        ({"model": 5}, "model"),
        ({"input": 5}, "input"),
        ({"input": ""}, "input"),
        ({"input": 5, "instructions": "Be kind."}, "input"),
        ({"input": [], "instructions": "Be kind."}, "input"),
        ({"input": [{"type": "mcp_list_tools"}]}, "input"),
        ({"input": [{"type": 5}]}, "input[0].type"),
        ({"input": [{"type": "hologram"}]}, "input[0].type"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": ["x"]}]}, "input[0].content[0]"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0]"),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "filename": "a"}]}]}, "input[0].content[0]"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].id"),
        ({"input": [{**CALL, "name": None}]}, "input[0].name"),
        ({"input": [{**CALL, "call_id": None}]}, "input[0].call_id"),
        ({"input": [{**CALL, "arguments": {}}]}, "input[0].arguments"),
        ({"input": [{"type": "custom_tool_call", "call_id": "c", "name": "n"}]}, "input[0].input"),
        ({"input": [{"type": "local_shell_call", "action": {}}]}, "input[0].call_id"),
        ({"input": [OUTPUT]}, "input[0].call_id"),
        ({"input": [{"role": "user", "content": "x"}, OUTPUT, CALL]}, "input[1].call_id"),
        ({"input": [CALL, {**OUTPUT, "call_id": 5}]}, "input[1].call_id"),
        ({"input": [CALL, {**OUTPUT, "output": 5}]}, "input[1].output"),
        ({"instructions": {}}, "instructions"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_output_tokens": "9"}, "max_output_tokens"),
        ({"parallel_tool_calls": "yes"}, "parallel_tool_calls"),
        ({"stream": 1}, "stream"),
        ({"metadata": []}, "metadata"),
        ({"reasoning": "low"}, "reasoning"),
        ({"reasoning": {"effort": 5}}, "reasoning.effort"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format"),
        ({"text": {"format": "json"}}, "text.format"),
        ({"tools": {}}, "tools"),
        ({"tools": ["look"]}, "tools[0]"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{**TOOL, "parameters": []}]}, "tools[0].parameters"),
        ({"tools": [{**TOOL, "strict": "yes"}]}, "tools[0].strict"),
        ({"tools": [{"type": "custom", "name": "c", "format": "text"}]}, "tools[0].format"),
        ({"tools": [{"type": "namespace", "name": "n"}]}, "tools[0].tools"),
        ({"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "function"}]}]}, "tools[0].tools[0].name"),
        ({"tools": [TOOL], "tool_choice": 5}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": "sometimes"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {}}, "tool_choice.type"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "name": "other"}}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "custom", "name": "look"}}, "tool_choice"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": ["x"]}},
            "tool_choice.tools[0]",
        ),
        ({"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "mode": "maybe", "tools": []}}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "web_search"}}, "tool_choice"),
    ],
)
def test_a_malformed_request_names_the_field(change: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        translate("responses", {"model": "m/x", "input": "hi", **change})
    assert caught.value.param == param
