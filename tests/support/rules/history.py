"""What a rule can say of the messages: their order, what may be empty, and what must come back unchanged."""

from __future__ import annotations

import base64
import hashlib
import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from support.rules.kinds import _break as refuse
from support.rules.view import at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.rules.load import Rule
    from support.rules.view import Turn, View


def _spoken(view: View) -> list[Turn]:
    return [turn for turn in view.turns if turn.role != "system"]


def no_user_after_tool(rule: Rule, view: View) -> None:
    """An assistant's message must be between a tool's result and the user's next message."""
    turns = view.turns
    for before, turn in pairwise(turns):
        if before.role == "tool" and turn.role == "user":
            refuse(rule, view, turn.where, role=turn.role)


def system_order(rule: Rule, view: View) -> None:
    """A system message must not follow these roles."""
    for before, turn in pairwise(view.turns):
        if turn.role == "system" and before.role in rule["after"]:
            refuse(rule, view, turn.where, role=before.role)


def last_assistant(rule: Rule, view: View) -> None:
    """The last message must not be the assistant's, unless it is marked by `mark`."""
    if view.turns and view.turns[-1].role == "assistant" and view.turns[-1].raw.get(rule.get("mark", "")) is not True:
        refuse(rule, view, view.turns[-1].where)


def first_user(rule: Rule, view: View) -> None:
    """The first message after the system's must be the user's."""
    spoken = _spoken(view)
    if not spoken or spoken[0].role != "user":
        refuse(rule, view, spoken[0].where if spoken else "messages")


def alternate(rule: Rule, view: View) -> None:
    """After the system's messages, users or tools take turns with the assistant."""
    spoken = view.turns[next((at for at, turn in enumerate(view.turns) if turn.role != "system"), len(view.turns)) :]
    expected = "user"
    for turn in spoken:
        if ("assistant" if turn.role == "assistant" else "user") != expected or turn.role == "system":
            refuse(rule, view, turn.where)
        expected = "user" if expected == "assistant" else "assistant"
    if not spoken or spoken[-1].role == "assistant":
        refuse(rule, view, "messages")


def answered(rule: Rule, view: View) -> None:
    """Every call is answered right after it, and nothing else is."""
    waiting: list[str | None] = []
    for turn in view.turns:
        for where, value in turn.answers:
            if value not in waiting:
                refuse(rule, view, where, id=value)
            waiting.remove(value)
        if turn.role in {"user", "system"} and waiting:
            refuse(rule, view, turn.where, id=waiting[0])
        waiting += [call.id for call in turn.calls]
    if waiting:
        refuse(rule, view, "messages", id=waiting[0])


def system_turns(rule: Rule, view: View) -> None:
    """Where a system message may be among the messages: nowhere, or (`allowed`) after a user's and before an answer."""
    turns = [turn for turn in view.turns if turn.raw]
    for index, turn in enumerate(turns):
        if turn.role == "system":
            before = turns[index - 1].role if index else ""
            after = turns[index + 1].role if index + 1 < len(turns) else "assistant"
            if not rule.get("allowed") or before not in {"user", "tool"} or after != "assistant":
                refuse(rule, view, turn.where)


def blank_text(rule: Rule, view: View) -> None:
    """Texts must have more than white space (`least: any`: must not be empty)."""
    for turn in view.turns:
        for where, text in turn.texts:
            if turn.role in rule["roles"] and not (text if rule.get("least") == "any" else text.strip()):
                refuse(rule, view, where)


def empty_content(rule: Rule, view: View) -> None:
    """Messages of these roles must have content or calls."""
    for turn in view.turns:
        if turn.role in rule["roles"] and turn.empty:
            refuse(rule, view, turn.where, role=turn.role)


def image_urls(rule: Rule, view: View) -> None:
    """Images by address are refused."""
    for turn in view.turns:
        if turn.urls:
            refuse(rule, view, turn.where, url=turn.urls[0])


def reasoning_back(rule: Rule, view: View) -> None:
    """Reasoning must come back with each of the assistant's messages that has calls; empty text counts unless `text`."""
    for turn in view.turns:
        if (
            turn.role == "assistant"
            and turn.calls
            and (turn.reasoning is None or (rule.get("text") and not turn.reasoning))
        ):
            refuse(rule, view, turn.where)


# ---- signatures ---------------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """A request's part without what does not count: cache marks, and whether one text is a string or a block."""
    if isinstance(value, list):
        return [_plain(item) for item in value if not (isinstance(item, dict) and item.keys() == {"cachePoint"})]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if key != "cache_control"}
    return value


