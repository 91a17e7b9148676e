"""A part of `make soak`: a few conversations over every lane, with faults, for a few seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.soak import soak


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted in /proc")
async def test_no_message_is_lost_or_repeated() -> None:
    found, resources = await soak(4, 8, pause_s=0.1, seed=7)
    assert found.wrong == []
    assert found.turns > 8
    assert len(resources.files) >= 4


async def test_a_message_that_is_lost_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from chaos import server

    monkeypatch.setattr(server, "answer_to", lambda body: "a1-0; of 9 questions.")
    found, _ = await soak(1, 2, pause_s=0.0, seed=7)
    assert found.wrong
