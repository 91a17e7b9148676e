"""Time-outs, cancellation, closing, event loops and threads: nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
from typing import Any

import anyio
import openai
import pytest

from ingate.client import AsyncIngate, Ingate, exchange
from ingate.client.portal import Portal, PortalClosedError
from support.client import FakeGateway, text_chunks

MODEL = "scripted/echo"
HI: list[Any] = [{"role": "user", "content": "hi"}]


def nothing_else_runs() -> bool:
    return asyncio.all_tasks() == {asyncio.current_task()}


def portals() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "ingate portal"]


def loop_errors() -> list[Any]:
    """What the running loop would have logged: exceptions nobody retrieved, tasks destroyed while pending."""
    errors: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    return errors


@pytest.mark.parametrize("stream", [False, True])
async def test_a_timeout_holds_and_stops_the_work(stream: bool) -> None:
    gateway = FakeGateway(chunks=[], hang=True)
    async with AsyncIngate(gateway=gateway, max_retries=0) as client:
        started = time.monotonic()
        with pytest.raises(openai.APITimeoutError):
            await client.with_options(timeout=0.05).chat.completions.create(model=MODEL, messages=HI, stream=stream)
        assert time.monotonic() - started < 1
        assert gateway.stopped.is_set()
        assert nothing_else_runs()


async def test_a_timeout_between_two_chunks_holds() -> None:
    gateway = FakeGateway(hang=True)
    async with AsyncIngate(gateway=gateway) as client:
        stream = await client.chat.completions.create(model=MODEL, messages=HI, stream=True, timeout=0.05)
        with pytest.raises(Exception, match=r"no response within|timed out") as caught:
            async for _ in stream:
                pass
        assert isinstance(caught.value, openai.APITimeoutError) or type(caught.value).__name__ == "ReadTimeout"
        assert gateway.stopped.is_set()
        assert nothing_else_runs()


async def test_a_timeout_is_retried_as_the_sdk_does() -> None:
    gateway = FakeGateway(hang=True)
    async with AsyncIngate(gateway=gateway, max_retries=1, timeout=0.02) as client:
        with pytest.raises(openai.APITimeoutError):
            await client.chat.completions.create(model=MODEL, messages=HI)
    assert len(gateway.bodies) == 2


@pytest.mark.parametrize("stream", [False, True])
async def test_cancelling_a_call_stops_the_engine(stream: bool) -> None:
    gateway = FakeGateway(chunks=[], hang=True)
    async with AsyncIngate(gateway=gateway) as client:
        call = asyncio.create_task(client.chat.completions.create(model=MODEL, messages=HI, stream=stream))
        await gateway.waiting.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert gateway.stopped.is_set()
        assert nothing_else_runs()


async def test_cancelling_in_the_middle_of_a_stream_stops_the_engine() -> None:
    gateway = FakeGateway(hang=True)
    async with AsyncIngate(gateway=gateway) as client:

        async def read() -> None:
            async for _ in await client.chat.completions.create(model=MODEL, messages=HI, stream=True):
                pass

        reading = asyncio.create_task(read())
        await gateway.waiting.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert gateway.stopped.is_set()
        assert nothing_else_runs()


async def test_a_cancelled_anyio_scope_stops_the_engine() -> None:
    gateway = FakeGateway(hang=True)
    async with AsyncIngate(gateway=gateway) as client:
        with anyio.move_on_after(0.05) as scope:
            async for _ in await client.chat.completions.create(model=MODEL, messages=HI, stream=True):
                pass
        assert scope.cancelled_caught
        assert gateway.stopped.is_set()
        assert nothing_else_runs()


async def test_an_engine_that_swallows_a_cancellation_is_cancelled_again() -> None:
    class Stubborn(FakeGateway):
        async def complete(self, body: Any) -> dict[str, Any]:
            try:
                await super().complete(body)
            except asyncio.CancelledError:
                await asyncio.Event().wait()
            raise AssertionError

    async with AsyncIngate(gateway=Stubborn(hang=True), max_retries=0, timeout=0.01) as client:
        async with asyncio.timeout(5):
            with pytest.raises(openai.APITimeoutError):
                await client.chat.completions.create(model=MODEL, messages=HI)
        assert nothing_else_runs()


async def test_closing_a_stream_early_stops_the_engine_before_it_returns() -> None:
    gateway = FakeGateway(chunks=text_chunks(*"abcdefghijklmnopqrst"))
    async with AsyncIngate(gateway=gateway) as client:
        stream = await client.chat.completions.create(model=MODEL, messages=HI, stream=True)
        await anext(stream)
        await stream.close()
        assert gateway.open == 0
        assert nothing_else_runs()
        await stream.close()


async def test_a_stream_nobody_holds_stops_the_engine() -> None:
    errors = loop_errors()
    gateway = FakeGateway(hang=True)
    async with AsyncIngate(gateway=gateway) as client:
        response = await client.chat.completions.create(model=MODEL, messages=HI, stream=True)
        del response
        gc.collect()
        async with asyncio.timeout(1):
            await gateway.stopped.wait()
            while not nothing_else_runs():
                await asyncio.sleep(0)
    gc.collect()
    assert errors == []


async def test_closing_the_client_ends_its_streams() -> None:
    errors = loop_errors()
    gateway = FakeGateway(hang=True)
    client = AsyncIngate(gateway=gateway)
    stream = await client.chat.completions.create(model=MODEL, messages=HI, stream=True)
    await client.close()
    assert gateway.stopped.is_set()
    assert nothing_else_runs()
    await client.close()
    del stream
    gc.collect()
    assert errors == []


async def test_a_cancellation_from_inside_is_an_error_and_not_a_cancellation() -> None:
    gateway = FakeGateway(asyncio.CancelledError(), [asyncio.CancelledError()])
    async with AsyncIngate(gateway=gateway, max_retries=0) as client:
        for stream in (False, True):
            with pytest.raises(openai.APIConnectionError):
                await client.chat.completions.create(model=MODEL, messages=HI, stream=stream)


async def test_many_at_once_do_not_mix() -> None:
    class Echo(FakeGateway):
        async def stream(self, body: Any) -> Any:
            for piece in text_chunks(*body["messages"][0]["content"]):
                await asyncio.sleep(0)
                yield piece

    async def one(client: openai.AsyncOpenAI, text: str) -> str:
        messages: list[Any] = [{"role": "user", "content": text}]
        stream = await client.chat.completions.create(model=MODEL, messages=messages, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    texts = [f"number {place}" for place in range(64)]
    async with AsyncIngate(gateway=Echo()) as client:
        assert await asyncio.gather(*(one(client, text) for text in texts)) == texts


async def test_a_gateway_passed_in_stays_open_and_its_own_is_closed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = FakeGateway()
    async with AsyncIngate(gateway=gateway) as client:
        await client.chat.completions.create(model=MODEL, messages=HI)
    assert gateway.closed == 0

    made: list[Any] = []

    def make(config: Any) -> FakeGateway:
        made.append((config, FakeGateway()))
        return made[-1][1]

    import ingate.gateway

    monkeypatch.setattr(ingate.gateway, "Gateway", make)
    client = AsyncIngate({"default_model": MODEL})
    await client.chat.completions.create(model=MODEL, messages=HI)
    await client.with_options(timeout=1).close()
    await client.close()
    assert [(config, gateway.closed) for config, gateway in made] == [({"default_model": MODEL}, 1)]
    with Ingate("some.yaml") as sync:
        sync.chat.completions.create(model=MODEL, messages=HI)
    sync.close()
    assert (made[-1][0], made[-1][1].closed) == ("some.yaml", 1)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts files through /proc")
@pytest.mark.parametrize("one_client", [True, False])
def test_twenty_event_loops_leave_nothing(one_client: bool) -> None:
    gateway = FakeGateway()
    kept = AsyncIngate(gateway=gateway) if one_client else None
    errors: list[Any] = []

    async def turn() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
        client = kept or AsyncIngate(gateway=gateway)
        await client.chat.completions.create(model=MODEL, messages=HI)
        async for _ in await client.chat.completions.create(model=MODEL, messages=HI, stream=True):
            break  # left open: the loop's end closes it
        if kept is None:
            await client.close()

    asyncio.run(turn())
    files, threads = open_files(), threading.active_count()
    for _ in range(20):
        asyncio.run(turn())
    gc.collect()
    assert (open_files(), threading.active_count()) == (files, threads)
    assert gateway.open == 0
    assert errors == []
    assert not exchange._running


def test_the_sync_client_leaves_no_thread() -> None:
    before = portals()
    client = Ingate(gateway=FakeGateway())
    assert portals() == before  # starts with the first request
    client.chat.completions.create(model=MODEL, messages=HI)
    assert len(portals()) == len(before) + 1
    client.close()
    client.close()
    assert portals() == before


def test_a_sync_client_that_is_forgotten_ends_its_thread() -> None:
    before = set(threading.enumerate())
    client = Ingate(gateway=FakeGateway())
    client.chat.completions.create(model=MODEL, messages=HI)
    [thread] = set(threading.enumerate()) - before
    del client
    gc.collect()
    thread.join(5)
    assert not thread.is_alive()


def test_a_sync_stream_outlives_a_forgotten_client() -> None:
    stream = Ingate(gateway=FakeGateway()).chat.completions.create(model=MODEL, messages=HI, stream=True)
    gc.collect()
    assert [chunk.choices[0].delta.content for chunk in stream] == ["", "hel", "lo", None]


@pytest.mark.parametrize("left_open", ["client", "stream"])
def test_a_script_that_closes_nothing_ends_at_once_and_in_silence(left_open: str) -> None:
    script = f"""
