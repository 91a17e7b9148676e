"""What every codec has in common: registration, errors by status, embeddings or a refusal, and the request body."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingate import errors
from ingate.secret import Secret
from ingate.wire.codec import Target, codec_for, encode_body, formats
from support.native import target

WITH_EMBEDDINGS = {"chat", "azure", "copilot", "gemini", "ollama"}


def test_every_format_has_a_codec_of_its_name() -> None:
    assert {wire: codec_for(wire).name for wire in formats()} == {wire: wire for wire in formats()}
    assert {"chat", "azure", "responses", "completions", "messages", "gemini", "bedrock", "bedrock_invoke"} <= set(
        formats()
    )
    assert {"cohere", "ollama"} <= set(formats())


@pytest.mark.parametrize("wire", formats())
def test_an_error_status_is_an_error_that_names_its_credential(wire: str) -> None:
    key = Secret("sk-very-secret-0123456789")
    error = codec_for(wire).error(
        429,
        {"Retry-After": "3"},
        f'{{"error":{{"message":"slow {key.reveal()}"}}}}'.encode(),
        provider="p",
        secrets=(key,),
        credential_source="env K",
    )
    assert isinstance(error, errors.RateLimitError)
    assert (error.status, error.retry_after_s, error.provider) == (429, 3.0, "p")
    assert error.credential_source == "env K"
    assert key.reveal() not in str(error)
    assert "slow" in error.provider_message


@pytest.mark.parametrize("wire", formats())
def test_a_format_has_embeddings_or_says_that_it_has_none(wire: str) -> None:
    codec = codec_for(wire)
    if wire in WITH_EMBEDDINGS:
        assert codec.embeddings_request({"input": "a"}, target("m")).url.startswith("https://far/")
        return
    with pytest.raises(errors.NotSupportedError, match=f"{wire} format has no embeddings, so 'm'"):
        codec.embeddings_request({"input": "a"}, target("m"))
    with pytest.raises(errors.NotSupportedError, match=f"{wire} format has no embeddings, so 'm'"):
        codec.embeddings_response(b"{}", model="m")


JSON = {"content-type": "application/json"}
EVENTS = {**JSON, "accept": "text/event-stream"}
MESSAGES = {"anthropic-version": "2023-06-01"}


@pytest.mark.parametrize(
    ("wire", "whole", "streamed"),
    [
        ("chat", {**JSON, "accept": "application/json"}, EVENTS),
        ("azure", {**JSON, "accept": "application/json"}, EVENTS),
        ("messages", {**JSON, **MESSAGES}, {**EVENTS, **MESSAGES}),
        ("gemini", JSON, EVENTS),
        (
            "bedrock",
            {**JSON, "accept": "application/json"},
            {**JSON, "accept": "application/vnd.amazon.eventstream"},
        ),
        (
            "bedrock_invoke",
            {**JSON, "accept": "application/json"},
            {**JSON, "accept": "application/vnd.amazon.eventstream"},
        ),
        ("cohere", JSON, EVENTS),
        ("ollama", JSON, JSON),
    ],
)
def test_a_request_has_the_headers_of_its_format(wire: str, whole: dict[str, str], streamed: dict[str, str]) -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}]}
    assert codec_for(wire).request(body, target("m")).headers == whole
    sent = codec_for(wire).request(body, target("m", stream=True))
    assert sent.headers == streamed
    assert sent.method == "POST"


def test_messages_on_vertex_have_their_version_in_the_body() -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5, "anthropic_beta": ["a", 1]}
    where = target("claude-x", provider="vertex_ai", params={"vertex_project": "p"}, stream=True)
    sent = codec_for("messages").request(body, where)
    assert sent.headers == {**EVENTS, "anthropic-beta": "a,1"}
    assert json.loads(sent.body) == {
        "anthropic_version": "vertex-2023-10-16",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "stream": True,
    }
    assert codec_for("messages").request({**body, "anthropic_beta": "b"}, where).headers["anthropic-beta"] == "b"


@pytest.mark.parametrize("wire", sorted(WITH_EMBEDDINGS))
def test_extra_parameters_of_embeddings_reach_the_provider(wire: str) -> None:
    body = {"input": "a", "extra_body": {"own_parameter": 7}}
    assert b'"own_parameter":7' in codec_for(wire).embeddings_request(body, target("m")).body


@pytest.mark.parametrize("wire", ["gemini", "ollama"])
def test_the_drop_policy_holds_for_embeddings(wire: str) -> None:
    body = {"input": "a", "seed": 1}
    assert codec_for(wire).embeddings_request(body, target("m")).dropped == ["seed"]
    with pytest.raises(errors.BadRequestError, match="seed"):
        codec_for(wire).embeddings_request(body, target("m", drop_params="strict"))


@pytest.mark.parametrize("value", [object(), float, {("a",): 1}])
def test_a_value_that_json_cannot_express_is_a_bad_request(value: Any) -> None:
    with pytest.raises(errors.BadRequestError, match="cannot be written as JSON"):
        encode_body({"a": value})
    assert encode_body({"a": "é", "b": None}) == '{"a":"é","b":null}'.encode()


@pytest.mark.parametrize("wire", [wire for wire in formats() if wire != "completions"])
def test_a_request_that_json_cannot_express_is_a_bad_request(wire: str) -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5, "unknown_parameter": object()}
    with pytest.raises(errors.BadRequestError, match="cannot be written as JSON"):
        codec_for(wire).request(body, target("m"))


def test_a_target_has_defaults_and_cannot_be_changed() -> None:
    where = Target(model="m", api_base="https://h")
    assert (where.provider, where.stream, dict(where.facts), where.drop_params, dict(where.params)) == (
        "",
        False,
        {},
        "warn",
        {},
    )
    with pytest.raises(AttributeError):
        where.model = "n"  # ty: ignore[invalid-assignment]
    with pytest.raises(TypeError):
        where.facts["a"] = 1  # ty: ignore[invalid-assignment]
