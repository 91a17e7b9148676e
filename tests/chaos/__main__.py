"""`make chaos`: every fault on every lane and every surface. Exit status 1 if a cell is neither correct nor a typed error."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time

from chaos.faults import FAULTS
from chaos.matrix import LANES, SURFACES, all_cells, chaos, run, table


def main() -> int:
    """Run the matrix, or the part of it that the arguments select."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fault", default="", help="only faults whose name has this in it")
    parser.add_argument("--lane", default="", help=f"only lanes with this in their name: {', '.join(LANES)}")
    parser.add_argument("--surface", default="", help=f"only surfaces with this in their name: {', '.join(SURFACES)}")
    parser.add_argument("--at-once", type=int, default=24, help="calls at a time (default: %(default)s)")
    given = parser.parse_args()
    cells = [
        cell
        for cell in all_cells()
        if given.fault in cell.fault and given.lane in cell.lane and given.surface in cell.surface
    ]
    for name in [name for name in os.environ if name.endswith(("_API_KEY", "_API_BASE", "_TOKEN"))]:
        del os.environ[name]
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as home:
        os.environ["HOME"] = home
        done = asyncio.run(_run(cells, given.at_once))
    print(table(done))
    wrong = [cell for cell in done if cell.outcome is not None and not cell.outcome.is_good]
    for cell in wrong[:200]:
        print(cell)
    print(f"{len(done)} cells in {time.monotonic() - began_s:.0f} s, {len(wrong)} wrong")
    return 1 if wrong else 0


async def _run(cells: list, at_once: int) -> list:
    count = 0

    def shown(cell: object) -> None:
        nonlocal count
        count += 1
        if sys.stderr.isatty() or count % 500 == 0:
            print(f"\r{count} of {len(cells)}", end="" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)

    async with chaos() as running:
        light = [cell for cell in cells if not FAULTS[cell.fault].heavy]
        heavy = [cell for cell in cells if FAULTS[cell.fault].heavy]
        done = await run(running, light, at_once=at_once, shown=shown)
        done += await run(running, heavy, at_once=1, shown=shown)
        # So many calls at a time keep a small machine busy: what was wrong among them must be wrong alone, too.
        wrong = [cell for cell in done if cell.outcome is not None and not cell.outcome.is_good]
        if wrong:
            print(f"{len(wrong)} cells once more, one at a time", file=sys.stderr)
            await run(running, wrong, at_once=1)
        return done


if __name__ == "__main__":
    sys.exit(main())
