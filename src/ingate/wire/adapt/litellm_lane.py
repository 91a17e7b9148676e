"""What litellm passes on although the model rejects it; ingate's own codecs do the same while they write a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.wire.answers import dumped, read_json
from ingate.wire.fields import arguments_text, replaced
from ingate.wire.parts import arguments_of
from ingate.wire.schema import anthropic_schema, gemini_json_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# `facts["answer_schema"]` → how the schema of an answer is reduced to it.
_SCHEMAS: Final[Mapping[str, Callable[[Mapping[str, Any], set[str]], dict[str, Any]]]] = {
    "anthropic": anthropic_schema,
    "gemini": gemini_json_schema,
}
_KNOWN: Final = frozenset({"role", "content", "tool_calls", "tool_call_id", "name", "prefix"})
_INSTEAD: Final = ("tool_calls", "function_call", "refusal", "audio")


def for_litellm(body: dict[str, Any], facts: Mapping[str, Any]) -> set[str]:
    """Write a copied request so that litellm's translation of it is accepted.

    Returns:
        The keywords of the answer's schema that became part of descriptions; nothing else is lost or visible.
    """
    lost: set[str] = set()
    if isinstance(messages := body.get("messages"), list):
        known_only = facts.get("unknown_fields", True) is False
        body["messages"] = replaced(messages, lambda message: _message(message, known_only=known_only))
    convert = _SCHEMAS.get(str(facts.get("answer_schema")))
    given = body.get("response_format")
    if convert is None or not isinstance(given, dict):
        return lost
    if isinstance(wrapper := given.get("json_schema"), dict) and isinstance(schema := wrapper.get("schema"), dict):
        body["response_format"] = {**given, "json_schema": {**wrapper, "schema": convert(schema, lost)}}
    return lost


def _message(message: Any, *, known_only: bool) -> Any:
    if not isinstance(message, dict) or message.get("role") != "assistant":
        return message
    made = message
    if known_only and not message.keys() <= _KNOWN:
        made = {key: value for key, value in message.items() if key in _KNOWN}
    if made.get("content") is None and not any(made.get(name) for name in _INSTEAD):
        made = {**made, "content": ""}  # null is rejected without a tool call
    if isinstance(calls := made.get("tool_calls"), list):
        changed = replaced(calls, lambda call: _call(call, known_only=known_only))
        made = made if changed is calls else {**made, "tool_calls": changed}
    return made


def _call(call: Any, *, known_only: bool) -> Any:
    """A call with whole arguments: litellm fails on those that broke off."""
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        return call
    if known_only and not call.keys() <= {"id", "type", "function", "index"}:
        call = {key: call[key] for key in ("id", "type", "function") if key in call}
    text = arguments_text(function.get("arguments"))
    try:
        if isinstance(read_json(text), dict):
            return call
    except ValueError:
        pass
    return {**call, "function": {**function, "arguments": dumped(arguments_of(text))}}
