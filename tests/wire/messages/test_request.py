"""OpenAI requests in Anthropic's words, detail by detail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ingate.errors import BadRequestError
from ingate.wire.messages.codec import CODEC
from ingate.wire.messages.request import ANSWER_TOOL, VALUE_TOOL
from support.conversations import CONVERSATIONS, EPHEMERAL, PDF, PERSON, PNG, WEATHER, assistant, call, result, user
from support.native import target

if TYPE_CHECKING:
    from ingate.wire.codec import WireRequest

MODEL = "claude-sonnet-4-5"
HI = [user("Hi")]


def ask(body: dict[str, Any], model: str = MODEL, **more: Any) -> WireRequest:
    return CODEC.request(body, target(model, **more))


def made(body: dict[str, Any], model: str = MODEL, **more: Any) -> dict[str, Any]:
    return json.loads(ask(body, model, **more).body)


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/v1", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/v1/", "https://api.anthropic.com/v1/messages"),
        ("http://127.0.0.1:9/v1/messages", "http://127.0.0.1:9/v1/messages"),
        ("http://127.0.0.1:9/some-case", "http://127.0.0.1:9/some-case/v1/messages"),
        ("https://api.minimax.io/anthropic", "https://api.minimax.io/anthropic/v1/messages"),
    ],
)
def test_the_address_is_complete_for_any_base_url(base: str, url: str) -> None:
    assert ask({"messages": HI}, api_base=base).url == url


def test_headers_name_the_version_and_betas_and_hold_no_key() -> None:
    sent = ask({"messages": HI, "anthropic_beta": ["a-1", "b-2"]})
    assert sent.headers == {
        "content-type": "application/json",
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "a-1,b-2",
    }
    assert "anthropic_beta" not in json.loads(sent.body)


@pytest.mark.parametrize(
    ("base", "location", "url"),
    [
        (
            "http://127.0.0.1:9/x",
            "us-east5",
            "http://127.0.0.1:9/x/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude-x@1:rawPredict",
        ),
        (
            "https://h/v1",
            "",
            "https://h/v1/projects/p/locations/us-central1/publishers/anthropic/models/claude-x@1:rawPredict",
        ),
        (
            "",
            "global",
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/anthropic/models/claude-x@1:rawPredict",
        ),
    ],
)
def test_on_vertex_the_model_is_in_the_path(base: str, location: str, url: str) -> None:
    params = {"vertex_project": "p", "vertex_location": location}
    sent = ask({"messages": HI}, "claude-x@1", api_base=base, params=params)
    body = json.loads(sent.body)
    assert sent.url == url
    assert "model" not in body
    assert body["anthropic_version"] == "vertex-2023-10-16"
    assert ask({"messages": HI}, "claude-x@1", params=params, stream=True).url.endswith(":streamRawPredict")


def test_a_model_by_its_vertex_name_is_in_the_path_once() -> None:
    named = "publishers/anthropic/models/claude-x@1"
    sent = ask({"messages": HI}, named, api_base="https://h/v1", params={"vertex_project": "p"})
    assert sent.url == f"https://h/v1/projects/p/locations/us-central1/{named}:rawPredict"


def test_vertex_without_a_project_says_what_to_set() -> None:
    with pytest.raises(BadRequestError) as caught:
        ask({"messages": HI}, provider="vertex_ai")
    assert "PROJECT" in caught.value.fix


def test_max_tokens_is_the_requests_or_the_models_or_what_fits_without_a_stream() -> None:
    assert made({"messages": HI, "max_tokens": 5})["max_tokens"] == 5
    assert made({"messages": HI, "max_tokens": 5, "max_completion_tokens": 6})["max_tokens"] == 6
    assert made({"messages": HI}, stream=True)["max_tokens"] == 64000
    assert made({"messages": HI})["max_tokens"] == 21_333
    assert made({"messages": HI}, facts={"max_output_tokens": 4000})["max_tokens"] == 4000
    assert made({"messages": HI}, "someone-elses-model")["max_tokens"] == 8192


def test_system_messages_are_hoisted_and_keep_their_cache_marks() -> None:
    assert made(CONVERSATIONS["a system message in the middle"])["system"] == [
        {"type": "text", "text": "Be brief."},
        {"type": "text", "text": "Now in French."},
    ]
    body = made(CONVERSATIONS["prompt-cache marks"])
    assert body["system"][1]["cache_control"] == EPHEMERAL
    assert body["tools"][0]["cache_control"] == EPHEMERAL
    assert body["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}


def test_images_and_files_become_blocks() -> None:
    [first] = made(CONVERSATIONS["a PDF"])["messages"]
    assert first["content"][0] == {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
        "title": "r.pdf",
    }
    assert made(CONVERSATIONS["an image inline"])["messages"][0]["content"][1] == {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": PNG},
    }
    assert made(CONVERSATIONS["an image by address"])["messages"][0]["content"][0]["source"] == {
        "type": "url",
        "url": "https://example.com/cat.jpg",
    }
    assert made(CONVERSATIONS["a text file"])["messages"][0]["content"][0]["source"]["data"] == "Hi"


def test_what_the_models_cannot_see_or_hear_is_refused() -> None:
    with pytest.raises(BadRequestError, match="audio"):
        ask({"messages": [user([{"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}}])]})
    with pytest.raises(BadRequestError, match="tiff"):
        ask({"messages": [user([{"type": "image_url", "image_url": {"url": "data:image/tiff;base64,SUkq"}}])]})


def test_results_of_parallel_calls_stand_in_one_turn_before_what_the_user_says() -> None:
    turns = made(CONVERSATIONS["a user speaks after tool results"])["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert [block["type"] for block in turns[2]["content"]] == ["tool_result", "tool_result", "text"]
    assert [block["tool_use_id"] for block in turns[2]["content"][:2]] == ["call_1", "call_2"]
    assert turns[1]["content"][0]["input"] == {"city": "Rome"}


def test_ids_of_other_providers_are_made_fit_on_both_sides() -> None:
    turns = made(CONVERSATIONS["ids and arguments of another provider"])["messages"]
    assert turns[1]["content"][0]["id"] == turns[2]["content"][0]["tool_use_id"] == "functions_go_0"
    assert turns[1]["content"][0]["input"] == {"arguments": '{"cut": "of'}


def test_a_failed_tool_is_said_to_have_failed() -> None:
    messages = [*HI, assistant(None, call("a", "go", {})), result("a", "boom", is_error=True)]
    assert made({"messages": messages})["messages"][2]["content"][0]["is_error"] is True


@pytest.mark.parametrize(
    ("name", "choice"),
    [
        ("tools on offer", None),
        ("a tool must be called", {"type": "any"}),
        ("one tool must be called", {"type": "tool", "name": "get_time"}),
        ("no tool may be called", {"type": "none"}),
        ("one call at a time", {"type": "auto", "disable_parallel_tool_use": True}),
        ("tools were used and are gone", {"type": "none"}),
    ],
)
def test_tool_choice(name: str, choice: dict[str, Any] | None) -> None:
    assert made(CONVERSATIONS[name]).get("tool_choice") == choice


def test_a_model_that_cannot_be_forced_is_asked_and_the_user_told() -> None:
    sent = ask(CONVERSATIONS["a tool must be called"], "claude-fable-5")
    assert json.loads(sent.body)["tool_choice"] == {"type": "auto"}
    assert sent.dropped == ["tool_choice"]


def test_only_the_allowed_tools_are_offered() -> None:
    choice = {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "function", "function": {"name": "get_time"}}],
    }
    body = made({**CONVERSATIONS["tools on offer"], "tool_choice": choice})
    assert [tool["name"] for tool in body["tools"]] == ["get_time"]
    assert body["tool_choice"] == {"type": "any"}


def test_a_providers_own_tools_go_as_they_are() -> None:
    own = {"type": "bash_20250124", "name": "bash"}
    assert made({"messages": HI, "tools": [WEATHER, own]})["tools"][1] == own


def test_signed_thinking_goes_back_before_the_call_and_unsigned_stays() -> None:
    blocks = made(CONVERSATIONS["reasoning after a tool call"])["messages"][1]["content"]
    assert [block["type"] for block in blocks] == ["thinking", "redacted_thinking", "tool_use"]
    assert blocks[0] == {"type": "thinking", "thinking": "I need the weather.", "signature": "c2ln"}
    unsigned = assistant("Yes", thinking_blocks=[{"type": "thinking", "thinking": "hm"}], reasoning_content="hm")
    assert made({"messages": [*HI, unsigned, *HI]})["messages"][1]["content"] == [{"type": "text", "text": "Yes"}]


@pytest.mark.parametrize(
    ("model", "effort", "thinking", "level"),
    [
        ("claude-opus-4-8", "xhigh", {"type": "adaptive", "display": "summarized"}, "xhigh"),
        ("claude-sonnet-9", "minimal", {"type": "adaptive", "display": "summarized"}, "low"),
        ("claude-opus-4-6", "xhigh", {"type": "adaptive"}, "max"),
        ("claude-opus-4-5", "high", {"type": "enabled", "budget_tokens": 16384}, "high"),
        ("claude-sonnet-4-5", "low", {"type": "enabled", "budget_tokens": 2048}, None),
        ("claude-sonnet-4-5", "none", {"type": "disabled"}, None),
        ("claude-fable-5", "none", None, "low"),
        ("claude-3-7-sonnet-20250219", "minimal", {"type": "enabled", "budget_tokens": 1024}, None),
        ("claude-3-haiku-20240307", "low", None, None),
    ],
)
def test_effort_turns_each_models_own_knob(model: str, effort: str, thinking: Any, level: str | None) -> None:
    sent = ask({"messages": HI, "reasoning_effort": effort}, model)
    body = json.loads(sent.body)
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == level
    assert sent.dropped == (["reasoning_effort"] if model.startswith("claude-3-haiku") else [])


def test_thinking_is_handed_on_or_turned_to_effort_where_there_are_no_budgets() -> None:
    given = {"type": "enabled", "budget_tokens": 3000}
    assert made({"messages": HI, "thinking": given})["thinking"] == given
    body = made({"messages": HI, "thinking": given}, "claude-opus-5")
    assert (body["thinking"]["type"], body["output_config"]["effort"]) == ("adaptive", "medium")
    assert made({"messages": HI, "thinking": given, "max_tokens": 2500})["thinking"]["budget_tokens"] == 1250


def test_a_tool_call_without_its_thinking_turns_thinking_off_and_says_so() -> None:
    sent = ask({**CONVERSATIONS["parallel calls answered"], "reasoning_effort": "high"})
    assert "thinking" not in json.loads(sent.body)
    assert sent.dropped == ["reasoning_effort"]


def test_sampling_is_sent_only_where_it_is_taken() -> None:
    both = {"messages": HI, "temperature": 0.5, "top_p": 0.5}
    assert ask(both, "claude-opus-5").dropped == ["temperature", "top_p"]
    assert ask(both, "claude-sonnet-4-5").dropped == ["top_p"]
    assert ask(both, "claude-3-opus-20240229").dropped == []
    assert ask({**both, "reasoning_effort": "low"}).dropped == ["temperature", "top_p"]
    assert ask({"messages": HI, "temperature": 1}, "claude-opus-5").dropped == []
    hot = ask({"messages": HI, "temperature": 1.7})
    assert json.loads(hot.body)["temperature"] == 1
    assert "1.7" in hot.warnings[0]


def test_the_catalogs_facts_win_over_the_files() -> None:
    sent = ask({"messages": HI, "temperature": 0.1}, "claude-sonnet-9", facts={"supports_sampling_params": True})
    assert json.loads(sent.body)["temperature"] == 0.1


def test_an_answers_schema_is_native_where_the_model_has_it_else_a_tool() -> None:
    asked = CONVERSATIONS["an answer by schema"]
    form = made(asked)["output_config"]["format"]
    assert form["type"] == "json_schema"
    assert "$schema" not in form["schema"]
    assert form["schema"]["properties"]["age"] == {"type": "integer", "description": "(minimum: 0, maximum: 150)"}
    old = made(asked, "claude-3-5-haiku-20241022")
    assert old["tool_choice"] == {"type": "tool", "name": ANSWER_TOOL}
    assert old["tools"][0]["input_schema"]["required"] == PERSON["required"]
    bare = {
        "type": "json_schema",
        "json_schema": {"name": "n", "schema": {"type": "array", "items": {"type": "string"}}},
    }
    assert (
        made({"messages": HI, "response_format": bare}, "claude-3-haiku-20240307")["tool_choice"]["name"] == VALUE_TOOL
    )


def test_a_trailing_assistant_message_is_gone_on_with_or_a_turn_is_added() -> None:
    asked = CONVERSATIONS["it ends with the assistant"]
    assert made(asked)["messages"][-1]["content"][-1]["text"] == "The sky is"
    sent = ask(asked, "claude-opus-4-8")
    assert json.loads(sent.body)["messages"][-1]["role"] == "user"
    assert sent.warnings


def test_the_user_is_told_by_an_opaque_id() -> None:
    assert made({"messages": HI, "user": "u-1"})["metadata"] == {"user_id": "u-1"}
    assert made({"messages": HI, "metadata": {"user_id": "u-2", "tags": ["x"]}})["metadata"] == {"user_id": "u-2"}
