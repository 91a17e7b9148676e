"""Tool calls and their results in pairs: providers reject a call without a result, and a result without a call."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from ingate.wire.fields import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.adapt.draft import Draft

NO_RESULT: Final = "(the tool was not run, or its result was lost)"


def with_paired_results(draft: Draft, facts: Mapping[str, Any]) -> None:
    """Mend calls and results that are not in pairs, where `facts["paired_results"]` is set.

    A result moves behind its call, a missing one is replaced by a note, and one without a call becomes a message of the
    user.
    """
    messages = draft.messages
    if not facts.get("paired_results") or messages is None or not draft.tool_messages or _are_paired(messages):
        return
    made = _Pairs(messages).mended()
    if made is None:
        return
    mended, missing, orphans = made
    changes = []
    if missing:
        changes.append(f"{missing} tool call(s) without a result were given one that says so")
    if orphans:
        changes.append(f"{orphans} tool result(s) without a call became messages of the user")
    if not changes:
        changes.append("results of tools were moved behind their calls")
    why = "the provider requires every call to have its result directly behind it"
    draft.change("messages", mended, f"{', and '.join(changes)}: {why}")


def _are_paired(messages: list[Any]) -> bool:
    waiting: list[Any] = []
    for message in messages:
        role = message.get("role") if isinstance(message, dict) else None
        if role == "tool":
            if message.get("tool_call_id") not in waiting:
                return False
            waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            return False
        if role == "assistant" and isinstance(calls := message.get("tool_calls"), list):
            waiting = [call.get("id") if isinstance(call, dict) else None for call in calls]
    return not waiting


class _Pairs:
    """Mends one conversation.

    Args:
        messages: Its messages, which are not changed.
    """

    def __init__(self, messages: list[Any]) -> None:
        self._messages = messages

    def mended(self) -> tuple[list[Any], int, int] | None:
        """The messages, how many results were missing, and how many had no call; None if an id is malformed."""
        places: dict[str, deque[int]] = {}
        for at, message in enumerate(self._messages):
            if not isinstance(message, dict):
                return None
            if message.get("role") == "tool":
                answered = message.get("tool_call_id")
                if not isinstance(answered, str) or not answered:
                    return None
                places.setdefault(answered, deque()).append(at)
        out: list[Any] = []
        taken: set[int] = set()
        missing = orphans = 0
        for at, message in enumerate(self._messages):
            if message.get("role") == "tool":
                if at not in taken:
                    orphans += 1
                    out.append(_as_text(message))
                continue
            out.append(message)
            calls = message.get("tool_calls") if message.get("role") == "assistant" else None
            if not isinstance(calls, list):
                continue
            found: list[int] = []
            for call in calls:
                call_id = call.get("id") if isinstance(call, dict) else None
                if not isinstance(call_id, str) or not call_id:
                    return None
                queue = places.get(call_id, deque())
                while queue and queue[0] < at:
                    queue.popleft()  # a result before its call belongs to nothing
                if queue:
                    found.append(queue.popleft())
                else:
                    missing += 1
                    out.append({"role": "tool", "tool_call_id": call_id, "content": NO_RESULT})
            taken.update(found)
            out += [self._messages[place] for place in sorted(found)]
        return out, missing, orphans


def _as_text(message: Mapping[str, Any]) -> dict[str, Any]:
    """A result without a call as a message of the user, media included."""
    head = f"The result of an earlier tool call ({message.get('name') or message['tool_call_id']}):"
    content = message.get("content")
    if isinstance(content, list):
        return {"role": "user", "content": [{"type": "text", "text": head}, *content]}
    return {"role": "user", "content": f"{head}\n{text_of(content)}"}
