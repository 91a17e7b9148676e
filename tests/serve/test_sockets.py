"""The application on a real socket and inside Starlette, called by the real SDK over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import openai
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from ingate.serve.app import create_app
from support.client import FakeGateway, text_chunks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MODEL = "scripted/echo"
HI: list[Any] = [{"role": "user", "content": "hi"}]


@contextlib.asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """A uvicorn on a free port of the loopback, and its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=2))
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


def mounted(gateway: FakeGateway) -> Starlette:
    async def own(_: Any) -> PlainTextResponse:
        return PlainTextResponse("own")

    return Starlette(routes=[Route("/", own), Mount("/v1", create_app(gateway))])


@pytest.mark.parametrize("make", [create_app, mounted], ids=["alone", "in Starlette"])
async def test_the_sdk_over_http(make: Any) -> None:
    gateway = FakeGateway(chunks=text_chunks("a", "b"))
    async with served(make(gateway)) as address, openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="x") as client:
        answer = await client.chat.completions.create(model=MODEL, messages=HI)
        assert answer.choices[0].message.content == "hello there"
        stream = await client.chat.completions.create(model=MODEL, messages=HI, stream=True)
        assert [chunk.choices[0].delta.content async for chunk in stream] == ["", "a", "b", None]
        assert (await client.models.retrieve("scripted/echo")).id == "scripted/echo"
        with pytest.raises(openai.InternalServerError, match="does not serve"):
            await client.files.list()
    # A server shuts down what it runs itself; what is mounted belongs to its owner.
    assert gateway.closed == (1 if make is create_app else 0)


@pytest.mark.parametrize("make", [create_app, mounted], ids=["alone", "in Starlette"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_hangs_up_stops_the_engine_within_a_second(make: Any, stream: bool) -> None:
    gateway = FakeGateway(hang=True)
    async with served(make(gateway)) as address, openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="x") as client:

        async def call() -> None:
            answer: Any = await client.chat.completions.create(model=MODEL, messages=HI, stream=stream)
            async for _ in answer:
                pass

        calling = asyncio.create_task(call())
        await gateway.waiting.wait()
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        async with asyncio.timeout(1):
            await gateway.stopped.wait()
