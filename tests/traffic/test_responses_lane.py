"""Recorded answers of Responses endpoints: what a Chat caller gets, from the codec alone and through the native engine."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from ingate import Gateway
from ingate.engines.base import CallReport, Route
from ingate.engines.native import NativeEngine
from ingate.errors import IngateError
from ingate.providers import providers
from ingate.providers.credential import Credential
from ingate.secret import Secret
from ingate.spec import parse_one
from ingate.wire.codec import codec_for
from ingate.wire.completion import assemble, normalise_completion
from ingate.wire.normaliser import StreamNormaliser
from support.native import body_of
from support.traffic import Case, compare, load_cases, outcome_of_completion, outcome_of_error, replaying

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

pytestmark = pytest.mark.traffic

WIRE = ("openai_responses",)
_AT_ONCE = 24
_REQUEST = {"messages": [{"role": "user", "content": "Hello"}]}


def assembled(case: Case, size: int) -> dict[str, Any]:
    """The completion of a recorded 200; a stream is fed in pieces of `size` bytes, whole if it is 0."""
    codec, raw = codec_for("responses"), body_of(case)
    if not case.stream:
        return normalise_completion(codec.response(raw, model=case.model), case.model)
    normaliser = StreamNormaliser(case.model)
    kind = (case.response.get("headers") or {}).get("content-type", "")
    decoder = codec.decoder(model=case.model, content_type=kind)
    chunks: list[dict[str, Any]] = []
    step = size or len(raw)
    for at in range(0, len(raw), step):
        for chunk in decoder.feed(raw[at : at + step]):
            chunks += normaliser.feed(chunk)
    for chunk in decoder.close():
        chunks += normaliser.feed(chunk)
    assert decoder.failed is None
    return assemble(chunks + normaliser.finish())


def wrong_in(completion: Mapping[str, Any], case: Case) -> list[str]:
    """Each way in which a completion is not what a Chat caller must get."""
    wrong = compare(outcome_of_completion(completion), with_refusal(case))
    message = completion["choices"][0]["message"]
    expected = case.expected["responses"]
    if (refusal := case.expected.get("refusal")) and message.get("refusal") != refusal:
        wrong.append(f"refusal {message.get('refusal')!r}, expected {refusal!r}")
    sealed = [
        hashlib.sha256(item["encrypted_content"].encode()).hexdigest()
        for item in message.get("reasoning_items") or []
        if item.get("encrypted_content")
    ]
    wanted = expected.get("encrypted_item_done") or expected.get("encrypted") or []
    if sealed != [found["sha256"] for found in wanted]:
        wrong.append(f"encrypted content {sealed}, expected {wanted}")
    cited: dict[str, int] = {}
    for note in message.get("annotations") or []:
        cited[note["type"]] = cited.get(note["type"], 0) + 1
    if cited != (expected.get("annotations") or {}).get("types", {}):
        wrong.append(f"annotations {cited}, expected {expected['annotations']}")
    ran = [item["type"] for item in message.get("provider_tool_calls") or []]
    others = [*(expected.get("server_items") or []), *(expected.get("client_items") or [])]
    if sorted(ran) != sorted(kind for kind in others if kind != "compaction"):
        wrong.append(f"tools of the provider {ran}, expected {others}")
    if (tier := expected.get("service_tier")) and completion.get("service_tier") != tier:
        wrong.append(f"service tier {completion.get('service_tier')!r}, expected {tier!r}")
    if expected.get("id") and completion["id"] != expected["id"]:
        wrong.append(f"id {completion['id']!r}, expected {expected['id']!r}")
    return wrong


def with_refusal(case: Case) -> Case:
    """The case with its refusal as text, where the comparison looks for either."""
    text = case.expected.get("text") or case.expected.get("refusal") or ""
    return Case(
        **{**{name: getattr(case, name) for name in Case.__slots__}, "expected": {**case.expected, "text": text}}
    )


def report(misses: Mapping[str, list[str]]) -> str:
    return "\n".join(f"{name}: {'; '.join(wrong)}" for name, wrong in sorted(misses.items()))


@pytest.mark.parametrize("size", [0, 1, 7])
def test_every_recorded_answer_is_read_as_a_completion(shared_responses: Path, size: int) -> None:
    cases = load_cases(shared_responses, WIRE)
    assert cases
    misses = {}
    for case in cases:
        if case.http_status >= 400:
            headers = case.response.get("headers") or {}
            error = codec_for("responses").error(case.http_status, headers, body_of(case), provider="native")
            wrong = compare(outcome_of_error(error), case)
        else:
            wrong = wrong_in(assembled(case, size), case)
        if wrong:
            misses[case.id] = wrong
    assert not misses, f"{len(misses)} of {len(cases)}:\n{report(misses)}"


def route(case: Case, base: str, option: str) -> Route:
    return Route(
        spec=parse_one("openai/model"),
        engine="native",
        provider=case.provider,
        model=case.model,
        wire_format="responses",
        api_base=f"{base}/{case.id}{option}/v1",
        credential=Credential(api_key=Secret("sk-for-the-replay"), source="env REPLAY_API_KEY"),
        timeout_s=30.0,
    )


async def play(engine: NativeEngine, case: Case, base: str, option: str) -> list[str]:
    """What goes wrong with the case's own chat request through the engine."""
    request = {key: value for key, value in (case.drive.get("request") or _REQUEST).items() if key != "model"}
    request.pop("stream", None)
    try:
        if not case.stream:
            raw = await engine.complete(route(case, base, option), request, CallReport())
            return wrong_in(normalise_completion(raw, case.model), case)
        normaliser = StreamNormaliser(case.model)
        chunks: list[dict[str, Any]] = []
        async for chunk in engine.stream(route(case, base, option), request, CallReport()):
            chunks += normaliser.feed(chunk)
        return wrong_in(assemble(chunks + normaliser.finish()), case)
    except IngateError as error:
        return compare(outcome_of_error(error), case)


