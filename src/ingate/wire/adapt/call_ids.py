"""Ids of tool calls as the provider accepts them.

An id comes from the provider that made the call, or from the client, and is sent back with the history. Mistral accepts
nine letters and digits only, OpenAI at most 40 characters. The replacement depends on the id alone, so that the call and
its result still match, in this turn and in later ones.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from ingate.wire.fields import replaced

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.adapt.draft import Draft

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGEST_CHARS: Final = 9


def with_accepted_ids(draft: Draft, facts: Mapping[str, Any]) -> None:
    """Replace the ids in the messages that `facts["call_id"]` does not allow; see `data/model_facts.json`.

    Where `facts["unique_call_ids"]` is set, an id that comes again in a later turn is replaced, too.
    """
    messages = draft.messages
    if messages is None or not draft.tool_messages:
        return
    called, answered = _ids(draft.tool_messages)
    distinct = {*called, *answered}
    if facts.get("unique_call_ids") and len(set(called)) < len(called):
        messages = _unique(messages)
        distinct.update(_ids(messages)[0])
    if isinstance(rule := facts.get("call_id"), dict):
        pattern = _pattern(rule["chars"], rule.get("min", 1), rule["max"])
        if not all(map(pattern.fullmatch, distinct)):
            messages = replaced(messages, lambda message: _message(message, pattern, rule))
    draft.respell("messages", messages)


def _ids(messages: list[Any]) -> tuple[list[str], list[str]]:
    """The ids of the calls in the messages, and those that results answer."""
    called: list[Any] = []
    answered: list[Any] = []
    for message in messages:
        if not isinstance(message, dict):
            continue
        if (calls := message.get("tool_calls")).__class__ is list:
            called += [call.get("id") for call in calls if isinstance(call, dict)]
        elif given := message.get("tool_call_id"):
            answered.append(given)
    return [one for one in called if one and one.__class__ is str], [one for one in answered if one.__class__ is str]


def _unique(messages: list[Any]) -> list[Any]:
    """The messages with every call's id once; the same list if it is so already.

    A provider that counts its calls begins anew with every answer (`call_0`).
    """
    seen: dict[str, int] = {}
    current: dict[str, list[str]] = {}  # an id → what replaces it in the results that follow, in order
    made: list[Any] = []
    for message in messages:
        calls = message.get("tool_calls") if isinstance(message, dict) else None
        if isinstance(calls, list):
            current = {}
            made.append(_replaced_calls(message, calls, seen, current))
        elif isinstance(message, dict) and (ids := current.get(str(message.get("tool_call_id")))):
            answered = ids.pop(0)
            same = answered == message.get("tool_call_id")
            made.append(message if same else {**message, "tool_call_id": answered})
        else:
            made.append(message)
    return messages if all(new is old for new, old in zip(made, messages, strict=True)) else made


def _replaced_calls(
    message: dict[str, Any], calls: list[Any], seen: dict[str, int], current: dict[str, list[str]]
) -> dict[str, Any]:
    changed: list[Any] = []
    for call in calls:
        given = call.get("id") if isinstance(call, dict) else None
        if not isinstance(given, str) or not given:
            changed.append(call)
            continue
        seen[given] = count = seen.get(given, 0) + 1
        unique = given if count == 1 else f"{given}_{_digest(f'{given} {count}', _DIGEST_CHARS)}"
        current.setdefault(given, []).append(unique)
        changed.append(call if unique == given else {**call, "id": unique})
    same = all(new is old for new, old in zip(changed, calls, strict=True))
    return message if same else {**message, "tool_calls": changed}


def _message(message: Any, pattern: re.Pattern[str], rule: Mapping[str, Any]) -> Any:
    if not isinstance(message, dict):
        return message
    made = message
    if isinstance(calls := message.get("tool_calls"), list):
        changed = replaced(calls, lambda call: _with_id(call, "id", pattern, rule))
        made = made if changed is calls else {**made, "tool_calls": changed}
    return _with_id(made, "tool_call_id", pattern, rule) if "tool_call_id" in message else made


def _with_id(item: Any, key: str, pattern: re.Pattern[str], rule: Mapping[str, Any]) -> Any:
    given = item.get(key) if isinstance(item, dict) else None
    if not isinstance(given, str) or not given or pattern.fullmatch(given):
        return item
    return {**item, key: _replacement(given, str(rule["chars"]), int(rule["max"]))}


@lru_cache(maxsize=64)
def _pattern(chars: str, least: int, most: int) -> re.Pattern[str]:
    return re.compile(f"[{chars}]{{{least},{most}}}")


@lru_cache(maxsize=4096)  # the ids of a conversation come again in every turn
def _replacement(given: str, chars: str, most: int) -> str:
    """The id with a digest of the whole in the place of what is not accepted: two ids never become one."""
    kept = re.sub(f"[^{chars}]", "", given)
    room = most - _DIGEST_CHARS
    return (kept[:room] if room > 0 else "") + _digest(given, min(_DIGEST_CHARS, most))


def _digest(given: str, length: int) -> str:
    number = int.from_bytes(hashlib.sha256(given.encode("utf-8", "surrogatepass")).digest(), "big")
    made = []
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        made.append(_DIGITS[digit])
    return "".join(made)
