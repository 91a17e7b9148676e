"""What litellm passes on although the model rejects it is mended before litellm gets it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from ingate.wire.adapt import adapt
from ingate.wire.codec import Target

USER = {"role": "user", "content": "go"}
SYSTEM = {"role": "system", "content": "s"}


def _made(body: dict[str, Any], *, by_litellm: bool = True, loses: bool = False, **facts: Any) -> dict[str, Any]:
    before = copy.deepcopy(body)
    target = Target(model="m", api_base="", drop_params="warn" if loses else "strict", facts=facts)
    made = adapt(body, target, "chat", by_litellm=by_litellm)
    assert body == before
    assert bool(made.warnings) is loses
    return made.body


def _called(arguments: Any, **more: Any) -> dict[str, Any]:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}
    result = {"role": "tool", "tool_call_id": "a", "content": "1"}
    return {"messages": [USER, {"role": "assistant", "content": None, "tool_calls": [call], **more}, result]}


@pytest.mark.parametrize(
    ("given", "sent"), [('{"cut": "of', {"arguments": '{"cut": "of'}), ("", {}), ("[1]", {"arguments": [1]})]
)
def test_arguments_that_broke_off_become_an_object(given: str, sent: Any):
    made = _made(_called(given))["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(made) == sent
    assert _made(_called(given), by_litellm=False)["messages"] == _called(given)["messages"], (
        "ingate's codecs do it themselves"
    )


def test_whole_arguments_keep_their_bytes():
    body = _called('{"a" :  1}')
    assert _made(body)["messages"] is body["messages"]


def test_an_empty_answer_is_an_empty_text():
    assert _made({"messages": [USER, {"role": "assistant", "content": None}, USER]})["messages"][1]["content"] == ""


def test_unknown_fields_are_left_out_where_they_are_refused():
    body = _called("{}", refusal=None, annotations=[], reasoning_details=[{}])
    message = _made(body, unknown_fields=False)["messages"][1]
    assert message.keys() == {"role", "content", "tool_calls"}


@pytest.mark.parametrize("kind", ["anthropic", "gemini"])
def test_an_answers_schema_is_one_that_the_model_takes(kind: str):
    schema = {"$schema": "x", "type": "object", "properties": {"a": {"type": "string", "minLength": 1}}}
    body = {
        "messages": [USER],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
    }
    made = _made(body, loses=True, structured="schema", answer_schema=kind)["response_format"]["json_schema"]
    assert made["name"] == "n"
    assert "$schema" not in made["schema"]
    assert "minLength" not in made["schema"]["properties"]["a"]
    assert _made(body, structured="schema")["response_format"] == body["response_format"]


@pytest.mark.parametrize(
    ("messages", "roles"),
    [
        ([SYSTEM, {"role": "assistant", "content": "x"}, USER], ["system", "user", "assistant", "user"]),
        ([SYSTEM], ["user"]),
        ([SYSTEM, USER], ["system", "user"]),
    ],
)
def test_the_user_is_first_where_that_is_required(messages: list[Any], roles: list[str]):
    made = _made({"messages": messages}, loses=roles[:2] != ["system", "user"] or len(roles) > 2, first_user=True)[
        "messages"
    ]
    assert [message["role"] for message in made] == roles


def test_what_ingates_codec_for_bedrock_does_is_done_before_litellm_gets_the_request():
    schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "title": "It"}}}
    body = {"messages": [{"role": "assistant", "content": "x"}, USER], "response_format": schema}
    target = Target(model="amazon.nova-2-lite-v1:0", api_base="", provider="bedrock")
    for by_litellm in (True, False):
        made = adapt(body, target, "bedrock", by_litellm=by_litellm)
        assert ("response_format" in made.body) is not by_litellm
        assert ([one["role"] for one in made.body["messages"]][-3:-1] == ["user", "assistant"]) is by_litellm
        assert made.check is not None