async def play_gateway(case: Case, base: str) -> list[str]:
    """What goes wrong with the case's own chat request through a gateway, set up as a user would."""
    provider = case.provider if case.provider in providers() else "openai"
    section = {"api_key": "sk-for-the-replay-0123456789", "base_url": f"{base}/{case.id}/v1"}
    request = {**(case.drive.get("request") or _REQUEST), "model": f"{provider}/{case.model}?api=responses"}
    request.pop("stream", None)
    async with Gateway({provider: section}, retries=0) as gateway:
        try:
            if case.stream:
                return wrong_in(assemble([chunk async for chunk in gateway.stream(request)]), case)
            return wrong_in(await gateway.complete(request), case)
        except IngateError as error:
            return compare(outcome_of_error(error), case)


async def misses_of(
    cases: list[Case], folder: Path, played: Callable[[Case, str], Awaitable[list[str]]]
) -> dict[str, list[str]]:
    slots = asyncio.Semaphore(_AT_ONCE)

    async def check(case: Case, base: str) -> tuple[str, list[str]]:
        async with slots:
            return case.id, await played(case, base)

    with replaying(folder) as base:
        results = await asyncio.gather(*(check(case, base) for case in cases))
    return {name: wrong for name, wrong in results if wrong}


@pytest.fixture
async def engine() -> AsyncIterator[NativeEngine]:
    native = NativeEngine()
    yield native
    await native.aclose()


async def test_every_recorded_answer_comes_through_the_engine(shared_responses: Path, engine: NativeEngine) -> None:
    cases = load_cases(shared_responses, WIRE)
    misses = await misses_of(cases, shared_responses, lambda case, base: play(engine, case, base, ""))
    assert not misses, report(misses)


@pytest.mark.parametrize("size", [1, 7])
async def test_streams_come_through_the_engine_in_small_pieces(
    shared_responses: Path, engine: NativeEngine, size: int
) -> None:
    cases = [case for case in load_cases(shared_responses, WIRE) if case.stream]
    misses = await misses_of(cases, shared_responses, lambda case, base: play(engine, case, base, f"@chunk={size}"))
    assert not misses, report(misses)


async def test_every_recorded_answer_comes_through_the_gateway(shared_responses: Path) -> None:
    misses = await misses_of(load_cases(shared_responses, WIRE), shared_responses, play_gateway)
    assert not misses, report(misses)


def test_no_answer_is_said_twice(shared_responses: Path) -> None:
    """Deltas, finished items and the final object say the same; leaving any two of them out changes nothing."""
    for case in load_cases(shared_responses, WIRE):
        if not case.stream:
            continue
        whole = assembled(case, 0)["choices"]
        events = [line for line in body_of(case).split(b"\n") if line.startswith(b"data:")]
        for left_out in (is_delta, is_done, is_final_output):
            kept = [kept_event(line, left_out) for line in events]
            answer = fed(b"\n\n".join(line for line in kept if line) + b"\n\n", case)["choices"]
            assert said(answer) == said(whole), (case.id, left_out.__name__)


def said(choices: list[dict[str, Any]]) -> Any:
    message = choices[0]["message"]
    return (
        choices[0]["finish_reason"],
        message.get("content") or "",
        message.get("reasoning_content"),
        message.get("refusal"),
        [(call["id"], call.get("function") or call.get("custom")) for call in message.get("tool_calls") or []],
    )


def is_delta(kind: str) -> bool:
    return kind.endswith(".delta")


def is_done(kind: str) -> bool:
    return kind.endswith(".done")


def is_final_output(kind: str) -> bool:
    return kind in {"response.completed", "response.incomplete"}


def kept_event(line: bytes, left_out: Any) -> bytes:
    data = line[5:].strip()
    if data == b"[DONE]":
        return line
    event = json.loads(data)
    if not left_out(event["type"]):
        return line
    if left_out is not is_final_output:
        return b""
    event["response"]["output"] = []
    return b"data: " + json.dumps(event).encode()


def fed(body: bytes, case: Case) -> dict[str, Any]:
    decoder, normaliser = codec_for("responses").decoder(model="m", content_type=""), StreamNormaliser("m")
    chunks = [one for chunk in [*decoder.feed(body), *decoder.close()] for one in normaliser.feed(chunk)]
    return assemble(chunks + normaliser.finish())
