"""A part of `make chaos`: every fault, every lane, every surface, and every pair of a lane and a surface."""

from __future__ import annotations

from chaos.faults import FAULTS
from chaos.matrix import LANES, SURFACES, chaos, run, some_cells


def test_the_part_covers_every_fault_and_every_pair_of_a_lane_and_a_surface() -> None:
    cells = some_cells()
    assert {cell.fault for cell in cells} == {name for name, fault in FAULTS.items() if not fault.heavy}
    assert {(cell.lane, cell.surface) for cell in cells} == {(lane, surface) for lane in LANES for surface in SURFACES}
    assert len(FAULTS) >= 60


async def test_every_call_ends_with_the_right_answer_or_a_typed_error() -> None:
    async with chaos(scale=2.0) as running:
        done = await run(running, some_cells(), at_once=32)
        # On a busy machine a call may be too late for its limits: what is wrong once may not be wrong alone.
        again = [cell for cell in done if cell.outcome is not None and cell.outcome.mark not in ".eS"]
        await run(running, again, at_once=2)
    wrong = [str(cell) for cell in again if cell.outcome is not None and cell.outcome.mark not in ".eS"]
    assert wrong == []
