"""The opaque state of an assistant message that its provider expects back, to and from envelopes.

A message of the neutral form carries it in several fields: signed `thinking_blocks`, encrypted `reasoning_items`,
`reasoning_details` (OpenRouter), `reasoning_opaque` (GitHub Copilot), and `extra_content` (Google's thought signatures),
the last on tool calls too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ingate.wire.origins import ORIGINS
from ingate.wire.thinking import add_blocks, is_sealed, unseal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CALL_FIELDS: Final = ("extra_content", "provider_specific_fields")
"""Fields of a tool call that its provider expects back."""

CALLS: Final = "tool_calls"
"""The key of a payload that holds the fields of tool calls, by the id of the call."""

# The ids that ingate gives to reasoning items; providers' own are longer.
_OUR_ITEM: Final = re.compile(r"rs_[0-9a-f]{32}")
_STAMPED: Final = ("thinking_blocks", "reasoning_items")
_UNSTAMPED: Final = ("reasoning_details", "reasoning_opaque", "extra_content")
_MESSAGE_FIELDS: Final = (*_STAMPED, *_UNSTAMPED)


def without_stamp(item: Mapping[str, Any]) -> dict[str, Any]:
    """A thinking block or reasoning item as its provider made it: without ingate's `provider` and `index`."""
    return {key: value for key, value in item.items() if key not in {"provider", "index"}}


def provider_of(items: Iterable[Mapping[str, Any]], default: str) -> str:
    """The provider that the items are stamped with, `default` if none is."""
    return next((str(item["provider"]) for item in items if item.get("provider")), default)


def item_text(item: Mapping[str, Any]) -> str:
    """The readable text of a reasoning item: its summary, otherwise its content."""
    parts = item.get("summary") or item.get("content") or ()
    return "\n\n".join(str(part["text"]) for part in parts if isinstance(part, dict) and part.get("text"))


def message_state(message: Mapping[str, Any]) -> dict[str, Any]:
    """What a message's provider expects back with it, besides thinking blocks and reasoning items; empty for most."""
    return {name: message[name] for name in _UNSTAMPED if message.get(name)}


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
        elif name == "reasoning_opaque":
            if isinstance(value, str):
                message[name] = value
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
        if isinstance(opaque := delta.get("reasoning_opaque"), str) and opaque:
            self._payload["reasoning_opaque"] = opaque
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


def native_items(items: Any, provider: str, *, encrypts: bool = False) -> tuple[list[Any], list[str]] | None:
    """Responses input with the provider's own reasoning items in place of their envelopes, without those of others.

    Args:
        items: The input.
        provider: The provider's name.
        encrypts: Whether the provider encrypts its reasoning, so that readable reasoning is another's.

    Returns:
        The items and warnings; None if all are the provider's own, so that the input can be sent as it is.
    """
    if not isinstance(items, list):
        return None
    made: list[Any] = []
    warnings: dict[str, None] = {}
    found = False
    for item in items:
        if not isinstance(item, dict) or item.get("type") != "reasoning":
            made.append(item)
        elif is_sealed(item.get("encrypted_content")):
            found = True
            origin, payload = unseal(item["encrypted_content"]) or ("", {})
            if origin == provider and payload.get("reasoning_items"):
                made += payload["reasoning_items"]
            elif payload:
                warnings[_left_out(origin)] = None
        elif _is_foreign(item, provider, encrypts=encrypts):
            found = True
            warnings[_left_out(ORIGINS.of(item.get("encrypted_content"), provider))] = None
        else:
            made.append(item)
    return (made, list(warnings)) if found else None


def _is_foreign(item: Mapping[str, Any], provider: str, *, encrypts: bool) -> bool:
    """Whether another provider made a reasoning item, or ingate did for one that returns no state."""
    if state := item.get("encrypted_content"):
        return not _reads(provider, ORIGINS.of(state, provider))
    return bool(_OUR_ITEM.fullmatch(str(item.get("id") or ""))) or (encrypts and bool(item.get("content")))


def native_turns(turns: Any, provider: str = "") -> tuple[list[Any], list[str]] | None:
    """Messages turns without the reasoning of other providers: their envelopes, and what they signed themselves.

    Returns:
        The turns and warnings; None if all is the provider's own, so that the turns can be sent as they are.
    """
    if not isinstance(turns, list):
        return None
    made: list[Any] = []
    warnings: dict[str, None] = {}
    found = False
    for turn in turns:
        content = turn.get("content") if isinstance(turn, dict) else None
        foreign = (
            [block for block in content if _is_foreign_block(block, provider)] if isinstance(content, list) else []
        )
        if not foreign or content is None:
            made.append(turn)
            continue
        found = True
        for block in foreign:
            state = block.get("signature") or block.get("data")
            origin, payload = unseal(state) or (ORIGINS.of(state, provider), {"": not is_sealed(state)})
            if any(payload.values()):
                warnings[_left_out(origin)] = None
        if kept := [block for block in content if not any(block is one for one in foreign)]:
            made.append({**turn, "content": kept})
    return (made, list(warnings)) if found else None


