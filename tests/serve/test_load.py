"""Many streams at once, half of whose clients leave in the middle: nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import random
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ingate import Gateway
from ingate.serve.guard import guarded
from ingate.wire.sse import DONE, encode_chunk
from support.serve import served

STREAMS = 64
SECONDS = 5.0
BODY = {"model": "mine/m", "messages": [{"role": "user", "content": "go on"}], "stream": True}


class Upstream:
    """A provider that streams forty pieces and knows how many streams it has open."""

    def __init__(self) -> None:
        self.open = 0
        self.begun = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        while (await receive()).get("more_body"):
            pass
        gone = asyncio.ensure_future(receive())
        self.open += 1
        self.begun += 1
        try:
            headers = [(b"content-type", b"text/event-stream")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            for number in range(40):
                finish = "stop" if number == 39 else None
                choice = {"index": 0, "delta": {"content": f"piece {number} "}, "finish_reason": finish}
                piece = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
                await send({"type": "http.response.body", "body": encode_chunk(piece), "more_body": True})
                await asyncio.wait({gone}, timeout=0.005)
                if gone.done():
                    return
            await send({"type": "http.response.body", "body": DONE})
        finally:
            gone.cancel()
            self.open -= 1


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def load(address: str, seconds: float, seed: int) -> tuple[int, int]:
    """`STREAMS` clients that stream again and again; (finished, left)."""
    done = left = 0
    until_s = asyncio.get_running_loop().time() + seconds
    dice = random.Random(seed)

    async def client() -> None:
        nonlocal done, left
        while asyncio.get_running_loop().time() < until_s:
            leave_after = dice.randrange(1, 20) if dice.random() < 0.5 else None
            async with session.post(f"{address}/v1/chat/completions", json=BODY) as answer:
                assert answer.status == 200
                pieces = 0
                async for line in answer.content:
                    pieces += line.startswith(b"data: {")
                    if leave_after is not None and pieces >= leave_after:
                        break  # leaving the block closes the connection
                if leave_after is None:
                    assert pieces == 42  # the role before them, the finish reason after them
                    done += 1
                else:
                    left += 1

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(client() for _ in range(STREAMS)))
    return done, left


async def settled(upstream: Upstream, tasks: int, fds: int) -> None:
    """Wait until nothing of the load is left; the connections that are kept alive are closed by then."""
    async with asyncio.timeout(10):
        while upstream.open or len(asyncio.all_tasks()) > tasks or descriptors() > fds:
            await asyncio.sleep(0.05)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="counts descriptors and memory in /proc")
async def test_no_task_socket_or_memory_is_left_behind() -> None:
    upstream = Upstream()
    async with served(upstream) as provider:
        gateway = Gateway({"servers": {"mine": {"base_url": f"{provider}/v1"}}})
        async with served(guarded(gateway.asgi, key=None, log=False)) as address:
            await load(address, 1.0, 0)  # what is made once is made: connections to the provider, caches
            async with asyncio.timeout(10):
                while upstream.open:
                    await asyncio.sleep(0.05)
            tasks, fds = len(asyncio.all_tasks()), descriptors()
            done, left = await load(address, SECONDS / 2, 1)
            await settled(upstream, tasks, fds + STREAMS)
            gc.collect()
            before = resident_bytes()
            more, gone = await load(address, SECONDS / 2, 2)
            await settled(upstream, tasks, fds + STREAMS)
            gc.collect()
            grown = resident_bytes() - before
    assert done + more > STREAMS
    assert left + gone > STREAMS
    assert upstream.open == 0
    assert grown < 8 * 2**20, f"{grown / 2**20:.1f} MB more after {more + gone} further streams"
