"""What the chat knows about the model that answers: what it accepts besides text, and whether it is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from ingate.gateway import Gateway
    from ingate.gateway.explain import Explanation


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A model, or a list of fallbacks.

    Attributes:
        spec: The spec as it was given.
        kinds: Which of `image` and `pdf` it accepts; of fallbacks, what all of them accept.
        known: Whether `kinds` comes from the catalog. A model that is not in it may be sent anything.
        context_tokens: The smallest context window, None if unknown.
        provider: The provider's name; empty if the fallbacks have several.
        uses_litellm: Whether embedded litellm would be loaded.
        problem: Why the first model would not answer now, empty if it would.
        fix: What would help.
    """

    spec: str = ""
    kinds: frozenset[str] = frozenset({"image", "pdf"})
    known: bool = False
    context_tokens: int | None = None
    provider: str = ""
    uses_litellm: bool = False
    problem: str = ""
    fix: str = ""


def model_info(gateway: Gateway, spec: str) -> ModelInfo:
    """Look up `spec`. No network.

    Raises:
        IngateError: The spec cannot be parsed, or names an unknown provider.
    """
    targets = gateway.explain(spec)
    first = targets[0]
    kinds = frozenset({"image", "pdf"})
    for target in targets:
        kinds &= _kinds(target)
    contexts = [target.context_tokens for target in targets if target.context_tokens]
    providers = {target.provider for target in targets}
    return ModelInfo(
        spec=spec,
        kinds=kinds,
        known=all(target.in_catalog or target.engine == "local" for target in targets),
        context_tokens=min(contexts) if contexts else None,
        provider=providers.pop() if len(providers) == 1 else "",
        uses_litellm=any(target.engine == "litellm" for target in targets),
        problem=(first.detail or f"it is {first.state}") if first.state != "ready" else "",
        fix=first.fix if first.state != "ready" else "",
    )


def _kinds(target: Explanation) -> frozenset[str]:
    if target.engine == "local":
        return frozenset()
    if not target.in_catalog:
        return frozenset({"image", "pdf"})
    caps = {"vision": "image", "pdf": "pdf"}
    return frozenset(kind for cap, kind in caps.items() if cap in target.caps)
