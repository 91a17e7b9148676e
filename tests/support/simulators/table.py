"""The curated models and their clouds, and the most used models of each format beside them, as hosts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from support.schemas_responses import check_responses
from support.simulators.base import KEY
from support.simulators.bedrock import AWS, bedrock, invoke
from support.simulators.chat import lenient, openai, responses
from support.simulators.cohere_ollama import cohere, ollama
from support.simulators.gemini import gemini
from support.simulators.hosts import Host
from support.simulators.messages import anthropic, vertex_check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.simulators.base import Provider

_KEYED = {"api_key": KEY}
_GOOGLE = {"api_key": KEY, "vertex_project": "p", "vertex_location": "global"}
_BEARER = f"Bearer {KEY}"


def _chat(provider: str, model: str, base: str, check: object = lenient) -> Provider:
    return openai(provider, model, f"{base}/chat/completions", "authorization", _BEARER, check)


def _messages(provider: str, model: str, path: str, header: str = "x-api-key", value: str = KEY) -> Provider:
    return anthropic(provider, model, f"{path}/v1/messages", header, value, section=_KEYED)


def _compatible(provider: str, model: str, base: str, reasoning: str = "reasoning_content", **more: object) -> Host:
    """A provider of chat completions that is compatible with OpenAI's."""
    return Host(
        provider, model, _KEYED, base, {"chat": _chat(provider, model, base), **more.pop("endpoints", {})},
        reasoning=reasoning, **more,
    )  # fmt: skip


def _openai(model: str) -> Host:
    return Host(
        "openai", model, _KEYED, "/v1",
        {"chat": _chat("openai", model, "/v1"), "responses": responses("openai", model, "/v1/responses")},
        without=frozenset({"openai-unknown-parameters"}),
    )  # fmt: skip


def _azure(model: str) -> Host:
    path = f"/openai/deployments/{model}/chat/completions?api-version=2025-04-01-preview"
    own = openai("azure", model, path, "api-key", KEY)
    new = openai("azure", model, "/openai/v1/chat/completions", "api-key", KEY)
    newer = responses("azure", model, "/openai/v1/responses", "api-key", KEY)
    section = {**_KEYED, "api_version": "2025-04-01-preview"}
    old = responses("azure", model, "/openai/responses", "api-key", KEY)  # with an api-version, as litellm writes it
    return Host("azure", model, section, "", {"chat": own, "responses": newer, "azure": new, "dated": old})


def _claude_id(name: str, number: int) -> str:
    return f"toolu_{number:024d}"


def _anthropic(model: str) -> Host:
    own = anthropic("anthropic", model, "/v1/messages", "x-api-key", KEY, section=_KEYED)
    return Host("anthropic", model, _KEYED, "", {"messages": own}, _claude_id)


def _foundry(model: str) -> Host:
    own = anthropic("azure_ai", model, "/anthropic/v1/messages", "x-api-key", KEY, section=_KEYED)
    return Host("azure_ai", model, _KEYED, "", {"messages": own}, _claude_id)


def _vertex_claude(model: str) -> Host:
    path = f"/v1/projects/p/locations/global/publishers/anthropic/models/{model}:{{verb}}"
    own = anthropic(
        "vertex_ai", model, path, "x-goog-api-key", KEY, vertex_check, section=_GOOGLE,
        verbs=("rawPredict", "streamRawPredict"),
    )  # fmt: skip
    return Host("vertex_ai", model, _GOOGLE, "", {"messages": own}, _claude_id)


def _bedrock(model: str) -> Host:
    return Host(
        "bedrock", model, AWS, "", {"bedrock": bedrock(model), "invoke": invoke(model)},
        lambda name, number: f"tooluse_{number:022d}",
    )  # fmt: skip


def _gemini(model: str) -> Host:
    own = gemini("gemini", model, f"/v1beta/models/{model}:{{verb}}", _KEYED, signatures=False)
    return Host("gemini", model, _KEYED, "/v1beta", {"gemini": own}, lambda name, number: f"fc-{number}")


def _vertex(model: str) -> Host:
    path = f"/v1/projects/p/locations/global/publishers/google/models/{model}:{{verb}}"
    own = gemini("vertex_ai", model, path, _GOOGLE, signatures=False)
    return Host("vertex_ai", model, _GOOGLE, "", {"gemini": own}, lambda name, number: "")


def _xai(model: str) -> Host:
    both = {"responses": responses("xai", model, "/v1/responses")}
    return _compatible("xai", model, "/v1", endpoints=both, call_id=lambda name, number: f"call_{number:08d}")


