"""The litellm engine over real sockets: what is sent, what comes back, and what is left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from ingate import errors
from ingate.engines.base import CallReport
from ingate.engines.litellm_ import LitellmEngine, load
from ingate.providers.credential import Credential
from support import litellm as h

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingate.engines.base import Route

pytestmark = pytest.mark.skipif(load.version() is None, reason="litellm is not installed")


@pytest.fixture
def provider() -> Iterator[h.Provider]:
    with h.providing() as provider:
        yield provider


@pytest.fixture
async def engine() -> Any:
    engine = LitellmEngine()
    yield engine
    await engine.aclose()


async def streamed(
    engine: LitellmEngine, route: Route, body: dict[str, Any] = h.BODY, *, into: list[dict[str, Any]] | None = None
) -> list[dict[str, Any]]:
    chunks = [] if into is None else into
    async with aclosing(engine.stream(route, body, CallReport())) as stream:  # ty: ignore[invalid-argument-type]
        async for chunk in stream:
            chunks.append(chunk)
    return chunks


def text_of(chunks: list[dict[str, Any]]) -> str:
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


async def test_an_answer_comes_back_as_a_plain_dict_with_the_providers_request_id(
    provider: h.Provider, engine: LitellmEngine
) -> None:
    provider.headers = {"x-request-id": "req-7", "set-cookie": "no=1"}
    report = CallReport()
    answer = await engine.complete(h.route(provider.base + "/v1"), h.BODY, report)
    assert answer["choices"][0]["message"]["content"] == "Hello."
    assert answer["usage"]["total_tokens"] == 5
    assert report.headers == {"x-request-id": "req-7"}


async def test_key_and_address_of_the_route_are_used_whatever_the_environment_says(
    provider: h.Provider, engine: LitellmEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "GROQ_API_KEY": "sk-of-the-environment",
        "GROQ_API_BASE": "http://127.0.0.1:9/wrong",
        "USE_LITELLM_PROXY": "true",
        "LITELLM_PROXY_API_BASE": "http://127.0.0.1:9/proxy",
        "LITELLM_PROXY_API_KEY": "sk-of-the-proxy",
    }.items():
        monkeypatch.setenv(name, value)
    await engine.complete(h.route(provider.base + "/v1"), h.BODY, CallReport())
    (asked,) = provider.asked
    assert asked["path"] == "/v1/chat/completions"
    assert asked["headers"]["authorization"] == f"Bearer {h.KEY}"


@pytest.mark.parametrize("name", ["ollama_chat", "hosted_vllm", "lm_studio", "a-server-of-mine"])
async def test_a_keyless_provider_never_gets_another_providers_key(
    provider: h.Provider, engine: LitellmEngine, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-meant-for-openai")
    if name == "ollama_chat":
        provider.body = b'{"model":"m","message":{"role":"assistant","content":"Hello."},"done":true}'
    await engine.complete(h.route(provider.base + "/v1", name, key=None), h.BODY, CallReport())
    assert "sk-meant-for-openai" not in str(provider.asked)


async def test_a_provider_with_no_key_at_all_is_refused_before_a_request_leaves(
    provider: h.Provider, engine: LitellmEngine
) -> None:
    with pytest.raises(errors.MissingCredentialsError) as caught:
        await engine.complete(h.route("", key=None, credential=Credential()), h.BODY, CallReport())
    assert caught.value.provider == "groq"
    assert not provider.asked


async def test_attribution_headers_name_ingate(provider: h.Provider, engine: LitellmEngine) -> None:
    await engine.complete(h.route(provider.base + "/v1", "openrouter"), h.BODY, CallReport())
    headers = provider.asked[0]["headers"]
    assert "litellm" not in str(headers).lower()
    assert headers["x-title"] == "ingate"
    assert headers["http-referer"] == "https://github.com/ingate/ingate"
    assert headers["user-agent"].startswith("ingate/")


async def test_the_routes_headers_are_sent(provider: h.Provider, engine: LitellmEngine) -> None:
    route = h.route(provider.base + "/v1", headers={"X-Team": "search"})
    await engine.complete(route, h.BODY, CallReport())
    assert provider.asked[0]["headers"]["x-team"] == "search"


async def test_the_client_that_litellm_makes_in_place_of_a_closed_one_is_watched_too(engine: LitellmEngine) -> None:
    from ingate.engines.litellm_ import clients

    await load.load()
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

    handler = AsyncHTTPHandler()
    clients.adopt(handler)
    clients.adopt(handler)
    first = handler.client
    await first.aclose()
    second = handler.client
    assert second is not first
    assert [hook.__module__ for hook in second.event_hooks["response"]] == ["ingate.engines.litellm_.observe"]
    assert [hook.__module__ for hook in second.event_hooks["request"]] == ["ingate.engines.litellm_.observe"]
    await second.aclose()


async def test_one_failing_answer_is_one_request(provider: h.Provider, engine: LitellmEngine) -> None:
    provider.status, provider.body = 503, b'{"error": {"message": "overloaded"}}'
    with pytest.raises(errors.UnavailableError):
        await engine.complete(h.route(provider.base + "/v1"), h.BODY, CallReport())
    assert len(provider.asked) == 1


async def test_a_stream_asks_for_usage_and_ends_with_it(provider: h.Provider, engine: LitellmEngine) -> None:
    usage = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'
    provider.events = [h.piece("Hel"), h.piece("lo."), h.piece("", "stop"), usage, b"data: [DONE]\n\n"]
    chunks = await streamed(engine, h.route(provider.base + "/v1"))
    assert text_of(chunks) == "Hello."
    assert chunks[-1]["usage"]["total_tokens"] == 5
    assert provider.asked[0]["json"]["stream_options"] == {"include_usage": True}


async def test_counts_that_the_provider_never_gave_are_not_invented(
    provider: h.Provider, engine: LitellmEngine
) -> None:
    provider.events = [h.piece("Hello."), h.piece("", "stop"), b"data: [DONE]\n\n"]
    chunks = await streamed(engine, h.route(provider.base + "/v1"))
    assert not any(chunk.get("usage") for chunk in chunks)


@pytest.mark.parametrize("name", ["groq", "openai", "hosted_vllm"])
async def test_closing_a_stream_closes_its_connection_within_a_second(
    provider: h.Provider, engine: LitellmEngine, name: str
) -> None:
    provider.events, provider.then = [h.piece("Hello, ")], "wait"
    stream = engine.stream(h.route(provider.base + "/v1", name), h.BODY, CallReport())
    await anext(stream)
    await stream.aclose()  # ty: ignore[unresolved-attribute]
    assert await asyncio.to_thread(provider.dropped.wait, 1)


async def test_cancelling_the_reader_closes_the_connection_within_a_second(
    provider: h.Provider, engine: LitellmEngine
) -> None:
    provider.events, provider.then = [h.piece("Hello, ")], "wait"
    begun = asyncio.Event()

    async def read() -> None:
        async for _ in engine.stream(h.route(provider.base + "/v1"), h.BODY, CallReport()):
            begun.set()

    task = asyncio.create_task(read())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(provider.dropped.wait, 1)


@pytest.mark.parametrize("then", ["cut", "end"])
@pytest.mark.parametrize("asked", [{}, {"response_format": {"type": "json_object"}}], ids=["text", "json"])
async def test_a_stream_that_breaks_off_is_told_as_interrupted(
    provider: h.Provider, engine: LitellmEngine, then: str, asked: dict[str, Any]
) -> None:
    provider.events, provider.then = [h.piece("Hello, ")], then
    got: list[dict[str, Any]] = []
    with pytest.raises(errors.StreamInterruptedError) as caught:
        await streamed(engine, h.route(provider.base + "/v1"), {**h.BODY, **asked}, into=got)
    assert text_of(got) == "Hello, "
    assert caught.value.provider == "groq"


async def test_an_error_in_the_middle_of_a_stream_has_its_own_class(
    provider: h.Provider, engine: LitellmEngine
) -> None:
    provider.events = [h.piece("Hello, "), b'data: {"error": {"message": "slow down", "code": 429}}\n\n']
    with pytest.raises(errors.RateLimitError) as caught:
        await streamed(engine, h.route(provider.base + "/v1"))
    assert caught.value.provider == "groq"


async def test_a_refused_connection_names_the_address(engine: LitellmEngine) -> None:
    with pytest.raises(errors.UnavailableError, match=r"127\.0\.0\.1:9") as caught:
        await engine.complete(h.route("http://127.0.0.1:9/v1"), h.BODY, CallReport())
    assert caught.value.retryable


async def test_a_silent_provider_times_out(provider: h.Provider, engine: LitellmEngine) -> None:
    provider.events, provider.then = [b": still thinking\n\n"], "wait"
    with pytest.raises(errors.RequestTimeoutError) as caught:
        await streamed(engine, h.route(provider.base + "/v1", timeout_s=0.3))
    assert caught.value.timeout_s == 0.3


async def test_a_key_in_an_error_body_is_masked(provider: h.Provider, engine: LitellmEngine) -> None:
    provider.status = 401
    provider.body = b'{"error": {"message": "the key %s is wrong", "code": "bad_key"}}' % h.KEY.encode()
    with pytest.raises(errors.AuthenticationError) as caught:
        await engine.complete(h.route(provider.base + "/v1"), h.BODY, CallReport())
    error = caught.value
    assert h.KEY not in f"{error} {error.provider_message} {error!r}"
    assert error.credential_source == "env A_KEY"
    assert error.__cause__ is None
    assert error.__suppress_context__


async def test_a_tool_call_gemini_signed_is_sent_back_signed(provider: h.Provider, engine: LitellmEngine) -> None:
    provider.body = (
        b'{"candidates": [{"content": {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {"at": 1}},'
        b' "thoughtSignature": "c2lnbmVk"}]}, "finishReason": "STOP"}]}'
    )
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]
    route = h.route(provider.base, "gemini", "gemini-3-pro")
    answer = await engine.complete(route, {**h.BODY, "tools": tools}, CallReport())
    (call,) = answer["choices"][0]["message"]["tool_calls"]
    assert "__" not in call["id"]
    known = {"id": call["id"], "type": "function", "function": call["function"]}  # what OpenAI's client keeps
    turn = [
        *h.BODY["messages"],
        {"role": "assistant", "content": None, "tool_calls": [known]},
        {"role": "tool", "tool_call_id": call["id"], "content": "seen"},
    ]
    await engine.complete(route, {"messages": turn, "tools": tools}, CallReport())
    assert "c2lnbmVk" in str(provider.asked[1]["json"])


@pytest.mark.parametrize("name", ["groq", "openai", "anthropic"])
def test_twenty_loops_leave_no_socket_and_no_thread_behind(provider: h.Provider, name: str) -> None:
    engine = LitellmEngine()
    if name == "anthropic":
        provider.body = (
            b'{"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "Hi"}],'
            b' "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}}'
        )
    route = h.route(provider.base + ("" if name == "anthropic" else "/v1"), name)

    def once() -> None:
        asyncio.run(engine.complete(route, h.BODY, CallReport()))

    once()
    gc.collect()
    sockets, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    for _ in range(20):
        once()
    gc.collect()
    # The far side notices a closed connection a moment later.
    assert len(os.listdir("/proc/self/fd")) <= sockets + 1
    assert threading.active_count() <= threads, [thread.name for thread in threading.enumerate()]


async def test_embeddings_come_back_as_a_list(provider: h.Provider, engine: LitellmEngine) -> None:
    provider.body = (
        b'{"object": "list", "model": "m", "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 1.0]}],'
        b' "usage": {"prompt_tokens": 1, "total_tokens": 1}}'
    )
    answer = await engine.embed(h.route(provider.base + "/v1", "openai"), {"input": ["a"]}, CallReport())
    assert answer["data"][0]["embedding"] == [0.5, 1.0]


async def test_a_provider_without_embeddings_says_so(provider: h.Provider, engine: LitellmEngine) -> None:
    with pytest.raises(errors.NotSupportedError):
        await engine.embed(h.route(provider.base, "anthropic"), {"input": ["a"]}, CallReport())
    assert not provider.asked


async def test_closing_twice_is_fine(engine: LitellmEngine) -> None:
    await engine.aclose()
    await engine.aclose()


async def test_closing_one_engine_leaves_the_calls_of_another_alone() -> None:
    from ingate import Gateway
    from support.upstream import upstream

    ask = {"model": "litellm.groq/m", "messages": [{"role": "user", "content": "Hello"}]}

    async def once(url: str) -> str:
        async with Gateway({"groq": {"base_url": url, "api_key": "gsk-test-key"}}, retries=0) as gateway:
            return (await gateway.complete(ask))["choices"][0]["message"]["content"]

    with upstream() as provider:
        answers = [await asyncio.gather(*(once(provider.url) for _ in range(4))) for _ in range(8)]
    assert answers == [["Hello there"] * 4] * 8
