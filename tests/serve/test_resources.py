"""What clients can use of the server's machine: connections, descriptors, requests, memory, and the time of the rest."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.hostile import (
    BODY,
    CLOSE,
    JSON,
    chat,
    descriptors,
    endless_provider,
    exchange,
    is_well,
    pid_of,
    port_of,
    request,
    serving,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads /proc of the server")

STREAM = chat(stream=True)


@contextlib.contextmanager
def idle_connections(port: int, number: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection(("127.0.0.1", port), 20)) for _ in range(number)]


def resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def test_idle_connections_make_room_for_new_ones(tmp_path: Path) -> None:
    with serving(tmp_path, "--max-connections", "20") as process:
        with idle_connections(port_of(process), 200):
            assert until(lambda: is_well(port_of(process), timeout_s=2))
            assert descriptors(pid_of(process)) < 20 + 60
            warnings = process.log.read_text().count("--max-connections")
            assert 1 <= warnings <= 5
        assert is_well(port_of(process))


def test_ten_thousand_idle_connections(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 12_000:
        pytest.skip("this process may not open ten thousand sockets")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 12_000), hard))
    try:
        with serving(tmp_path) as process:
            before = resident_mb(pid_of(process))
            with idle_connections(port_of(process), 10_000):
                assert until(lambda: is_well(port_of(process), timeout_s=5))
                assert descriptors(pid_of(process)) < 2048 + 100
                assert resident_mb(pid_of(process)) < before + 100
            assert len(process.log.read_text().splitlines()) < 50
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux's")
def test_a_shortage_of_descriptors_is_logged_once_and_survived(tmp_path: Path) -> None:
    """asyncio's accept loop logs 2,048 errors for each try."""
    with serving(tmp_path, "--no-access-log") as process:
        pid, port = pid_of(process), port_of(process)
        assert until(lambda: "ingate serves" in process.log.read_text())
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors(pid) + 4, hard))
        before = len(process.log.read_text().splitlines())
        with idle_connections(port, 60):
            assert until(lambda: "Too many open files" in process.log.read_text())
            assert until(lambda: is_well(port, timeout_s=5), timeout_s=60)
        assert is_well(port)
        added = process.log.read_text().splitlines()[before:]
        assert len(added) <= 3, added
        assert sum("no connection can be accepted" in line for line in added) == 1


def test_a_small_limit_of_descriptors_is_raised_or_respected(tmp_path: Path) -> None:
    from ingate.serve.descriptors import connections_within
    from ingate.serve.limits import Limits

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
        assert connections_within(Limits(max_connections=300, max_requests=100)) == 300
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 400
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_too_many_requests_are_503_with_a_time_to_wait(tmp_path: Path) -> None:
    with (
        endless_provider() as provider,
        serving(tmp_path, "--max-requests", "2", "--grace", "1", upstream=provider.url) as process,
        contextlib.ExitStack() as stack,
    ):
        port = port_of(process)
        streams = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 20)) for _ in range(2)]
        for one in streams:
            one.sendall(STREAM)
            assert b" 200 " in one.recv(1000)
        for path in ("/v1/chat/completions", "/v1/messages", "/v1/responses"):
            answer = exchange(port, request("POST", path, JSON + CLOSE, json.dumps(BODY).encode()))
            assert answer.status == 503
            assert "retry-after: 1\r\n" in answer.head
            assert "x-should-retry: true" in answer.head
            assert answer.json()["error"]["code"] == "server_busy"
        assert answer.json()["error"]["fix"]
        assert provider.begun == 2
        assert is_well(port)  # a load balancer must not think that it is down
        streams[0].close()
        assert until(lambda: exchange(port, request("GET", "/v1/models", CLOSE)).status == 200)


def test_buffered_bodies_are_bounded_in_their_sum(tmp_path: Path) -> None:
    piece = b"100000\r\n" + b"a" * 2**20 + b"\r\n"
    head = request("POST", "/v1/chat/completions", f"{JSON}Transfer-Encoding: chunked\r\n")
    with serving(tmp_path, "--max-buffer", "16", "--grace", "1") as process, contextlib.ExitStack() as stack:
        port = port_of(process)
        before = resident_mb(pid_of(process))
        uploads = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 20)) for _ in range(4)]
        for one in uploads:
            one.sendall(head)
            for _ in range(10):
                one.sendall(piece)
        for one in uploads[1:]:
            assert one.recv(13) == b"HTTP/1.1 503 "
        assert resident_mb(pid_of(process)) < before + 60
        assert is_well(port)
        declared = exchange(port, request("POST", "/v1/responses", f"{JSON}{CLOSE}Content-Length: {9 * 2**20}\r\n"))
        assert (declared.status, declared.json()["error"]["code"]) == (503, "server_busy")
        uploads[0].sendall(b"0\r\n\r\n")  # it was admitted first, and is answered; then there is room again
        assert uploads[0].recv(13) == b"HTTP/1.1 400 "
        assert until(lambda: exchange(port, chat(JSON + CLOSE, model="nonsuch/m")).status == 404)


def test_small_chunks_do_not_keep_others_waiting(tmp_path: Path) -> None:
    with serving(tmp_path) as process:
        port = port_of(process)
        head = request("POST", "/v1/chat/completions", f"{JSON}Transfer-Encoding: chunked\r\n")
        answer = exchange(port, head + b"1\r\na\r\n" * 200_000)
        assert answer.seconds < 20
        assert answer.end == "reset" or answer.status == 400
        assert is_well(port)


def test_a_slow_reader_holds_the_provider_back_and_is_cut_in_the_end(tmp_path: Path) -> None:
    with (
        endless_provider(pause_s=0) as provider,
        serving(tmp_path, "--send-timeout", "3", "--grace", "1", upstream=provider.url) as process,
        socket.socket() as reader,
    ):
        before = resident_mb(pid_of(process))
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        reader.connect(("127.0.0.1", port_of(process)))
        reader.sendall(STREAM)
        assert b" 200 " in reader.recv(1000)
        assert until(lambda: provider.open == 1)
        assert until(lambda: provider.open == 0, timeout_s=40)
        assert provider.sent_bytes < 64 * 2**20  # what the kernel's buffers take, and a little of the server's
        assert resident_mb(pid_of(process)) < before + 60
        assert is_well(port_of(process))


@pytest.mark.parametrize("how", ["closes", "resets", "has asked for more"])
def test_a_client_that_leaves_stops_its_model_within_a_second(tmp_path: Path, how: str) -> None:
    with endless_provider() as provider, serving(tmp_path, "--grace", "1", upstream=provider.url) as process:
        with socket.create_connection(("127.0.0.1", port_of(process)), 20) as one:
            one.sendall(STREAM * 2 if how == "has asked for more" else STREAM)
            assert b" 200 " in one.recv(1000)
            assert provider.open == 1
            if how == "resets":
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert until(lambda: provider.open == 0, timeout_s=10)
        assert provider.begun == 1
        assert until(lambda: " left " in process.log.read_text())
