"""What litellm does not know of current models is adapted before it is handed the call."""

from __future__ import annotations

from typing import Any

import pytest

from ingate.engines.base import CallReport, Route
from ingate.engines.litellm_.parameters import fit, responses_prefix, write_answer_form, write_cohere, write_messages
from ingate.errors import BadRequestError
from ingate.spec import ModelSpec

TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]


def _route(spec: str, wire_format: str = "chat", policy: Any = "warn") -> Route:
    provider, _, model = spec.partition("/")
    return Route(
        spec=ModelSpec("litellm", provider, model),
        engine="litellm",
        provider=provider,
        model=model,
        wire_format=wire_format,
        drop_params=policy,
    )


@pytest.mark.parametrize(
    ("spec", "wire_format", "effort", "sent", "warned"),
    [
        ("groq/openai/gpt-oss-120b", "chat", "none", "low", True),
        ("groq/openai/gpt-oss-120b", "chat", "xhigh", "high", True),
        ("xai/grok-4.7", "chat", "none", "low", True),
        ("together_ai/moonshotai/Kimi-K3", "chat", "medium", "high", True),
        ("gemini/gemini-4-argon", "gemini", "max", "high", True),
        ("bedrock/us.anthropic.claude-opus-5", "bedrock", "none", "none", False),
        ("anthropic/claude-sonnet-4-5", "messages", "high", "high", False),
        ("deepseek/deepseek-v4-pro", "chat", "none", "none", False),
        ("groq/openai/gpt-oss-120b", "chat", {"effort": "high"}, {"effort": "high"}, False),
        ("nobody/knows", "chat", "max", "max", False),
    ],
)
def test_an_effort_is_one_that_the_model_has(spec: str, wire_format: str, effort: Any, sent: Any, warned: bool) -> None:
    call, report = {"reasoning_effort": effort}, CallReport()
    fit(call, _route(spec, wire_format), report)
    assert call == {"reasoning_effort": sent}
    assert len(report.warnings) == warned
    if warned:
        with pytest.raises(BadRequestError):
            fit({"reasoning_effort": effort}, _route(spec, wire_format, "strict"), CallReport())


def test_what_a_provider_rejects_is_left_out_and_reported() -> None:
    call, report = {"logprobs": True, "logit_bias": {"1": 2}, "temperature": 0.5}, CallReport()
    fit(call, _route("groq/llama-4"), report)
    assert call == {"temperature": 0.5}
    assert report.dropped == ["logit_bias", "logprobs"]
    call, report = {"top_k": 4, "temperature": 1.8}, CallReport()
    fit(call, _route("mistral/mistral-large-4"), report)
    assert (call, report.dropped) == ({"temperature": 1.5}, ["top_k"])
    call, report = {"top_k": 4}, CallReport()
    fit(call, _route("azure/mine", "azure"), report)
    assert (call, report.dropped) == ({}, ["top_k"])
    call, report = {"logprobs": True}, CallReport()
    fit(call, _route("together_ai/llama-4"), report)
    assert (call, report.dropped) == ({"logprobs": True}, [])


@pytest.mark.parametrize(
    ("spec", "call", "prefix"),
    [
        ("openai/gpt-6.1-sol", {"tools": TOOLS}, "responses/"),
        ("openai/gpt-5.5", {"tools": TOOLS}, "responses/"),
        ("openai/gpt-5.5", {"tools": TOOLS, "reasoning_effort": "none"}, ""),
        ("openai/gpt-5.1", {"tools": TOOLS}, ""),
        ("openai/gpt-4.1", {"functions": [{}]}, ""),
        ("openai/gpt-6.1-sol", {}, ""),
        ("openrouter/openai/gpt-6.1-sol", {"tools": TOOLS}, ""),
    ],
)
def test_tools_that_chat_completions_refuse_go_to_responses(spec: str, call: dict[str, Any], prefix: str) -> None:
    assert responses_prefix(call, _route(spec)) == prefix


COHERE: dict[str, Any] = {
    "messages": [
        {
            "role": "developer",
            "content": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        },
        {"role": "user", "content": "hi"},
    ],
    "tools": [{"type": "function", "function": {"name": "look", "strict": True}}],
    "tool_choice": "required",
    "top_k": 4,
    "top_p": 0.5,
    "stop": "x",
    "n": 2,
    "reasoning_effort": "high",
    "extra_body": {"api_base": "http://evil.example", "safety_mode": "OFF"},
}


def test_coheres_request_is_written_as_its_api_has_it() -> None:
    call, report = dict(COHERE), CallReport()
    write_cohere(call, _route("cohere_chat/command-a-plus-05-2026", "cohere"), report)
    assert call == {
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
        "tools": [
            {"type": "function", "function": {"name": "look", "description": "", "parameters": {"type": "object", "properties": {}}}}
        ],
        "strict_tools": True,
        "tool_choice": "REQUIRED",
        "k": 4,
        "p": 0.5,
        "stop_sequences": ["x"],
        "thinking": {"type": "enabled", "token_budget": 16384},
        "extra_body": COHERE["extra_body"],
        "allowed_openai_params": ["thinking", "tool_choice"],
    }  # fmt: skip
    assert report.dropped == ["n"]
    with pytest.raises(BadRequestError, match="n"):
        write_cohere(dict(COHERE), _route("cohere_chat/command-a-plus-05-2026", "cohere", "strict"), CallReport())


