"""The catalog: which models there are, what they support, what they cost, and a search over them."""

from __future__ import annotations

from ingate.catalog.catalog import Catalog, load
from ingate.catalog.cost import cost_usd
from ingate.catalog.query import FILTERS, Query, parse_query
from ingate.catalog.schema import CAPS, FORMATS, CuratedRow, ModelRow, PriceTier
from ingate.catalog.search import Searcher, search

__all__ = [
    "CAPS",
    "FILTERS",
    "FORMATS",
    "Catalog",
    "CuratedRow",
    "ModelRow",
    "PriceTier",
    "Query",
    "Searcher",
    "cost_usd",
    "load",
    "parse_query",
    "search",
]
