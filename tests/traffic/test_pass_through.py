"""Recorded exchanges through the ASGI application, in the API they were recorded in, to a provider of that API.

What arrives at the provider must equal the recorded request, and what comes back must equal the recorded response, but
for the model's name.
"""

from __future__ import annotations

import base64
import json
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from ingate import AsyncIngate, Gateway
from ingate.errors import IngateError
from ingate.wire.bedrock.codec import inner_payload
from ingate.wire.bedrock.eventstream import EventStreamParser
from ingate.wire.sse import SSEParser
from support.client import ask
from support.traffic import load_cases, replaying

if TYPE_CHECKING:
    from pathlib import Path

    from support.traffic import Case

pytestmark = pytest.mark.traffic

# Wire of the recording → the provider, its API's path, and where its base URL ends.
WIRES = {
    "openai_chat": ("openai", "/v1/chat/completions", "/v1"),
    "anthropic_messages": ("anthropic", "/v1/messages", ""),
    "openai_responses": ("openai", "/v1/responses", "/v1"),
}


def whole(case: Case) -> bool:
    """Whether the request was recorded whole."""
    return bool(case.request.get("json")) and "…<elided" not in json.dumps(case.request["json"], ensure_ascii=False)


def recorded_body(case: Case) -> bytes:
    body = case.response["body"]
    return base64.b64decode(body) if case.response.get("encoding") == "base64" else body.encode()


def comparable(value: Any) -> Any:
    """A response or an event without what may differ: the model's name."""
    if isinstance(value, dict):
        value = {name: one for name, one in value.items() if name != "model"}
        for name in ("message", "response"):
            if isinstance(value.get(name), dict):
                value[name] = {key: one for key, one in value[name].items() if key != "model"}
    return value


def events(body: bytes) -> list[Any]:
    parser = SSEParser()
    found = [*parser.feed(body), *parser.close()]
    return [
        (one.event, comparable(json.loads(one.data)) if one.data[:1] == "{" else one.data) for one in found if one.data
    ]


def sent_upstream(base: str, case: Case) -> list[Any]:
    with urllib.request.urlopen(f"{base}/__requests/{case.id}") as answer:
        return json.load(answer)


async def differences(case: Case, base: str, *, options: str = "") -> list[str]:
    provider, path, ending = WIRES[case.wire]
    config = {provider: {"api_key": "sk-none-of-your-business", "base_url": f"{base}/{case.id}{options}{ending}"}}
    request = dict(case.request["json"])
    request["model"] = f"{provider}/{request['model']}"
    async with Gateway(config) as gateway:
        # Over HTTP a 401 is the caller's own key (tests/serve/test_answers.py); in this process it is the provider's.
        answer = await ask(gateway.asgi, "POST", path, request, in_process=True)
    found = []
    sent = sent_upstream(base, case)
    if len(sent) != 1:
        return [f"{case.id}: {len(sent)} requests: {answer.status} {answer.body[:200]!r}"]
    if sent[0]["json"] != case.request["json"]:
        keys = [
            name
            for name in {*sent[0]["json"], *case.request["json"]}
            if sent[0]["json"].get(name) != case.request["json"].get(name)
        ]
        found.append(f"{case.id}: request differs in {keys} to {sent[0]['path']}")
    body = recorded_body(case)
    if answer.status != case.http_status:
        found.append(f"{case.id}: status {answer.status}, not {case.http_status}")
    elif "event-stream" in answer.headers["content-type"]:
        if events(answer.body) != events(body):
            found.append(f"{case.id}: events differ")
    elif comparable(json.loads(answer.body)) != comparable(json.loads(body)):
        found.append(f"{case.id}: response differs: {answer.body[:300]!r}")
    return found


@pytest.mark.parametrize("options", ["", "@chunk=7"])
@pytest.mark.parametrize(
    ("folder", "provider", "wire"),
    [
        ("traffic", "openai", "openai_chat"),
        ("traffic", "anthropic", "anthropic_messages"),
        ("traffic-responses", "openai", "openai_responses"),
    ],
)
async def test_an_exchange_in_the_providers_own_api_is_left_as_it_is(
    shared_traffic: Path, folder: str, provider: str, wire: str, options: str
) -> None:
    folder_of = shared_traffic.parent / folder
    cases = [case for case in load_cases(folder_of, [wire]) if case.provider == provider and whole(case)]
    assert len(cases) > 20
    with replaying(folder_of) as base:
        wrong = [line for case in cases for line in await differences(case, base, options=options)]
    assert wrong == [], f"{len(wrong)} of {len(cases)}"


