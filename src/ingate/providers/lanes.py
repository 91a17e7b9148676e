"""Which models of which providers ingate can call itself, and at which address. Reads no settings."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ingate.wire.facts import known_facts, vendor_format

if TYPE_CHECKING:
    from collections.abc import Mapping

# Format → its display name. Providers without one of these are called through embedded litellm.
FORMAT_NAMES: Final[Mapping[str, str]] = {
    "chat": "OpenAI's wire format",
    "azure": "Azure OpenAI's wire format",
    "copilot": "GitHub Copilot's chat format",
    "messages": "Anthropic's Messages format",
    "responses": "OpenAI's Responses format",
    "completions": "OpenAI's legacy completions format",
    "gemini": "Gemini's generateContent format",
    "bedrock": "Bedrock's Converse format",
    "cohere": "Cohere's v2 chat format",
    "ollama": "Ollama's chat format",
}
NATIVE_FORMATS: Final = frozenset(FORMAT_NAMES)
_CLAUDE_CLOUDS: Final = frozenset({"vertex_ai", "vertex_ai_beta", "azure_ai"})
_FOUNDRY_ENDINGS: Final = ("/v1/messages", "/chat/completions", "/v1", "/openai", "/models")


def unsupported_reason(provider: str, wire_format: str, model: str) -> str:
    """Why ingate cannot call this model of this provider itself; empty if it can."""
    if wire_format not in NATIVE_FORMATS:
        return f"{provider} has a wire format of its own"
    if known_facts(provider, model, wire_format).get("native", True) is False:
        return f"{provider} serves this model in a format of its own"
    return ""


def format_and_base(provider: str, wire_format: str, model: str, api_base: str | None) -> tuple[str, str | None]:
    """The wire format and base URL of one model, which may differ from its provider's.

    Azure AI Foundry serves Claude at a different address and in a different format than its other models.
    """
    if provider != "azure_ai" or vendor_format(model) != "messages" or api_base is None:
        return wire_format, api_base
    base = api_base.partition("?")[0].rstrip("/")
    for ending in _FOUNDRY_ENDINGS:
        base = base.removesuffix(ending).rstrip("/")
    return "messages", base if base.endswith("/anthropic") else f"{base}/anthropic"


def litellm_format(provider: str, wire_format: str, model: str) -> str:
    """The wire format in which litellm calls a model: for Claude on Google's and Microsoft's clouds Anthropic's."""
    return "messages" if provider in _CLAUDE_CLOUDS and vendor_format(model) == "messages" else wire_format


def tensorzero_model(name: str, models: frozenset[str] = frozenset()) -> str:
    """`name` as TensorZero's OpenAI endpoint expects it: with a prefix that distinguishes functions from models.

    Args:
        name: A function (`extract`), a model (`model_name::mine`, or one of `models`), a model in the short form of
            TensorZero (`openai::gpt-5`), or any of them with its prefix already there.
        models: Names that are known to be models.
    """
    if name.startswith("tensorzero::"):
        return name
    if name.startswith(("function_name::", "model_name::")):
        return f"tensorzero::{name}"
    kind = "model_name" if "::" in name or name in models else "function_name"
    return f"tensorzero::{kind}::{name}"


def tensorzero_base(gateway_url: str) -> str:
    """The base URL of a TensorZero gateway's OpenAI endpoint, from its address with or without that path."""
    base = gateway_url.strip().rstrip("/")
    if base.endswith("/v1"):
        return base
    return f"{base}/v1" if base.endswith("/openai") else f"{base}/openai/v1"


def tensorzero_models(file: str) -> frozenset[str]:
    """The models of a TensorZero configuration whose names are not also functions; none if it cannot be read."""
    try:
        stamp = Path(file).stat().st_mtime_ns
    except OSError:
        return frozenset()
    return _tensorzero_models(file, stamp)


@lru_cache(maxsize=32)
def _tensorzero_models(file: str, stamp: int) -> frozenset[str]:  # noqa: ARG001 -- a changed file is read again
    import tomllib

    try:
        read = tomllib.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return frozenset()
    models, functions = read.get("models"), read.get("functions")
    names = frozenset(models) if isinstance(models, dict) else frozenset()
    return names - frozenset(functions) if isinstance(functions, dict) else names
