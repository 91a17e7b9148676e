"""The history in a form the next model accepts. Nothing is lost from the session, only from the request."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

from ingate.chat.session import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingate.chat.model import ModelInfo
    from ingate.chat.session import Session

_LOST_RESULT: Final = "The call was stopped before it returned a result."
_PORTABLE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,40}\Z")  # at most 40 characters are OpenAI's limit


def request_messages(session: Session, model: ModelInfo, notes: list[str] | None = None) -> list[dict[str, Any]]:
    """The messages of the next request.

    Args:
        session: The conversation.
        model: The model that will answer. Reasoning, signatures and ids of another provider are left out, since it
            would reject them; attachments it does not accept become a line of text.
        notes: Receives one sentence for each kind of content that was left out.
    """
    left_out = notes if notes is not None else []
    out: list[dict[str, Any]] = [{"role": "system", "content": session.system}] if session.system else []
    ids: dict[str, str] = {}
    for entry in _with_results(session.entries):
        match entry.role:
            case "user":
                content = _content(entry.message.get("content") or "", model.kinds, left_out)
                if out and out[-1]["role"] == "user":
                    out[-1]["content"] = _joined(out[-1]["content"], content)
                    continue
                message = {"role": "user", "content": content}
            case "assistant":
                if not entry.message.get("content") and not entry.message.get("tool_calls"):
                    continue
                message = _assistant(entry, model.provider, ids)
            case _:
                called = str(entry.message.get("tool_call_id") or "")
                message = {
                    "role": entry.role,
                    "tool_call_id": ids.get(called, called),
                    "content": entry.message.get("content") or "",
                }
        out.append(message)
    return out


def _with_results(entries: Iterable[Entry]) -> list[Entry]:
    """The entries with a result for every tool call: providers reject a history in which one is missing."""
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
    """An answer, unchanged for its own provider; `ids` collects the ids that were replaced for another one."""
    if entry.provider and entry.provider == provider:
        return dict(entry.message)
    message: dict[str, Any] = {"role": "assistant", "content": entry.message.get("content")}
    calls = entry.message.get("tool_calls") or ()
    if calls:
        message["tool_calls"] = [
            {
                "id": ids.setdefault(str(call.get("id") or ""), _portable_id(str(call.get("id") or ""))),
                "type": "function",
                "function": {
                    "name": (call.get("function") or {}).get("name") or "",
                    "arguments": (call.get("function") or {}).get("arguments") or "{}",
                },
            }
            for call in calls
        ]
    return message


def _portable_id(id_: str) -> str:
    """An id that every provider accepts; some providers put a signature into theirs."""
    if _PORTABLE_ID.match(id_):
        return id_
    return f"call_{hashlib.sha256(id_.encode()).hexdigest()[:24]}"


def _content(content: str | list[dict[str, Any]], kinds: frozenset[str], left_out: list[str]) -> Any:
    if isinstance(content, str):
        return content
    parts = []
    for part in content:
        kind = {"image_url": "image", "file": "pdf"}.get(str(part.get("type")), "text")
        if kind == "text" or kind in kinds:
            parts.append({name: value for name, value in part.items() if name != "attached"})
            continue
        name = part.get("attached") or kind
        parts.append({"type": "text", "text": f"[{name} was attached here, which you cannot read.]"})
        note = f"{'Images' if kind == 'image' else 'PDFs'} are left out: this model does not accept them."
        if note not in left_out:
            left_out.append(note)
    if all(part.get("type") == "text" for part in parts):
        return "\n\n".join(part["text"] for part in parts)
    return parts


def _joined(one: Any, other: Any) -> Any:
    if isinstance(one, str) and isinstance(other, str):
        return f"{one}\n\n{other}"
    return _parts(one) + _parts(other)


def _parts(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