def prefix_parts(body: Mapping[str, Any], until: int, blocks_before: int) -> dict[str, str]:
    """The hashes of what comes before a block: `system`, `tools`, and the messages.

    Args:
        body: A request of Messages or Converse.
        until: The index of the message that holds the block.
        blocks_before: How many blocks of that message come before it.
    """
    turns: list[Any] = []
    for index, message in enumerate(body["messages"][: until + 1]):
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        blocks = blocks[:blocks_before] if index == until else blocks
        if not blocks:
            continue
        if turns and turns[-1][0] == message["role"]:
            turns[-1][1].extend(_plain(blocks))
        else:
            turns.append([message["role"], list(_plain(blocks))])
    system = body.get("system") or []
    system = [{"type": "text", "text": system}] if isinstance(system, str) else system
    tools = body.get("tools") or at(body, "toolConfig.tools") or []
    return {"system": _hash(_plain(system)), "tools": _hash(_plain(tools)), "messages": _hash(turns)}


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def signature(model: str, body: Mapping[str, Any], bound: bool) -> str:
    """What a model signs its thought with, which follows on `body`; `bound` to what came before it."""
    parts = prefix_parts(body, len(body["messages"]), 0) if bound else {}
    return base64.b64encode(json.dumps({"model": model, **parts}).encode()).decode()


def signed_thinking(rule: Rule, view: View) -> None:
    """Thoughts come back as they were signed; with `bound`, everything before them is as it was, too.

    A thought that another model signed is left out by the provider itself, without an error.
    """
    paths = ("thinking", "additionalModelRequestFields.thinking")
    drops = any(at(view.body, f"{path}.block_binding.prefix_mismatch_behavior") == "drop_block" for path in paths)
    for index, message in enumerate(view.body.get("messages") or ()):
        content = message["content"] if isinstance(message["content"], list) else []
        for block_index, block in enumerate(content):
            signed = _signature_of(block)
            if signed is None:
                continue
            where = f"messages.{index}.content.{block_index}"
            try:
                made = json.loads(base64.b64decode(signed, validate=True))
            except ValueError:
                refuse(rule, view, where, detail="")
            if not rule.get("bound") or _core(made["model"]) != _core(view.model) or drops:
                continue
            parts = prefix_parts(view.body, index, block_index)
            changed = next((name for name, value in parts.items() if made.get(name) != value), None)
            if changed:
                detail = {"system": "The `system` prompt differs", "tools": "The `tools` differ"}
                refuse(
                    rule,
                    view,
                    where,
                    detail=rule["detail"]
                    + detail.get(changed, "An earlier message differs")
                    + " from the one this block was created with.",
                )


def _core(model: str) -> str:
    """A model's name without its cloud."""
    return (
        model.rpartition("/")[2].rpartition("anthropic.")[2].partition("@")[0].removesuffix("-v1:0").removesuffix("-v1")
    )


def _signature_of(block: Mapping[str, Any]) -> str | None:
    if block.get("type") == "thinking":
        return block.get("signature", "")
    if "reasoningContent" in block:
        return at(block, "reasoningContent.reasoningText.signature") or ""
    return None


def thought_signature(rule: Rule, view: View) -> None:
    """The first call of each of the model's turns carries the signature that it came with, or a permitted dummy."""
    for index, content in enumerate(view.body.get("contents") or ()):
        calls = [part for part in content["parts"] if "functionCall" in part]
        if calls:
            signed = calls[0].get("thoughtSignature")
            if signed not in rule["dummies"] and not str(signed or "").startswith(GEMINI_SIGNATURE):
                refuse(rule, view, f"contents[{index}]", name=calls[0]["functionCall"]["name"], position=index + 1)


GEMINI_SIGNATURE = "CiQBsigned"


def encrypted_items(rule: Rule, view: View) -> None:
    """Reasoning items carry what this provider encrypted."""
    for turn in view.turns:
        for item in turn.thoughts:
            if not str(item.get("encrypted_content", "")).startswith(ENCRYPTED[rule["by"]]):
                refuse(rule, view, turn.where, id=item.get("id", "rs_0"))


def reasoning_without_text(rule: Rule, view: View) -> None:
    """Reasoning items have no text of their own, only what is encrypted and a summary."""
    for turn in view.turns:
        for item in turn.thoughts:
            if item.get("content"):
                refuse(rule, view, f"{turn.where}.content", length=len(item["content"]))


ENCRYPTED = {"openai": "gAAAAopenai", "azure": "gAAAAopenai", "xai": "gAAAAxai"}

HISTORY = {
    "no_user_after_tool": no_user_after_tool, "system_order": system_order, "last_assistant": last_assistant, "first_user": first_user,
    "alternate": alternate, "answered": answered, "system_turns": system_turns, "blank_text": blank_text,
    "empty_content": empty_content, "image_urls": image_urls, "reasoning_back": reasoning_back,
    "signed_thinking": signed_thinking, "thought_signature": thought_signature, "encrypted_items": encrypted_items, "reasoning_without_text": reasoning_without_text,
}  # fmt: skip
