"""Closing a gateway: running calls end once, with a typed error, and new ones are refused."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import openai
import pytest

from ingate import AsyncIngate, Gateway
from ingate.errors import ClosedError
from ingate.wire.passthrough import ApiRequest
from support.http import Conversation, serving
from support.wire import chunk, sse

if TYPE_CHECKING:
    from collections.abc import Callable

ASK: dict[str, Any] = {"model": "acme/m", "messages": [{"role": "user", "content": "Hi"}]}


def _config(base: str, wire_format: str = "chat") -> dict[str, Any]:
    return {"servers": {"acme": {"base_url": base, "wire_format": wire_format}}}


async def _silent(talk: Conversation) -> None:
    await talk.gone()


async def _one_token(talk: Conversation) -> None:
    await talk.begin()
    await talk.piece(sse(chunk({"content": "a"}), done=False))
    await talk.gone()


async def _complete(gateway: Gateway) -> Any:
    return await gateway.complete(ASK)


async def _embed(gateway: Gateway) -> Any:
    return await gateway.embed({"model": "acme/m", "input": "x"})


async def _stream(gateway: Gateway) -> Any:
    return [piece async for piece in gateway.stream(ASK)]


async def _respond(gateway: Gateway) -> Any:
    return await gateway.respond(ApiRequest(api="chat", body={**ASK, "stream": True}))


@pytest.mark.parametrize("call", [_complete, _stream, _respond, _embed])
async def test_a_running_call_is_sent_once_and_ends_with_a_typed_error(call: Callable[[Gateway], Any]) -> None:
    async with serving(_silent) as server:
        gateway = Gateway(_config(server.base))
        running = asyncio.create_task(call(gateway))
        while not server.asked:
            await asyncio.sleep(0.005)
        async with asyncio.timeout(5):
            await gateway.aclose()
            with pytest.raises(ClosedError, match="closed"):
                await running
        assert len(server.asked) == 1


async def test_a_running_stream_keeps_what_came() -> None:
    async with serving(_one_token) as server:
        gateway = Gateway(_config(server.base))
        stream = gateway.stream(ASK)
        got = [await anext(stream)]
        while not got[-1]["choices"][0]["delta"].get("content"):
            got.append(await anext(stream))
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        await gateway.aclose()
        with pytest.raises(ClosedError) as caught:
            await waiting
        assert caught.value.partial_text == "a"
        assert len(server.asked) == 1


async def test_a_stream_may_close_its_own_gateway() -> None:
    async with serving(_one_token) as server:
        gateway = Gateway(_config(server.base))

        async def read() -> None:
            async for _ in gateway.stream(ASK):
                await gateway.aclose()

        with pytest.raises(ClosedError):
            await asyncio.wait_for(read(), 5)


async def test_a_passed_through_stream_ends_with_the_apis_error_event() -> None:
    async with serving(_one_token) as server:
        gateway = Gateway(_config(server.base))
        reply = await gateway.respond(ApiRequest(api="chat", body={**ASK, "stream": True}))
        pieces = reply.pieces()
        got = [await anext(pieces)]
        waiting = asyncio.ensure_future(anext(pieces))
        await asyncio.sleep(0)
        await gateway.aclose()
        got.append(await waiting)
        event = json.loads(got[-1].strip().removeprefix(b"data: "))
        assert event["error"]["code"] == "closed"


@pytest.mark.parametrize("call", [_complete, _stream, _respond, _embed])
async def test_a_call_after_closing_is_refused(call: Callable[[Gateway], Any]) -> None:
    gateway = Gateway({"servers": {"acme": {"base_url": "http://127.0.0.1:9/v1"}}})
    await gateway.aclose()
    await gateway.aclose()
    with pytest.raises(ClosedError) as caught:
        await call(gateway)
    assert not caught.value.retryable
    assert "new Gateway" in caught.value.fix


async def test_the_sdk_reports_a_closed_gateway_without_retrying() -> None:
    async with serving(_silent) as server:
        gateway = Gateway(_config(server.base))
        async with AsyncIngate(gateway=gateway) as client:
            running = asyncio.create_task(client.chat.completions.create(**ASK))
            while not server.asked:
                await asyncio.sleep(0.005)
            await gateway.aclose()
            with pytest.raises(openai.InternalServerError, match="closed") as caught:
                await running
            assert caught.value.status_code == 503
        assert len(server.asked) == 1


def test_a_call_in_another_loop_ends_too() -> None:
    async def main() -> None:
        async with serving(_silent) as server:
            gateway = Gateway(_config(server.base))
            raised: list[BaseException] = []

            def elsewhere() -> None:
                try:
                    asyncio.run(gateway.complete(ASK))
                except BaseException as error:
                    raised.append(error)

            thread = threading.Thread(target=elsewhere)
            thread.start()
            while not server.asked:
                await asyncio.sleep(0.005)
            await gateway.aclose()
            await asyncio.to_thread(thread.join)
            assert [type(error) for error in raised] == [ClosedError]
            assert len(server.asked) == 1

    asyncio.run(main())
