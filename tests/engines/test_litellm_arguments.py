"""What litellm is called with."""

from __future__ import annotations

from typing import Any

import pytest

from ingate import errors
from ingate.engines.base import CallReport
from ingate.engines.litellm_ import load
from ingate.engines.litellm_.arguments import deep_merge, for_completion
from ingate.providers.credential import Credential
from ingate.secret import Secret
from support import litellm as h

pytestmark = pytest.mark.skipif(load.version() is None, reason="litellm is not installed")
BASE = "http://127.0.0.1:9/v1"


async def call(
    body: dict[str, Any], report: CallReport | None = None, *, stream: bool = False, **route: Any
) -> dict[str, Any]:
    litellm = await load.load()
    whole = {**h.BODY, **body}
    return for_completion(litellm, h.route(BASE, **route), whole, report or CallReport(), stream=stream)


async def test_key_base_and_limits_are_always_said() -> None:
    made = await call({"temperature": 0.5}, timeout_s=9.0)
    assert made["model"] == "groq/m"
    assert (made["api_key"], made["api_base"], made["timeout"]) == (h.KEY, BASE, 9.0)
    assert made["num_retries"] == made["max_retries"] == 0
    assert made["temperature"] == 0.5


async def test_other_credential_values_go_by_litellms_names() -> None:
    values = {"aws_region_name": Secret("eu-west-1"), "aws_access_key_id": Secret("AKIDEXAMPLE")}
    made = await call({}, provider="bedrock", credential=Credential(params=values))
    assert (made["aws_region_name"], made["aws_access_key_id"]) == ("eu-west-1", "AKIDEXAMPLE")
    assert "api_key" not in made


@pytest.mark.parametrize(("policy", "expected"), [("strict", False), ("warn", True), ("drop", True)])
async def test_drop_params_follows_the_route(policy: str, expected: bool) -> None:
    assert (await call({}, drop_params=policy))["drop_params"] is expected


async def test_what_litellm_will_drop_is_reported() -> None:
    report = CallReport()
    await call({"logit_bias": {"1": 1}, "temperature": 0}, report, provider="anthropic", model="claude-sonnet-4-5")
    assert report.dropped == ["logit_bias"]


@pytest.mark.parametrize(
    "name", ["api_base", "base_url", "api_key", "custom_llm_provider", "mock_response", "aws_role_name", "fallbacks"]
)
async def test_a_request_cannot_steer_where_its_key_goes(name: str) -> None:
    report = CallReport()
    made = await call({name: "http://evil.example"}, report)
    assert "evil" not in str(made)
    assert report.dropped == [name]
    with pytest.raises(errors.BadRequestError, match=name):
        await call({name: "x"}, drop_params="strict")


async def test_parameters_of_the_model_pass() -> None:
    body = {
        "reasoning_effort": "high",
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "service_tier": "auto",
        "max_completion_tokens": 5,
        "extra_body": {"top_k": 3},
        "top_k": 3,
    }
    made = await call(body)
    assert {name: made[name] for name in body} == body


async def test_openais_metadata_field_reaches_openai_and_not_litellms_callbacks() -> None:
    made = await call({"metadata": {"team": "search"}}, provider="openai")
    assert made["extra_body"] == {"metadata": {"team": "search"}}
    assert "metadata" not in made


async def test_empty_tools_are_left_out_with_what_depends_on_them() -> None:
    made = await call({"tools": [], "tool_choice": "auto", "parallel_tool_calls": True})
    assert not made.keys() & {"tools", "tool_choice", "parallel_tool_calls"}


async def test_a_streams_options_always_ask_for_usage() -> None:
    assert (await call({}, stream=True))["stream_options"] == {"include_usage": True}
    assert "stream_options" not in await call({"stream_options": {"include_usage": False}})


async def test_a_stream_that_litellm_fakes_has_no_stream_options() -> None:
    form = {"response_format": {"type": "json_object"}}
    assert "stream_options" not in await call(form, stream=True)
    assert "stream_options" in await call(form, stream=True, provider="openai")


async def test_a_value_that_json_does_not_have_is_the_callers_error() -> None:
    for value in ("\ud800", object()):
        with pytest.raises(errors.BadRequestError, match="JSON"):
            await call({"user": value})


async def test_coheres_own_parameters_are_not_reported_as_dropped() -> None:
    report = CallReport()
    made = await call(
        {"response_format": {"type": "json_object"}, "extra_body": {"api_base": "http://evil.example"}},
        report,
        provider="cohere_chat",
        wire_format="cohere",
    )
    assert made["allowed_openai_params"] == ["response_format"]
    assert made["api_base"].startswith(BASE.removesuffix("/v1"))
    assert report.dropped == []


async def test_extra_kwargs_win_over_the_request() -> None:
    """The gateway has merged the spec's parameters into the request by then."""
    made = await call({"temperature": 0.1, "top_p": 0.1}, extra_kwargs={"top_p": 0.3, "metadata": {"tags": ["a"]}})
    assert (made["temperature"], made["top_p"], made["metadata"]) == (0.1, 0.3, {"tags": ["a"]})


async def test_what_litellm_writes_into_its_arguments_stays_in_that_call() -> None:
    """litellm adds to `metadata` and to messages; neither the configuration nor another call may see it."""
    extra = {"metadata": {"tags": ["agent-a"]}, "callbacks": [print]}
    body = {**h.BODY, "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]}
    for _ in range(3):
        made = await call(body, extra_kwargs=extra)
        assert made["metadata"] == {"tags": ["agent-a"]}
        assert made["callbacks"] == [print]
        made["metadata"]["tags"].append("leaked")
        made["metadata"]["user"] = "leaked"
        made["messages"][0]["content"][0]["text"] = "leaked"
        made["messages"].append("leaked")
    other = await call(body, extra_kwargs={"metadata": {"tags": ["agent-b"]}})
    assert other["metadata"] == {"tags": ["agent-b"]}
    assert extra == {"metadata": {"tags": ["agent-a"]}, "callbacks": [print]}
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]


async def test_a_configured_server_is_openai_like() -> None:
    made = await call({}, provider="mybox", key=None)
    assert made["model"] == "openai/m"
    assert made["api_key"] == "no-key-needed"


async def test_a_provider_litellm_does_not_have_is_named() -> None:
    litellm = await load.load()
    with pytest.raises(errors.UnknownProviderError, match="nosuch"):
        for_completion(litellm, h.route("", "nosuch"), h.BODY, CallReport(), stream=False)


async def test_the_request_is_left_as_it_is() -> None:
    body = {**h.BODY, "extra_body": {"a": 1}, "metadata": {"b": "2"}, "tools": []}
    before = str(body)
    await call(body, provider="openai", extra_kwargs={"extra_body": {"c": 3}})
    assert str(body) == before


def test_deep_merge_merges_mappings_and_replaces_the_rest() -> None:
    into = {"metadata": {"tags": ["a"], "user": "u"}, "n": 1}
    merged = deep_merge(into, {"metadata": {"tags": ["b"]}, "extra": {}})
    assert merged == {"metadata": {"tags": ["b"], "user": "u"}, "n": 1, "extra": {}}
    assert into["metadata"] == {"tags": ["a"], "user": "u"}
