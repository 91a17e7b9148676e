"""Whole completions: one form for what providers send, and conversion from and to the chunks of a stream."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, Final

from ingate.errors import UnavailableError
from ingate.wire.fields import finish_reason, unify
from ingate.wire.thinking import add_blocks
from ingate.wire.tool_calls import whole_calls
from ingate.wire.usage import merge_usage, normalise_usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_JOINED: Final = frozenset({"content", "reasoning_content", "refusal"})
_ENVELOPE: Final = frozenset({"choices", "usage", "object"})
_CALL: Final = frozenset({"function", "custom", "index"})
_LISTED: Final = frozenset(
    {"annotations", "reasoning_details", "reasoning_items", "provider_tool_calls", "content_parts", "images"}
)


def normalise_completion(completion: Mapping[str, Any], model: str) -> dict[str, Any]:
    """An OpenAI-like completion in one form: unified message fields, tool calls with ids, finish reasons, usage.

    Args:
        completion: The completion; it is not changed. Unknown fields are kept.
        model: The model's name if the completion has none.

    Raises:
        UnavailableError: The completion has no choices.
    """
    choices = completion.get("choices")
    if not isinstance(choices, list) or not any(isinstance(choice, dict) for choice in choices):
        raise UnavailableError(f"the response for {model!r} has no choices", fix="try again, or try another model")
    created = completion.get("created")
    out: dict[str, Any] = {
        "id": str(completion.get("id") or "") or f"chatcmpl-{secrets.token_hex(12)}",
        "object": "chat.completion",
        "created": int(created) if isinstance(created, (int, float)) and created else int(time.time()),
        "model": str(completion.get("model") or model),
        "choices": [_choice(choice, number) for number, choice in enumerate(choices) if isinstance(choice, dict)],
    }
    groq = completion.get("x_groq")
    usage = completion.get("usage") or (groq.get("usage") if isinstance(groq, dict) else None)
    out["usage"] = normalise_usage(usage) if isinstance(usage, dict) and usage else None
    for key, value in completion.items():
        if key not in out and value is not None:
            out[key] = value
    return out


def _choice(source: Mapping[str, Any], number: int) -> dict[str, Any]:
    raw_message = source.get("message")
    if not isinstance(raw_message, dict):
        raw_message = source.get("delta")
    if not isinstance(raw_message, dict):
        raw_message = {"content": source.get("text")}
    message = unify(raw_message)
    message["role"] = message.get("role") or "assistant"
    if not message.get("content"):
        message["content"] = message.get("content") if not message.get("tool_calls") else None
    if "tool_calls" in message:
        message["tool_calls"] = whole_calls(message["tool_calls"])
    raw = source.get("finish_reason")
    reason = finish_reason(raw, has_calls="tool_calls" in message)
    index = source.get("index")
    out: dict[str, Any] = {
        "index": index if isinstance(index, int) else number,
        "message": message,
        "logprobs": source.get("logprobs"),
        "finish_reason": reason,
    }
    if raw and str(raw) != reason:
        out["native_finish_reason"] = raw
    for key, value in source.items():
        if key not in {"delta", "text"} and key not in out and value is not None:
            out[key] = value
    return out


def completion_chunks(completion: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A whole completion as the chunks of a stream, not yet normalised: one for each choice, then one with the usage.

    Args:
        completion: The completion; it is not changed. Fields other than the choices and the usage are on every chunk.
    """
    envelope = {key: value for key, value in completion.items() if key not in _ENVELOPE and value is not None}
    envelope["object"] = "chat.completion.chunk"
    chunks = []
    for number, choice in enumerate(completion.get("choices") or ()):
        delta = {"role": "assistant", **(choice.get("message") or {})}
        if isinstance(calls := delta.get("tool_calls"), list):
            delta["tool_calls"] = [{**call, "index": place} for place, call in enumerate(calls)]
        rest = {key: value for key, value in choice.items() if key not in {"index", "message"} and value is not None}
        piece = {"index": choice.get("index", number), "delta": delta, "finish_reason": None, **rest}
        chunks.append({**envelope, "choices": [piece]})
    if completion.get("usage"):
        chunks.append({**envelope, "choices": [], "usage": completion["usage"]})
    return chunks


def assemble(chunks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The completion that the chunks of a normalised stream add up to.

    Raises:
        UnavailableError: The chunks have no choice.
    """
    out: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    usage: dict[str, Any] | None = None
    for chunk in chunks:
        if isinstance(counts := chunk.get("usage"), dict):
            usage = merge_usage(usage, counts)
        out.update({key: value for key, value in chunk.items() if key not in _ENVELOPE and value is not None})
        for piece in chunk.get("choices") or ():
            _add(choices.setdefault(piece.get("index") or 0, {"message": {}, "calls": {}}), piece)
    out["choices"] = [_assembled(choice, index) for index, choice in sorted(choices.items())]
    out["usage"] = usage
    return normalise_completion(out, str(out.get("model") or ""))


def _assembled(choice: dict[str, Any], index: int) -> dict[str, Any]:
    calls = choice.pop("calls")
    if calls:
        choice["message"]["tool_calls"] = [call for _, call in sorted(calls.items())]
    return {"index": index, **choice}


def _add(choice: dict[str, Any], piece: Mapping[str, Any]) -> None:
    message, calls = choice["message"], choice["calls"]
    for key, value in (piece.get("delta") or {}).items():
        if value is None:
            continue
        if key in _JOINED and isinstance(value, str):
            message[key] = message.get(key, "") + value
        elif key == "tool_calls":
            for call in value:
                _add_call(calls.setdefault(call["index"], {}), call)
        elif key == "thinking_blocks":
            add_blocks(message.setdefault(key, []), value)
        elif key in _LISTED and isinstance(value, list):
            message.setdefault(key, []).extend(_without_index(key, item) for item in value)
        elif key == "audio" and isinstance(value, dict):
            _add_audio(message.setdefault(key, {}), value)
        else:
            message[key] = value
    for key, value in piece.items():
        if value is None or key in {"delta", "index"}:
            continue
        if key == "logprobs" and isinstance(value, dict) and isinstance(choice.get(key), dict):
            for part, items in value.items():
                if isinstance(items, list):
                    choice[key][part] = (choice[key].get(part) or []) + items
        else:
            choice[key] = dict(value) if isinstance(value, dict) else value


def _without_index(key: str, item: Any) -> Any:
    """An entry without the place that the normaliser gave it; `reasoning_details` have one of their provider's."""
    if key == "reasoning_details" or not isinstance(item, dict):
        return item
    return {name: value for name, value in item.items() if name != "index"}


def _add_call(call: dict[str, Any], piece: Mapping[str, Any]) -> None:
    for outer, text in (("function", "arguments"), ("custom", "input")):
        if isinstance(inner := piece.get(outer), dict):
            own = call.setdefault(outer, {"name": "", text: ""})
            own["name"] = own["name"] or inner.get("name") or ""
            own[text] += inner.get(text) or ""
    call.update({key: value for key, value in piece.items() if key not in _CALL and value is not None})


def _add_audio(audio: dict[str, Any], piece: Mapping[str, Any]) -> None:
    for key, value in piece.items():
        if key in {"data", "transcript"} and isinstance(value, str):
            audio[key] = audio.get(key, "") + value
        elif value is not None:
            audio[key] = value
