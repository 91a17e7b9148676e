"""Requests of wrong JSON types are refused by name before anything is sent, whoever would answer them."""

from __future__ import annotations

from typing import Any

import pytest

from ingate.errors import InvalidRequestError
from ingate.wire.codec import Target, codec_for
from ingate.wire.downstream import translate
from ingate.wire.passthrough import ApiRequest, pass_through
from ingate.wire.request_check import check_request

USER = {"role": "user", "content": "Hi"}
VALID: dict[str, dict[str, Any]] = {
    "chat": {"messages": [USER]},
    "responses": {"input": [USER]},
    "messages": {"max_tokens": 8, "messages": [USER]},
}


@pytest.mark.parametrize(
    ("api", "changes", "param"),
    [
        ("chat", {"model": 1}, "model"),
        ("chat", {"messages": None}, "messages"),
        ("chat", {"messages": "x"}, "messages"),
        ("chat", {"messages": [USER, 1]}, "messages[1]"),
        ("chat", {"messages": [{"role": 5, "content": "x"}]}, "messages[0].role"),
        ("chat", {"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ("chat", {"temperature": "hot"}, "temperature"),
        ("chat", {"max_tokens": True}, "max_tokens"),
        ("chat", {"max_completion_tokens": 1.5}, "max_completion_tokens"),
        ("chat", {"tools": [1]}, "tools[0]"),
        ("chat", {"tool_choice": 5}, "tool_choice"),
        ("chat", {"stop": 5}, "stop"),
        ("chat", {"stream": "yes"}, "stream"),
        ("responses", {"input": 5}, "input"),
        ("responses", {"input": [USER, "x"]}, "input[1]"),
        ("responses", {"input": [{"role": "user", "content": 5}]}, "input[0].content"),
        ("responses", {"tools": "x"}, "tools"),
        ("responses", {"tools": [[]]}, "tools[0]"),
        ("responses", {"text": "x"}, "text"),
        ("responses", {"reasoning": "high"}, "reasoning"),
        ("responses", {"max_output_tokens": "8"}, "max_output_tokens"),
        ("responses", {"previous_response_id": 5}, "previous_response_id"),
        ("responses", {"conversation": 5}, "conversation"),
        ("responses", {"store": "no"}, "store"),
        ("responses", {"truncation": 5}, "truncation"),
        ("messages", {"messages": None}, "messages"),
        ("messages", {"messages": [5]}, "messages[0]"),
        ("messages", {"messages": [{"role": "user", "content": {}}]}, "messages[0].content"),
        ("messages", {"max_tokens": "8"}, "max_tokens"),
        ("messages", {"system": 5}, "system"),
        ("messages", {"tools": [5]}, "tools[0]"),
        ("messages", {"thinking": 5}, "thinking"),
        ("messages", {"tool_choice": "auto"}, "tool_choice"),
        ("messages", {"stop_sequences": "x"}, "stop_sequences"),
        ("messages", {"metadata": 5}, "metadata"),
    ],
)
def test_a_wrong_type_is_refused_by_name(api: Any, changes: dict[str, Any], param: str) -> None:
    request = ApiRequest(api=api, body={"model": "m", **VALID[api], **changes})
    with pytest.raises(InvalidRequestError) as found:
        check_request(request)
    assert found.value.param == param
    assert repr(param) in str(found.value)


@pytest.mark.parametrize("api", VALID)
def test_null_unknown_fields_and_unknown_items_are_the_providers_business(api: Any) -> None:
    items = [USER, {"type": "tomorrow", "content": 5, "x": [1]}] if api == "responses" else [USER]
    name = "input" if api == "responses" else "messages"
    nothing = dict.fromkeys(("temperature", "tools", "tool_choice", "metadata", "stream", "top_p", "text", "system"))
    body = {"model": "m", **VALID[api], **nothing, "tomorrow": {"a": 1}, name: items}
    check_request(ApiRequest(api=api, body={**body, "tools": [{"type": "tomorrow"}]}))


@pytest.mark.parametrize("wire", ["messages", "bedrock", "gemini", "cohere", "ollama", "responses"])
def test_content_that_a_format_does_not_have_is_refused_with_its_place(wire: str) -> None:
    target = Target(model="m", api_base="https://far", provider="x", params={"aws_region_name": "us-east-1"})
    messages = [USER, {"role": "user", "content": [{"type": "image_url"}]}]
    with pytest.raises(InvalidRequestError) as found:
        codec_for(wire).request({"messages": messages}, target)
    assert found.value.param == "messages[1]"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"messages": [{"role": "zz", "content": "x"}]}, "messages[0].role"),
        ({"messages": []}, "messages"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tool_choice": {"type": "zz"}, "tools": [{"type": "function", "function": {"name": "f"}}]}, "tool_choice"),
        ({"response_format": {"type": "zz"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
    ],
)
def test_what_a_translation_cannot_read_is_named(changes: dict[str, Any], param: str) -> None:
    target = Target(model="m", api_base="https://far", provider="anthropic")
    with pytest.raises(InvalidRequestError) as found:
        codec_for("messages").request({"messages": [USER], **changes}, target)
    assert found.value.param == param


def result(tool_use_id: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": tool_use_id, "content": "x"}]}


def test_results_without_a_call_are_not_passed_to_claude() -> None:
    use = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]}
    how = pass_through("messages")
    target = Target(model="m", api_base="https://far", provider="anthropic")

    def history(turns: list[Any], provider: str = "anthropic", **more: Any) -> None:
        body = {"model": "m", "max_tokens": 8, "messages": turns, **more}
        where = Target(model="m", api_base="https://far", provider=provider)
        how.history(ApiRequest(api="messages", body=body), where)

    with pytest.raises(InvalidRequestError, match="'nope'") as found:
        history([USER, use, result("nope")])
    assert found.value.param == "messages[2].content[0].tool_use_id"
    with pytest.raises(InvalidRequestError):
        history([result("t1"), use])
    history([USER, use, result("t1")])
    history([USER, {"role": "assistant", "content": [{"type": "mcp_tool_use", "id": "m1"}]}, result("m1")])
    history([result("nope")], thread={"id": "th"})  # the provider has the earlier turns
    history([result("nope")], provider="ollama")
    assert how.history(ApiRequest(api="messages", body={"messages": [USER]}), target) == ({}, [])


@pytest.mark.parametrize("wire", ["messages", "gemini", "responses", "completions"])
def test_a_limit_below_zero_is_named(wire: str) -> None:
    with pytest.raises(InvalidRequestError, match="max_tokens is -1") as found:
        codec_for(wire).request({"messages": [USER], "max_tokens": -1}, Target(model="m", api_base="https://far"))
    assert found.value.param == "max_tokens"


@pytest.mark.parametrize("content", ["", [], [{"type": "tomorrow"}], [{"type": "container_upload", "file_id": "f"}]])
def test_messages_of_which_a_translation_leaves_nothing_are_refused(content: Any) -> None:
    body = {"model": "m", "max_tokens": 8, "system": "s", "messages": [{"role": "user", "content": content}]}
    with pytest.raises(InvalidRequestError, match="no content that this model can read") as found:
        translate("messages", body)
    assert found.value.param == "messages"
    more = [*body["messages"], {"role": "user", "content": "Hi"}]
    assert translate("messages", {**body, "messages": more}).chat["messages"][-1]["content"] == "Hi"
