"""A conversation in words: the line below an answer, the total, and the whole as Markdown."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ingate.chat.session import text_of

if TYPE_CHECKING:
    from ingate.chat.session import Session, Turn


def turn_line(turn: Turn) -> str:
    """One answer: `12 in · 34 out · $0.0012 · first token 0.41 s · 88 tokens/s`."""
    parts = _tokens(turn)
    parts.append(dollars(turn.cost_usd))
    if turn.first_token_s is not None:
        parts.append(f"first token {turn.first_token_s:.2f} s")
    if (speed := turn.tokens_per_s) is not None:
        parts.append(f"{speed:,.0f} tokens/s" if speed >= 10 else f"{speed:.1f} tokens/s")
    return " · ".join(parts)


def total_line(session: Session) -> str:
    """The whole session."""
    turns = len(session.turns)
    said = f"{turns} {'answer' if turns == 1 else 'answers'}"
    return " · ".join([said, *_tokens(session.totals()), cost_of(session)])


def cost_of(session: Session) -> str:
    """What a session cost: `$0.0012`, `$0.0012 + ?` where some turn has no known price, `?` where none has."""
    unknown = session.unpriced
    if not unknown:
        return dollars(session.totals().cost_usd or 0.0)
    return "?" if unknown == len(session.turns) else f"{dollars(session.totals().cost_usd)} + ?"


def dollars(amount: float | None) -> str:
    """`$0.0012`; `?` where it is unknown."""
    if amount is None:
        return "?"
    if amount == 0:
        return "$0"
    return f"${amount:.6f}" if amount < 0.0001 else f"${amount:.4f}" if amount < 1 else f"${amount:,.2f}"


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


def _tokens(turn: Turn) -> list[str]:
    parts = [f"{_count(turn.input_tokens)} in", f"{_count(turn.output_tokens)} out"]
    if turn.cached_tokens:
        parts.append(f"{turn.cached_tokens:,} cached")
    if turn.reasoning_tokens:
        parts.append(f"{turn.reasoning_tokens:,} reasoning")
    return parts


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else f"{tokens:,}"
