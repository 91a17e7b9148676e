"""The models that the installed litellm knows, loaded in milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ingate.catalog import curated, index, source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ingate.catalog.schema import CuratedRow, ModelRow
    from ingate.catalog.source import Source

# What litellm accepts before a Bedrock model's own id: a route, then a region.
_BEDROCK_ROUTE: Final = re.compile(r"(?:(?:converse|invoke|converse_like)/)?(?:[a-z]{2}(?:-gov|-iso\w?)?-[a-z]+-\d/)?")


class Catalog:
    """Every chat model one can call, by provider and name.

    Attributes:
        rows: All rows, including those past their deprecation date; see `visible`.
        version: litellm's version; empty if litellm is not installed.
        source: Where the rows come from, for display: `"litellm 1.109.1"`,
            `"built-in list of 20 (litellm is not installed)"`.
        dated: The ISO date of litellm's catalog file; None for the built-in list.
        left_out: The number of entries of litellm's file without a row, by reason (see `litellm_names.REASONS`).
        no_provider: How many of these belong to each litellm_provider that is not a provider of ingate's.
    """

    def __init__(
        self,
        rows: tuple[ModelRow, ...],
        *,
        version: str = "",
        source: str = "",
        dated: str | None = None,
        left_out: Mapping[str, int] | None = None,
        no_provider: Mapping[str, int] | None = None,
    ) -> None:
        self.rows = rows
        self.version = version
        self.source = source
        self.dated = dated
        self.left_out = MappingProxyType(dict(left_out or {}))
        self.no_provider = MappingProxyType(dict(no_provider or {}))

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"<Catalog of {len(self.rows)} models from {self.source}>"

    @cached_property
    def _found(self) -> dict[tuple[str, str], ModelRow]:
        return {(row.provider, row.model): row for row in self.rows}

    @cached_property
    def _grouped(self) -> Mapping[str, tuple[ModelRow, ...]]:
        groups: dict[str, list[ModelRow]] = {}
        for row in self.rows:
            groups.setdefault(row.provider, []).append(row)
        return MappingProxyType({provider: tuple(rows) for provider, rows in groups.items()})

    def get(self, provider: str, model: str) -> ModelRow | None:
        """The row of a model; None if it is not in the catalog, in which case it can be called nevertheless.

        A Bedrock model is also found with a route and a region (`converse/us-east-1/amazon.nova-pro-v1:0`).
        """
        row = self._found.get((provider, model))
        if row is None and provider == "bedrock" and (found := _BEDROCK_ROUTE.match(model)) and found.end():
            return self._found.get((provider, model[found.end() :]))
        return row

    def visible(self, today: date | None = None) -> tuple[ModelRow, ...]:
        """The rows that are not past their deprecation date on `today` (default: today, UTC)."""
        day = (today or datetime.now(UTC).date()).isoformat()
        return tuple(row for row in self.rows if row.deprecated_on is None or row.deprecated_on >= day)

    def by_provider(self) -> Mapping[str, tuple[ModelRow, ...]]:
        """All rows, grouped by provider."""
        return self._grouped

    def curated(self) -> tuple[CuratedRow, ...]:
        """The few models to show first."""
        return curated.curated(self.get)


def load(*, cache_dir: Path | None = None) -> Catalog:
    """The installed litellm's models, or ingate's own short list if litellm is missing or its file is invalid.

    litellm is not imported. An index is kept in `cache_dir` (default: the user's cache folder) and rebuilt when litellm,
    its file or ingate changes; without a writable folder every load reads litellm's file.
    """
    found = source.find()
    return load_from(found, cache_dir=cache_dir) if found else builtin("litellm is not installed")


def load_from(found: Source, *, cache_dir: Path | None = None) -> Catalog:
    """The models of one catalog file; see `load`."""
    if cache_dir is None:
        from ingate.paths import cache_dir as default_cache_dir

        cache_dir = default_cache_dir()
    known = index.read(found, cache_dir)
    if known is None:
        from ingate.catalog.build import build

        try:
            built = build(found.path.read_bytes())
        except (OSError, ValueError) as error:
            return builtin(f"the catalog of litellm {found.version} cannot be read: {error}", version=found.version)
        known = built.rows, built.left_out, built.no_provider
        index.write(found, cache_dir, *known)
    rows, left_out, no_provider = known
    return Catalog(
        rows,
        version=found.version,
        source=f"litellm {found.version}",
        dated=datetime.fromtimestamp(found.mtime_ns / 1e9, UTC).date().isoformat(),
        left_out=left_out,
        no_provider=no_provider,
    )


def builtin(why: str, *, version: str = "") -> Catalog:
    """Only the curated models, with `why` in `source`."""
    rows = tuple(entry.row() for entry in curated.entries())
    return Catalog(rows, version=version, source=f"built-in list of {len(rows)} ({why})")
