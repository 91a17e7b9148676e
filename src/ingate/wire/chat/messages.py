"""An OpenAI conversation as one provider accepts it: without the fields that other providers added to it.

OpenAI's own servers and Azure's reject unknown fields; other servers ignore or use them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ingate.wire.adapt.prompts import joined

if TYPE_CHECKING:
    from ingate.wire.chat.quirks import Quirks

# Message fields that are ours or another provider's; the quirks of a provider that accepts one list it in `accepts`.
_EXTRA_FIELDS: Final = frozenset(
    {
        "reasoning_content",
        "reasoning",
        "reasoning_details",
        "reasoning_items",
        "reasoning_opaque",
        "thinking_blocks",
        "provider_tool_calls",
        "provider_specific_fields",
        "content_parts",
        "annotations",
        "images",
        "phase",
        "ingate",
    }
)
REASONING: Final = frozenset({"reasoning_content"})
"""What a provider takes if its model wants its reasoning back."""

# Fields that OpenAI's answers have as null, and that a client sends back.
_OPENAIS: Final = frozenset({"refusal", "audio", "function_call"})
# Marks for other providers, on a content part, a tool or a tool call.
_MARKS: Final = frozenset({"cache_control", "extra_content", "provider_specific_fields"})
_HOSTS: Final = (".openai.com", ".azure.com", ".azure-api.net", ".azure.us", ".azure.cn")
_SEE_BELOW: Final = "(see the next message for the tool's output)"


def is_strict(provider: str, api_base: str) -> bool:
    """Whether a server rejects fields that are not OpenAI's: Azure's and OpenAI's own servers do."""
    return provider == "azure" or (urlsplit(api_base).hostname or "").endswith(_HOSTS)


def messages_for(messages: list[Any], quirks: Quirks, *, strict: bool, text_results: bool) -> list[Any]:
    """The messages with only what the provider accepts; those that need no change are the same objects.

    Args:
        messages: The request's messages.
        quirks: The provider's deviations.
        strict: Whether the server rejects unknown fields.
        text_results: Whether tool messages may contain only text.
    """
    out = [_message(message, quirks) for message in messages]
    if strict:
        out = [_without_marks_in(message) for message in out]
    return _media_from_user(out) if text_results else out


def tools_for(tools: list[Any]) -> list[Any]:
    """Tools without marks for other providers, for strict servers."""
    return [_without_marks(tool) for tool in tools]


def _message(message: Any, quirks: Quirks) -> Any:
    if not isinstance(message, dict):
        return message
    is_developer = message.get("role") == "developer" and not quirks.developer_role
    is_empty = message.get("role") == "assistant" and message.get("content") is None and not _has_other_content(message)
    nulls = {key for key in _OPENAIS & message.keys() if message[key] is None}
    refusal = message.get("refusal") if not quirks.developer_role and message.get("refusal") else None
    if not (is_developer or is_empty or nulls or refusal or _EXTRA_FIELDS & message.keys()):
        return message
    out = {
        key: value
        for key, value in message.items()
        if key not in nulls and (key not in _EXTRA_FIELDS or (key in quirks.accepts and value))
    }
    if isinstance(refusal, str):
        # Only OpenAI has the field; elsewhere a refusal is text.
        del out["refusal"]
        out["content"] = joined(message.get("content"), refusal)
    if is_developer:
        out["role"] = "system"
    if is_empty:
        out["content"] = ""  # null is rejected without a tool call
    if quirks.reasoning_field != "reasoning_content" and "reasoning_content" in out:
        out[quirks.reasoning_field] = out.pop("reasoning_content")
    return out


def _has_other_content(message: dict[str, Any]) -> bool:
    return any(message.get(name) for name in ("tool_calls", "function_call", "refusal", "audio"))


def _without_marks_in(message: Any) -> Any:
    if not isinstance(message, dict):
        return message
    changed = {}
    for name in ("content", "tool_calls"):
        if isinstance(items := message.get(name), list):
            changed[name] = [_without_marks(item) for item in items]
    return {**message, **changed} if changed else message


def _without_marks(item: Any) -> Any:
    if not isinstance(item, dict) or not _MARKS & item.keys():
        return item
    return {key: value for key, value in item.items() if key not in _MARKS}


def _media_from_user(messages: list[Any]) -> list[Any]:
    """The messages with images and files of tool results moved to a user message after them."""
    out: list[Any] = []
    waiting: list[Any] = []
    for message in messages:
        is_result = isinstance(message, dict) and message.get("role") == "tool"
        if waiting and not is_result:
            out.append({"role": "user", "content": waiting})
            waiting = []
        if is_result and isinstance(parts := message.get("content"), list):
            texts = [part for part in parts if isinstance(part, dict) and part.get("type") == "text"]
            others = [part for part in parts if part not in texts]
            if others:
                waiting += others
                message = {**message, "content": texts or _SEE_BELOW}
        out.append(message)
    return [*out, {"role": "user", "content": waiting}] if waiting else out