FOREIGN: dict[str, Any] = {
    "role": "assistant",
    "content": "x",
    "reasoning_content": "because",
    "reasoning_details": [{}],
    "thinking_blocks": [{}],
    "annotations": [],
    "refusal": None,
}


@pytest.mark.parametrize(
    ("spec", "wire_format", "kept"),
    [
        ("groq/llama-4", "chat", {"reasoning": "because"}),
        ("deepseek/deepseek-v4-pro", "chat", {"reasoning_content": "because"}),
        ("openai/gpt-4.1", "chat", {}),
        ("anthropic/claude-sonnet-4-5", "messages", {name: FOREIGN[name] for name in FOREIGN.keys() - {"role", "content"}}),
        ("nobody/knows", "chat", {name: FOREIGN[name] for name in FOREIGN.keys() - {"role", "content"}}),
    ],
)  # fmt: skip
def test_fields_of_other_providers_are_left_out_where_litellm_passes_them_on(
    spec: str, wire_format: str, kept: dict[str, Any]
) -> None:
    call = {"messages": [FOREIGN]}
    write_messages(call, _route(spec, wire_format))
    assert call["messages"] == [{"role": "assistant", "content": "x", **kept}]


def test_a_strict_server_gets_tools_without_marks_and_reasoning_stays_for_responses() -> None:
    marked = {**TOOLS[0], "cache_control": {"type": "ephemeral"}}
    call: dict[str, Any] = {"messages": [], "tools": [marked]}
    write_messages(call, _route("azure/mine", "azure"))
    assert call["tools"] == TOOLS
    call = {"messages": [{**FOREIGN, "reasoning_items": [{}]}], "tools": [marked], "reasoning_effort": "high"}
    write_messages(call, _route("openai/gpt-6.1-sol"))
    assert call["messages"] == [{**FOREIGN, "reasoning_items": [{}]}]


def test_sampling_and_stop_are_left_out_where_the_model_rejects_them_while_it_reasons() -> None:
    call, report = {"top_p": 0.9, "temperature": 1, "presence_penalty": 0.5, "stop": ["x"]}, CallReport()
    fit(call, _route("moonshot/kimi-k3"), report)
    assert call == {"stop": ["x"]}
    assert sorted(report.dropped) == ["presence_penalty", "top_p"]
    with pytest.raises(BadRequestError):
        fit({"top_p": 0.9}, _route("moonshot/kimi-k3", policy="strict"), CallReport())


def test_reasoning_that_cannot_be_switched_off_is_lowered() -> None:
    call, report = {"reasoning_effort": "none"}, CallReport()
    fit(call, _route("openrouter/anthropic/claude-opus-5.5"), report)
    assert call == {"reasoning_effort": "low"}
    assert "always reasons" in report.warnings[0]


@pytest.mark.parametrize(("provider", "form"), [("vertex_ai", "output_format"), ("anthropic", "response_format")])
def test_claude_on_vertex_is_asked_by_the_apis_own_field(provider: str, form: str) -> None:
    schema = {"type": "object", "properties": {}}
    call: dict[str, Any] = {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}}
    write_answer_form(call, _route(f"{provider}/claude-sonnet-5-5", "messages"))
    assert list(call) == [form]
    call = {"response_format": {"type": "json_object"}}
    write_answer_form(call, _route("vertex_ai/claude-sonnet-5-5", "messages"))
    assert list(call) == ["response_format"]


@pytest.mark.parametrize(
    ("spec", "wire_format", "given", "sent", "dropped"),
    [
        ("bedrock/amazon.nova-2-lite-v1:0", "bedrock", {"reasoning_effort": "none"}, {}, []),
        (
            "bedrock/amazon.nova-2-lite-v1:0",
            "bedrock",
            {"reasoning_effort": "max", "max_tokens": 9, "temperature": 0.5},
            {"reasoning_effort": "high"},
            ["max_tokens", "temperature"],
        ),
        ("gemini/gemini-2.5-pro", "gemini", {"reasoning_effort": "none"}, {"reasoning_effort": "low"}, []),
        ("gemini/gemini-2.5-flash", "gemini", {"reasoning_effort": "none"}, {"reasoning_effort": "none"}, []),
        ("ollama_chat/llama3.2:1b", "ollama", {"reasoning_effort": "high"}, {}, ["reasoning_effort"]),
        (
            "anthropic/claude-sonnet-4-6",
            "messages",
            {"temperature": 0.2, "top_p": 0.9},
            {"temperature": 0.2},
            ["top_p"],
        ),
        ("anthropic/claude-sonnet-4-6", "messages", {"temperature": 1.8}, {"temperature": 1}, []),
    ],
)
def test_older_models_and_other_clouds_get_what_they_accept(
    spec: str, wire_format: str, given: dict[str, Any], sent: dict[str, Any], dropped: list[str]
) -> None:
    call, report = dict(given), CallReport()
    fit(call, _route(spec, wire_format), report)
    assert call == sent
    assert report.dropped == dropped
