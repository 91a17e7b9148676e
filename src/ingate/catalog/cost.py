"""The cost of a call, from its usage and the catalog's prices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingate.catalog.schema import ModelRow


def cost_usd(row: ModelRow, usage: Mapping[str, Any]) -> float | None:
    """The cost in US dollars of one call with the token counts of `usage`, an OpenAI usage object; None if unknown.

    `prompt_tokens` counts all input, cached or not. Tokens read from or written to a cache of unknown price are counted
    at the input price, which for reads is never less than the bill. A prompt longer than a tier's limit has the tier's
    prices throughout. The cost is unknown if a price is unknown, if `usage` has no token counts, or if there are audio
    tokens, whose prices are not in the catalog. Fees per request or search, batch and priority rates, off-peak discounts
    and negotiated prices are not included.
    """
    prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    if prompt is None and completion is None:
        return None
    prompt, completion = prompt or 0, completion or 0
    inputs, outputs = _details(usage, "prompt_tokens_details"), _details(usage, "completion_tokens_details")
    if _count(inputs.get("audio_tokens")) or _count(outputs.get("audio_tokens")):
        return None
    cached = min(_count(inputs.get("cached_tokens")) or 0, prompt)
    written = min(_count(inputs.get("cache_creation_tokens")) or 0, prompt - cached)
    reasoning = min(_count(outputs.get("reasoning_tokens")) or 0, completion)

    read, out, cache_read, cache_write, think = _prices(row, prompt)
    total = 0.0
    for tokens, price in (
        (prompt - cached - written, read),
        (cached, cache_read if cache_read is not None else read),
        (written, cache_write if cache_write is not None else read),
        (completion - reasoning, out),
        (reasoning, think if think is not None else out),
    ):
        if tokens:
            if price is None:
                return None
            total += tokens * price
    return total / 1_000_000


def _prices(row: ModelRow, prompt_tokens: int) -> tuple[float | None, ...]:
    """Input, output, cache read, cache write and reasoning prices for a prompt of this length."""
    prices = (
        row.input_usd_per_mtok,
        row.output_usd_per_mtok,
        row.cache_read_usd_per_mtok,
        row.cache_write_usd_per_mtok,
        row.reasoning_usd_per_mtok,
    )
    for tier in row.tiers:
        if prompt_tokens > tier.above_tokens:
            tiered = (
                tier.input_usd_per_mtok,
                tier.output_usd_per_mtok,
                tier.cache_read_usd_per_mtok,
                tier.cache_write_usd_per_mtok,
                tier.reasoning_usd_per_mtok,
            )
            prices = tuple(new if new is not None else old for new, old in zip(tiered, prices, strict=True))
    return prices


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _details(usage: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = usage.get(name)
    return value if isinstance(value, Mapping) else {}
