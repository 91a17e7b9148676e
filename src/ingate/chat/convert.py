"""A history as the next model can take it: nothing is lost from the session, only from the request."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from ingate.chat.session import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingate.chat.session import Session

_LOST_RESULT: Final = "The call was stopped before it gave a result."
_LONGEST_ID: Final = 40  # OpenAI's limit


def request_messages(
    session: Session, *, provider: str, takes: frozenset[str], notes: list[str] | None = None
) -> list[dict[str, Any]]:
    """The messages of the next request.

    Args:
        session: The conversation.
        provider: Who will answer. Reasoning, signatures and ids of another provider are left out, as it would refuse them.
        takes: What it takes besides text, of `image` and `pdf`. What it does not take becomes a line of text.
        notes: Gets one sentence for each kind of thing that was left out.
    """
    told = notes if notes is not None else []
    out: list[dict[str, Any]] = [{"role": "system", "content": session.system}] if session.system else []
    ids: dict[str, str] = {}
    for entry in _answered(session.entries):
        match entry.role:
            case "user":
                message = {"role": "user", "content": _content(entry.message.get("content") or "", takes, told)}
                if out and out[-1]["role"] == "user":
                    out[-1]["content"] = _joined(out[-1]["content"], message["content"])
                    continue
            case "assistant":
                if not entry.message.get("content") and not entry.message.get("tool_calls"):
                    continue
                message = _assistant(entry, provider, ids)
            case _:
                called = str(entry.message.get("tool_call_id") or "")
                message = {
                    "role": "tool",
                    "tool_call_id": ids.get(called, called),
                    "content": entry.message.get("content") or "",
                }
        out.append(message)
    return out


def _answered(entries: Iterable[Entry]) -> list[Entry]:
    """The entries with a result for every tool call: providers refuse a history in which one is missing."""
    out: list[Entry] = []
    open_calls: list[str] = []
    for entry in entries:
        if entry.role == "tool":
            called = str(entry.message.get("tool_call_id") or "")
            if called not in open_calls:
                continue
            open_calls.remove(called)
        else:
            out += [_lost(called) for called in open_calls]
            open_calls = [str(call.get("id") or "") for call in entry.message.get("tool_calls") or ()]
        out.append(entry)
    return out + [_lost(called) for called in open_calls]


def _lost(called: str) -> Entry:
    return Entry({"role": "tool", "tool_call_id": called, "content": _LOST_RESULT})


def _assistant(entry: Entry, provider: str, ids: dict[str, str]) -> dict[str, Any]:
    if entry.provider and entry.provider == provider:
        return dict(entry.message)
    message: dict[str, Any] = {"role": "assistant", "content": entry.message.get("content")}
    calls = entry.message.get("tool_calls") or ()
    if calls:
        message["tool_calls"] = [
            {
                "id": ids.setdefault(str(call.get("id") or ""), _short(str(call.get("id") or ""))),
                "type": "function",
                "function": {
                    "name": (call.get("function") or {}).get("name") or "",
                    "arguments": (call.get("function") or {}).get("arguments") or "{}",
                },
            }
            for call in calls
        ]
    return message


def _short(name: str) -> str:
    """An id every provider takes: some put a signature into theirs."""
    if len(name) <= _LONGEST_ID and name.replace("_", "").replace("-", "").isalnum() and name.isascii():
        return name
    return f"call_{hashlib.sha256(name.encode()).hexdigest()[:24]}"


def _content(content: str | list[dict[str, Any]], takes: frozenset[str], told: list[str]) -> Any:
    if isinstance(content, str):
        return content
    parts = []
    for part in content:
        kind = {"image_url": "image", "file": "pdf"}.get(str(part.get("type")), "text")
        if kind == "text" or kind in takes:
            parts.append({name: value for name, value in part.items() if name != "attached"})
            continue
        name = part.get("attached") or kind
        parts.append({"type": "text", "text": f"[{name} was attached here, which you cannot read.]"})
        note = (
            f"{'images' if kind == 'image' else 'PDFs'} in the conversation are left out: this model does not take them"
        )
        if note not in told:
            told.append(note)
    if all(part.get("type") == "text" for part in parts):
        return "\n\n".join(part["text"] for part in parts)
    return parts


def _joined(one: Any, other: Any) -> Any:
    if isinstance(one, str) and isinstance(other, str):
        return f"{one}\n\n{other}"
    return _parts(one) + _parts(other)


def _parts(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