def _is_foreign_block(block: Any, provider: str) -> bool:
    if not isinstance(block, dict) or block.get("type") not in ("thinking", "redacted_thinking"):
        return False
    state = block.get("signature") if block["type"] == "thinking" else block.get("data")
    return is_sealed(state) or not _reads(provider, ORIGINS.of(state, provider))


def _reads(provider: str, origin: str) -> bool:
    """Whether a provider can read the reasoning of `origin`; of an unknown origin, it may."""
    return origin in {"", provider} or (origin in _CLAUDE and provider in _CLAUDE)


def _left_out(origin: str) -> str:
    return f"reasoning of an earlier turn was left out: only {origin or 'its provider'} can read it"


# Requests that are translated: what a message carries for another provider than the one that is called.

# Fields → the wire formats that send them back. A format that is not listed ignores the field.
_READERS: Final[Mapping[str, frozenset[str]]] = {
    "thinking_blocks": frozenset({"messages", "bedrock", "bedrock_invoke", "chat", ""}),
    "reasoning_items": frozenset({"responses"}),
    "reasoning_details": frozenset({"chat", ""}),
    "reasoning_opaque": frozenset({"copilot"}),
    "extra_content": frozenset({"gemini", "chat", "azure", ""}),
}
# Claude's signatures are valid on every platform that has Claude:
# https://platform.claude.com/docs/en/build-with-claude/extended-thinking
_CLAUDE: Final = frozenset({"anthropic", "bedrock", "bedrock_mantle", "vertex_ai", "azure_ai"})


def own_state(messages: list[Any], provider: str, wire_format: str) -> tuple[list[Any], list[str]]:
    """Chat messages without the state that the provider called does not read, and a warning for each kind left out.

    Args:
        messages: The messages; they are left as they are. Those without foreign state are returned themselves.
        provider: The provider that is called.
        wire_format: The format it is called in, `""` for an engine that takes chat requests.
    """
    warnings: dict[str, None] = {}
    return [_with_own_state(message, provider, wire_format, warnings) for message in messages], list(warnings)


def _with_own_state(message: Any, provider: str, wire_format: str, warnings: dict[str, None]) -> Any:
    if not isinstance(message, dict) or message.get("role") != "assistant":
        return message
    changes: dict[str, Any] = {}
    for name in _STAMPED:
        items = message.get(name)
        if not isinstance(items, list):
            continue
        kept = [item for item in items if _is_own(item, name, provider, wire_format)]
        if len(kept) < len(items):
            changes[name] = kept or None
            for item in items:
                if item not in kept and _is_opaque(item):
                    warnings[_left_out(str(item.get("provider") or ""))] = None
    for name in _UNSTAMPED:
        if message.get(name) and wire_format not in _READERS[name]:
            changes[name] = None
            warnings[_unread(provider)] = None
    calls = message.get("tool_calls")
    if wire_format not in _READERS["extra_content"] and isinstance(calls, list):
        stripped = [_without_state(call) for call in calls]
        if stripped != calls:
            changes["tool_calls"] = stripped
            warnings[_unread(provider)] = None
    if not changes:
        return message
    return {key: value for key, value in {**message, **changes}.items() if key not in changes or value is not None}


def _is_own(item: Any, name: str, provider: str, wire_format: str) -> bool:
    if not isinstance(item, dict):
        return True  # malformed, for the codec to refuse
    if wire_format not in _READERS[name]:
        return False
    state = item.get("signature") or item.get("data") or item.get("encrypted_content")
    return _reads(provider, str(item.get("provider") or "") or ORIGINS.of(state, provider))


def _is_opaque(item: Any) -> bool:
    return isinstance(item, dict) and any(item.get(name) for name in ("signature", "data", "encrypted_content"))


def _without_state(call: Any) -> Any:
    if not isinstance(call, dict) or "extra_content" not in call:
        return call
    return {key: value for key, value in call.items() if key != "extra_content"}


def _unread(provider: str) -> str:
    return f"reasoning of an earlier turn was left out: {provider or 'the provider'} cannot read it"
