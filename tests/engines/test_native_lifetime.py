"""Connections end with their event loop: nothing is left behind, however many loops there were."""

from __future__ import annotations

import asyncio
import gc
import threading
from pathlib import Path

import pytest

from ingate.engines.base import CallReport, Route
from ingate.engines.native import NativeEngine
from ingate.spec import parse_one
from support.http import Conversation, serving
from support.wire import chunk, sse

_FDS = Path("/proc/self/fd")
_BODY = {"messages": []}


async def _answer(talk: Conversation) -> None:
    await talk.begin()
    await talk.piece(sse(chunk({"content": "a"}), chunk({}, "stop")))
    await talk.piece(b"")


async def _use(engine: NativeEngine, base: str, *, leave_early: bool = False) -> None:
    route = Route(
        spec=parse_one("acme/m"), engine="native", provider="acme", model="m", wire_format="chat", api_base=base
    )
    async for _ in engine.stream(route, _BODY, CallReport()):
        if leave_early:
            return


class _ServerThread:
    """A server on a loop of its own, so that the test's loops may come and go."""

    def __enter__(self) -> str:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()))
        self._thread.start()
        self._ready.wait()
        return self._base

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with serving(_answer) as server:
            self._base = server.base
            self._ready.set()
            await self._stop.wait()

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()


def _open_files() -> int:
    return len(list(_FDS.iterdir()))


@pytest.mark.skipif(not _FDS.is_dir(), reason="open files are counted in /proc")
@pytest.mark.parametrize("leave_early", [False, True])
def test_twenty_event_loops_leave_no_socket_and_no_thread(leave_early: bool):
    engine = NativeEngine()
    with _ServerThread() as base:
        asyncio.run(_use(engine, base))
        gc.collect()
        threads = threading.active_count()
    files = _open_files()
    with _ServerThread() as base:
        for _ in range(20):
            asyncio.run(_use(engine, base, leave_early=leave_early))
        assert threading.active_count() <= threads
    gc.collect()
    assert _open_files() <= files
    assert not engine._connections._sessions


def test_a_loop_closed_without_a_shutdown_is_forgotten():
    engine = NativeEngine()
    with _ServerThread() as base:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(_use(engine, base))
        loop.run_until_complete(engine.aclose())
        loop.run_until_complete(engine.aclose())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        asyncio.run(_use(engine, base))
    assert not engine._connections._sessions


def test_closing_from_another_loop_closes_a_running_loops_connections():
    engine = NativeEngine()
    used, leave = threading.Event(), threading.Event()

    async def elsewhere(base: str) -> None:
        await _use(engine, base)
        used.set()
        await asyncio.to_thread(leave.wait)

    with _ServerThread() as base:
        thread = threading.Thread(target=lambda: asyncio.run(elsewhere(base)))
        thread.start()
        used.wait()
        [session] = engine._connections._sessions.values()
        asyncio.run(engine.aclose())
        assert session.closed
        leave.set()
        thread.join()


async def test_an_engine_serves_again_after_it_was_closed():
    engine = NativeEngine()
    async with serving(_answer) as server:
        await _use(engine, server.base)
        await engine.aclose()
        await _use(engine, server.base)
        await engine.aclose()