import sys
sys.path.insert(0, {os.path.dirname(os.path.dirname(__file__))!r})
from support.client import FakeGateway
from ingate.client import Ingate
client = Ingate(gateway=FakeGateway(hang=True) if {left_open == "stream"} else FakeGateway())
answer = client.chat.completions.create(
    model="scripted/echo", messages=[{{"role": "user", "content": "hi"}}], stream={left_open == "stream"}
)
print("done")
"""
    found = subprocess.run(
        [sys.executable, "-X", "dev", "-c", script], capture_output=True, text=True, timeout=30, check=False
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, "done\n", "")


def test_sync_timeouts_hold() -> None:
    gateway = FakeGateway(chunks=[], hang=True)
    with Ingate(gateway=gateway, max_retries=0, timeout=0.05) as client:
        for stream in (False, True):
            with pytest.raises(openai.APITimeoutError):
                client.chat.completions.create(model=MODEL, messages=HI, stream=stream)
    assert gateway.stopped.is_set()


def test_a_sync_stream_comes_chunk_by_chunk_and_closing_it_stops_the_engine() -> None:
    gateway = FakeGateway(hang=True)
    with Ingate(gateway=gateway) as client:
        stream = client.chat.completions.create(model=MODEL, messages=HI, stream=True)
        assert [next(stream).choices[0].delta.content for _ in range(4)] == ["", "hel", "lo", None]
        stream.close()
        assert gateway.open == 0


def test_closing_the_sync_client_ends_a_call_in_another_thread() -> None:
    gateway = FakeGateway(hang=True)
    client = Ingate(gateway=gateway, max_retries=0)
    raised: list[Exception] = []

    def call() -> None:
        try:
            client.chat.completions.create(model=MODEL, messages=HI)
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    while not gateway.waiting.is_set():
        time.sleep(0.001)
    client.close()
    thread.join(5)
    assert isinstance(raised[0], openai.APIConnectionError)


def test_one_sync_client_serves_several_threads() -> None:
    results: list[Any] = []
    before = len(portals())
    with Ingate(gateway=FakeGateway()) as client:

        def work() -> None:
            for _ in range(10):
                stream = client.chat.completions.create(model=MODEL, messages=HI, stream=True)
                results.append("".join(chunk.choices[0].delta.content or "" for chunk in stream))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(portals()) == before + 1
    assert results == ["hello"] * 80


async def test_the_sync_client_works_inside_a_running_loop() -> None:
    with Ingate(gateway=FakeGateway()) as client:
        assert client.chat.completions.create(model=MODEL, messages=HI).choices[0].message.content == "hello there"


def test_ctrl_c_cancels_what_the_portal_runs() -> None:
    stopped = threading.Event()
    portal = Portal()

    async def work() -> None:
        interrupt.start()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    import signal

    interrupt = threading.Timer(0.05, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT])
    with pytest.raises(KeyboardInterrupt):
        portal.run(work)
    assert stopped.wait(5)
    portal.close()


def test_a_portal_refuses_its_own_thread_and_work_after_its_end() -> None:
    portal = Portal()

    async def nothing() -> None:
        return None

    async def inside() -> None:
        portal.run(nothing)

    with pytest.raises(RuntimeError, match="deadlock"):
        portal.run(inside)
    portal.close()
    with pytest.raises(PortalClosedError):
        portal.run(nothing)
    Portal().close()


def test_close_raises_what_the_end_raised() -> None:
    async def at_end() -> None:
        raise ZeroDivisionError

    async def nothing() -> None:
        return None

    portal = Portal(at_end)
    portal.run(nothing)
    with pytest.raises(ZeroDivisionError):
        portal.close()
    portal.close()
