"""Reasoning that must come back: some providers reject an assistant's message of the history without it.

A history that another provider wrote has none, or has it in another form. Its readable text is sent; where there is none, a
space: DeepSeek rejects an empty text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.wire.adapt.choice import reasoning_is_off
from ingate.wire.fields import replaced, text_of
from ingate.wire.reasoning_state import item_text

if TYPE_CHECKING:
    from collections.abc import Mapping

# https://github.com/NousResearch/hermes-agent/pull/18263: a space is accepted where "" is not.
NO_REASONING: Final = " "


def with_reasoning_back(body: dict[str, Any], facts: Mapping[str, Any]) -> None:
    """Give each of the assistant's messages `reasoning_content` in a copied request, where `facts["reasoning_back"]` is set."""
    messages = body.get("messages")
    if not facts.get("reasoning_back") or not isinstance(messages, list) or reasoning_is_off(body, facts):
        return
    body["messages"] = replaced(messages, _message)


def _message(message: Any) -> Any:
    if not isinstance(message, dict) or message.get("role") != "assistant" or message.get("reasoning_content"):
        return message
    return {**message, "reasoning_content": _text(message) or NO_REASONING}


def _text(message: Mapping[str, Any]) -> str:
    """The readable reasoning of a message, in whatever form its provider returned it."""
    if text := text_of(message.get("reasoning")):
        return text
    items = message.get("reasoning_items")
    texts = [item_text(item) for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    blocks = message.get("thinking_blocks")
    for block in blocks if isinstance(blocks, list) else ():
        if isinstance(block, dict) and isinstance(text := block.get("thinking"), str):
            texts.append(text)
    return "\n\n".join(text for text in texts if text)
