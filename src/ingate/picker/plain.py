"""The picker without a terminal: a list, and how to name a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingate import providers
from ingate.catalog.format import price, tokens
from ingate.picker.cells import clean, fit, width
from ingate.picker.items import Item
from ingate.picker.live import age
from ingate.picker.rows import LITELLM, Marks

if TYPE_CHECKING:
    from ingate.picker.data import PickerData


def plain_list(data: PickerData, *, now: float = 0.0) -> str:
    """The local models, the proxy's deployments and the curated models with their marks, as lines of plain text.

    Args:
        data: What there is.
        now: Seconds since the epoch, for the age of the proxy's list; 0 leaves it out.
    """
    marks = Marks(data)
    items = [Item(one.row, "auto") for one in data.local]
    listed = data.lives.get("litellm_proxy")
    if data.proxy is not None and listed is not None:
        items += [Item(row, "proxy") for row in listed.rows]
    items += [Item(entry.row, LITELLM) for entry in data.curated]
    wide = max((width(clean(item.spec)) for item in items), default=0)
    lines = []
    for item in items:
        row = item.row
        paid = f"{price(row.input_usd_per_mtok)}/{price(row.output_usd_per_mtok)}"
        line = (
            f"{providers.mark(marks.of(item))} {fit(clean(item.spec), wide)}  {fit(tokens(row.context_tokens), 5, right=True)}"
            f"  {fit(paid, 11)}  {' '.join(row.caps)}"
        )
        lines.append(line.rstrip())
    shown = {item.row.key for item in items}
    hidden = sum(1 for row in data.rows if row.key not in shown)
    when = f", the proxy's list is from {age(now - listed.fetched_at)}" if now and listed and listed.fetched_at else ""
    lines += [
        "",
        f"{len(items)} shown, {hidden:,} more: `ingate models WORDS` finds them{when}.",
        "This is not a terminal, so nothing can be picked here: pass --model SPEC.",
    ]
    return "\n".join(lines)
