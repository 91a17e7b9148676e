"""Gemini's thought signatures across a tool turn.

Gemini requires the signature of a tool call to be sent back with the call. litellm hides it in the call's id. Here ids
are the provider's, the signature is where Google's own OpenAI-compatible API puts it
(`extra_content.google.thought_signature`), and it is remembered for clients that drop unknown fields.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MARK: Final = "__thought__"
_KEPT: Final = 4096


class Signatures:
    """The most recent few thousand signatures by tool-call id."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[str, str] = OrderedDict()

    def note(self, messages: Iterable[Mapping[str, Any]]) -> None:
        """Remember the signatures in the messages (or deltas) of an answer."""
        for message in messages:
            for call in message.get("tool_calls") or ():
                signature = _signature(call)
                if signature and call.get("id"):
                    self._by_id[call["id"]] = signature
                    self._by_id.move_to_end(call["id"])
        while len(self._by_id) > _KEPT:
            self._by_id.popitem(last=False)

    def restored(self, messages: list[Any]) -> list[Any]:
        """A request's messages with each signature where litellm expects it."""
        return [self._restored(message) for message in messages]

    def _restored(self, message: Any) -> Any:
        calls = message.get("tool_calls") if isinstance(message, dict) else None
        if not calls:
            return message
        return {**message, "tool_calls": [self._with_signature(call) for call in calls]}

    def _with_signature(self, call: Any) -> Any:
        if not isinstance(call, dict):
            return call
        signature = _signature(call) or self._by_id.get(call.get("id") or "")
        if not signature:
            return call
        fields = {**(call.get("provider_specific_fields") or {}), "thought_signature": signature}
        return {
            **{name: value for name, value in call.items() if name != "extra_content"},
            "provider_specific_fields": fields,
        }


def tidy(call: dict[str, Any]) -> None:
    """Remove litellm's suffix from a call's id, and put the signature where Google puts it."""
    identity, mark, hidden = str(call.get("id") or "").partition(_MARK)
    if mark:
        call["id"] = identity
    signature = _signature(call) or hidden
    if signature:
        call["extra_content"] = {"google": {"thought_signature": signature}}


def _signature(call: Mapping[str, Any]) -> str:
    google = (call.get("extra_content") or {}).get("google") or {}
    fields = call.get("provider_specific_fields") or {}
    return google.get("thought_signature") or fields.get("thought_signature") or ""
