"""Recorded answers of the providers with a wire format of their own, whole and in pieces, read as they must be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.native import misses

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.traffic

LANES = [
    ("anthropic_messages", "messages"),
    ("gemini_generate", "gemini"),
    ("bedrock_converse", "bedrock"),
    ("bedrock_invoke", "bedrock_invoke"),
    ("cohere_v2", "cohere"),
    ("ollama_chat", "ollama"),
]


@pytest.mark.parametrize(("recorded", "wire"), LANES)
@pytest.mark.parametrize("size", [0, 1, 7])
def test_every_recorded_answer_is_read_right(shared_traffic: Path, recorded: str, wire: str, size: int) -> None:
    wrong, count = misses(shared_traffic, recorded, wire, size)
    assert count > 0
    assert not wrong, f"{len(wrong)} of {count}: {wrong}"
