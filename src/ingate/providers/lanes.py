"""Which models of which providers ingate speaks to itself, and where. Names and addresses only: no setting is read here."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# Format → its name for people. Every provider without one of these goes through embedded litellm.
FORMAT_NAMES: Final[Mapping[str, str]] = {
    "chat": "OpenAI's wire format",
    "azure": "Azure OpenAI's wire format",
    "messages": "Anthropic's Messages format",
    "responses": "OpenAI's Responses format",
    "completions": "OpenAI's legacy completions format",
    "gemini": "Gemini's generateContent format",
    "bedrock": "Bedrock's Converse format",
    "cohere": "Cohere's v2 chat format",
    "ollama": "Ollama's chat format",
}
NATIVE_FORMATS: Final = frozenset(FORMAT_NAMES)
# Providers of which ingate speaks the format of some models only, told by the beginning of their names.
_NATIVE_FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "vertex_ai": (
        "gemini", "claude", "google/", "anthropic/", "publishers/google/", "publishers/anthropic/", "models/gemini",
    ),
}  # fmt: skip
_FOUNDRY_ENDINGS: Final = ("/v1/messages", "/chat/completions", "/v1", "/openai", "/models")


def unsupported_reason(provider: str, wire_format: str, model: str) -> str:
    """Why ingate cannot speak to this model of this provider itself; empty where it can."""
    if wire_format not in NATIVE_FORMATS:
        return f"{provider} has a wire format of its own"
    families = _NATIVE_FAMILIES.get(provider)
    if families is not None and not model.startswith(families):
        return f"{provider} serves this model in a format of its own"
    return ""


def format_and_base(provider: str, wire_format: str, model: str, api_base: str | None) -> tuple[str, str | None]:
    """The wire format and base URL of one model, where they are not its provider's own.

    Azure AI Foundry has Claude beside its other models, at an address and in a format of its own.
    """
    if provider != "azure_ai" or "claude" not in model.lower() or api_base is None:
        return wire_format, api_base
    base = api_base.partition("?")[0].rstrip("/")
    for ending in _FOUNDRY_ENDINGS:
        base = base.removesuffix(ending).rstrip("/")
    return "messages", base if base.endswith("/anthropic") else f"{base}/anthropic"


def tensorzero_model(name: str, models: frozenset[str] = frozenset()) -> str:
    """`name` as TensorZero's OpenAI endpoint wants it, which tells functions from models by a prefix.

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
    """Where a TensorZero gateway answers in OpenAI's format, from its address with or without that path."""
    base = gateway_url.strip().rstrip("/")
    if base.endswith("/v1"):
        return base
    return f"{base}/v1" if base.endswith("/openai") else f"{base}/openai/v1"


def tensorzero_models(file: str) -> frozenset[str]:
    """The models a TensorZero configuration defines and no function is called like; none where it cannot be read."""
    try:
        stamp = Path(file).stat().st_mtime_ns
    except OSError:
        return frozenset()
    return _tensorzero_models(file, stamp)


@lru_cache(maxsize=32)
def _tensorzero_models(file: str, stamp: int) -> frozenset[str]:  # noqa: ARG001 -- a changed file is read anew
    import tomllib

    try:
        read = tomllib.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return frozenset()
    models, functions = read.get("models"), read.get("functions")
    names = frozenset(models) if isinstance(models, dict) else frozenset()
    return names - frozenset(functions) if isinstance(functions, dict) else names
