"""How much a model reasons, and what it accepts meanwhile: the request of each format, by the model's facts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingate.errors import BadRequestError
from ingate.wire.codec import Target, WireRequest, codec_for
from ingate.wire.efforts import fitted_effort
from ingate.wire.params import ParamTracker

HI = {"messages": [{"role": "user", "content": "Hi"}]}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


def sent(spec: str, wire_format: str, asked: dict[str, Any], **more: Any) -> tuple[dict[str, Any], WireRequest]:
    provider, _, model = spec.partition("/")
    target = Target(model=model, api_base="https://api.example/v1", provider=provider, **more)
    request = codec_for(wire_format).request({**HI, **asked}, target)
    return json.loads(request.body), request


def _tracker(policy: Any = "warn") -> ParamTracker:
    return ParamTracker({}, policy=policy, model="m")


def test_an_effort_is_fitted_to_the_levels() -> None:
    tracker = _tracker()
    assert fitted_effort(tracker, "max", None) == "max"
    assert fitted_effort(tracker, "low", ["low"]) == "low"
    assert fitted_effort(tracker, "default", ["low"]) == "default"  # the provider's own word
    assert (tracker.warnings, tracker.dropped) == ([], [])
    assert fitted_effort(tracker, "none", ["low", "high"]) == "low"
    assert fitted_effort(tracker, "max", ["low", "high"]) == "high"
    assert fitted_effort(tracker, "none", []) is None
    assert len(tracker.warnings) == 2
    assert tracker.dropped == []
    assert fitted_effort(tracker, "low", []) is None
    assert tracker.dropped == ["reasoning_effort"]


@pytest.mark.parametrize(("effort", "levels"), [("none", ["low"]), ("max", ["low"]), ("low", [])])
def test_strict_refuses_an_effort_that_the_model_does_not_have(effort: str, levels: list[str]) -> None:
    with pytest.raises(BadRequestError, match="does not accept"):
        fitted_effort(_tracker("strict"), effort, levels)


@pytest.mark.parametrize(
    ("spec", "effort", "expected", "says"),
    [
        ("openai/gpt-6.1-sol", "none", {"reasoning_effort": "low"}, "always reasons"),
        ("openai/gpt-6.1-sol", "max", {"reasoning_effort": "max"}, ""),
        ("openai/gpt-99", "minimal", {"reasoning_effort": "low"}, "does not accept minimal"),
        ("openai/gpt-5.6", "max", {"reasoning_effort": "xhigh"}, "does not accept max"),
        ("openai/gpt-6-luna", "none", {"reasoning_effort": "none"}, ""),
        ("openai/gpt-5-pro", "low", {"reasoning_effort": "high"}, "does not accept low"),
        ("openai/gpt-5.5-pro", "none", {"reasoning_effort": "medium"}, "always reasons"),
        ("xai/grok-4.7", "none", {"reasoning_effort": "low"}, "always reasons"),
        ("xai/grok-4.5", "xhigh", {"reasoning_effort": "high"}, "does not accept xhigh"),
        ("xai/grok-4.3", "none", {"reasoning_effort": "none"}, ""),
        ("groq/openai/gpt-oss-120b", "none", {"reasoning_effort": "low"}, "always reasons"),
        ("cerebras/gpt-oss-120b", "max", {"reasoning_effort": "high"}, "does not accept max"),
        ("together_ai/moonshotai/Kimi-K3", "medium", {"reasoning_effort": "high"}, "does not accept medium"),
        ("moonshot/kimi-k3", "none", {"reasoning_effort": "low"}, "always reasons"),
        ("moonshot/kimi-k2.6", "none", {"thinking": {"type": "disabled"}}, ""),
        ("moonshot/kimi-k2.6", "high", {"thinking": {"type": "enabled"}}, ""),
        ("zai/glm-5.3", "medium", {"reasoning_effort": "high"}, "does not accept medium"),
        ("zai/glm-5.3", "none", {"reasoning_effort": "low"}, "always reasons"),
        ("zai/glm-4.6", "none", {"thinking": {"type": "disabled"}}, ""),
        ("zai/glm-4.6", "low", {"thinking": {"type": "enabled"}}, ""),
        ("fireworks_ai/accounts/fireworks/models/glm-5p3", "max", {"reasoning_effort": "max"}, ""),
        ("mistral/mistral-large-4", "low", {"reasoning_effort": "high"}, "does not accept low"),
        ("mistral/mistral-large-4", "minimal", {"reasoning_effort": "none"}, "does not accept minimal"),
        ("together_ai/mistralai/Mistral-Small-24B-Instruct-2501", "low", {"reasoning_effort": "low"}, ""),
        ("deepseek/deepseek-v4-pro", "none", {"thinking": {"type": "disabled"}}, ""),
        ("deepseek/deepseek-v4-pro", "disabled", {"thinking": {"type": "disabled"}}, ""),
        ("deepseek/deepseek-v4-pro", "minimal", {"reasoning_effort": "low"}, "does not accept minimal"),
        ("minimax/MiniMax-M3", "high", {"thinking": {"type": "adaptive"}}, ""),
        ("dashscope/qwen3.8-max", "none", {"enable_thinking": False}, ""),
        ("dashscope/qwen3.8-max", "high", {"enable_thinking": True}, ""),
        ("openrouter/anthropic/claude-opus-5.5", "none", {"reasoning_effort": "low"}, "always reasons"),
        ("openrouter/anthropic/claude-opus-5", "none", {"reasoning_effort": "none"}, ""),
        ("openrouter/openai/gpt-6.1-sol", "none", {"reasoning_effort": "low"}, "always reasons"),
        ("openrouter/openai/gpt-6.1-sol", "minimal", {"reasoning_effort": "minimal"}, ""),
        ("databricks/databricks-claude-opus-5-5", "high", {"thinking": {"type": "adaptive"}}, ""),
        ("databricks/databricks-claude-opus-5", "none", {"thinking": {"type": "disabled"}}, ""),
        (
            "databricks/databricks-claude-sonnet-4-5",
            "low",
            {"thinking": {"type": "enabled", "budget_tokens": 8192}},
            "",
        ),
        ("my-server/qwen-of-mine", "max", {"reasoning_effort": "max"}, ""),
    ],
)
def test_chat_completions_get_what_the_model_takes(spec: str, effort: str, expected: dict[str, Any], says: str) -> None:
    body, request = sent(spec, "chat", {"reasoning_effort": effort})
    assert {name: value for name, value in body.items() if name not in {"model", "messages"}} == expected
    assert len(request.warnings) == bool(says)
    assert says in "".join(request.warnings)
    if says:
        with pytest.raises(BadRequestError):
            sent(spec, "chat", {"reasoning_effort": effort}, drop_params="strict")
        assert sent(spec, "chat", {"reasoning_effort": effort}, drop_params="drop")[1].warnings == []


@pytest.mark.parametrize(
    ("spec", "asked", "dropped"),
    [
        ("openai/gpt-6.1-sol", {"temperature": 0.2, "logprobs": True, "stop": ["x"]}, ["logprobs", "stop", "temperature"]),
        ("openai/gpt-6.1-sol", {"temperature": 1, "top_p": 1, "presence_penalty": 0}, []),
        ("openai/gpt-6-luna", {"temperature": 0.2}, ["temperature"]),
        ("openai/gpt-6-luna", {"temperature": 0.2, "reasoning_effort": "none"}, []),
        ("openai/gpt-5.1", {"temperature": 0.2}, []),
        ("openai/gpt-5.1", {"temperature": 0.2, "reasoning_effort": "low"}, ["temperature"]),
        ("openai/gpt-4.1", {"temperature": 0.2, "stop": ["x"]}, []),
        ("xai/grok-4.7", {"stop": ["x"], "presence_penalty": 1, "temperature": 0.2}, ["presence_penalty", "stop"]),
        ("xai/grok-4.20-non-reasoning", {"stop": ["x"]}, []),
        ("moonshot/kimi-k3", {"temperature": 0.2, "top_p": 0.5, "n": 2}, ["n", "temperature", "top_p"]),
        ("together_ai/moonshotai/Kimi-K3", {"temperature": 0.2}, []),
        ("github_copilot/gemini-4-argon", {"temperature": 0.2}, ["temperature"]),
        ("openrouter/openai/gpt-6.1-sol", {"temperature": 0.2, "stop": ["x"]}, []),
        ("mistral/mistral-large-4", {"top_k": 4, "thinking": {"type": "enabled"}}, ["thinking", "top_k"]),
    ],
)  # fmt: skip
def test_what_a_model_rejects_while_it_reasons_is_left_out(
    spec: str, asked: dict[str, Any], dropped: list[str]
) -> None:
    body, request = sent(spec, "chat", asked)
    assert request.dropped == dropped
    assert not set(dropped) & set(body)


def test_tools_without_a_responses_endpoint_get_the_effort_that_chat_completions_need() -> None:
    body, request = sent("azure/gpt-6-luna", "azure", {"tools": [TOOL]})
    assert body["reasoning_effort"] == "none"
    assert "takes tools only so" in request.warnings[0]
    body, request = sent("azure/gpt-5.1", "azure", {"tools": [TOOL]})
    assert ("reasoning_effort" in body, request.warnings) == (False, [])


@pytest.mark.parametrize(
    ("spec", "given", "sent_as"),
    [("zai/glm-5.3", 1.5, 1), ("zai/glm-5.3", 0.5, 0.5), ("minimax/MiniMax-M3", 2, 1), ("minimax/MiniMax-M3", 0, 0.01), ("mistral/mistral-small-4", 2, 1.5), ("groq/x", 2, 2)],
)  # fmt: skip
def test_a_temperature_is_moved_to_what_the_provider_accepts(spec: str, given: float, sent_as: float) -> None:
    body, request = sent(spec, "chat", {"temperature": given})
    assert body["temperature"] == sent_as
    assert len(request.warnings) == (given != sent_as)


@pytest.mark.parametrize(
    ("model", "asked", "thinking", "effort", "says"),
    [
        ("claude-opus-5-5", {"reasoning_effort": "none"}, None, "low", "always reasons"),
        ("claude-opus-5-5", {"thinking": {"type": "disabled"}}, None, "low", "always reasons"),
        ("claude-sonnet-5-5", {"reasoning_effort": "none"}, {"type": "between_tools"}, None, "between tool calls"),
        ("claude-sonnet-5-5", {"thinking": {"type": "disabled"}, "reasoning_effort": "max"}, {"type": "between_tools"}, "high", "between"),
        ("claude-sonnet-5-5", {"thinking": {"type": "between_tools"}, "reasoning_effort": "xhigh"}, {"type": "between_tools"}, "high", "does not accept xhigh"),
        ("claude-haiku-5-5", {"reasoning_effort": "none"}, {"type": "disabled"}, None, ""),
        ("claude-haiku-5-5", {"thinking": {"type": "disabled"}, "reasoning_effort": "max"}, {"type": "disabled"}, "high", "does not accept max"),
        ("claude-opus-5", {"thinking": {"type": "between_tools"}}, {"type": "disabled"}, None, ""),
        ("claude-opus-4-6", {"reasoning_effort": "none"}, {"type": "disabled"}, None, ""),
        ("claude-sonnet-4-5", {"thinking": {"type": "adaptive"}}, {"type": "enabled", "budget_tokens": 8192}, None, "budget"),
        ("claude-opus-99", {"reasoning_effort": "minimal"}, {"type": "adaptive", "display": "summarized"}, "low", "does not accept minimal"),
        ("claude-3-5-haiku-20241022", {"thinking": {"type": "disabled"}}, None, None, ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("provider", "wire_format"), [("anthropic", "messages"), ("bedrock", "bedrock"), ("azure_ai", "messages")]
)
def test_claude_is_switched_off_as_far_as_it_can_be(
    model: str, asked: dict[str, Any], thinking: Any, effort: str | None, says: str, provider: str, wire_format: str
) -> None:
    name = f"us.anthropic.{model}" if provider == "bedrock" else model
    body, request = sent(f"{provider}/{name}", wire_format, {"max_tokens": 20_000, **asked})
    body = body.get("additionalModelRequestFields", {}) if provider == "bedrock" else body
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == effort
    assert says in " ".join(request.warnings)
    if not says:
        assert request.warnings == []


@pytest.mark.parametrize(
    ("effort", "config", "dropped"),
    [
        ("high", {"stopSequences": ["x"]}, ["max_tokens", "temperature"]),
        ("max", {"stopSequences": ["x"]}, ["max_tokens", "temperature"]),
        ("low", {"maxTokens": 9, "temperature": 0.5, "stopSequences": ["x"]}, []),
        ("none", {"maxTokens": 9, "temperature": 0.5, "stopSequences": ["x"]}, []),
    ],
)
def test_nova_takes_no_limit_at_its_highest_effort(effort: str, config: dict[str, Any], dropped: list[str]) -> None:
    asked = {"reasoning_effort": effort, "max_tokens": 9, "temperature": 0.5, "stop": ["x"]}
    body, request = sent("bedrock/us.amazon.nova-2-lite-v1:0", "bedrock", asked)
    assert (body["inferenceConfig"], request.dropped) == (config, dropped)


@pytest.mark.parametrize("model", ["gemini-4-argon", "gemini-9-new"])
def test_the_newest_gemini_reasons_always_and_samples_as_it_likes(model: str) -> None:
    body, request = sent(
        f"gemini/{model}", "gemini", {"reasoning_effort": "none", "temperature": 0.2, "logprobs": True}
    )
    assert body["generationConfig"] == {"thinkingConfig": {"includeThoughts": False, "thinkingLevel": "LOW"}}
    assert request.dropped == ["temperature", "logprobs"]


@pytest.mark.parametrize(
    ("model", "effort", "think"),
    [
        ("gpt-oss:20b", "none", "low"),
        ("gpt-oss:20b", "max", "high"),
        ("qwen3:8b", "max", True),
        ("qwen3:8b", "none", False),
        ("glm-5.3", "high", True),
        ("mistral-small3.2", "high", None),
        ("llama3.2:1b", "high", None),
        ("llama3.2:1b", "none", False),
        ("my-own", "high", None),
    ],
)
def test_ollama_gets_levels_only_where_a_model_has_them(model: str, effort: str, think: Any) -> None:
    body, request = sent(f"ollama/{model}", "ollama", {"reasoning_effort": effort})
    assert body.get("think") == think
    assert request.dropped == ([] if think is not None else ["reasoning_effort"])


def test_responses_fit_the_effort_too() -> None:
    body, request = sent("openai/gpt-6.1-sol", "responses", {"reasoning_effort": "none", "temperature": 0.2})
    assert body["reasoning"] == {"effort": "low"}
    assert request.dropped == ["temperature"]
    body, request = sent("xai/grok-4.5", "responses", {"reasoning_effort": "max"})
    assert body["reasoning"] == {"effort": "high"}
