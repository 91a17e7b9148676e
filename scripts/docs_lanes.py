"""Write what differs between the lanes, and what current models accept, into docs/lanes.md, each between two markers.

Forty conversations go through the native lanes and through litellm to small providers on loopback that check each
request by its published schema. Needs litellm; takes about half a minute. What current models accept is what the
contract suite verifies (`tests/contract/test_current_models.py`).

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
from support.cells import waiting  # noqa: E402
from support.contract import Result, results  # noqa: E402
from support.conversations import CONVERSATIONS  # noqa: E402
from support.current import CURRENT  # noqa: E402
from support.rules import all_rules  # noqa: E402
from support.simulators import PROVIDERS  # noqa: E402
from support.simulators.table import CURATED, HOSTS, LITELLM  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE = ROOT / "docs" / "lanes.md"
LANES = ("<!-- lanes: begin -->", "<!-- lanes: end -->")
CURRENT_MODELS = ("<!-- current models: begin -->", "<!-- current models: end -->")
# litellm asks Google for a token before it sends anything to Vertex AI; the hosts of current models have one.
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


def current_models() -> str:
    """How many requests each current model accepts on either lane, and which rules the others break."""
    rows = ["| model | native | litellm | not accepted on the litellm lane |", "|---|---|---|---|"]
    native, other = waiting("native"), waiting("litellm")
    for spec in [*CURATED, *(spec for spec in HOSTS if spec not in CURATED)]:
        broken = sorted(set(other.get(spec, {}).values()))
        cells = [
            spec,
            str(len(CURRENT) - len(native.get(spec, {}))),
            str(len(CURRENT) - len(other.get(spec, {}))) if spec in LITELLM else "not asked",
            "; ".join(_cell(reason) for reason in broken),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    about = f"Accepted, of {len(CURRENT)} requests, by hosts that enforce {len(all_rules())} rules:"
    return "\n\n".join([about, "\n".join(rows)])


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


def with_table(page: str, made: str, markers: tuple[str, str] = LANES) -> str:
    """`page` with everything between two markers written anew."""
    begin, end = markers
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return "\n\n".join([before + begin, made, end]) + after


if __name__ == "__main__":
    old = PAGE.read_text(encoding="utf-8")
    new = with_table(old, asyncio.run(table()))
    new = with_table(new, current_models(), CURRENT_MODELS)
    if "--check" in sys.argv[1:]:
        sys.exit(0 if new == old else f"{PAGE.name} is out of date; run python scripts/docs_lanes.py")
    PAGE.write_text(new, encoding="utf-8")
