"""The few models shown first, and their facts for when litellm is not installed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from ingate.catalog.schema import CAPS, FORMATS, CuratedRow, ModelRow, PriceTier

if TYPE_CHECKING:
    from collections.abc import Callable

_FILE: Final = Path(__file__).parents[1] / "data" / "curated.json"


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of `data/curated.json`; prices in US dollars per million tokens, null if unknown."""

    display_name: str
    provider: str
    model: str
    tags: tuple[str, ...]
    context_tokens: int
    max_output_tokens: int | None
    input_usd_per_mtok: float | None
    output_usd_per_mtok: float | None
    cache_read_usd_per_mtok: float | None
    cache_write_usd_per_mtok: float | None
    caps: tuple[str, ...]
    mode: str = "chat"
    deprecated_on: str | None = None
    formats: tuple[str, ...] = ()
    tiers: tuple[PriceTier, ...] = ()
    facts: str = ""

    def row(self) -> ModelRow:
        """The entry's own facts as a row of the catalog."""
        return ModelRow(
            self.provider,
            self.model,
            self.mode,
            self.context_tokens,
            self.max_output_tokens,
            self.input_usd_per_mtok,
            self.output_usd_per_mtok,
            self.cache_read_usd_per_mtok,
            self.cache_write_usd_per_mtok,
            tuple(cap for cap in CAPS if cap in self.caps),
            self.deprecated_on,
            tiers=self.tiers,
            formats=tuple(name for name in FORMATS if name in self.formats),
            facts=self.facts,
        )


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    checked_with: str
    models: tuple[Entry, ...]


def entries() -> tuple[Entry, ...]:
    """The curated models, best known first."""
    return _read().models


def checked_with() -> str:
    """The version of litellm from whose catalog the entries' prices and limits were taken."""
    return _read().checked_with


def curated(get: Callable[[str, str], ModelRow | None]) -> tuple[CuratedRow, ...]:
    """The curated models with their rows in the catalog, from `get(provider, model)`, or else with their own facts."""
    return tuple(
        CuratedRow(
            entry.display_name,
            f"litellm.{entry.provider}/{entry.model}",
            entry.provider,
            entry.model,
            entry.tags,
            get(entry.provider, entry.model) or entry.row(),
        )
        for entry in entries()
    )


def _read() -> _File:
    return msgspec.json.decode(_FILE.read_bytes(), type=_File)