def _deepseek(model: str) -> Host:
    more = {
        "messages": _messages("deepseek", model, "/anthropic"),
        "responses": replace(
            responses("deepseek", model, "/responses"), check=lambda body: check_responses(body, encrypted=False)
        ),
    }
    return _compatible(
        "deepseek", model, "/beta", endpoints=more,
        call_id=lambda name, number: f"call_00_{number:024d}",
    )  # fmt: skip


def _ollama(model: str) -> Host:
    return Host("ollama_chat", model, {}, "", {"ollama": ollama(model)})


def _cohere(model: str) -> Host:
    own = cohere(model)
    return Host(
        "cohere_chat", model, _KEYED, "/v2", {"cohere": replace(own, model=model)},
        lambda name, number: f"{name}_{number:012d}",
    )  # fmt: skip


_CURATED = [
    _openai("gpt-6.1-sol"), _openai("gpt-6-luna"), _azure("gpt-6.1-sol"),
    _anthropic("claude-opus-5-5"), _anthropic("claude-sonnet-5-5"), _anthropic("claude-haiku-5-5"),
    _bedrock("global.anthropic.claude-sonnet-5-5"),
    _gemini("gemini-4-argon"), _gemini("gemini-3.8-flash"), _vertex("gemini-4-argon"),
    _xai("grok-4.7"),
    _compatible("mistral", "mistral-large-4", "/v1", "", call_id=lambda name, number: f"m{number:08d}"),
    _deepseek("deepseek-v4-pro"),
    _compatible("groq", "openai/gpt-oss-120b", "/openai/v1", "reasoning", call_id=lambda name, number: f"fc_{number:08d}"),
    _compatible("cerebras", "gpt-oss-120b", "/v1", "reasoning", call_id=lambda name, number: f"{number:09d}"),
    _compatible(
        "together_ai", "moonshotai/Kimi-K3", "/v1", "reasoning", call_id=lambda name, number: f"functions.{name}:{number}"
    ),
    _compatible("deepinfra", "deepseek-ai/DeepSeek-V4.1-Flash", "/v1/openai"),
    _compatible("zai", "glm-5.3", "/api/paas/v4", endpoints={"messages": _messages("zai", "glm-5.3", "/api/anthropic")}, call_id=lambda name, number: f"call_-{number:019d}"),
    _cohere("command-a-plus-05-2026"),
    _compatible("perplexity", "sonar-pro", "", ""),
]  # fmt: skip
_OTHERS = [
    _openai("gpt-5.6-terra"), _openai("gpt-5.5"), _openai("gpt-5.2"), _openai("gpt-5-mini"), _openai("gpt-4.1"),
    _anthropic("claude-fable-5-1"), _anthropic("claude-opus-5"), _anthropic("claude-sonnet-5"),
    _anthropic("claude-sonnet-4-6"), _anthropic("claude-haiku-4-5"),
    _foundry("claude-opus-5-5"), _vertex_claude("claude-sonnet-5-5"), _bedrock("us.anthropic.claude-opus-5-5"),
    _bedrock("amazon.nova-2-lite-v1:0"),
    _gemini("gemini-2.5-flash"), _gemini("gemini-2.5-pro"),
    _xai("grok-4.5"),
    _compatible(
        "moonshot", "kimi-k3", "/v1", endpoints={"messages": _messages("moonshot", "kimi-k3", "/anthropic")}, call_id=lambda name, number: f"functions.{name}:{number}"
    ),
    _compatible("minimax", "MiniMax-M2.5", "/v1", call_id=lambda name, number: f"call_function_{number:012d}_1"),
    *(
        _compatible("openrouter", model, "/api/v1", "reasoning")
        for model in ("anthropic/claude-opus-5.5", "openai/gpt-6.1-sol", "mistralai/mistral-large-4", "deepseek/deepseek-v4-pro")
    ),
    _ollama("llama3.2:1b"), _ollama("qwen3:8b"),
]  # fmt: skip

HOSTS: Mapping[str, Host] = {host.spec: host for host in [*_CURATED, *_OTHERS]}
CURATED = [host.spec for host in _CURATED]
# The curated models and other clouds of them, to which embedded litellm is sent as well.
_CLOUDS = (
    "azure_ai/claude-opus-5-5", "vertex_ai/claude-sonnet-5-5", "bedrock/us.anthropic.claude-opus-5-5", "moonshot/kimi-k3",
    "openrouter/anthropic/claude-opus-5.5", "openrouter/openai/gpt-6.1-sol", "openrouter/mistralai/mistral-large-4",
    "openrouter/deepseek/deepseek-v4-pro",
)  # fmt: skip
LITELLM = [*CURATED, *_CLOUDS]
