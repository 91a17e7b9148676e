"""Write what differs between the lanes into docs/lanes.md, between its two markers.

Forty conversations go through the native lanes and through litellm to small providers on loopback that check each
request by its published schema. Needs litellm; takes about half a minute.

python scripts/docs_lanes.py            writes the page
python scripts/docs_lanes.py --check    exits 1 where the page is not what would be written
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from ingate.engines.litellm_ import load  # noqa: E402
from support.contract import Result, results  # noqa: E402
from support.conversations import CONVERSATIONS  # noqa: E402
from support.simulators import PROVIDERS  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE = ROOT / "docs" / "lanes.md"
BEGIN, END = "<!-- lanes: begin -->", "<!-- lanes: end -->"
# litellm asks Google for a token before it sends anything to Vertex AI.
LEFT_OUT = frozenset({"vertex_ai", "vertex_ai, Claude"})


async def table() -> str:
    """The counts and the differences as Markdown."""
    counts = ["| provider | native | litellm |", "|---|---|---|"]
    rows: dict[tuple[str, str, str], list[str]] = {}
    for name, provider in PROVIDERS.items():
        native = await results(provider, "native")
        other = await results(provider, "litellm") if name not in LEFT_OUT else {}
        counts.append(f"| {name} | {_count(native)} | {_count(other) if other else 'not asked'} |")
        for title in CONVERSATIONS:
            if other and (ours := words(native[title])) != (theirs := words(other[title])):
                rows.setdefault((title, ours, theirs), []).append(name)
    about = f"With litellm {load.version()}; taken whole, of {len(CONVERSATIONS)} conversations:"
    differ = ["| provider | conversation | native | litellm |", "|---|---|---|---|"]
    differ += [f"| {'; '.join(names)} | {' | '.join(cells)} |" for cells, names in rows.items()]
    return "\n\n".join([about, "\n".join(counts), "Where the two differ:", "\n".join(differ)])


def _count(found: Mapping[str, Result]) -> int:
    return sum(words(one) == "taken" for one in found.values())


def words(result: Result) -> str:
    """What became of one conversation, for the table."""
    if result.refused_here:
        return "refused before it leaves: " + _cell(result.refused_here)
    if result.refused_there:
        return "refused by the provider: " + _cell(result.refused_there)
    if result.failed:
        return "failed: " + _cell(result.failed)
    said = [*(["answer misread"] if result.wrong else []), *(f"without {what}" for what in result.lost)]
    return "; ".join(["taken", *map(_cell, said)])


def _cell(text: str) -> str:
    """One line of at most eighty characters without ids that change from run to run."""
    text = re.sub(r"\['?[0-9a-f]{8}-[^\]]*\]", "[…]", text.partition(" / ")[0].partition("\n")[0])
    if re.search("fetch image|DNS|could not be reached", text):
        return "it fetches the image itself"  # which depends on the network
    text = re.sub(r"^\w+: ", "", text).replace("|", "/").replace("<", "‹").strip()
    return text if len(text) <= 80 else text[:79].rstrip() + "…"


def with_table(page: str, made: str) -> str:
    """`page` with everything between the markers written anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return "\n\n".join([before + BEGIN, made, END]) + after


if __name__ == "__main__":
    old = PAGE.read_text(encoding="utf-8")
    new = with_table(old, asyncio.run(table()))
    if "--check" in sys.argv[1:]:
        sys.exit(0 if new == old else f"{PAGE.name} is out of date; run python scripts/docs_lanes.py")
    PAGE.write_text(new, encoding="utf-8")
