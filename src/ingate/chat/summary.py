"""A conversation as text: the line below an answer, the totals, and the whole as Markdown."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ingate.catalog.format import usd
from ingate.chat.session import text_of

if TYPE_CHECKING:
    from ingate.chat.session import Session, Turn


def turn_line(turn: Turn) -> str:
    """One answer: `12 in · 34 out · $0.0012 · first token 0.41 s · 88 tokens/s`."""
    parts = _tokens(turn)
    parts.append("cost unknown" if turn.cost_usd is None else usd(turn.cost_usd))
    if turn.first_token_s is not None:
        parts.append(f"first token {turn.first_token_s:.2f} s")
    if (speed := turn.tokens_per_s) is not None:
        parts.append(f"{speed:,.0f} tokens/s" if speed >= 10 else f"{speed:.1f} tokens/s")
    return " · ".join(parts)


def total_line(session: Session) -> str:
    """The whole session: `2 answers · 46 in · 68 out · $0.0024`."""
    return " · ".join([counted(len(session.turns), "answer"), *_tokens(session.totals()), cost_of(session)])


def cost_of(session: Session) -> str:
    """What a session cost: `$0.0012`, `$0.0012 + unknown` if the cost of some answers is unknown, or `cost unknown`."""
    known = usd(session.totals().cost_usd or 0.0)
    if not session.unpriced:
        return known
    return "cost unknown" if session.unpriced == len(session.turns) else f"{known} + unknown"


def counted(number: int, noun: str) -> str:
    """`1 message`, `2 messages`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def to_markdown(session: Session) -> str:
    """The conversation with its tool calls and totals. Attachments are named, not included."""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(session.created_at))
    parts = [f"# {session.title or 'Conversation'}", f"{when} · {session.model}"]
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
                    function = call.get("function")
                    function = function if isinstance(function, dict) else {}
                    parts.append(f"Calls `{function.get('name')}`:\n\n{_fenced(str(function.get('arguments') or ''))}")
                if entry.stopped:
                    parts.append(f"*(incomplete: {entry.stopped})*")
            case "tool":
                parts.append(f"`{entry.message.get('name') or 'tool'}` returned:\n\n{_fenced(text)}")
    parts.append(f"---\n\n{total_line(session)}")
    return "\n\n".join(part for part in parts if part) + "\n"


def _fenced(text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text}\n{fence}"


def _quote(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())


def _tokens(turn: Turn) -> list[str]:
    parts = [f"{_count(turn.input_tokens)} in", f"{_count(turn.output_tokens)} out"]
    if turn.cached_tokens:
        parts.append(f"{turn.cached_tokens:,} cached")
    if turn.reasoning_tokens:
        parts.append(f"{turn.reasoning_tokens:,} reasoning")
    return parts


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else f"{tokens:,}"
