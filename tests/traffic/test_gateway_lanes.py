"""Every recorded answer through the gateway, set up as a user would: a mapping, a `<provider>/<model>` spec, a base URL."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from ingate import Gateway
from ingate.errors import IngateError
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

OPENAI = ("openai_chat",)
NATIVE = (
    "anthropic_messages",
    "gemini_generate",
    "bedrock_converse",
    "bedrock_invoke",
    "cohere_v2",
    "ollama_chat",
)
# The share of all cases that must come out right.
FLOOR = 0.99
# Known misses, as (provider, a word of what is wrong) → why. Others fail the test whatever the floor says.
CAUSES = {
    ("cohere", "usage.reasoning"): "Cohere says how many tokens it thought with; the expectation leaves them out",
}
# Providers whose own provider has another name here; providers without one go through `openai`.
OWN_PROVIDERS = {
    "alibaba": "dashscope",
    "cohere": "cohere_chat",
    "ollama": "ollama",
    "together": "together_ai",
    "vercel_gateway": "vercel_ai_gateway",
    "vertex": "vertex_ai",
    "vertex_anthropic": "vertex_ai",
}
KEY = "sk-for-the-replay-0123456789"
# What authenticates a provider where it is no mere `api_key`.
SECTIONS: dict[str, dict[str, str]] = {
    "bedrock": {
        "aws_access_key_id": "AKIDEXAMPLE",
        "aws_secret_access_key": "an-example-of-a-secret-access-key",
        "aws_region_name": "us-east-1",
    },
    "vertex_ai": {"api_key": KEY, "vertex_project": "my-project", "vertex_location": "europe-west4"},
    "azure": {"api_key": KEY, "api_version": "2024-10-21"},
    "ollama": {},
    "ollama_chat": {},
}
AT_ONCE = 8


def suggested(case: Case) -> str:
    return case.drive["litellm_model"].partition("/")[0]


def own(case: Case) -> str:
    from ingate.providers import providers

    name = OWN_PROVIDERS.get(case.provider, case.provider)
    return name if name in providers() and name != "bedrock_mantle" else suggested(case)


async def played(case: Case, provider: str, base: str) -> Outcome:
    section = SECTIONS.get(provider, {"api_key": KEY})
    request: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 64}
    if case.drive.get("request", {}).get("tools"):
        request["tools"] = case.drive["request"]["tools"]
    request["model"] = f"{provider}/{case.model}"
    async with Gateway({provider: {**section, "base_url": base}}, retries=0) as gateway:
        assert [route.engine for route in gateway.routes(request["model"])] == ["native"]
        if not case.stream:
            try:
                return outcome_of_completion(await gateway.complete(request))
            except IngateError as error:
                return outcome_of_error(error)
        chunks: list[dict[str, Any]] = []
        try:
            async for chunk in gateway.stream(request):
                chunks.append(chunk)
        except IngateError as error:
            return outcome_of_error(error)
        return outcome_of_chunks(chunks)


async def replayed(folder: Path, wires: tuple[str, ...], provider_of: Any, ending: str) -> tuple[int, int, list[str]]:
    """How many came out right, of how many, and what went wrong without a known cause."""
    cases = load_cases(folder, wires)
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case, base: str) -> tuple[Case, list[str]]:
        async with slots:
            return case, compare(await played(case, provider_of(case), f"{base}/{case.id}{ending}"), case)

    with replaying(folder) as base:
        results = await asyncio.gather(*(one(case, base) for case in cases))
    right, unexplained = 0, []
    for case, wrong in results:
        if not wrong:
            right += 1
        elif not all(any(case.provider == who and word in text for who, word in CAUSES) for text in wrong):
            unexplained.append(f"{case.id} ({provider_of(case)}): {'; '.join(wrong)}")
    return right, len(cases), unexplained


@pytest.mark.parametrize("ending", ["", "/v1"])
@pytest.mark.parametrize("provider_of", [suggested, own])
async def test_recorded_answers_come_out_right(shared_traffic: Path, provider_of: Any, ending: str) -> None:
    right, count, unexplained = await replayed(shared_traffic, OPENAI + NATIVE, provider_of, ending)
    assert not unexplained, f"{right} of {count}\n" + "\n".join(unexplained)
    assert right >= FLOOR * count, f"{right} of {count}"


@pytest.mark.parametrize("option", ["@chunk=1", "@chunk=7"])
async def test_answers_read_the_same_however_small_their_pieces(shared_traffic: Path, option: str) -> None:
    _, _, unexplained = await replayed(shared_traffic, NATIVE, own, option)
    assert not unexplained, "\n".join(unexplained)


@pytest.mark.parametrize(
    ("wire", "ending"),
    [
        *(("anthropic_messages", ending) for ending in ("/", "/v1/messages", "/v1/messages/")),
        *(("gemini_generate", ending) for ending in ("/v1beta", "/v1beta/models", "/v1alpha", "/v1beta/")),
        *(("cohere_v2", ending) for ending in ("/v2", "/v2/chat", "/v1/chat", "/compatibility/v1")),
        *(("ollama_chat", ending) for ending in ("/api", "/api/chat", "/api/", "/v1/chat/completions")),
        *(("bedrock_converse", ending) for ending in ("/", "/model")),
        *(("openai_chat", ending) for ending in ("/v1/chat/completions", "/chat/completions")),
    ],
)
async def test_a_base_url_may_be_written_as_users_write_it(shared_traffic: Path, wire: str, ending: str) -> None:
    _, _, unexplained = await replayed(shared_traffic, (wire,), own, ending)
    assert not unexplained, "\n".join(unexplained)
