"""Every recorded answer as clients of the other two APIs get it: complete by their SDKs' types, with nothing lost."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pydantic
import pytest
from openai.types import responses as openai_types

from ingate import Gateway
from ingate.errors import IngateError
from ingate.wire.codec import codec_for
from ingate.wire.completion import normalise_completion
from ingate.wire.downstream import translate
from ingate.wire.normaliser import StreamNormaliser
from support.downstream import message_from, response_from, stream, strictly
from support.native import body_of
from support.traffic import Case, Outcome, load_cases, outcome_of_chunks, outcome_of_completion, replaying
from traffic.test_gateway_lanes import AT_ONCE, KEY, NATIVE, OPENAI, SECTIONS, own

if TYPE_CHECKING:
    from pathlib import Path

    from ingate.wire.downstream import Api

anthropic_types = pytest.importorskip("anthropic.types.beta")
pytestmark = pytest.mark.traffic

BODIES: dict[Api, dict[str, Any]] = {
    "messages": {"model": "m/x", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]},
    "responses": {"model": "m/x", "input": "hi"},
}


async def answers(case: Case, base: str) -> list[Any] | None:
    """What chat completions give for a case: one completion, or a stream's chunks; None for an error."""
    provider = own(case)
    section = {**SECTIONS.get(provider, {"api_key": KEY}), "base_url": base}
    request: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 64}
    if case.drive.get("request", {}).get("tools"):
        request["tools"] = case.drive["request"]["tools"]
    request["model"] = f"{provider}/{case.model}"
    async with Gateway({provider: section}, retries=0) as gateway:
        try:
            if case.stream:
                return [chunk async for chunk in gateway.stream(request)]
            return [await gateway.complete(request)]
        except IngateError:
            return None


def outcome_of_message(message: dict[str, Any]) -> Outcome:
    outcome = Outcome(finish_reason=message["stop_reason"])
    for block in message["content"]:
        match block["type"]:
            case "text":
                outcome.text += block["text"]
            case "thinking":
                outcome.reasoning += block["thinking"]
            case "tool_use":
                outcome.tool_calls.append({"id": block["id"], "name": block["name"], "arguments": block["input"]})
    usage = message["usage"]
    read, written = usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]
    outcome.usage = {
        "prompt": usage["input_tokens"] + read + written,
        "completion": usage["output_tokens"],
        "cached": read,
        "cache_write": written,
        "reasoning": usage["output_tokens_details"]["thinking_tokens"],
    }
    return outcome


def outcome_of_response(response: dict[str, Any]) -> Outcome:
    outcome = Outcome(finish_reason=(response["incomplete_details"] or {}).get("reason") or response["status"])
    for item in response["output"]:
        match item["type"]:
            case "message":
                outcome.text += "".join(part.get("text") or part.get("refusal") or "" for part in item["content"])
            case "reasoning":
                outcome.reasoning += "".join(part["text"] for part in item["summary"] or item.get("content") or ())
            case "function_call":
                arguments = json.loads(item["arguments"] or "{}")
                outcome.tool_calls.append({"id": item["call_id"], "name": item["name"], "arguments": arguments})
    if usage := response["usage"]:
        outcome.usage = {
            "prompt": usage["input_tokens"],
            "completion": usage["output_tokens"],
            "cached": usage["input_tokens_details"]["cached_tokens"],
            "cache_write": usage["input_tokens_details"]["cache_write_tokens"],
            "reasoning": usage["output_tokens_details"]["reasoning_tokens"],
        }
    return outcome


def translated(api: Api, case: Case, given: list[Any]) -> Outcome:
    """The same answer in a client's API, each object and event checked against the SDK's types."""
    if not case.stream:
        answer = translate(api, BODIES[api]).answer(given[0])
    else:
        events = stream(api, BODIES[api], given)
        for event in events:
            strictly(
                anthropic_types.BetaRawMessageStreamEvent if api == "messages" else openai_types.ResponseStreamEvent,
                event,
            )
        answer = message_from(events) if api == "messages" else response_from(events)
    if api == "messages":
        strictly(anthropic_types.BetaMessage, answer)
        return outcome_of_message(answer)
    strictly(openai_types.Response, answer)
    return outcome_of_response(answer)


_ENDS = {
    "stop": {"end_turn", "stop_sequence", "pause_turn", "completed"},
    "tool_calls": {"tool_use", "completed"},
    "length": {"max_tokens", "model_context_window_exceeded", "max_output_tokens"},
    "content_filter": {"refusal", "content_filter"},
}


def differences(api: Api, case: Case, given: list[Any]) -> list[str]:
    chat = outcome_of_chunks(given) if case.stream else outcome_of_completion(given[0])
    try:
        made = translated(api, case, given)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        return [f"{case.id} as {api}: {first['loc']} {first['msg']} {str(first['input'])[:200]}"]
    wrong = [name for name in ("text", "tool_calls") if getattr(made, name) != getattr(chat, name)]
    if "".join(made.reasoning.split()) != "".join(chat.reasoning.split()):  # chat joins parts with blank lines
        wrong.append(f"reasoning {made.reasoning!r} for {chat.reasoning!r}")
    if chat.finish_reason in _ENDS and made.finish_reason not in _ENDS[chat.finish_reason]:
        wrong.append(f"{made.finish_reason} for {chat.finish_reason}")
    if api == "messages" and chat.usage.get("cached", 0) > chat.usage.get("prompt", 0):
        chat.usage["prompt"] = chat.usage[
            "cached"
        ]  # as Azure's Llama counts; Messages adds cached tokens to the others
    counts = {name: count for name, count in chat.usage.items() if name != "total" and count}
    if any(made.usage.get(name) != count for name, count in counts.items()):
        wrong.append(f"usage {made.usage} for {counts}")
    return [f"{case.id} as {api}: {one}" for one in wrong]


async def test_nothing_of_a_recorded_answer_is_lost_in_another_api(shared_traffic: Path) -> None:
    cases = load_cases(shared_traffic, OPENAI + NATIVE)
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case, base: str) -> tuple[Case, list[Any] | None]:
        async with slots:
            return case, await answers(case, f"{base}/{case.id}")

    with replaying(shared_traffic) as base:
        results = [(case, given) for case, given in await asyncio.gather(*(one(case, base) for case in cases)) if given]
    assert len(results) > 200
    wrong = [line for case, given in results for api in BODIES for line in differences(api, case, given)]
    assert not wrong, f"{len(wrong)} of {2 * len(results)}\n" + "\n".join(wrong)


def answers_of_response(case: Case) -> list[Any]:
    """The same for a recorded response, by the codec alone."""
    codec, raw = codec_for("responses"), body_of(case)
    if not case.stream:
        return [normalise_completion(codec.response(raw, model=case.model), case.model)]
    normaliser = StreamNormaliser(case.model)
    decoder = codec.decoder(model=case.model, content_type="text/event-stream")
    made = [chunk for one in decoder.feed(raw) + decoder.close() for chunk in normaliser.feed(one)]
    return made + normaliser.finish()


def test_nothing_of_a_recorded_response_is_lost_by_way_of_chat(shared_responses: Path) -> None:
    cases = [
        case
        for case in load_cases(shared_responses, ("openai_responses",))
        if case.http_status < 400 and "custom_tool" not in case.features  # these are functions when they are offered
    ]
    assert len(cases) > 100
    wrong = [line for case in cases for api in BODIES for line in differences(api, case, answers_of_response(case))]
    assert not wrong, f"{len(wrong)} of {2 * len(cases)}\n" + "\n".join(wrong)
