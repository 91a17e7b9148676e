"""fast-agent's parameters of a model, from ingate's catalog."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ingate.errors import IngateError

if TYPE_CHECKING:
    from ingate.catalog import ModelRow
    from ingate.gateway import Gateway

UNKNOWN_CONTEXT_TOKENS: Final = 131_072
UNKNOWN_OUTPUT_TOKENS: Final = 8_192
_IMAGES: Final = ("image/jpeg", "image/png", "image/webp", "image/gif")
_MIME_TYPES: Final = {"vision": _IMAGES, "pdf": ("application/pdf",), "audio": ("audio/wav", "audio/mpeg")}
# Providers that need a turn's reasoning back with the next request; for others it is displayed only.
_NEED_REASONING_BACK: Final = frozenset({"deepseek", "moonshot"})
_EFFORTS: Final = ["none", "minimal", "low", "medium", "high", "xhigh", "max"]


def model_parameters(gateway: Gateway, spec: str) -> Any:
    """fast-agent's `ModelParameters` for a spec. A model that is not in the catalog is assumed to support everything."""
    from fast_agent.llm.model_database import ModelParameters  # ty: ignore[import-not-found]

    provider, name, row = _row(gateway, spec)
    own = provider == "local"
    caps = frozenset(row.caps) if row is not None else frozenset() if own else frozenset(_MIME_TYPES)
    tokenizes = ["text/plain", *(mime for cap, mimes in _MIME_TYPES.items() if cap in caps for mime in mimes)]
    context = row.context_tokens if row is not None else _local_context(gateway, name) if own else None
    return ModelParameters(
        context_window=context or UNKNOWN_CONTEXT_TOKENS,
        max_output_tokens=(row.max_output_tokens if row is not None else None) or UNKNOWN_OUTPUT_TOKENS,
        tokenizes=tokenizes,
        json_mode="schema",
        reasoning="reasoning_content" if provider in _NEED_REASONING_BACK else "stream",
        reasoning_effort_spec=None if own else _effort_spec(row),
    )


def _effort_spec(row: ModelRow | None) -> Any:
    """The efforts a user may choose; None for a model that is known not to reason."""
    if row is not None and "reasoning" not in row.caps:
        return None
    from fast_agent.llm.reasoning_effort import ReasoningEffortSpec  # ty: ignore[import-not-found]

    return ReasoningEffortSpec(kind="effort", allowed_efforts=list(_EFFORTS), allow_toggle_disable=True)


def _local_context(gateway: Gateway, name: str) -> int | None:
    """The context size of a local model, in tokens: the configured one, else the one in its file."""
    from ingate.engines.local import smollm2_path
    from ingate.engines.local.gguf import InvalidGgufError, read_head

    local = gateway.config.settings.local
    if local.context_tokens is not None:
        return local.context_tokens
    file = local.models.get(name)
    path = Path(file) if file is not None else smollm2_path()
    try:
        head = read_head(path) if path is not None else None
    except (InvalidGgufError, OSError):
        return None
    return head.metadata.get(f"{head.architecture}.context_length") if head is not None else None


def _row(gateway: Gateway, spec: str) -> tuple[str, str, ModelRow | None]:
    """Provider, model and catalog row of the first model of `spec`; empty if unknown."""
    try:
        first = gateway.router.specs(spec)[0]
    except IngateError:
        return "", "", None
    return first.provider, first.model, gateway.catalog().get(first.provider, first.model) if first.provider else None
