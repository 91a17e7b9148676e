"""Instructions that are put into a conversation in the place of a parameter that the model does not accept."""

from __future__ import annotations

from typing import Any, Final

LEADING: Final = frozenset({"system", "developer"})


def with_system_text(messages: list[Any], text: str) -> list[Any]:
    """The messages with `text` at the end of their system prompt, or with a system prompt of it if they have none.

    It is in the same place in every turn, so that the provider's prompt cache applies.
    """
    count = leading_count(messages)
    if not count:
        return [{"role": "system", "content": text}, *messages]
    last = messages[count - 1]
    return [*messages[: count - 1], {**last, "content": joined(last.get("content"), text)}, *messages[count:]]


def with_last_text(messages: list[Any], text: str) -> list[Any]:
    """The messages with `text` at the end of the user's last message; of the system prompt if the last is not the user's."""
    last = messages[-1] if messages else None
    if not isinstance(last, dict) or last.get("role") != "user":
        return with_system_text(messages, text)
    return [*messages[:-1], {**last, "content": joined(last.get("content"), text)}]


def leading_count(messages: list[Any]) -> int:
    """How many system messages are at the beginning."""
    count = 0
    while count < len(messages) and isinstance(messages[count], dict) and messages[count].get("role") in LEADING:
        count += 1
    return count


def joined(content: Any, text: str) -> Any:
    """A message's content with a paragraph after it."""
    if isinstance(content, list):
        return [*content, {"type": "text", "text": text}]
    return f"{content}\n\n{text}" if isinstance(content, str) and content.strip() else text
