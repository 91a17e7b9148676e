"""What a rejection says about the names and ids that a provider accepts: those of tools, and of their calls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATTERN: Final = re.compile(r"(\[[^\]\s]*-[^\]\s]*\])(\[[^\]\s]+\])?(?:\{(\d*),(\d+)\}|\{(\d+)\}|[+*])?")
_NAME_FIELD: Final = re.compile(
    r"(?:tools?|functions?|toolspec|function_declarations)\S*name|(?:tool|function) name", re.IGNORECASE
)
_ID_FIELD: Final = re.compile(
    r"tool_calls?\S*id\b|tool_use(?:_?id|\S*\.id)\b|tooluseid|tool_result\S*id\b|call_id\b|tool call id|tool_calls\[\d+\]\.id",
    re.IGNORECASE,
)
_MOST: Final = re.compile(
    r"(?:at most|maximum(?: length)?(?: of)?|no longer than|length(?: of)?)\D{0,20}(\d{1,3})", re.IGNORECASE
)
# How Mistral says it, after "Tool call id was call_1 but …".
_SPOKEN: Final = re.compile(r"must be a-z, A-Z, 0-9,? with a length of (\d{1,3})", re.IGNORECASE)


class NamedRule(NamedTuple):
    """A rule for names or ids.

    Attributes:
        param: The part of the request that has them.
        facts: The rule, as a fact.
        change: What ingate does, after "ingate would …".
    """

    param: str
    facts: dict[str, Any]
    change: str


def named_rule(field: str, message: str, chat: Mapping[str, Any]) -> NamedRule | None:
    """The rule that a rejection states for names of tools or ids of calls; None if it states none that helps.

    Args:
        field: The field that the API names apart from its message; may be empty.
        message: The provider's message.
        chat: The chat request.
    """
    about = f"{field} {message}"
    if _ID_FIELD.search(about) and _has_calls(chat) and (rule := _id_rule(message)) is not None:
        return NamedRule("messages", {"call_id": rule}, "send the calls under ids that the provider accepts")
    if (chat.get("tools") or chat.get("functions")) and _NAME_FIELD.search(about):
        rule = _pattern(message, least=16)
        if rule is not None:
            return NamedRule("tools", {"tool_name": rule}, "send the tools under names that the provider accepts")
    return None


def _has_calls(chat: Mapping[str, Any]) -> bool:
    messages = chat.get("messages")
    return any(
        isinstance(message, dict) and ("tool_calls" in message or "tool_call_id" in message)
        for message in (messages if isinstance(messages, list) else ())
    )


def _id_rule(message: str) -> dict[str, Any] | None:
    if spoken := _SPOKEN.search(message):
        return {"chars": "a-zA-Z0-9", "min": int(spoken[1]), "max": int(spoken[1])}
    rule = _pattern(message, least=8)
    if rule is None:
        return None
    return {"chars": rule["chars"], "max": rule["max"]}


def _pattern(message: str, *, least: int) -> dict[str, Any] | None:
    """The characters and the length in a message; a length below `least` or above 256 is not believed."""
    if (found := _PATTERN.search(message)) is None:
        if (most := _MOST.search(message)) is None or not least <= int(most[1]) <= 256:
            return None
        return {"chars": "a-zA-Z0-9_-", "max": int(most[1])}
    first, second, _, most_chars, exact = found.groups()
    rule: dict[str, Any] = {
        "chars": (second or first)[1:-1].replace("\\w", "a-zA-Z0-9_"),
        "max": int(most_chars or exact or 64),
    }
    if second is not None:
        rule |= {"first": first[1:-1], "max": rule["max"] + (1 if most_chars else 0)}
    try:
        re.compile(f"[{rule['chars']}]")
    except re.error:
        return None
    return rule
