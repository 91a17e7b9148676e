"""Recorded answers of Anthropic and Google, whole and in pieces, read as their independent reading says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from helpers_native import misses

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.traffic


@pytest.mark.parametrize(("recorded", "wire"), [("anthropic_messages", "anthropic"), ("gemini_generate", "gemini")])
@pytest.mark.parametrize("size", [0, 1, 7])
def test_every_recorded_answer_is_read_right(shared_traffic: Path, recorded: str, wire: str, size: int) -> None:
    wrong, count = misses(shared_traffic, recorded, wire, size)
    assert count > 0
    assert not wrong, f"{len(wrong)} of {count}: {wrong}"