def cloud_events(case: Case) -> list[Any]:
    """A recorded stream's own events, AWS's framing taken off."""
    body = recorded_body(case)
    if case.wire != "bedrock_invoke":
        return events(body)
    values = [json.loads(inner) for frame in EventStreamParser().feed(body) if (inner := inner_payload(frame))]
    return [(value["type"], comparable(value)) for value in values]


async def test_claude_on_other_clouds_takes_messages_as_they_are(shared_traffic: Path) -> None:
    cases = [
        case
        for case in load_cases(shared_traffic, ["bedrock_invoke", "anthropic_messages"])
        if case.provider == "vertex_anthropic" or (case.wire == "bedrock_invoke" and case.family == "anthropic")
    ]
    assert len(cases) > 5
    wrong = []
    with replaying(shared_traffic) as base:
        for case in cases:
            provider = "bedrock" if case.wire == "bedrock_invoke" else "vertex_ai"
            section = {"api_key": "k" * 20, "base_url": f"{base}/{case.id}"}
            recorded = case.request.get("json") or {}
            body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9, **recorded}
            body |= {"model": f"{provider}/{case.model}", **({"stream": True} if case.stream else {})}
            async with Gateway({provider: section}) as gateway:
                answer = await ask(gateway.asgi, "POST", "/v1/messages", body)
            sent = sent_upstream(base, case)[0]["json"]
            if recorded and {**sent, "stream": 0} != {**recorded, "stream": 0}:
                wrong.append(f"{case.id}: the request differs: {sent.keys() ^ recorded.keys()}")
            if case.stream:
                same = events(answer.body) == cloud_events(case)
            else:
                same = comparable(answer.json()) == comparable(json.loads(recorded_body(case)))
            if not same:
                wrong.append(f"{case.id}: the response differs")
    assert wrong == []


@pytest.mark.parametrize("options", ["", "@chunk=7", "@chunk=1"])
async def test_a_responses_caller_gets_every_recorded_response_as_it_was(shared_traffic: Path, options: str) -> None:
    """All providers: whole and in small pieces, through `Gateway` as dicts."""
    folder = shared_traffic.parent / "traffic-responses"
    cases = load_cases(folder, ["openai_responses"])
    assert len(cases) > 100
    wrong = []
    with replaying(folder) as base:
        for case in cases:
            servers = {"rec": {"base_url": f"{base}/{case.id}{options}/v1", "wire_format": "responses"}}
            body = {**case.drive["responses_request"], "model": f"rec/{case.model}"}
            body.pop("stream", None)
            async with Gateway({"servers": servers}, retries=0) as gateway:
                try:
                    if case.stream:
                        got: Any = [event async for event in gateway.stream(body, api="responses")]
                        want: Any = [value for _, value in events(recorded_body(case)) if isinstance(value, dict)]
                        same = [comparable(without_metadata(event)) for event in got] == want
                    else:
                        got = await gateway.complete(body, api="responses")
                        same = comparable(without_metadata(got)) == comparable(json.loads(recorded_body(case)))
                except IngateError as error:
                    same = error.status == (case.expected.get("error") or {}).get("status")
            if not same:
                wrong.append(case.id)
    assert wrong == [], f"{len(wrong)} of {len(cases)}"


def without_metadata(value: Any) -> Any:
    return {name: one for name, one in value.items() if name != "ingate"}


async def test_the_sdk_gets_every_recorded_response_as_it_was(shared_traffic: Path) -> None:
    """The raw response and raw events of a real `AsyncOpenAI`, without a network between it and the gateway."""
    openai = pytest.importorskip("openai")
    folder = shared_traffic.parent / "traffic-responses"
    cases = load_cases(folder, ["openai_responses"])
    wrong = []
    with replaying(folder) as base:
        for case in cases:
            servers = {"rec": {"base_url": f"{base}/{case.id}/v1", "wire_format": "responses"}}
            body = {**case.drive["responses_request"], "model": f"rec/{case.model}", "stream": case.stream}
            async with AsyncIngate({"servers": servers}, max_retries=0) as client:
                try:
                    raw = await client.responses.with_raw_response.create(**body)
                    if case.stream:
                        got = [event.type async for event in raw.parse()]
                        want = [one["type"] for _, one in events(recorded_body(case)) if isinstance(one, dict)]
                        same = got == want
                    else:
                        same = comparable(json.loads(raw.content)) == comparable(json.loads(recorded_body(case)))
                        same = same and raw.parse().output_text == case.expected["responses"].get("output_text", "")
                except openai.APIStatusError as error:
                    same = error.status_code == case.http_status >= 400
                except openai.APIError:
                    same = bool(case.expected.get("error"))
            if not same:
                wrong.append(case.id)
    assert wrong == [], f"{len(wrong)} of {len(cases)}"
