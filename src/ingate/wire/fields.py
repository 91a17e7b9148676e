"""The fields of a message or delta under one name each, whatever a provider calls them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# A provider's finish reason in lower case → OpenAI's. Any other reason is read as "stop".
FINISH_REASONS: Final[Mapping[str, str]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "complete": "stop",
    "completed": "stop",
    "finished": "stop",
    "done": "stop",
    "max_tokens": "length",
    "max_length": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "function_call": "tool_calls",
    "function_calls": "tool_calls",
    "tool_use": "tool_calls",
    "tool_call": "tool_calls",
    "tool-calls": "tool_calls",
    "content-filter": "content_filter",
    "content_filtered": "content_filter",
    "filtered": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "spii": "content_filter",
    "refusal": "content_filter",
    "sensitive": "content_filter",
    "guardrail_intervened": "content_filter",
    "error": "error",  # Cohere: the output was unusable; not reported as an ordinary end
    "insufficient_system_resource": "length",  # DeepSeek: cut off for lack of resources, so incomplete
}
# Where providers put reasoning text. `reasoning_details` is kept: it is sent back to the provider unchanged.
_REASONING_KEYS: Final = ("reasoning_content", "reasoning", "thinking", "reasoning_text", "thinking_content")
# Where providers list the tools that they ran themselves.
_PROVIDER_TOOL_KEYS: Final = ("provider_tool_calls", "executed_tools", "server_tool_calls")
_TEXT_PARTS: Final = frozenset({"text", "output_text", "input_text"})
_REASONING_PARTS: Final = frozenset({"thinking", "reasoning", "reasoning_text"})


def finish_reason(raw: object, *, has_calls: bool) -> str:
    """OpenAI's finish reason for a provider's; `"tool_calls"` for an ordinary end after tool calls."""
    word = FINISH_REASONS.get(str(raw).lower(), "stop") if raw else "stop"
    return "tool_calls" if has_calls and word == "stop" else word


def text_of(value: object) -> str:
    """The text in a string, a `{"text": …}` object, or a list of these."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        for key in ("text", "thinking", "content", "summary"):
            if key in value:
                return text_of(value[key])
        return ""
    if isinstance(value, list):
        return "".join(text_of(item) for item in value)
    return ""


def split_parts(parts: list[Any]) -> tuple[str, str, list[dict[str, Any]], str]:
    """A list of content parts as text, reasoning, other parts, and refusal."""
    text: list[str] = []
    reasoning: list[str] = []
    refusal: list[str] = []
    others: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, str):
            text.append(part)
        elif isinstance(part, dict):
            kind = part.get("type", "text")
            if kind in _TEXT_PARTS:
                text.append(text_of(part.get("text")))
            elif kind in _REASONING_PARTS:
                reasoning.append(text_of(part))
            elif kind == "refusal":
                refusal.append(text_of(part.get("refusal")))
            else:
                others.append(part)
    return "".join(text), "".join(reasoning), others, "".join(refusal)


def unify(source: Mapping[str, Any]) -> dict[str, Any]:
    """A message or delta with unified field names and without nulls; `tool_calls` is a list of dicts or absent."""
    out = {key: value for key, value in source.items() if value is not None}
    reasoning = ""
    for key in _REASONING_KEYS:
        if key in out:
            found = text_of(out.pop(key))
            reasoning = reasoning or found
    content = out.get("content")
    if isinstance(content, list):
        text, thought, others, refusal = split_parts(content)
        out["content"] = text
        reasoning = reasoning or thought
        if others:
            out["content_parts"] = others
        if refusal:
            out["refusal"] = refusal
    elif content is not None and not isinstance(content, str):
        out["content"] = text_of(content)
    if reasoning:
        out["reasoning_content"] = reasoning
    if not out.get("refusal", True):
        del out["refusal"]
    calls = out.pop("tool_calls", None)
    calls = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    if isinstance(legacy := out.pop("function_call", None), dict) and not calls:
        calls = [{"index": 0, "type": "function", "function": legacy}]
    own = [call for call in calls if not is_provider_tool(call)]
    if own:
        out["tool_calls"] = own
    ran = [item for key in _PROVIDER_TOOL_KEYS for item in _list(out.pop(key, None))]
    ran += [call for call in calls if is_provider_tool(call)]
    if ran:
        out["provider_tool_calls"] = ran
    return out


def is_provider_tool(call: Mapping[str, Any]) -> bool:
    """Whether the provider runs a tool call itself: its type is not that of a function or a custom tool."""
    kind = call.get("type")
    return bool(kind) and kind not in {"function", "custom", "builtin_function", "tool_use", "function_call"}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def arguments_text(arguments: object) -> str:
    """A tool call's arguments as text: objects are encoded as JSON, null is `""`."""
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else msgspec.json.encode(arguments).decode()


def is_json(text: str) -> bool:
    """Whether `text` is one complete JSON value."""
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def replaced(items: list[Any], change: Callable[[Any], Any]) -> list[Any]:
    """The items after `change`; the same list if `change` returned every item itself."""
    made = [change(item) for item in items]
    return items if all(new is old for new, old in zip(made, items, strict=True)) else made
