"""A conversation as Markdown, for people."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ingate.chat.lines import total_line
from ingate.chat.session import text_of

if TYPE_CHECKING:
    from ingate.chat.session import Session


def to_markdown(session: Session) -> str:
    """The conversation with its tool calls and totals; what was attached is named, not copied."""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(session.created_at))
    parts = [f"# {session.title or 'A conversation'}", f"{when} · {session.model}"]
    if session.system:
        parts.append(_quote(f"System: {session.system}"))
    for entry in session.entries:
        text = text_of(entry.message)
        match entry.role:
            case "user":
                content = entry.message.get("content")
                files = content if isinstance(content, list) else []
                names = [part["attached"] for part in files if part.get("attached")]
                parts += ["## You", *(f"*attached: {name}*" for name in names), text]
            case "assistant":
                parts += ["## Model", text] if text else ["## Model"]
                for call in entry.message.get("tool_calls") or ():
                    function = call.get("function") or {}
                    parts.append(f"Calls `{function.get('name')}`:\n\n{_fenced(str(function.get('arguments') or ''))}")
                if entry.stopped:
                    parts.append(f"*(not whole: {entry.stopped})*")
            case "tool":
                parts.append(f"`{entry.message.get('name') or 'tool'}` gave:\n\n{_fenced(text)}")
    parts.append(f"---\n\n{total_line(session)}")
    return "\n\n".join(part for part in parts if part) + "\n"


def _fenced(text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text}\n{fence}"


def _quote(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())
