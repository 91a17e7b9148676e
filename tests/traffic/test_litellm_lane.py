"""Recorded provider answers through the litellm lane, from a Route to normalised OpenAI answers.

The floor is what the lane reaches; what it misses is listed by cause. Vertex AI is driven through the Gemini API's
form, and Claude on Vertex through Anthropic's: litellm asks Google for a token before it sends anything else.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from ingate.engines.base import CallReport, Route
from ingate.engines.litellm_ import LitellmEngine, load
from ingate.errors import IngateError
from ingate.providers.address import for_lane
from ingate.providers.credential import Credential
from ingate.providers.registry import provider as look_up
from ingate.secret import Secret
from ingate.spec import parse_one
from ingate.wire.completion import normalise_completion
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

pytestmark = [
    pytest.mark.traffic,
    pytest.mark.skipif(load.version() is None, reason="litellm is not installed"),
]

WIRES = (
    "openai_chat", "anthropic_messages", "gemini_generate", "bedrock_converse", "bedrock_invoke", "cohere_v2",
    "ollama_chat",
)  # fmt: skip
# The share of all cases that must come out right: what the lane reaches.
FLOOR = 277 / 278
# Misses that are known, as (provider, a word of what is wrong) → why. Others fail the test whatever the floor says.
CAUSES = {
    ("cohere", "usage.reasoning"): "Cohere says how many tokens it thought with; the expectation leaves them out",
}

_CREDENTIALS: dict[str, dict[str, str]] = {
    "bedrock": {
        "aws_access_key_id": "AKIDEXAMPLE",
        "aws_secret_access_key": "an-example-of-a-secret-access-key",
        "aws_region_name": "us-east-1",
    },
    "azure": {"api_version": "2024-10-21"},
}


def route_of(case: Case, base: str) -> Route:
    provider, _, model = case.drive["litellm_model"].partition("/")
    params = {name: Secret(value) for name, value in _CREDENTIALS.get(provider, {}).items()}
    key = None if provider == "bedrock" else Secret("sk-replayed-0123456789")
    return Route(
        spec=parse_one(f"litellm.{provider}/{model}"),
        engine="litellm",
        provider=provider,
        model=model,
        api_base=for_lane(look_up(provider), f"{base}/{case.id}", "litellm"),
        credential=Credential(api_key=key, params=params, source="the test"),
        timeout_s=20.0,
    )


async def outcome_of(engine: LitellmEngine, case: Case, base: str) -> Outcome:
    route, report = route_of(case, base), CallReport()
    body = {name: value for name, value in case.drive["request"].items() if name not in {"model", "stream"}}
    if not case.stream:
        try:
            return outcome_of_completion(normalise_completion(await engine.complete(route, body, report), route.model))
        except IngateError as error:
            return outcome_of_error(error)
    normaliser = StreamNormaliser(route.model)
    chunks: list[dict[str, Any]] = []
    try:
        async with aclosing(engine.stream(route, body, report)) as stream:  # ty: ignore[invalid-argument-type]
            async for chunk in stream:
                chunks.extend(normaliser.feed(chunk))
        chunks.extend(normaliser.finish())
    except IngateError as error:
        return outcome_of_error(error, normaliser.partial())
    return outcome_of_chunks(chunks)


@pytest.mark.timeout(300)
async def test_recorded_answers_come_out_right(shared_traffic: Path) -> None:
    cases = load_cases(shared_traffic, WIRES)
    engine = LitellmEngine()
    right, unexplained = 0, []
    with replaying(shared_traffic) as base:
        for case in cases:
            wrong = compare(await outcome_of(engine, case, base), case)
            if not wrong:
                right += 1
            elif not all(any(case.provider == who and word in one for who, word in CAUSES) for one in wrong):
                unexplained.append(f"{case.id}: {'; '.join(wrong)}")
        await engine.aclose()
    assert not unexplained, "\n".join(unexplained)
    assert right >= FLOOR * len(cases), f"{right} of {len(cases)}"
