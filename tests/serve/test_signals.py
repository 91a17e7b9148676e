"""SIGTERM and SIGINT end the server: with streams that run, without a reader of its output, and at once when repeated."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from support.hostile import chat, endless_provider, is_well, port_of, serving, until
from support.proxy import free_port, serve_process

if TYPE_CHECKING:
    from pathlib import Path

STREAM = chat(stream=True)
SIGNALS = {"INT": signal.SIGINT, "TERM": signal.SIGTERM}


def read_to_the_end(one: socket.socket) -> bytes:
    content = b""
    with contextlib.suppress(ConnectionError):
        while piece := one.recv(65536):
            content += piece
    return content


@pytest.mark.parametrize("name", SIGNALS)
def test_a_stream_that_does_not_end_is_cut_after_the_grace(tmp_path: Path, name: str) -> None:
    with endless_provider() as provider, serving(tmp_path, "--grace", "1", upstream=provider.url) as process:
        with socket.create_connection(("127.0.0.1", port_of(process)), 30) as one:
            one.sendall(STREAM)
            assert b" 200 " in one.recv(1000)
            process.signal(SIGNALS[name])
            content = read_to_the_end(one)
        assert process.running is not None
        assert process.running.wait(30) == 0
        assert b"data: [DONE]" not in content
        assert not content.endswith(b"0\r\n\r\n")  # the client can see that it was cut
        assert until(lambda: provider.open == 0)
        assert "stopping; finishing 1 request within 1 s" in process.log.read_text()
        assert "Traceback" not in process.log.read_text()


@pytest.mark.parametrize(("first", "second"), [("INT", "INT"), ("TERM", "TERM"), ("INT", "TERM"), ("TERM", "INT")])
def test_a_second_signal_cuts_at_once(tmp_path: Path, first: str, second: str) -> None:
    with endless_provider() as provider, serving(tmp_path, "--grace", "600", upstream=provider.url) as process:
        with socket.create_connection(("127.0.0.1", port_of(process)), 30) as one:
            one.sendall(STREAM)
            assert b" 200 " in one.recv(1000)
            process.signal(SIGNALS[first])
            assert until(lambda: "stopping; finishing 1 request" in process.log.read_text())
            process.signal(SIGNALS[second])
            assert process.running is not None
            assert process.running.wait(30) == 0
        assert until(lambda: provider.open == 0)
        assert "stopping now; 1 request cut" in process.log.read_text()
        assert "Traceback" not in process.log.read_text()


@pytest.mark.parametrize("closed", [("stderr",), ("stdout", "stderr")], ids=["stderr", "both"])
@pytest.mark.parametrize("stream", [False, True], ids=["idle", "with a stream"])
def test_it_ends_although_nobody_reads_its_output(tmp_path: Path, closed: tuple[str, ...], stream: bool) -> None:
    """The farewell message raised BrokenPipeError, and the server went on."""
    with endless_provider() as provider, contextlib.ExitStack() as stack:
        process = serve_process(tmp_path, "--grace", "1", config=f"servers:\n  mine:\n    base_url: {provider.url}\n")
        reader, writer = os.pipe()
        output = {name: writer if name in closed else subprocess.DEVNULL for name in ("stdout", "stderr")}
        process.running = subprocess.Popen(
            process.command, env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]}, cwd=tmp_path,
            stdin=subprocess.DEVNULL, start_new_session=True, **output,
        )  # fmt: skip
        stack.callback(process.kill)
        os.close(writer)
        os.close(reader)
        process.log.write_text("")
        process.wait()
        if stream:
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port_of(process)), 20))
            one.sendall(STREAM)
            assert b" 200 " in one.recv(1000)
        process.signal(signal.SIGTERM)
        assert process.running.wait(30) == 0


@pytest.mark.skipif(not hasattr(os, "set_blocking"), reason="needs POSIX pipes")
def test_a_pipe_that_is_full_stops_neither_answers_nor_its_end(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"\n" * 4096)
    os.set_blocking(writer, True)
    process = serve_process(tmp_path, "--grace", "1")
    process.running = subprocess.Popen(
        process.command, env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]}, cwd=tmp_path,
        stdin=subprocess.DEVNULL, stdout=writer, stderr=writer, start_new_session=True,
    )  # fmt: skip
    try:
        process.log.write_text("")
        process.wait()
        assert all(is_well(port_of(process), timeout_s=10) for _ in range(20))
        process.signal(signal.SIGTERM)
        assert process.running.wait(30) == 0
    finally:
        process.kill()
        os.close(reader)
        os.close(writer)


def test_an_idle_keep_alive_connection_does_not_delay_the_end(tmp_path: Path) -> None:
    with serving(tmp_path, "--grace", "600") as process:
        with socket.create_connection(("127.0.0.1", port_of(process)), 20) as one:
            one.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert b" 200 " in one.recv(1000)
            begun_s = time.monotonic()
            process.signal(signal.SIGTERM)
            assert process.running is not None
            assert process.running.wait(60) == 0
        assert time.monotonic() - begun_s < 60


STUCK = """
import sys, time
import ingate.cli.serve as serve
from ingate.cli.main import main
from ingate.gateway import Gateway

async def models(self):
    print("stuck", file=sys.stderr, flush=True)
    time.sleep(600)

Gateway.models = models
serve._FORCE_AFTER_S = 1
main(["serve", "--no-store", "--grace", "1", "--port", sys.argv[1]])
"""


def test_it_ends_although_its_event_loop_is_stuck(tmp_path: Path) -> None:
    port = free_port()
    running = subprocess.Popen(
        [sys.executable, "-c", STUCK, str(port)], env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert running.stderr is not None
    try:
        assert until(lambda: is_well(port), timeout_s=60)
        with socket.create_connection(("127.0.0.1", port), 20) as one:
            one.sendall(b"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            while b"stuck" not in running.stderr.readline():
                pass
            running.send_signal(signal.SIGTERM)
            assert running.wait(60) == 1
    finally:
        running.kill()
        running.wait(20)
        running.stderr.close()
