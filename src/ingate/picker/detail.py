"""The pane on the right: what is known about the selected model, and what it is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingate.catalog.format import from_price, price, tokens
from ingate.picker.cells import clean, cut, wrap
from ingate.picker.data import age
from ingate.picker.items import readiness_of

if TYPE_CHECKING:
    from ingate.catalog import ModelRow
    from ingate.gateway.readiness import Readiness
    from ingate.picker.items import Item
    from ingate.picker.state import State

_STYLES = {"ready": ("ok", "✓"), "attention": ("warn", "○"), "missing": ("bad", "✗")}


def detail(state: State, cells: int, height: int) -> list[list[tuple[str, str]]]:
    """The pane's lines, none wider than `cells` and at most `height` of them.

    If not everything fits, what the model needs in order to answer comes first.
    """
    item = state.item
    if item is None:
        return []
    now = readiness_of(state.data, item)
    title = state.index.names.get(item.row.key) or item.row.model
    head = [("bold", line) for line in wrap(clean(title), cells)]
    head += [("dim", line) for line in wrap(clean(item.spec), cells)] if height > 12 else []
    if aliases := state.data.aliases.get(item.row.key):
        head += [("dim", line) for line in wrap(clean(f"alias {', '.join(aliases)}"), cells)]
    needs, facts = _credentials(state, item, now, cells), _facts(item.row, cells)
    fits = len(head) + len(needs) + len(facts) + 3 <= height
    lines: list[tuple[str, str]] = []
    for part in (head, facts, needs) if fits else (head, needs, facts):
        if lines and fits:
            lines.append(("", ""))
        lines += part
    return [[(style, cut(clean(line), cells))] for style, line in lines[:height]]


def _credentials(state: State, item: Item, now: Readiness, cells: int) -> list[tuple[str, str]]:
    data = state.data
    provider = item.row.provider
    style, mark = _STYLES[now.state]
    known = data.providers.get(provider)
    who = known.display_name if known is not None else provider
    lines = [(style, line) for line in wrap(f"{mark} {who}: {now.source or now.state}", cells, "  ")]
    if now.reason:
        lines += [("", line) for line in wrap(clean(now.reason), cells)]
    if now.state != "ready":
        if now.fix:
            lines += [("", line) for line in wrap(f"→ {clean(now.fix)}", cells, "  ")]
        for miss in now.near_misses:
            lines += [("warn", line) for line in wrap(clean(miss), cells)]
        if known is not None and (page := known.key_url or known.docs_url):
            lines += [("dim", line) for line in wrap(page, cells)]
        lines.append(("bold", "Press a to add it."))
    listed = data.lives.get("litellm_proxy" if item.lane == "proxy" else provider)
    if listed is not None and listed.fetched_at:
        lines.append(("dim", f"listed {age(state.now - listed.fetched_at)}"))
    return lines


def _facts(row: ModelRow, cells: int) -> list[tuple[str, str]]:
    pairs = [
        ("Context", tokens(row.context_tokens)),
        ("Output limit", tokens(row.max_output_tokens)),
        ("Input", f"{from_price(row, 'input_usd_per_mtok', sign='$')} per M tokens"),
        ("Output", from_price(row, "output_usd_per_mtok", sign="$")),
    ]
    if row.cache_read_usd_per_mtok is not None or row.cache_write_usd_per_mtok is not None:
        pairs.append(
            (
                "Cache",
                f"read {price(row.cache_read_usd_per_mtok, sign='$')}, write {price(row.cache_write_usd_per_mtok, sign='$')}",
            )
        )
    if row.reasoning_usd_per_mtok is not None:
        pairs.append(("Reasoning", price(row.reasoning_usd_per_mtok, sign="$")))
    for tier in row.tiers:
        pairs.append(
            (
                f"> {tokens(tier.above_tokens)}",
                f"in {price(tier.input_usd_per_mtok, sign='$')}, out {price(tier.output_usd_per_mtok, sign='$')}",
            )
        )
    if row.mode != "chat":
        pairs.append(("API", {"completion": "text completion", "responses": "Responses"}.get(row.mode, row.mode)))
    lines = [("", cut(f"{name:13}{value}", cells)) for name, value in pairs]
    caps = wrap(" ".join(row.caps) or "?", max(cells - 13, 1))
    lines += [("", f"{name:13}{line}") for name, line in zip(("Features", *[""] * len(caps)), caps, strict=False)]
    if row.deprecated_on:
        lines.append(("warn", cut(f"{'Retired on':13}{row.deprecated_on}", cells)))
    return lines
