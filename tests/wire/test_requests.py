"""OpenAI requests and the exact request body that each format makes of them.

`requests/<format>.json` lists the cases: `target` has the fields of `Target`, `request` is the OpenAI request, and `body`
is what is sent (to `url`, if that is given), or `error` the message of the `BadRequestError`. `dropped` and `warnings` are empty if they are absent.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from ingate.errors import BadRequestError
from ingate.wire.codec import codec_for
from support.native import target

CASES = [
    pytest.param(file.stem, case, id=f"{file.stem}: {case['name']}")
    for file in sorted((Path(__file__).parent / "requests").glob("*.json"))
    for case in json.loads(file.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("wire", "case"), CASES)
def test_a_request_becomes_exactly_this_body(wire: str, case: dict[str, Any]) -> None:
    where = target(**case["target"])
    request = copy.deepcopy(case["request"])
    if "error" in case:
        with pytest.raises(BadRequestError) as caught:
            codec_for(wire).request(request, where)
        assert str(caught.value) == case["error"]
        return
    sent = codec_for(wire).request(request, where)
    assert json.loads(sent.body) == case["body"]
    assert sent.url == case.get("url", sent.url)
    assert sent.dropped == case.get("dropped", [])
    assert sent.warnings == case.get("warnings", [])
    assert request == case["request"]
