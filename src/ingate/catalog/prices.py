"""The prices in litellm's catalog, in US dollars per million tokens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ingate.catalog.schema import PriceTier

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIELDS: Final = (
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
    "output_cost_per_reasoning_token",
)
_ABOVE: Final = re.compile(r"input_cost_per_token_above_(\d+)k_tokens\Z")

# The most expensive model costs 600. A thousand and more is a price per thousand tokens entered as one per token.
_HIGHEST_USD_PER_MTOK: Final = 1000.0

# Servers on the user's own machines, for which no provider bills.
_OWN_HARDWARE: Final = frozenset(
    {
        "ollama",
        "ollama_chat",
        "lm_studio",
        "llamafile",
        "lemonade",
        "docker_model_runner",
        "hosted_vllm",
        "xinference",
    }
)
_FREE_NAME: Final = re.compile(r"[:-]free\Z")

Prices = tuple[float | None, float | None, float | None, float | None, float | None]


def is_free(provider: str, model: str) -> bool:
    """Whether a zero in the catalog means free: a server of the user's own, or a name that ends in `:free` or `-free`.

    Elsewhere a zero stands for a price that was not entered, a preview that has ended, or a fee per request.
    """
    return provider in _OWN_HARDWARE or _FREE_NAME.search(model) is not None


def prices(provider: str, model: str, entry: Mapping[str, Any]) -> tuple[Prices, tuple[PriceTier, ...]]:
    """The row's prices (input, output, cache read, cache write, reasoning) and the higher tiers for long prompts."""
    free = is_free(provider, model)
    base = _read(entry, _FIELDS, free=free)
    tiers: list[PriceTier] = []
    listed = entry.get("tiered_pricing")
    if isinstance(listed, list) and listed:
        tiers = _listed_tiers(listed, free=free)
        if tiers and tiers[0].above_tokens == 0:
            first = tiers.pop(0)
            if base[0] is None and base[1] is None:
                base = (
                    first.input_usd_per_mtok,
                    first.output_usd_per_mtok,
                    first.cache_read_usd_per_mtok,
                    first.cache_write_usd_per_mtok,
                    first.reasoning_usd_per_mtok,
                )
    else:
        for name in entry:
            if name.startswith("input_cost_per_token_above_") and (found := _ABOVE.match(name)):
                suffix = f"_above_{found.group(1)}k_tokens"
                above = _read(entry, tuple(field + suffix for field in _FIELDS), free=free)
                tiers.append(PriceTier(int(found.group(1)) * 1000, *above))
    tiers.sort(key=lambda tier: tier.above_tokens)
    return base, tuple(tiers)


def _listed_tiers(listed: list[Any], *, free: bool) -> list[PriceTier]:
    tiers = []
    for item in listed:
        bounds = item.get("range") if isinstance(item, dict) else None
        if isinstance(bounds, list) and bounds and _is_number(bounds[0]) and bounds[0] >= 0:
            tiers.append(PriceTier(int(bounds[0]), *_read(item, _FIELDS, free=free)))
    return sorted(tiers, key=lambda tier: tier.above_tokens)


def _read(entry: Mapping[str, Any], fields: tuple[str, ...], *, free: bool) -> Prices:
    """The five prices; a reasoning price that equals the output's is left out as redundant."""
    read, write, cache_read, cache_write, reasoning = (_per_mtok(entry.get(field), free=free) for field in fields)
    return read, write, cache_read, cache_write, None if reasoning == write else reasoning


def _per_mtok(value: Any, *, free: bool) -> float | None:
    if not _is_number(value) or value < 0 or (value == 0 and not free):
        return None
    usd = round(value * 1_000_000, 6)
    return usd if usd < _HIGHEST_USD_PER_MTOK else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
