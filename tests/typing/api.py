"""The public API as a type checker sees it.

This file is type-checked by `scripts/lint` and by `tests/package/test_typing.py`, and never executed. A line with a
`ty: ignore` must be an error: an ignore that is not needed fails the check.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, assert_type

import openai
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam
from openai.types.responses import ParsedResponse, Response
from pydantic import BaseModel

import ingate

HI: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]


class City(BaseModel):
    """Structured output."""

    name: str
    people: int


def takes_the_sdks(client: openai.AsyncOpenAI, sync: openai.OpenAI) -> None:
    """What a framework's signature looks like."""


async def clients(client: ingate.AsyncIngate, sync: ingate.Ingate) -> None:
    takes_the_sdks(client, sync)
    takes_the_sdks(ingate.AsyncIngate(), ingate.Ingate())
    assert_type(client.copy(), ingate.AsyncIngate)
    assert_type(client.with_options(timeout=3, max_retries=0), ingate.AsyncIngate)
    assert_type(sync.with_options(timeout=3), ingate.Ingate)
    async with ingate.AsyncIngate() as opened:
        assert_type(opened, ingate.AsyncIngate)
    with ingate.Ingate() as opened_sync:
        assert_type(opened_sync, ingate.Ingate)

    gateway = ingate.Gateway()
    ingate.AsyncIngate(Path("ingate.yaml"), timeout=30.0, max_retries=1)
    ingate.AsyncIngate({"groq": {"api_key": "env:MY_KEY"}})
    ingate.AsyncIngate(gateway=gateway, default_headers={"x-app": "1"})
    ingate.AsyncIngate(http_client=ingate.async_http_client(gateway=gateway))
    ingate.Ingate("ingate.yaml", http_client=ingate.http_client())
    ingate.AsyncIngate(7)  # ty: ignore[invalid-argument-type]
    ingate.AsyncIngate(gateway="ingate.yaml")  # ty: ignore[invalid-argument-type]
    takes_the_sdks(sync, client)  # ty: ignore[invalid-argument-type]


async def calls(client: ingate.AsyncIngate) -> None:
    completion = await client.chat.completions.create(model="groq/llama-3.3", messages=HI)
    assert_type(completion, ChatCompletion)
    assert_type(completion.choices[0].message.content, str | None)
    async for chunk in await client.chat.completions.create(model="local/smollm2", messages=HI, stream=True):
        assert_type(chunk.choices[0].delta.content, str | None)
    parsed = await client.chat.completions.parse(model="groq/llama-3.3", messages=HI, response_format=City)
    assert_type(parsed.choices[0].message.parsed, City | None)

    response = await client.responses.create(model="openai/gpt-5.4-pro", input="hi")
    assert_type(response, Response)
    assert_type(response.output_text, str)
    answer = await client.responses.parse(model="openai/gpt-5.4-pro", input="hi", text_format=City)
    assert_type(answer, ParsedResponse[City])
    assert_type(answer.output_parsed, City | None)
    async with client.responses.stream(model="openai/gpt-5.4-pro", input="hi", text_format=City) as stream:
        assert_type((await stream.get_final_response()).output_parsed, City | None)
    await client.responses.create(modle="openai/gpt-5.4-pro")  # ty: ignore[no-matching-overload]


class Mine(ingate.AsyncIngate):
    """A subclass keeps its own type."""

    def __init__(self, *, team: str) -> None:
        super().__init__(default_headers={"x-team": team})
        self.team = team


def subclass(mine: Mine) -> None:
    assert_type(mine.with_options(timeout=1), Mine)
    assert_type(mine.team, str)


class Fixed:
    """An engine: whatever has the protocol's methods."""

    async def complete(self, route: ingate.Route, body: Mapping[str, Any], report: ingate.CallReport) -> dict[str, Any]:
        assert_type(route.spec, ingate.ModelSpec)
        assert_type(route.model, str)
        assert_type(route.timeout_s, float)
        report.warnings.append("the answer is always the same")
        return {"choices": [{"message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}]}

    async def stream(
        self, route: ingate.Route, body: Mapping[str, Any], report: ingate.CallReport
    ) -> AsyncIterator[dict[str, Any]]:
        yield {"choices": [{"index": 0, "delta": {"content": "yes"}, "finish_reason": "stop"}]}

    async def embed(self, route: ingate.Route, body: Mapping[str, Any], report: ingate.CallReport) -> dict[str, Any]:
        raise ingate.NotSupportedError("no embeddings")

    async def aclose(self) -> None:
        return None


class Incomplete:
    """Not an engine: it cannot stream."""

    async def aclose(self) -> None:
        return None


async def gateways() -> None:
    scripted = ingate.ScriptedEngine()
    scripted.enqueue("hello", usage={"prompt_tokens": 1})
    scripted.enqueue(["hel", "lo"], breaks_with=ingate.StreamInterruptedError("gone", partial_text="hel"))
    scripted.enqueue_tool_call("get_weather", {"city": "Ghent"})
    engine: ingate.Engine = Fixed()
    engines: Mapping[str, ingate.Engine] = {"scripted": scripted, "native": engine}
    async with ingate.Gateway({}, engines=engines, retries=0) as gateway:
        assert_type(gateway, ingate.Gateway)
        assert_type(await gateway.complete({"model": "scripted/any", "messages": HI}), dict[str, Any])
        async for chunk in gateway.stream({"model": "scripted/any", "messages": HI}):
            assert_type(chunk, dict[str, Any])
        assert_type(await gateway.complete({"input": "hi"}, api="responses"), dict[str, Any])
        async for event in gateway.stream({"max_tokens": 9, "messages": HI}, api="messages"):
            assert_type(event, dict[str, Any])
        await gateway.complete({"input": "hi"}, api="gemini")  # ty: ignore[invalid-argument-type]
        assert_type(gateway.routes("scripted/any"), tuple[ingate.Route, ...])
    for route, body in scripted.requests:
        assert_type(route, ingate.Route)
        assert_type(body, dict[str, Any])
    ingate.Gateway(engines={"scripted": Incomplete()})  # ty: ignore[invalid-argument-type]


def specs() -> None:
    spec = ingate.ModelSpec.parse("groq/openai/gpt-oss-120b?reasoning=high")
    assert_type(spec, ingate.ModelSpec)
    assert_type(spec.provider, str)
    assert_type(ingate.ModelSpec.parse_list("groq/a, local/smollm2"), tuple[ingate.ModelSpec, ...])
    spec.model = "other"  # ty: ignore[invalid-assignment]


def errors(error: ingate.IngateError) -> None:
    assert_type(error.provider, str | None)
    assert_type(error.status, int)
    assert_type(error.retryable, bool)
    assert_type(error.fix, str)
    if isinstance(error, ingate.RateLimitError):
        assert_type(error.retry_after_s, float | None)
    if isinstance(error, ingate.StreamInterruptedError):
        assert_type(error.partial_text, str)
    if isinstance(error, ingate.MissingExtraError):
        assert_type(error.extra, str)


def secrets() -> None:
    assert_type(ingate.Secret("gsk-…").reveal(), str)
    print(ingate.__version__.split("."))
    _ = ingate.nothing  # ty: ignore[missing-attribute]
