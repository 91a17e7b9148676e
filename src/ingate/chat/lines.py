"""Numbers as the chat says them."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def _tokens(turn: Turn) -> list[str]:
    parts = [f"{_count(turn.input_tokens)} in", f"{_count(turn.output_tokens)} out"]
    if turn.cached_tokens:
        parts.append(f"{turn.cached_tokens:,} cached")
    if turn.reasoning_tokens:
        parts.append(f"{turn.reasoning_tokens:,} reasoning")
    return parts


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else f"{tokens:,}"
