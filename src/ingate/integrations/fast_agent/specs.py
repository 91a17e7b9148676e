"""From the model that fast-agent resolved back to the spec that its user wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ingate.providers import providers

if TYPE_CHECKING:
    from collections.abc import Mapping

_OURS: Final = ("litellm.", "litellm/", "ingate.", "ingate/")


def ingate_spec(provider: str, model: str, *written: str | None, presets: Mapping[str, str] | None = None) -> str:
    """The model spec of a resolved model.

    fast-agent's parser takes `litellm.groq/x` (embedded) and `litellm/groq/x` (a deployment of the proxy) for the
    same model, so what the user wrote decides.

    Args:
        provider: The resolved provider's name.
        model: The resolved model's name.
        *written: What may tell, best first: the user's words, what an overlay names.
        presets: Names that stand for other specs.
    """
    for text in written:
        for candidate in (text, (presets or {}).get(_target(text or ""))):
            if candidate and (found := spec_in(candidate)) is not None:
                return found
    if provider != "litellm":
        return model
    return f"litellm.{model}" if model.partition("/")[0] in providers() else f"litellm/{model}"


def spec_in(text: str) -> str | None:
    """The ingate spec in what a fast-agent user writes; None where it is none of ours."""
    target = _target(text).removeprefix("generic.")
    if not target.startswith(_OURS):
        return None
    return target[len("ingate.") :] if target.startswith(("ingate.", "ingate/")) else target


def _target(text: str) -> str:
    """`text` without the query, which fast-agent reads itself."""
    return text.partition("?")[0].strip()
