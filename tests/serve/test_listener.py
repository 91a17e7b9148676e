"""Connections beyond the limit, in this process: the longest idle ones make room, and others are turned away with an answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import socket
from typing import Any

import pytest

from ingate.serve.connection import bare_response
from ingate.serve.descriptors import connections_within
from ingate.serve.limits import Limits
from ingate.serve.listener import Listener
from ingate.serve.server import address_of, bind


class Connected(asyncio.Protocol):
    """A connection that is idle, or has a request to answer."""

    def __init__(self, among: set[Any], *, idle_s: float | None) -> None:
        self.among = among
        self.idle_s = idle_s
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.since_s = asyncio.get_running_loop().time()
        self.among.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.among.discard(self)

    def idle_since_s(self) -> float | None:
        return None if self.idle_s is None else self.since_s - self.idle_s


@pytest.mark.parametrize(
    ("idle_s", "answered"),
    [(60.0, False), (None, True), (0.0, True)],
    ids=["idle for a minute", "with a request", "just opened"],
)
async def test_only_an_idle_connection_makes_room(
    idle_s: float | None, answered: bool, caplog: pytest.LogCaptureFixture
) -> None:
    open_: set[Any] = set()
    bound = bind("127.0.0.1", 0)
    listener = Listener(bound, lambda: Connected(open_, idle_s=idle_s), open_, 1)  # ty: ignore[invalid-argument-type]
    writers: list[asyncio.StreamWriter] = []

    async def client() -> asyncio.StreamReader:
        reader, writer = await asyncio.open_connection(*bound.getsockname())
        writers.append(writer)
        return reader

    try:
        async with asyncio.timeout(20):
            first = await client()
            while not open_:
                await asyncio.sleep(0.001)
            [earlier] = open_
            second = await client()
            if answered:
                head, _, body = (await second.read()).partition(b"\r\n\r\n")
                assert head.split(b"\r\n")[0] == b"HTTP/1.1 503 Service Unavailable"
                assert json.loads(body)["error"]["code"] == "server_busy"
                assert open_ == {earlier}
                assert caplog.messages == ["a connection was refused: 1 are open (--max-connections)"]
            else:
                assert await first.read() == b""
                while earlier in open_ or not open_:
                    await asyncio.sleep(0.001)
                assert caplog.messages == []
    finally:
        await listener.aclose()
        for one in list(open_):
            one.transport.abort()
        for writer in writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
    assert bound.fileno() == -1


def test_a_bare_response_is_whole_and_closes_the_connection() -> None:
    body = json.dumps(
        {"error": {"message": "m", "type": "server_error", "param": None, "code": "c", "fix": "f"}},
        separators=(",", ":"),
    )
    assert bare_response(503, "c", "m", fix="f", retry_after_s=1).decode() == (
        f"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        f"retry-after: 1\r\nx-should-retry: true\r\nconnection: close\r\n\r\n{body}"
    )
    head, _, text = bare_response(408, "c", "m", fix="f").decode().partition("\r\n\r\n")
    assert head == (
        f"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\ncontent-length: {len(text)}\r\nconnection: close"
    )
    assert json.loads(text)["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1")])
def test_the_address_is_one_that_this_machine_can_call(host: str, shown: str) -> None:
    with socket.socket() as bound:
        bound.bind((host, 0))
        assert address_of(bound) == f"http://{shown}:{bound.getsockname()[1]}"


def test_a_bound_socket_listens_and_does_not_block() -> None:
    with bind("127.0.0.1", 0) as bound:
        assert bound.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
        assert bound.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        assert not bound.getblocking()


@pytest.fixture
def soft_limit(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The process's limits of descriptors, without changing them."""
    held: dict[str, Any] = {"now": (1024, 4096), "fails": False}

    def change(kind: int, limits: tuple[int, int]) -> None:
        if held["fails"]:
            raise ValueError
        held["now"] = limits

    monkeypatch.setattr(resource, "getrlimit", lambda kind: held["now"])
    monkeypatch.setattr(resource, "setrlimit", change)
    return held


@pytest.mark.parametrize(
    ("now", "connections", "fails", "expected", "then"),
    [
        ((1024, 4096), 400, False, 400, (1024, 4096)),  # 400 + 100 + 32 are enough
        ((531, 4096), 400, False, 400, (532, 4096)),
        ((532, 4096), 400, False, 400, (532, 4096)),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), 400, False, 400, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)),
        ((100, resource.RLIM_INFINITY), 400, False, 400, (532, resource.RLIM_INFINITY)),
        ((100, 232), 400, False, 100, (232, 232)),
        ((100, 4096), 400, True, 34, (100, 4096)),
        ((20, 20), 400, False, 4, (20, 20)),
        ((20, 20), 3, False, 3, (20, 20)),
        ((64, 96), 64, False, 32, (96, 96)),
    ],
)  # fmt: skip
def test_as_many_connections_as_there_are_descriptors(
    soft_limit: dict[str, Any], now: Any, connections: int, fails: bool, expected: int, then: Any
) -> None:
    soft_limit.update(now=now, fails=fails)
    assert connections_within(Limits(max_connections=connections, max_requests=100)) == expected
    assert soft_limit["now"] == then
