"""Signed thinking of models that bind it to the conversation before it.

Such a model rejects a thinking block if `system`, `tools` or an earlier message is not as it was when the block was made
(https://platform.claude.com/docs/en/build-with-claude/preserved-thinking/prefix-checks). A gateway cannot know whether the
client changed something, and what it adds itself (an instruction, a stub tool) is not in the client's history. So the
provider is asked to leave such blocks out, which it reports in `input_transformations`, instead of rejecting the request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.params import ParamTracker

BETA: Final = "thinking-binding-controls-2026-08-01"
_BLOCKS: Final = frozenset({"thinking", "redacted_thinking"})


def with_binding_controls(
    out: dict[str, Any], known: Mapping[str, Any], params: ParamTracker, *, strict: bool
) -> dict[str, Any]:
    """A finished request whose thinking blocks do not make it fail.

    Args:
        out: The request; it is not changed.
        known: The model's facts; `signature_binds` are the parts of a request to which it binds thinking.
        params: Where it is reported that thinking was left out.
        strict: Whether nothing may be left out: the provider then rejects a block that does not fit.
    """
    if strict or not known.get("signature_binds") or not any(_has_thinking(turn) for turn in out["messages"]):
        return out
    thinking = out.get("thinking")
    thinking = thinking if isinstance(thinking, dict) else {"type": "adaptive"}  # what the model does by default
    if thinking.get("type") == "disabled":
        # Such a request has no such control, but the blocks are checked:
        # https://platform.claude.com/docs/en/build-with-claude/preserved-thinking/fix-bound-to-a-different-conversation
        params.warn("earlier thinking was left out: the request switches thinking off")
        return {**out, "messages": [_without_thinking(turn) for turn in out["messages"]]}
    if "block_binding" in thinking:
        return out
    betas = out.get("anthropic_beta") or []
    betas = [one.strip() for one in betas.split(",")] if isinstance(betas, str) else list(betas)
    return {
        **out,
        "thinking": {**thinking, "block_binding": {"prefix_mismatch_behavior": "drop_block"}},
        "anthropic_beta": betas if BETA in betas else [*betas, BETA],
    }


def _has_thinking(turn: Mapping[str, Any]) -> bool:
    return turn["role"] == "assistant" and any(block["type"] in _BLOCKS for block in turn["content"])


def _without_thinking(turn: dict[str, Any]) -> dict[str, Any]:
    kept = [block for block in turn["content"] if block["type"] not in _BLOCKS] if _has_thinking(turn) else []
    return {**turn, "content": kept} if kept else turn
