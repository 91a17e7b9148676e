"""A rejected parameter is left out and reported whichever API the client calls, whole or streamed, in process or over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from ingate import Gateway
from support.serve import served
from support.upstream import Reply, Upstream, chunks, completion, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

MESSAGE = "Unsupported parameter: 'temperature' is not supported with this model."
ERROR = {"error": {"message": MESSAGE, "type": "invalid_request_error", "param": "temperature", "code": "unsupported_parameter"}}  # fmt: skip
STATUS = Reply(status=400, body=ERROR)
EVENT = Reply(events=[ERROR])  # a 200 whose stream begins with the error
BODIES: dict[str, dict[str, Any]] = {
    "chat": {"messages": [{"role": "user", "content": "hi"}], "temperature": 0.3},
    "responses": {"input": "hi", "temperature": 0.3},
    "messages": {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 50, "temperature": 0.3},
}
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
# A server that nobody has described, whose chat is translated, and a provider whose chat is passed through.
MODELS = ["box/new-model", "openai/gpt-4.1"]


@pytest.fixture
def box() -> Iterator[Upstream]:
    with upstream() as server:
        yield server


def _gateway(box: Upstream) -> Gateway:
    config = {"servers": {"box": {"base_url": box.url}}, "openai": {"base_url": box.url, "api_key": "sk-0123456789"}}
    return Gateway(config, retries=0)


def _say(box: Upstream, rejection: Reply, *, stream: bool) -> None:
    box.say(rejection, Reply(events=chunks("Hel", "lo")) if stream else Reply(body=completion("Hello")))


def _sent(box: Upstream) -> list[bool]:
    return ["temperature" in seen.body for seen in box.seen]


def _cells(api: str) -> list[str]:
    """The models whose rejections are learned from, for a client of `api`: one that has the API itself is passed through."""
    return MODELS if api == "chat" else MODELS[:1]


EVERY = [(api, model) for api in BODIES for model in _cells(api)]
STREAMS = [(False, STATUS), (True, STATUS), (True, EVENT)]
STREAM_IDS = ["whole", "stream", "event"]


@pytest.mark.parametrize(("api", "model"), EVERY)
@pytest.mark.parametrize(("stream", "rejection"), STREAMS, ids=STREAM_IDS)
async def test_through_the_gateway(box: Upstream, api: Any, model: str, stream: bool, rejection: Reply):
    async with _gateway(box) as gateway:
        _say(box, rejection, stream=stream)
        body = {**BODIES[api], "model": model}
        if stream:
            got = [event async for event in gateway.stream(body, api=api)]
            about = [event["ingate"] for event in got if "ingate" in event]
        else:
            got = [await gateway.complete(body, api=api)]
            about = [got[0]["ingate"]]
    assert _sent(box) == [True, False]
    assert "Hel" in json.dumps(got)
    assert about
    for one in about:
        assert one["dropped"] == ["temperature"]
        assert "temperature" in " ".join(one["warnings"])


@pytest.mark.parametrize(("api", "model"), EVERY)
@pytest.mark.parametrize(("stream", "rejection"), STREAMS, ids=STREAM_IDS)
async def test_over_http_the_headers_say_so(box: Upstream, api: str, model: str, stream: bool, rejection: Reply):
    async with _gateway(box) as gateway, served(gateway.asgi) as base, aiohttp.ClientSession() as session:
        for round_ in range(2):
            if round_ == 0:
                _say(box, rejection, stream=stream)
            elif stream:
                box.say(Reply(events=chunks("Hel", "lo")))
            body = {**BODIES[api], "model": model, "stream": stream}
            async with session.post(base + PATHS[api], json=body) as answer:
                text = await answer.text()
                assert answer.status == 200, text
                assert answer.headers["x-ingate-dropped"] == "temperature"
                assert "temperature was left out" in answer.headers["x-ingate-warnings"]
                assert "Hel" in text
    assert _sent(box) == [True, False, False]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("stream", "rejection"), STREAMS, ids=STREAM_IDS)
async def test_through_the_openai_client(box: Upstream, model: str, stream: bool, rejection: Reply):
    pytest.importorskip("openai")
    from ingate import AsyncIngate

    async with _gateway(box) as gateway, AsyncIngate(gateway=gateway, max_retries=0) as client:
        _say(box, rejection, stream=stream)
        raw = await client.chat.completions.with_raw_response.create(
            **{**BODIES["chat"], "model": model, "stream": stream}
        )
        assert raw.headers["x-ingate-dropped"] == "temperature"
        answer: Any = raw.parse()
        if stream:
            text = "".join([(chunk.choices[0].delta.content or "") if chunk.choices else "" async for chunk in answer])
        else:
            text = answer.choices[0].message.content
        assert text == "Hello"
        plain = await client.chat.completions.create(**{**BODIES["chat"], "model": model})
        assert plain.model_extra is not None
        assert plain.model_extra["ingate"]["dropped"] == ["temperature"]
    assert _sent(box) == [True, False, False]


async def test_the_openai_clients_responses(box: Upstream):
    pytest.importorskip("openai")
    from ingate import AsyncIngate

    async with _gateway(box) as gateway, AsyncIngate(gateway=gateway, max_retries=0) as client:
        _say(box, STATUS, stream=False)
        answer: Any = await client.responses.create(**{**BODIES["responses"], "model": MODELS[0]})
        assert answer.output_text == "Hello"
        assert answer.model_extra["ingate"]["dropped"] == ["temperature"]
    assert _sent(box) == [True, False]


async def test_a_passed_through_chat_that_is_rejected_again_has_been_sent_twice_and_teaches_both(box: Upstream):
    seed = {"error": {"message": "Unsupported parameter: 'seed'", "param": "seed", "type": "invalid_request_error"}}
    body = {**BODIES["chat"], "model": MODELS[1], "seed": 5}
    async with _gateway(box) as gateway, served(gateway.asgi) as base, aiohttp.ClientSession() as session:
        box.say(STATUS, Reply(status=400, body=seed))
        async with session.post(base + PATHS["chat"], json=body) as answer:
            assert answer.status == 400
            assert (await answer.json())["error"]["fix"] == "call again: ingate will leave out seed"
        assert len(box.seen) == 2
        async with session.post(base + PATHS["chat"], json=body) as answer:
            assert answer.status == 200
            assert answer.headers["x-ingate-dropped"] in {"temperature, seed", "seed, temperature"}
    assert len(box.seen) == 3


@pytest.mark.parametrize("stream", [False, True])
async def test_a_strict_client_gets_the_providers_own_error_with_what_would_be_changed(box: Upstream, stream: bool):
    body = {**BODIES["chat"], "model": f"{MODELS[1]}?drop_params=strict", "stream": stream}
    async with _gateway(box) as gateway, served(gateway.asgi) as base, aiohttp.ClientSession() as session:
        box.say(STATUS)
        async with session.post(base + PATHS["chat"], json=body) as answer:
            assert answer.status == 400
            assert await answer.json() == ERROR
            assert "drop_params to warn" in answer.headers["x-ingate-fix"]
            assert "leave out temperature" in answer.headers["x-ingate-fix"]
    assert _sent(box) == [True]


async def test_fallbacks_and_retries_come_after_the_attempt_without_the_parameter(box: Upstream):
    down = Reply(status=503, headers={"retry-after-ms": "1"}, body={"error": {"message": "busy"}})
    async with _gateway(box) as gateway:
        box.say(STATUS, down, down, STATUS, Reply(events=chunks("Hel", "lo")))
        body = {**BODIES["chat"], "model": "box/first, openai/gpt-4.1"}
        got = [chunk async for chunk in gateway.stream(body, retries=1)]
    assert [(seen.body["model"], "temperature" in seen.body) for seen in box.seen] == [
        ("first", True),
        ("first", False),
        ("first", False),
        ("gpt-4.1", True),
        ("gpt-4.1", False),
    ]
    assert got[-1]["ingate"]["spec"] == "openai/gpt-4.1"
    assert got[-1]["ingate"]["dropped"] == ["temperature"]


async def test_a_rejection_after_the_first_token_is_the_streams_error(box: Upstream):
    async with _gateway(box) as gateway, served(gateway.asgi) as base, aiohttp.ClientSession() as session:
        box.say(Reply(events=[*chunks("Hel", finish=False), ERROR]))
        async with session.post(
            base + PATHS["chat"], json={**BODIES["chat"], "model": MODELS[0], "stream": True}
        ) as got:
            text = await got.text()
    assert "Hel" in text
    assert MESSAGE in text
    assert len(box.seen) == 1
