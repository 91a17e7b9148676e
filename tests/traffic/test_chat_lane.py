"""Recorded answers of providers that speak OpenAI's format, through the native engine and the normaliser."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from ingate.engines.base import CallReport, Route
from ingate.engines.native import NativeEngine
from ingate.errors import IngateError
from ingate.providers.credential import Credential
from ingate.secret import Secret
from ingate.spec import parse_one
from ingate.wire.completion import assemble, normalise_completion
from ingate.wire.normaliser import StreamNormaliser
from support.traffic import (
    Case,
    Outcome,
    compare,
    load_cases,
    outcome_of_chunks,
    outcome_of_completion,
    outcome_of_error,
    replaying,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.traffic

_AT_ONCE = 24
_REQUEST = {"messages": [{"role": "user", "content": "Hello"}]}


def _route(case: Case, base: str, option: str = "") -> Route:
    return Route(
        spec=parse_one("openai/model"),
        engine="native",
        provider=case.provider,
        model=case.model,
        wire_format="chat",
        api_base=f"{base}/{case.id}{option}/v1",
        credential=Credential(api_key=Secret("sk-for-the-replay"), source="env REPLAY_API_KEY"),
        timeout_s=30.0,
    )


def _invariants(chunks: list[dict]) -> list[str]:
    """What every normalised stream keeps, told where it does not."""
    wrong = []
    if len({(chunk["id"], chunk["created"], chunk["model"], chunk["object"]) for chunk in chunks}) != 1:
        wrong.append("id, created, model or object change")
    if any("usage" in chunk for chunk in chunks[:-1]) or chunks[-1]["choices"] or "usage" not in chunks[-1]:
        wrong.append("usage is not in the last chunk alone")
    by_choice: dict[int, list[dict]] = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            by_choice.setdefault(choice["index"], []).append(choice)
    for index, choices in by_choice.items():
        roles = [number for number, choice in enumerate(choices) if "role" in choice["delta"]]
        if roles != [0]:
            wrong.append(f"role of choice {index} in {roles}")
        if [bool(choice["finish_reason"]) for choice in choices] != [False] * (len(choices) - 1) + [True]:
            wrong.append(f"finish reason of choice {index} is not in its last delta alone")
        known: set[int] = set()
        for choice in choices:
            for call in choice["delta"].get("tool_calls") or []:
                is_head = "id" in call
                if is_head == (call["index"] in known) or is_head != ("name" in call["function"]):
                    wrong.append(f"tool call {call} of choice {index}")
                known.add(call["index"])
    return wrong


async def _play(engine: NativeEngine, case: Case, base: str, option: str = "") -> tuple[Outcome, list[str]]:
    route = _route(case, base, option)
    if not case.stream:
        try:
            raw = await engine.complete(route, _REQUEST, CallReport())
            return outcome_of_completion(normalise_completion(raw, case.model)), []
        except IngateError as error:
            return outcome_of_error(error), []
    normaliser = StreamNormaliser(case.model)
    chunks: list[dict] = []
    try:
        async for chunk in engine.stream(route, _REQUEST, CallReport()):
            chunks += normaliser.feed(chunk)
        chunks += normaliser.finish()
    except IngateError as error:
        return outcome_of_error(error, normaliser.partial()), []
    outcome = outcome_of_chunks(chunks)
    wrong = _invariants(chunks)
    if outcome_of_completion(assemble(chunks)) != outcome:
        wrong.append("the assembled completion differs from the stream")
    return outcome, wrong


async def _misses(cases: list[Case], folder: Path, option: str = "") -> dict[str, list[str]]:
    engine = NativeEngine()
    slots = asyncio.Semaphore(_AT_ONCE)

    async def check(case: Case, base: str) -> tuple[str, list[str]]:
        async with slots:
            outcome, wrong = await _play(engine, case, base, option)
        return case.id, compare(outcome, case) + wrong

    with replaying(folder) as base:
        try:
            results = await asyncio.gather(*(check(case, base) for case in cases))
        finally:
            await engine.aclose()
    return {name: wrong for name, wrong in results if wrong}


def _report(misses: dict[str, list[str]]) -> str:
    return "\n".join(f"{name}: {'; '.join(wrong)}" for name, wrong in sorted(misses.items()))


async def test_recorded_answers_say_what_they_must(shared_traffic: Path):
    cases = load_cases(shared_traffic, ["openai_chat"])
    misses = await _misses(cases, shared_traffic)
    assert len(misses) <= len(cases) // 100, _report(misses)


@pytest.mark.parametrize("size", [1, 7])
async def test_streams_read_the_same_however_small_their_pieces(shared_traffic: Path, size: int):
    cases = [case for case in load_cases(shared_traffic, ["openai_chat"]) if case.stream]
    misses = await _misses(cases, shared_traffic, f"@chunk={size}")
    assert not misses, _report(misses)
