"""The order of messages that a provider insists on: who may follow whom, and who may be last."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from ingate.wire.adapt.prompts import LEADING, leading_count

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingate.wire.adapt.draft import Draft

# Put between messages where an assistant's or a user's message has to be.
ACKNOWLEDGED: Final = "OK."
CONTINUE: Final = "Continue."
# Formats with a system prompt of their own, where their codecs put system messages.
_OWN_SYSTEM: Final = frozenset({"messages", "bedrock", "bedrock_invoke", "gemini"})
SYSTEM_NOTE: Final = "[Instruction of the application, not of the user]"


def with_accepted_turns(draft: Draft, facts: Mapping[str, Any]) -> None:
    """Mend the order of the messages.

    The facts, with what is accepted if they are absent:
        later_system: Whether a system message may be behind others (yes); if not, it becomes a message of the user.
        first_user: Whether the first message behind the system's must be the user's (no).
        alternation: Whether users and assistant must take turns, the user first (no).
        user_after_tool: Whether a user's message may follow a tool's result (yes).
        final_assistant: Whether the last message may be the assistant's (yes); "prefix" if it must be marked as one that
            the model goes on with.
    """
    own = _moved_by_codec(facts, draft.wire_format)
    rules = _rules(facts, draft)
    if not (rules or own) or not draft.messages or not all(isinstance(one, dict) for one in draft.messages):
        return
    if own and _has_later_system(draft.messages):
        draft.change("messages", draft.messages, own)
    for mend, sentence in rules:
        made = mend(draft.messages)
        if made is draft.messages:
            continue
        if sentence:
            draft.change("messages", made, sentence)
        else:
            draft.respell("messages", made)


def _moved_by_codec(facts: Mapping[str, Any], wire_format: str) -> str:
    """What becomes of later system messages where a format's codec moves them; empty if it does not."""
    if wire_format not in _OWN_SYSTEM:
        return ""
    binds = wire_format != "gemini" and facts.get("signature_binds")
    if not binds:
        return "later system messages were moved into the system prompt, which this format has at the beginning alone"
    why = "the model accepts no system message behind others"
    return "" if facts.get("later_system") else f"later system messages became messages of the user: {why}"


def _has_later_system(messages: list[Any]) -> bool:
    return any(message.get("role") in LEADING for message in messages[leading_count(messages) :])


def _rules(facts: Mapping[str, Any], draft: Draft) -> list[tuple[Callable[[list[Any]], list[Any]], str]]:
    """What mends the order of a model's messages, and the sentence that reports it; empty if it means the same."""
    rules: list[tuple[Callable[[list[Any]], list[Any]], str]] = []
    if facts.get("later_system", True) is False and draft.wire_format not in _OWN_SYSTEM:
        why = "the model accepts no system message behind others"
        rules.append((_without_later_system, f"later system messages became messages of the user: {why}"))
    # ingate's own codec for Bedrock puts it there itself.
    if facts.get("first_user") or (draft.by_litellm and draft.wire_format == "bedrock"):
        why = "the model's provider requires the user's message to be the first"
        rules.append((_begun, f"a message of the user was put before the assistant's: {why}"))
    if facts.get("alternation"):
        why = "the model's provider requires the user and the assistant to take turns"
        rules.append((_alternating, f"messages of one role were joined: {why}"))
    if facts.get("user_after_tool", True) is False:
        why = "the model's provider accepts no message of the user directly behind a result"
        rules.append((_with_bridges, f"a short answer of the assistant was added behind results of tools: {why}"))
    if (final := facts.get("final_assistant", True)) is not True:
        if final == "prefix":
            rules.append((_marked, ""))
        why = "the model does not go on with a message of the assistant"
        rules.append((_ended, f"{why}; a message asking it to go on was added"))
    return rules


def _without_later_system(messages: list[Any]) -> list[Any]:
    count = leading_count(messages)
    if not _has_later_system(messages):
        return messages
    out = list(messages[:count])
    waiting: list[Any] = []
    for message in messages[count:]:
        if message.get("role") in LEADING:
            waiting.append(as_user(message))
            continue
        if message.get("role") not in {"tool", "function"}:
            # Behind the results of a call, which must follow it directly.
            out += waiting
            waiting = []
        out.append(message)
    return out + waiting


def _begun(messages: list[Any]) -> list[Any]:
    """The messages with one of the user first; where there are system messages alone, the last of them becomes it."""
    count = leading_count(messages)
    if count == len(messages):
        return [*messages[:-1], {**messages[-1], "role": "user"}]
    if messages[count].get("role") != "assistant":
        return messages
    return [*messages[:count], {"role": "user", "content": CONTINUE}, *messages[count:]]


def as_user(message: Mapping[str, Any]) -> dict[str, Any]:
    """A system message as one of the user, marked as not the user's own."""
    content = message.get("content")
    if isinstance(content, list):
        return {"role": "user", "content": [{"type": "text", "text": SYSTEM_NOTE}, *content]}
    return {"role": "user", "content": f"{SYSTEM_NOTE}\n{content or ''}"}


def _with_bridges(messages: list[Any]) -> list[Any]:
    """The messages with one of the assistant between a tool's result and a message of the user."""
    if not any(one.get("role") == "tool" and two.get("role") == "user" for one, two in pairwise(messages)):
        return messages
    out: list[Any] = []
    for message in messages:
        if out and out[-1].get("role") == "tool" and message.get("role") == "user":
            out.append({"role": "assistant", "content": ACKNOWLEDGED})
        out.append(message)
    return out


def _marked(messages: list[Any]) -> list[Any]:
    """The messages with the assistant's last marked as one that the model goes on with."""
    last = messages[-1]
    if last.get("role") != "assistant" or last.get("tool_calls") or not last.get("content") or _is_marked(last):
        return messages
    return [*messages[:-1], {**last, "prefix": True}]


def _ended(messages: list[Any]) -> list[Any]:
    last = messages[-1]
    if last.get("role") != "assistant" or last.get("tool_calls") or (_is_marked(last) and last.get("content")):
        return messages
    return [*messages, {"role": "user", "content": CONTINUE}]


def _is_marked(message: Mapping[str, Any]) -> bool:
    return message.get("prefix") is True


def _alternating(messages: list[Any]) -> list[Any]:
    """The messages with neighbours of one role joined, and the user's first."""
    count = leading_count(messages)
    spoken = messages[count:]
    roles = [message.get("role") for message in spoken]
    if spoken and roles[0] == "user" and all(one != two or one == "tool" for one, two in pairwise(roles)):
        return messages
    out = list(messages[:count])
    if not spoken or roles[0] == "assistant":
        out.append({"role": "user", "content": CONTINUE})
    for message in spoken:
        before = out[-1] if len(out) > count else None
        if (
            before is not None
            and before.get("role") == message.get("role")
            and message["role"] in {"user", "assistant"}
        ):
            out[-1] = _joined(before, message)
        else:
            out.append(message)
    return out


def _joined(one: dict[str, Any], two: dict[str, Any]) -> dict[str, Any]:
    """Two messages of one role as one."""
    made = {**one, **{name: value for name, value in two.items() if value is not None}}
    first, second = one.get("content"), two.get("content")
    if isinstance(first, list) or isinstance(second, list):
        made["content"] = [*_parts(first), *_parts(second)]
    else:
        made["content"] = "\n\n".join(text for text in (first, second) if isinstance(text, str) and text) or None
    calls = [call for one_call in (one, two) for call in one_call.get("tool_calls") or ()]
    if calls:
        made["tool_calls"] = calls
    return made


def _parts(content: Any) -> list[Any]:
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": content}] if isinstance(content, str) and content else []
