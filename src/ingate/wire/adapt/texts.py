"""Empty texts, which some providers reject: they are left out, or replaced by a note where something must be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.wire.fields import replaced

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.adapt.draft import Draft

NO_OUTPUT: Final = "(no output)"
EMPTY_MESSAGE: Final = "(empty message)"
# What an assistant's message may have in the place of text.
_OTHER: Final = ("tool_calls", "function_call", "refusal", "audio")
_ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


def with_accepted_texts(draft: Draft, facts: Mapping[str, Any]) -> None:
    """Replace empty texts where `facts["empty_text"]` does not allow them.

    The fact is False, or the list of the roles whose messages must not be empty.
    """
    allowed, messages = facts.get("empty_text", True), draft.messages
    if allowed is True or messages is None:
        return
    roles = _ROLES if allowed is False else frozenset(allowed)
    suspects = [one for one in messages if isinstance(one, dict) and not _is_plain_text(one.get("content"))]
    if all(_message(one, roles) is one for one in suspects):
        return
    made = replaced(messages, lambda message: _message(message, roles))
    if made is not messages:
        kept = [message for message in made if message is not None]
        why = "empty texts in the conversation were left out or replaced by a note: the model's provider rejects them"
        draft.change("messages", kept, why)


def _is_plain_text(content: Any) -> bool:
    """Whether a message's content is evidently not empty; most are, and need no closer look."""
    return content.__class__ is str and content[:1] > " "


def _message(message: Any, roles: frozenset[str]) -> Any:
    """The message, with its text replaced if it is empty; None if it has to be left out."""
    if not isinstance(message, dict):
        return message
    role, content = message.get("role"), message.get("content")
    if role not in roles or (isinstance(content, str) and content.strip()):
        return message
    if isinstance(content, list):
        parts = [part for part in content if not _is_blank(part)]
        if len(parts) == len(content) and parts:
            return message
        if parts:
            return {**message, "content": parts}
    elif content is not None and not isinstance(content, str):
        return message
    if role == "assistant":
        if any(message.get(name) for name in _OTHER):
            return message if content is None else {**message, "content": None}
        return None
    if role in {"system", "developer"}:
        return None
    return {**message, "content": EMPTY_MESSAGE if role == "user" else NO_OUTPUT}


def _is_blank(part: Any) -> bool:
    if isinstance(part, str):
        return not part.strip()
    return isinstance(part, dict) and part.get("type") == "text" and not str(part.get("text") or "").strip()
