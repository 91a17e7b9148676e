"""The opaque state of an assistant message that its provider expects back, to and from envelopes.

A message of the neutral form carries it in several fields: signed `thinking_blocks`, encrypted `reasoning_items`,
`reasoning_details` (OpenRouter), and `extra_content` (Google's thought signatures), the last on tool calls too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.wire.thinking import add_blocks, is_sealed, unseal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CALL_FIELDS: Final = ("extra_content", "provider_specific_fields")
"""Fields of a tool call that its provider expects back."""

CALLS: Final = "tool_calls"
"""The key of a payload that holds the fields of tool calls, by the id of the call."""

_STAMPED: Final = ("thinking_blocks", "reasoning_items")
_MESSAGE_FIELDS: Final = (*_STAMPED, "reasoning_details", "extra_content")


def without_stamp(item: Mapping[str, Any]) -> dict[str, Any]:
    """A thinking block or reasoning item as its provider made it: without ingate's `provider` and `index`."""
    return {key: value for key, value in item.items() if key not in {"provider", "index"}}


def provider_of(items: Iterable[Mapping[str, Any]], default: str) -> str:
    """The provider that the items are stamped with, `default` if none is."""
    return next((str(item["provider"]) for item in items if item.get("provider")), default)


def call_state(call: Mapping[str, Any]) -> dict[str, Any]:
    """What a tool call's provider expects back with it, empty for most."""
    return {name: call[name] for name in CALL_FIELDS if call.get(name)}


def restore(message: dict[str, Any], origin: str, payload: Mapping[str, Any]) -> None:
    """Put an envelope's payload back on an assistant message. Tool calls must be on it already, or come by `restore_calls`."""
    for name in _MESSAGE_FIELDS:
        value = payload.get(name)
        if name == "extra_content":
            if isinstance(value, dict):
                message[name] = {**(message.get(name) or {}), **value}
        elif isinstance(value, list):
            stamp = {"provider": origin} if origin and name in _STAMPED else {}
            items = [{**item, **stamp} for item in value if isinstance(item, dict)]
            message.setdefault(name, []).extend(items)


def restore_calls(messages: Iterable[Mapping[str, Any]], states: Mapping[str, Any]) -> None:
    """Put the fields of tool calls back on the calls, which are found by their ids."""
    if not states:
        return
    for message in messages:
        for call in message.get("tool_calls") or ():
            state = states.get(call["id"])
            if isinstance(state, dict):
                call.update({name: state[name] for name in CALL_FIELDS if name in state})


class StateBuffer:
    """State that a stream has delivered and that no envelope holds yet."""

    def __init__(self) -> None:
        self._payload: dict[str, Any] = {}

    def __bool__(self) -> bool:
        return bool(self._payload)

    def add(self, delta: Mapping[str, Any]) -> None:
        """Add what a delta carries beside its thinking blocks and reasoning items."""
        if details := delta.get("reasoning_details"):
            self._payload.setdefault("reasoning_details", []).extend(details)
        if isinstance(extra := delta.get("extra_content"), dict) and extra:
            self._payload.setdefault("extra_content", {}).update(extra)

    def add_call(self, call_id: str, state: Mapping[str, Any]) -> None:
        """Add the state of one tool call."""
        if state:
            self._payload.setdefault(CALLS, {})[call_id] = dict(state)

    def add_items(self, name: str, items: Iterable[Mapping[str, Any]]) -> None:
        """Add thinking blocks (joined where they come in pieces) or reasoning items."""
        kept = self._payload.setdefault(name, [])
        if name == "thinking_blocks":
            add_blocks(kept, [{key: value for key, value in item.items() if key != "provider"} for item in items])
        else:
            kept.extend(without_stamp(item) for item in items)

    def take(self) -> dict[str, Any]:
        """The payload so far; the buffer is empty afterwards."""
        payload, self._payload = self._payload, {}
        return payload


# Requests that are passed through: envelopes from translated turns of the same conversation, which no provider can read.


def native_items(items: Any, provider: str) -> tuple[list[Any], list[str]] | None:
    """Responses input with the provider's own reasoning items in place of their envelopes, without those of others.

    Returns:
        The items and warnings; None if there is no envelope, so that the input can be sent as it is.
    """
    if not isinstance(items, list) or not any(_is_envelope(item, "reasoning", "encrypted_content") for item in items):
        return None
    made: list[Any] = []
    warnings: dict[str, None] = {}
    for item in items:
        if not _is_envelope(item, "reasoning", "encrypted_content"):
            made.append(item)
            continue
        origin, payload = unseal(item["encrypted_content"]) or ("", {})
        if origin == provider and payload.get("reasoning_items"):
            made += payload["reasoning_items"]
        elif payload:
            warnings[_left_out(origin)] = None
    return made, list(warnings)


def native_turns(turns: Any) -> tuple[list[Any], list[str]] | None:
    """Messages turns without the envelopes, which hold the reasoning of other APIs' providers only.

    Returns:
        The turns and warnings; None if there is no envelope, so that the turns can be sent as they are.
    """
    if not isinstance(turns, list):
        return None
    made: list[Any] = []
    warnings: dict[str, None] = {}
    found = False
    for turn in turns:
        content = turn.get("content") if isinstance(turn, dict) else None
        sealed = [block for block in content if _is_thinking_envelope(block)] if isinstance(content, list) else []
        if not sealed or content is None:
            made.append(turn)
            continue
        found = True
        for block in sealed:
            origin, payload = unseal(block.get("signature") or block.get("data")) or ("", {})
            if payload:
                warnings[_left_out(origin)] = None
        if kept := [block for block in content if not _is_thinking_envelope(block)]:
            made.append({**turn, "content": kept})
    return (made, list(warnings)) if found else None


def _is_envelope(item: Any, kind: str, field: str) -> bool:
    return isinstance(item, dict) and item.get("type") == kind and is_sealed(item.get(field))


def _is_thinking_envelope(block: Any) -> bool:
    return _is_envelope(block, "thinking", "signature") or _is_envelope(block, "redacted_thinking", "data")


def _left_out(origin: str) -> str:
    return f"reasoning of an earlier turn was left out: only {origin or 'its provider'} can read it"
