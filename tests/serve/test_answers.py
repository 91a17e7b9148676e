"""What the application answers: JSON, events, headers, errors; and what a client that leaves does to the work."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import struct
from typing import Any

import pytest

from ingate.errors import MissingCredentialsError, RateLimitError, StreamInterruptedError
from ingate.serve.app import create_app
from support.client import ABOUT, USAGE, FakeGateway, ask, chunk, text_chunks

CHAT = "/v1/chat/completions"
GOOD = {"model": "scripted/echo", "messages": [{"role": "user", "content": "hi"}]}
STREAM = {**GOOD, "stream": True}


async def test_a_whole_answer_keeps_its_metadata_and_tells_it_in_headers() -> None:
    answer = await ask(create_app(FakeGateway()), "POST", CHAT, GOOD)
    assert answer.status == 200
    assert answer.json()["choices"][0]["message"]["content"] == "hello there"
    assert answer.json()["ingate"] == ABOUT
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.headers["x-ingate-spec"] == "scripted/echo"
    assert answer.headers["x-ingate-engine"] == "scripted"
    assert answer.headers["x-ingate-provider"] == "scripted"
    assert answer.headers["x-ingate-dropped"] == "top_k, seed"
    assert answer.headers["x-ratelimit-remaining-requests"] == "41"
    assert answer.headers["x-ingate-provider-request-id"] == "up-1"
    assert "set-cookie" not in answer.headers
    assert int(answer.headers["content-length"]) == len(answer.body)


async def test_a_providers_header_cannot_begin_another() -> None:
    gateway = FakeGateway()
    gateway.answer = {**gateway.answer, "ingate": {"headers": {"x-litellm-note": "a\r\nset-cookie: b"}, "spec": "é→"}}
    answer = await ask(create_app(gateway), "POST", CHAT, GOOD)
    assert answer.headers["x-litellm-note"] == "a set-cookie: b"


async def test_a_stream_is_events_up_to_the_end_mark() -> None:
    answer = await ask(create_app(FakeGateway()), "POST", CHAT, STREAM)
    assert answer.headers["content-type"].startswith("text/event-stream")
    *chunks, end = answer.events()
    assert end == "[DONE]"
    assert [one["choices"][0]["delta"].get("content") for one in chunks] == ["", "hel", "lo", None]
    assert all("usage" not in one for one in chunks)


async def test_the_usage_chunk_is_sent_when_asked_for() -> None:
    body = {**STREAM, "stream_options": {"include_usage": True}}
    *_, last, _end = (await ask(create_app(FakeGateway()), "POST", CHAT, body)).events()
    assert last["usage"].items() >= USAGE.items()
    assert last["ingate"] == ABOUT


async def test_each_chunk_leaves_as_it_comes() -> None:
    answer = await ask(create_app(FakeGateway()), "POST", CHAT, STREAM)
    assert len(answer.pieces) == 5


async def test_a_slow_client_holds_the_model_back() -> None:
    gateway = FakeGateway(chunks=text_chunks(*"abcdefgh"))
    gate = asyncio.Semaphore(3)

    async def send(message: Any) -> None:
        await gate.acquire()

    incoming = [{"type": "http.request", "body": json.dumps(STREAM).encode()}]

    async def receive() -> Any:
        return incoming.pop() if incoming else await asyncio.Event().wait()

    scope = {"type": "http", "method": "POST", "path": CHAT, "headers": [(b"content-type", b"application/json")]}
    task = asyncio.create_task(create_app(gateway)(scope, receive, send))
    while gateway.sent < 3:
        await asyncio.sleep(0)
    for _ in range(50):
        await asyncio.sleep(0)
    assert gateway.sent == 3  # one held in `send`, as the status took one turn
    for _ in range(20):
        gate.release()
    await task
    assert gateway.sent == 11


async def test_an_error_before_the_first_chunk_is_a_status() -> None:
    gateway = FakeGateway(chunks=[RateLimitError("slow down", provider="groq", retry_after_s=2.5)])
    answer = await ask(create_app(gateway), "POST", CHAT, STREAM)
    assert answer.status == 429
    assert answer.headers["x-should-retry"] == "true"
    assert answer.headers["retry-after"] == "3"
    assert answer.json()["error"]["code"] == "rate_limit_exceeded"


async def test_an_empty_stream_is_an_error() -> None:
    assert (await ask(create_app(FakeGateway(chunks=[])), "POST", CHAT, STREAM)).status == 503


async def test_an_error_inside_a_stream_is_an_event_with_the_partial_text_and_the_end() -> None:
    broken = StreamInterruptedError("the connection was lost", partial_text="hel", provider="groq")
    answer = await ask(create_app(FakeGateway(chunks=[*text_chunks("hel")[:2], broken])), "POST", CHAT, STREAM)
    assert answer.status == 200
    last = answer.events()[-1]
    assert last["error"]["partial_text"] == "hel"
    assert last["error"]["code"] == "stream_interrupted"


async def test_an_errors_remedy_is_in_its_body() -> None:
    error = MissingCredentialsError("groq needs a key", provider="groq", fix="export GROQ_API_KEY=…")
    answer = await ask(create_app(FakeGateway(error)), "POST", CHAT, GOOD)
    assert answer.status == 502
    assert answer.json()["error"]["fix"] == "export GROQ_API_KEY=…"
    assert answer.json()["error"]["provider"] == "groq"


@pytest.mark.parametrize("body", [GOOD, STREAM])
async def test_a_fault_of_its_own_is_logged_and_told_without_its_words(
    body: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    fault = ZeroDivisionError("sk-secret-in-an-error")
    with caplog.at_level(logging.ERROR, "ingate.serve"):
        answer = await ask(create_app(FakeGateway(fault, [fault])), "POST", CHAT, body)
    assert answer.status == 500
    assert answer.headers["x-should-retry"] == "false"
    assert "sk-secret" not in answer.body.decode()
    assert "ZeroDivisionError" in answer.json()["error"]["message"]
    assert caplog.records[0].exc_info is not None


async def test_a_fault_inside_a_stream_ends_it_with_an_event() -> None:
    gateway = FakeGateway(chunks=[chunk(role="assistant"), ZeroDivisionError("sk-secret")])
    answer = await ask(create_app(gateway), "POST", CHAT, STREAM)
    assert answer.events()[-1]["error"]["code"] == "internal_error"
    assert "sk-secret" not in answer.body.decode()


async def test_models_are_listed_and_found_by_ids_with_slashes() -> None:
    app = create_app(FakeGateway())
    listed = (await ask(app, "GET", "/v1/models")).json()
    assert listed["object"] == "list"
    for model in listed["data"]:
        assert (await ask(app, "GET", f"/v1/models/{model['id']}")).json() == model
    missing = await ask(app, "GET", "/v1/models/no/such")
    assert (missing.status, missing.json()["error"]["code"]) == (404, "model_not_found")


async def test_embeddings_come_in_the_encoding_asked_for() -> None:
    app = create_app(FakeGateway())
    body = {"model": "scripted/echo", "input": ["a", "b"]}
    plain = (await ask(app, "POST", "/v1/embeddings", body)).json()
    assert [row["embedding"] for row in plain["data"]] == [[0.5, -0.25]] * 2
    packed = (await ask(app, "POST", "/v1/embeddings", {**body, "encoding_format": "base64"})).json()
    assert struct.unpack("<2f", base64.b64decode(packed["data"][1]["embedding"])) == (0.5, -0.25)


async def test_health_answers_without_the_gateway() -> None:
    answer = await ask(create_app(FakeGateway()), "GET", "/health")
    assert answer.json()["status"] == "ok"
    head = await ask(create_app(FakeGateway()), "HEAD", "/health")
    assert (head.status, head.body) == (200, b"")


@pytest.mark.parametrize(
    ("path", "root_path"),
    [
        ("/v1/chat/completions", ""),
        ("/chat/completions", ""),
        ("/v1/chat/completions", "/v1"),
        ("/chat/completions", "/v1"),
        ("/ai/v1/chat/completions", "/ai"),
        ("/ai/chat/completions", "/ai/"),
        ("/ai/v1/chat/completions/", "/ai/v1"),
    ],
)
async def test_the_endpoint_is_found_wherever_the_application_is_mounted(path: str, root_path: str) -> None:
    assert (await ask(create_app(FakeGateway()), "POST", path, GOOD, root_path=root_path)).status == 200


@pytest.mark.parametrize("body", [GOOD, STREAM])
async def test_a_client_that_leaves_stops_the_work(body: dict[str, Any]) -> None:
    gateway = FakeGateway(hang=True)
    sent: list[Any] = []
    incoming: asyncio.Queue[Any] = asyncio.Queue()
    incoming.put_nowait({"type": "http.request", "body": json.dumps(body).encode()})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": CHAT, "headers": [(b"content-type", b"application/json")]}
    task = asyncio.create_task(create_app(gateway)(scope, incoming.get, send))
    await gateway.waiting.wait()
    incoming.put_nowait({"type": "http.disconnect"})
    async with asyncio.timeout(1):
        await task
    assert gateway.stopped.is_set()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_server_whose_send_fails_stops_the_work() -> None:
    gateway = FakeGateway(hang=True)

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            raise BrokenPipeError

    incoming = [{"type": "http.request", "body": json.dumps(STREAM).encode()}]

    async def receive() -> Any:
        return incoming.pop() if incoming else await asyncio.Event().wait()

    scope = {"type": "http", "method": "POST", "path": CHAT, "headers": [(b"content-type", b"application/json")]}
    await create_app(gateway)(scope, receive, send)
    assert gateway.open == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
