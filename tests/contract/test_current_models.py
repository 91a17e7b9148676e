"""What current models reject is adapted before it is sent: every conversation, through every lane, to every host.

The hosts enforce `tests/support/model_rules.json`. A cell that is not accepted yet is in `tests/support/waiting.json`
with the constraint's name, and its test is expected to fail.
"""

from __future__ import annotations

from importlib.metadata import version

import pytest

from support.cells import cells, outcomes
from support.current import CURRENT
from support.simulators.table import CURATED, HOSTS

# The litellm whose requests the table of docs/lanes.md and `waiting.json` describe.
CELLS_OF = (1, 109)


@pytest.mark.parametrize(("spec", "title"), cells("native", HOSTS, CURRENT))
async def test_a_current_model_accepts_the_request_and_the_answer_is_mapped_back(spec: str, title: str) -> None:
    whole = (await outcomes(spec, "native", stream=False))[title]
    streamed = (await outcomes(spec, "native", stream=True))[title]
    assert (whole, streamed) == ("", "")


@pytest.mark.parametrize(
    ("spec", "title"), cells("litellm", [spec for spec in CURATED if HOSTS[spec].litellm], CURRENT)
)
async def test_embedded_litellm_is_handed_a_request_that_the_model_accepts(spec: str, title: str) -> None:
    pytest.importorskip("litellm")
    if tuple(map(int, version("litellm").split(".")[:2])) < CELLS_OF:
        pytest.skip("the cells are those of a newer litellm")
    assert (await outcomes(spec, "litellm", stream=False))[title] == ""
