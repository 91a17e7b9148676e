"""Well-behaved clients get every answer while hostile ones attack, and nothing of the attack is left afterwards."""

from __future__ import annotations

import os
import random
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.hostile import CLOSE, JSON, chat, descriptors, exchange, is_well, pid_of, port_of, request, serving, until
from support.upstream import Reply, chunks, upstream

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc")

CHUNKED = request("POST", "/v1/chat/completions", f"{JSON}Transfer-Encoding: chunked\r\n")
ATTACKS = [
    b"",
    b"GET / HT",
    b"A" * 300_000,
    b"\x16\x03\x01\x02\x00" + os.urandom(60),
    request("GET", "/health") * 200,
    CHUNKED + b"1\r\na\r\n" * 5000,
    CHUNKED + b"100000\r\n" + b"a" * 500_000,
    request("POST", "/v1/chat/completions", f"{JSON}Content-Length: 90000000\r\n") + b"a" * 100_000,
    request("POST", "/v1/chat/completions", JSON, b'{"a":' * 50_000),
    chat(stream=True),
]


def attack(port: int, seed: int, done: threading.Event) -> int:
    """Attack after attack, each of which ends in a close or a reset at some moment; how many."""
    dice = random.Random(seed)
    count = 0
    while not done.is_set():
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as one:
                one.sendall(dice.choice(ATTACKS))
                done.wait(0.2 + dice.random())  # attacks must not use up the processor, which no limit prevents
                if dice.random() < 0.5:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        count += 1
    return count


def test_all_good_requests_are_answered(tmp_path: Path) -> None:
    limits = ("--header-timeout", "2", "--body-timeout", "2", "--idle-timeout", "2", "--grace", "2", "--no-access-log")
    with upstream() as provider, serving(tmp_path, *limits, upstream=provider.url) as process:
        provider.otherwise = Reply(events=chunks(*(f"word {number} " for number in range(30))))
        port, pid = port_of(process), pid_of(process)
        good = chat(JSON + CLOSE, stream=True)
        assert exchange(port, good).status == 200  # what is opened once is open
        before = descriptors(pid)
        done = threading.Event()
        with ThreadPoolExecutor(14) as pool:
            attackers = [pool.submit(attack, port, seed, done) for seed in range(8)]
            try:
                answers = list(pool.map(lambda _: exchange(port, good, timeout_s=60), range(60)))
            finally:
                done.set()
            assert sum(attacker.result() for attacker in attackers) > 8
        assert {(answer.status, answer.end) for answer in answers} == {(200, "closed")}
        assert all(b"data: [DONE]" in answer.content and b"word 29 " in answer.content for answer in answers)
        assert is_well(port)
        assert until(lambda: descriptors(pid) <= before + 8, timeout_s=60)  # those to the provider are kept for a while
        process.stop()
        assert process.running is not None
        assert process.running.returncode == 0
        log = process.log.read_text()
    assert "Traceback" not in log
    assert len(log.splitlines()) < 100
