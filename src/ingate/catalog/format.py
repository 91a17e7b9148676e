"""Prices, token counts and features in as few characters as they need."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingate.catalog.schema import ModelRow


def price(usd_per_mtok: float | None, *, sign: str = "") -> str:
    """Dollars per million tokens for a narrow column: `"?"` unknown, `"free"`, `"0.15"`, `"2"`, `"600"`.

    Args:
        usd_per_mtok: The price, None if it is unknown.
        sign: Precedes an amount: `"$"` if the column's heading does not name the currency.
    """
    if usd_per_mtok is None:
        return "?"
    if usd_per_mtok == 0:
        return "free"
    if usd_per_mtok < 0.001:
        return f"<{sign}0.001"
    return f"{sign}{round(usd_per_mtok, 3 if usd_per_mtok < 1 else 2 if usd_per_mtok < 100 else 0):g}"


def from_price(row: ModelRow, name: str, *, sign: str = "") -> str:
    """One of a row's prices, with `"from "` before it if it is higher for long prompts.

    Args:
        row: The row.
        name: The price's attribute: `"input_usd_per_mtok"`.
        sign: See `price`.
    """
    text = price(getattr(row, name), sign=sign)
    return f"from {text}" if _rises(row, name) else text


def price_pair(row: ModelRow) -> str:
    """Both prices for a narrow column: `"0.15/0.6"`; a `+` follows one that is higher for long prompts."""
    shown = []
    for name in ("input_usd_per_mtok", "output_usd_per_mtok"):
        shown.append(f"{price(getattr(row, name))}{'+' if _rises(row, name) else ''}")
    return "/".join(shown)


def tokens(count: int | None) -> str:
    """A number of tokens for a narrow column: `"?"` unknown, `"512"`, `"8.2k"`, `"200k"`, `"1.05M"`."""
    if count is None:
        return "?"
    if count < 1000:
        return str(count)
    if count < 9_950:
        return f"{round(count / 1000, 1):g}k"
    if count < 999_500:
        return f"{count / 1000:.0f}k"
    return f"{round(count / 1_000_000, 2):g}M"


def usd(amount: float) -> str:
    """A cost in dollars: `"$0"`, `"$0.000012"`, `"$0.0042"`, `"$1,234.50"`."""
    if amount == 0:
        return "$0"
    return f"${amount:,.{6 if amount < 0.0001 else 4 if amount < 1 else 2}f}"


def features(row: ModelRow) -> str:
    """What a model can do: `"tools vision"`. Begins with `"text completion"` if it continues a text rather than chats."""
    return " ".join(("text completion", *row.caps) if row.mode == "completion" else row.caps)


def _rises(row: ModelRow, name: str) -> bool:
    """Whether a price that is known is another one for long prompts."""
    first = getattr(row, name)
    return first is not None and any(getattr(tier, name) not in {None, first} for tier in row.tiers)
