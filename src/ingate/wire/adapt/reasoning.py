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

    from ingate.wire.adapt.draft import Draft

# https://github.com/NousResearch/hermes-agent/pull/18263: a space is accepted where "" is not.
NO_REASONING: Final = " "


def with_reasoning_back(draft: Draft, facts: Mapping[str, Any]) -> None:
    """Give each of the assistant's messages `reasoning_content`, where `facts["reasoning_back"]` is set.

    Reasoning under another name is that message's own. One that has none is reported.
    """
    messages = draft.messages
    if not facts.get("reasoning_back") or messages is None or reasoning_is_off(draft.body, facts):
        return
    draft.respell("messages", replaced(messages, _renamed))
    made = replaced(draft.messages or [], _filled)
    if made is not draft.messages:
        draft.change(
            "messages",
            made,
            "answers in the conversation were sent with empty reasoning: the model's provider requires reasoning_content, "
            "and they have none",
        )


def _renamed(message: Any) -> Any:
    if not _lacks_reasoning(message) or not (text := _text(message)):
        return message
    return {**message, "reasoning_content": text}


def _filled(message: Any) -> Any:
    return {**message, "reasoning_content": NO_REASONING} if _lacks_reasoning(message) else message


def _lacks_reasoning(message: Any) -> bool:
    return isinstance(message, dict) and message.get("role") == "assistant" and not message.get("reasoning_content")


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
