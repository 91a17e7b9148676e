"""Hostile bytes to a real server: each gets one defined answer, nothing is read in two ways, and the server goes on."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from support.hostile import CLOSE, JSON, chat, exchange, is_well, port_of, request, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.hostile import Received

POST = "/v1/chat/completions"
CHUNKED = f"{JSON}Transfer-Encoding: chunked\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    limits = ("--header-timeout", "2", "--body-timeout", "2", "--idle-timeout", "3", "--grace", "1")
    with serving(tmp_path_factory.mktemp("hostile"), *limits) as process:
        yield port_of(process)
        assert is_well(port_of(process))
        log = process.log.read_text()
    assert "Traceback" not in log


def post(headers: str, body: bytes) -> bytes:
    return request("POST", POST, headers, body)


SMUGGLED = b"0\r\n\r\nGET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

CASES: dict[str, tuple[bytes, int]] = {
    "both lengths": (post(f"{CHUNKED}Content-Length: 5\r\n", SMUGGLED), 400),
    "two lengths": (post(f"{JSON}Content-Length: 5\r\nContent-Length: 6\r\n", b"{}    "), 400),
    "a signed length": (post(f"{JSON}Content-Length: +2\r\n", b"{}"), 400),
    "a negative length": (post(f"{JSON}Content-Length: -2\r\n", b"{}"), 400),
    "a length of five thousand digits": (post(f"{JSON}Content-Length: {'9' * 5000}\r\n", b"{}"), 400),
    "a coding in disguise": (post(f"{JSON}Transfer-Encoding: xchunked\r\n", SMUGGLED), 501),
    "two codings": (post(f"{JSON}Transfer-Encoding: gzip, chunked\r\n", SMUGGLED), 501),
    "a space before the colon": (post(f"{JSON}Transfer-Encoding : chunked\r\n", SMUGGLED), 400),
    "a chunk size that is not hexadecimal": (post(CHUNKED, b"zz\r\n{}\r\n0\r\n\r\n"), 400),
    "a body of one-byte chunks": (post(CHUNKED, b"1\r\n \r\n" * 5000 + b"0\r\n\r\n"), 400),
    "a header of 200 kB": (request("GET", "/v1/models", f"X: {'a' * 200_000}\r\n"), 431),
    "300 headers": (request("GET", "/v1/models", "".join(f"x{n}: 1\r\n" for n in range(300))), 431),
    "a NUL in a header": (request("GET", "/v1/models", "X: a\0b\r\n"), 400),
    "bytes that are not ASCII in the path": (request("GET", "/v1/\xff"), 400),
    "a Host twice": (request("GET", "/health", "Host: evil.example\r\n"), 400),
    "no Host": (request("GET", "/health", host=None), 400),
    "a content type twice": (post(f"Content-Type: text/plain\r\n{JSON}", b"{}"), 400),
    "an Origin twice": (request("GET", "/v1/models", "Origin: http://a.example\r\nOrigin: http://127.0.0.1\r\n"), 400),
    "a whole address": (request("GET", "http://evil.example/v1/models"), 400),
    "a proxy's method": (request("CONNECT", "evil.example:443"), 400),
    "HTTP/0.9": (b"GET /health\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(64).replace(b"\n", b" ") + b"\r\n\r\n", 400),
    "dots in the path": (request("GET", "/v1/../v1/models", CLOSE), 501),
    "an encoded NUL and line feed": (request("GET", "/v1/models/%ff%00%0a", CLOSE), 404),
    "an encoded path": (request("GET", "/%76%31/%6dodels", CLOSE), 200),
    "TRACE": (request("TRACE", "/", CLOSE), 405),
    "a WebSocket": (request("GET", "/v1/responses", f"{CLOSE}Upgrade: websocket\r\n"), 405),
    "h2c": (request("GET", "/health", "Connection: Upgrade, close\r\nUpgrade: h2c\r\n"), 200),
    "bytes that are not UTF-8": (post(JSON + CLOSE, b'{"model": "\xff\xfe"}'), 400),
    "half of a surrogate pair": (post(JSON + CLOSE, b'{"model": "mine/m", "user": "\\ud800", "messages": []}'), 400),
    "deep JSON that does not end": (post(JSON + CLOSE, b'{"a":' + b"[" * 100_000), 400),
    "deep JSON": (post(JSON + CLOSE, b'{"a":' * 200_000 + b"1" + b"}" * 200_000), 400),
    "a JSON bomb": (post(JSON + CLOSE, b'{"messages": [' + b"[]," * 3_000_000 + b"[]]}"), 413),
    "a byte order mark": (post(JSON + CLOSE, b'\xef\xbb\xbf{"model": "mine/m"}'), 400),
    "NaN": (post(JSON + CLOSE, b'{"model": "mine/m", "temperature": NaN, "messages": []}'), 400),
    "a content type in a parameter": (post(f"Content-Type: text/plain;application/json\r\n{CLOSE}", b"{}"), 415),
    "a length beyond the limit": (post(f"{JSON}Content-Length: 99999999999\r\n{CLOSE}", b"{}"), 413),
}


@pytest.mark.parametrize("name", CASES)
def test_each_has_one_answer_in_json(port: int, name: str) -> None:
    data, status = CASES[name]
    answer = exchange(port, data)
    assert answer.statuses == [status]
    assert answer.end != "timeout"
    assert "content-type: application/json" in answer.head
    if status >= 400:
        assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *(
            (host, 400)
            for host in ("localhost:evil", "localhost:999999", "127.0.0.1@evil.example", "[::1", "a b", "x, y")
        ),
        *(
            (host, 403)
            for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "2130706433")
        ),
        *((host, 403) for host in ("0.0.0.0", "[::]", "10.0.0.1:4100", "localhost.")),
        *((host, 200) for host in ("LOCALHOST", "localhost:1", "127.1.2.3:65535", "[::1]:80")),
    ],
)
def test_a_host_must_be_this_machine(port: int, host: str, status: int) -> None:
    answer = exchange(port, request("GET", "/health", CLOSE, host=host))
    assert answer.status == status
    if status >= 400:
        assert answer.json()["error"]["fix"]


def test_http_1_0_needs_no_host_and_is_closed_after_its_answer(port: int) -> None:
    answer = exchange(port, b"GET /health HTTP/1.0\r\n\r\n")
    assert (answer.statuses, answer.end) == ([200], "closed")


def test_pipelined_requests_are_answered_in_their_order(port: int) -> None:
    answer = exchange(port, request("GET", "/health") * 20 + request("GET", "/v1/nothing", CLOSE))
    assert answer.statuses == [200] * 20 + [501]


def test_a_request_hidden_in_a_body_is_not_answered(port: int) -> None:
    hidden = request("GET", "/v1/models")
    answer = exchange(port, request("POST", POST, JSON + CLOSE, hidden))
    assert answer.statuses == [400]


def closed_within(answer: Received, seconds: float) -> bool:
    # The bound is generous, because the machine may be busy; without a limit it would be the client's own timeout.
    return answer.end != "timeout" and answer.seconds < seconds + 10


@pytest.mark.parametrize("data", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: "])
def test_headers_that_do_not_come_end_the_connection(port: int, data: bytes) -> None:
    answer = exchange(port, data)
    assert closed_within(answer, 2)
    assert answer.status == (408 if data else 0)
    if data:
        assert answer.json()["error"]["code"] == "request_timeout"


@pytest.mark.parametrize("coding", ["Content-Length: 100\r\n", "Transfer-Encoding: chunked\r\n"])
def test_a_body_that_does_not_come_is_408(port: int, coding: str) -> None:
    answer = exchange(port, post(JSON + coding, b"2\r\n{ \r\n"))
    assert closed_within(answer, 2)
    assert (answer.status, answer.json()["error"]["code"]) == (408, "request_timeout")
    assert "--body-timeout" in answer.json()["error"]["fix"]


def test_a_body_that_is_not_wanted_is_not_waited_for(port: int) -> None:
    answer = exchange(port, request("POST", POST, "Content-Length: 100\r\n") + b"{")
    assert answer.status == 415
    assert closed_within(answer, 2)


def test_an_idle_connection_is_closed(port: int) -> None:
    answer = exchange(port, request("GET", "/health"))
    assert answer.status == 200
    assert closed_within(answer, 3)


def test_expect_100_continue(port: int) -> None:
    body = json.dumps({"model": "nonsuch/m", "messages": [{"role": "user", "content": "x"}]}).encode()
    answer = exchange(port, post(f"{JSON}{CLOSE}Expect: 100-continue\r\n", body))
    assert answer.statuses[-1] == 404
    answer = exchange(port, chat(f"Content-Type: text/plain\r\n{CLOSE}Expect: 100-continue\r\n"))
    assert answer.statuses == [415]
