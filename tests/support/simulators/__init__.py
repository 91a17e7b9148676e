"""Small providers on loopback: each takes a request only as its published schema has it, and answers in its own format.

A provider calls the first tool on offer where the conversation ends with a question, answers with JSON where JSON was
asked for, and else says hello. What its schema does not allow is a 400 with the reason, as from the provider itself;
so is what a model is known to reject beyond that (`support.rules`).
"""

from __future__ import annotations

from support.simulators.base import ADA, HELLO, KEY, Provider, Reply, Running, simulated, sse
from support.simulators.bedrock import bedrock
from support.simulators.chat import lenient, openai, responses
from support.simulators.cohere_ollama import cohere, ollama
from support.simulators.gemini import gemini
from support.simulators.messages import anthropic, vertex_check

__all__ = ["ADA", "HELLO", "KEY", "PROVIDERS", "Provider", "Reply", "Running", "simulated", "sse"]

PROVIDERS: dict[str, Provider] = {
    "openai": openai("openai", "gpt-5.2", "/chat/completions", "authorization", f"Bearer {KEY}", lenient),
    "openai, Responses": responses("openai", "gpt-5.4-pro", "/responses"),
    "azure": openai(
        "azure", "mine", "/openai/deployments/mine/chat/completions?api-version=2024-10-21", "api-key", KEY,
        api_version="2024-10-21",
    ),
    "anthropic": anthropic(
        "anthropic", "claude-opus-4-6", "/v1/messages", "x-api-key", KEY, section={"api_key": KEY}
    ),
    "azure_ai, Claude": anthropic(
        "azure_ai", "claude-opus-4-6", "/anthropic/v1/messages", "x-api-key", KEY, section={"api_key": KEY}
    ),
    "vertex_ai, Claude": anthropic(
        "vertex_ai", "claude-opus-4-6", "/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude-opus-4-6:{verb}",
        "x-goog-api-key", KEY, vertex_check, verbs=("rawPredict", "streamRawPredict"),
        section={"api_key": KEY, "vertex_project": "p", "vertex_location": "us-east5"},
    ),
    "gemini": gemini("gemini", "gemini-2.5-flash", "/v1beta/models/gemini-2.5-flash:{verb}", {"api_key": KEY}),
    "vertex_ai": gemini(
        "vertex_ai", "gemini-3-pro-preview",
        "/v1/projects/p/locations/global/publishers/google/models/gemini-3-pro-preview:{verb}",
        {"api_key": KEY, "vertex_project": "p", "vertex_location": "global"},
    ),
    "bedrock, Claude": bedrock("us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    "bedrock, Nova": bedrock("amazon.nova-2-lite-v1:0"),
    "cohere_chat": cohere("command-a-03-2025"),
    "ollama": ollama("llama3.2:1b"),
}  # fmt: skip
