"""The tool choice as the model accepts it: some cannot be made to call a tool, or not while they reason.

What comes nearest to a choice that is refused: a named tool becomes "any tool" with only that one on offer, which means the
same; where no call can be forced, an instruction asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.wire.adapt.prompts import with_last_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.adapt.draft import Draft

_FORCED_WORDS: Final = frozenset({"required", "any"})


def with_accepted_choice(draft: Draft, facts: Mapping[str, Any]) -> None:
    """Replace a tool choice that `facts["forced_tools"]` does not allow; see `data/model_facts.json`."""
    allowed, body = facts.get("forced_tools", True), draft.body
    if allowed is True or "tool_choice" not in body:
        return
    given = body["tool_choice"]
    name = _named(given)
    if not name and not is_forced(given):
        return
    if allowed == "without_reasoning":
        if reasoning_is_off(body, facts):
            return
        allowed = False
    if allowed == "any":
        if name:
            _require_only(draft, name)
        return
    made = _with_mode(given) if isinstance(given, dict) and given.get("type") == "allowed_tools" else None
    also: dict[str, Any] = {}
    if (messages := draft.messages) is not None and body.get("tools"):
        wanted = f"the tool {name}" if name else "one of the tools"
        also["messages"] = with_last_text(messages, f"Call {wanted} now instead of answering in text.")
    why = "the model cannot be required to call a tool"
    draft.change("tool_choice", made, f"tool_choice was lowered to auto: {why}", **also)


def is_forced(choice: Any) -> bool:
    """Whether a tool choice requires a call."""
    if isinstance(choice, str):
        return choice in _FORCED_WORDS
    if not isinstance(choice, dict):
        return False
    if choice.get("type") == "allowed_tools":
        inner = choice.get("allowed_tools")
        return (inner if isinstance(inner, dict) else choice).get("mode") == "required"
    return choice.get("type") in _FORCED_WORDS or bool(_named(choice))


def reasoning_is_off(body: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    """Whether the model answers a request without reasoning: it switches it off, or does not switch it on where it must."""
    if facts.get("always_reasons"):
        return False
    thinking, nested = body.get("thinking"), body.get("reasoning")
    if isinstance(thinking, dict) and "type" in thinking:
        return thinking["type"] == "disabled"
    effort = body.get("reasoning_effort")
    if effort is None and isinstance(nested, dict):
        effort = nested.get("effort")
    if effort == "none":
        # A model with levels but without a switch reasons at its lowest level instead.
        levels = facts.get("efforts")
        return levels is None or "none" in levels or "reasoning_off" in facts or facts.get("always_reasons") is False
    return effort is None and facts.get("reasons_by_default") is False


def _named(choice: Any) -> str:
    if not isinstance(choice, dict) or choice.get("type") == "allowed_tools":
        return ""
    named = choice.get("function") or choice.get("custom") or choice
    name = named.get("name") if isinstance(named, dict) else None
    return name if isinstance(name, str) else ""


def _require_only(draft: Draft, name: str) -> None:
    """A call of any tool, with only the named one on offer, which means the same."""
    tools = draft.body.get("tools")
    kept = [tool for tool in tools if _tool_name(tool) == name] if isinstance(tools, list) else []
    if kept:
        draft.respell("tools", kept)
    draft.respell("tool_choice", "required")


def _tool_name(tool: Any) -> Any:
    inner = (tool.get("function") or tool.get("custom")) if isinstance(tool, dict) else None
    return inner.get("name") if isinstance(inner, dict) else None


def _with_mode(choice: dict[str, Any]) -> dict[str, Any]:
    inner = choice.get("allowed_tools")
    if isinstance(inner, dict):
        return {**choice, "allowed_tools": {**inner, "mode": "auto"}}
    return {**choice, "mode": "auto"}
