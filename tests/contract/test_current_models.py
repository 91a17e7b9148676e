"""What current models reject is adapted before it is sent: every conversation, through every lane, to every host.

The hosts enforce `tests/support/model_rules.json`. A conversation that is not accepted on a lane is in
`tests/support/waiting.json` with the reason; one that is listed there must not be accepted.
"""

from __future__ import annotations

from importlib.metadata import version

import pytest

from support.cells import outcomes, waiting
from support.simulators.table import HOSTS, LITELLM

# The litellm whose requests the table of docs/lanes.md and `waiting.json` describe.
LISTED_FOR = (1, 109)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("spec", HOSTS)
async def test_a_current_model_accepts_every_request_and_the_answer_is_mapped_back(spec: str, stream: bool) -> None:
    found = await outcomes(spec, "native", stream=stream)
    assert {title: wrong for title, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("spec", LITELLM)
async def test_embedded_litellm_is_handed_requests_that_the_model_accepts(spec: str) -> None:
    pytest.importorskip("litellm")
    if tuple(map(int, version("litellm").split(".")[:2])) < LISTED_FOR:
        pytest.skip("the list is that of a newer litellm")
    found = await outcomes(spec, "litellm", stream=None)
    wrong = {title: said for title, said in found.items() if said}
    known = waiting("litellm").get(spec, {})
    assert {title: said for title, said in wrong.items() if title not in known} == {}
    assert sorted(known.keys() - wrong.keys()) == []
