"""The faults, as data: what the server sends in place of a correct answer.

An answer is a list of steps: bytes to send, seconds to wait, or one of `CLOSE`, `RESET`, `HANG`, `Repeat`.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

CLOSE, RESET, HANG = "close", "reset", "hang"


class Repeat(NamedTuple):
    """Send the same bytes again and again, until the client leaves."""

    data: bytes
    pause_s: float


class Good(NamedTuple):
    """The correct answer, which a fault changes.

    Attributes:
        kind: Its content type.
        pieces: The events of the stream, or the whole answer in three pieces.
        begun: How many pieces there are up to the first with a part of the text.
        ping: What keeps a stream of this format alive.
        stream: Whether a stream was asked for.
    """

    kind: str
    pieces: tuple[bytes, ...]
    begun: int
    ping: bytes
    stream: bool

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


Steps = list[Any]


@dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes:
        steps: The correct answer → what is sent.
        recovers: Whether the answer must be correct nevertheless.
        once: Whether only the first request of a call meets it.
        address: Whether it belongs to an address rather than to an answer: `refused`, `full`, or what is sent, or done,
            as soon as a connection is accepted.
        heavy: Whether it is left out of the short run, and tried on one surface only.
        only: The only kind of answers that it applies to: `"stream"` or `"whole"`; empty for both.
    """

    steps: Callable[[Good], Steps] = lambda good: []
    recovers: bool = False
    once: bool = False
    address: Any = None
    heavy: bool = False
    only: str = ""


def head(good: Good, status: str = "200 OK", *more: str, kind: str | None = None) -> bytes:
    """The head of an answer."""
    lines = [f"HTTP/1.1 {status}", f"content-type: {good.kind if kind is None else kind}", *more]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def begun(good: Good, *more: str) -> Steps:
    """The head of a chunked answer, and its pieces up to the first part of the text."""
    return [head(good, "200 OK", "transfer-encoding: chunked", *more), *map(chunk, good.pieces[: good.begun])]


def correct(good: Good, *more: str, body: bytes | None = None) -> Steps:
    """A correct answer; `body` replaces its own."""
    data = good.body if body is None else body
    if not good.stream:
        return [head(good, "200 OK", f"content-length: {len(data)}", *more) + data]
    pieces = good.pieces if body is None else (body,)
    return [head(good, "200 OK", "transfer-encoding: chunked", *more), *map(chunk, pieces), b"0\r\n\r\n"]


def _status(status: str, body: Any = None, *more: str, kind: str = "application/json") -> Fault:
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Fault(lambda good: [head(good, status, f"content-length: {len(data)}", *more, kind=kind) + data])


def _error(message: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "server_error", "code": code}}


def _body(data: bytes | Callable[[Good], bytes], kind: str | None = None, *more: str, **options: Any) -> Fault:
    """An answer with status 200 and another body."""

    def steps(good: Good) -> Steps:
        made = data if isinstance(data, bytes) else data(good)
        return [head(good, "200 OK", f"content-length: {len(made)}", *more, kind=kind) + made]

    return Fault(steps, **options)


def _bomb() -> bytes:
    """300 MB of spaces as gzip: made of one piece, since compressing them takes a second of the loop that measures the calls."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    begun = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(b" " * 2**24) + packer.flush(zlib.Z_FULL_FLUSH)
    return begun + piece * 18 + packer.flush()


def _then(*steps: Any, **options: Any) -> Fault:
    """The beginning of the answer, up to the first part of the text, and then something else."""
    return Fault(lambda good: [*begun(good), *steps], only="stream", **options)


def _drip(data: bytes, pause_s: float) -> Steps:
    return [step for byte in data for step in (chunk(bytes([byte])), pause_s)]


def _in_pieces(data: bytes, size: int) -> Steps:
    pieces = [chunk(data[at : at + size]) for at in range(0, len(data), size)]
    return [step for piece in pieces for step in (piece, 0.0)]


HTML = b"<!doctype html><html><title>Login</title></html>"
_DEEP = b'{"a":' * 10_000 + b"1" + b"}" * 10_000
_RATE = "retry-after: {}"
_LIMITED = _error("slow down", "rate_limit_exceeded")


def _limited(value: str, header: str = "retry-after") -> Fault:
    return _status("429 Too Many Requests", _LIMITED, f"{header}: {value}")


def _before(event: bytes) -> Fault:
    """An event before a correct stream."""
    return Fault(lambda good: correct(good, body=event + good.body), only="stream")


FAULTS: dict[str, Fault] = {
    # The address
    "connection refused": Fault(address="refused"),
    "connection never accepted": Fault(address="full"),
    "accepted, then closed": Fault(address=[CLOSE]),
    "accepted, then reset": Fault(address=[RESET]),
    "accepted, then silent": Fault(address=[HANG]),
    "speaks first, and not HTTP": Fault(address=[b"SSH-2.0-OpenSSH_9.6\r\n", HANG]),
    "speaks TLS": Fault(address=[b"\x15\x03\x03\x00\x02\x02\x28", CLOSE]),
    # Before the head is complete
    "closed after the request": Fault(lambda good: [CLOSE]),
    "reset after the request": Fault(lambda good: [RESET]),
    "silent after the request": Fault(lambda good: [HANG]),
    "half a status line": Fault(lambda good: [b"HTTP/1.1 20", CLOSE]),
    "half a head": Fault(lambda good: [head(good)[:-2], CLOSE]),
    "half a head, then silent": Fault(lambda good: [head(good)[:-2], HANG]),
    "headers that drip": Fault(lambda good: [b"HTTP/1.1 200 OK\r\n", Repeat(b"x-a: b\r\n", 0.02)]),
    "a header that drips": Fault(lambda good: [b"HTTP/1.1 200 OK\r\nx-a: ", Repeat(b"b", 0.02)]),
    "headers without end": Fault(lambda good: [b"HTTP/1.1 200 OK\r\n", Repeat(b"x-a: " + b"b" * 4000 + b"\r\n", 0.0)]),
    "not HTTP": Fault(lambda good: [b"\x00\x01\x02garbage\r\n\r\n", CLOSE]),
    "HTTP/0.9": Fault(lambda good: [good.body, CLOSE]),
    "an HTTP/2 preface": Fault(lambda good: [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", CLOSE]),
    "a status of words": Fault(lambda good: [b"HTTP/1.1 OK fine\r\n\r\n", CLOSE]),
    "a header without a colon": Fault(lambda good: [b"HTTP/1.1 200 OK\r\nnothing\r\n\r\n", CLOSE]),
    "100 Continue for ever": Fault(lambda good: [Repeat(b"HTTP/1.1 100 Continue\r\n\r\n", 0.02)]),
    "a switch of protocols": _status("101 Switching Protocols", None, "upgrade: websocket", "connection: upgrade"),
    # Statuses
    "204 without a body": Fault(lambda good: [b"HTTP/1.1 204 No Content\r\n\r\n"]),
    "206 of a part": _status("206 Partial Content", b'{"choices":'),
    "301 to another path": _status("301 Moved Permanently", None, "location: /v2/elsewhere"),
    "307 to another origin": _status("307 Temporary Redirect", None, "location: http://127.0.0.1:9/v1/messages"),
    "308 to itself": _status("308 Permanent Redirect", None, "location: ?"),
    "400": _status("400 Bad Request", _error("no")),
    "401": _status("401 Unauthorized", _error("invalid api key", "invalid_api_key")),
    "402": _status("402 Payment Required", _error("insufficient balance")),
    "403 of a firewall": _status("403 Forbidden", HTML, kind="text/html"),
    "404 of a web server": _status("404 Not Found", HTML, kind="text/html"),
    "408": _status("408 Request Timeout", _error("too slow")),
    "413 as text": _status("413 Payload Too Large", b"too large", kind="text/plain"),
    "429": _status("429 Too Many Requests", _LIMITED),
    "429, a wait of 1e308": _limited("1e308"),
    "429, a wait of -5": _limited("-5"),
    "429, a wait of nan": _limited("nan"),
    "429, a date in the past": _limited("Wed, 21 Oct 2015 07:28:00 GMT"),
    "429, a date in the year 9999": _limited("Fri, 31 Dec 9999 23:59:59 GMT"),
    "429, milliseconds without end": _limited("9" * 400, "retry-after-ms"),
    "500 with a traceback": _status(
        "500 Internal Server Error", b"Traceback (most recent call last):", kind="text/plain"
    ),
    "502 of a proxy": _status("502 Bad Gateway", HTML, kind="text/html"),
    "503 without a body": _status("503 Service Unavailable"),
    "504": _status("504 Gateway Timeout", _error("upstream timed out")),
    "529": _status("529 Overloaded", _error("overloaded", "overloaded_error")),
    "an error body that is cut off": Fault(
        lambda good: [head(good, "500 Oops", "content-length: 500", kind="application/json"), b'{"error":', CLOSE]
    ),
    "an error body that drips": Fault(
        lambda good: [head(good, "500 Oops", "transfer-encoding: chunked"), Repeat(chunk(b" "), 0.02)]
    ),
    # A successful head, and another body
    "an empty body": _body(b""),
    "blanks": _body(b" \n\n "),
    "null": _body(b"null"),
    "a JSON list": _body(b"[]"),
    "a JSON text": _body(b'"hello"'),
    "an empty object": _body(b"{}"),
    "an object of another API": _body(b'{"status":"ok","version":3}'),
    "JSON that breaks off": _body(lambda good: good.body[: len(good.body) // 2]),
    "JSON nested too deep": _body(_DEEP),
    "JSON that is not UTF-8": _body(b'{"id":"\xff\xfe","choices":"\xc3\x28"}'),
    "a web page": _body(HTML, "text/html"),
    "a web page without a type": _body(HTML),
    "plain text": _body(b"the service is starting", "text/plain"),
    "an error inside a 200": _body(json.dumps(_error("overloaded", "overloaded")).encode(), "application/json"),
    "corrupt gzip": _body(b"\x1f\x8b\x08\x00garbage", None, "content-encoding: gzip"),
    "an unknown encoding": _body(lambda good: good.body, None, "content-encoding: zstd-9"),
    "a gzip bomb": _body(_bomb(), None, "content-encoding: gzip", heavy=True),
    "a body shorter than its length": Fault(
        lambda good: [head(good, "200 OK", f"content-length: {len(good.body) + 50}") + good.body[:-20], CLOSE]
    ),
    "a body that stops halfway": Fault(
        lambda good: [head(good, "200 OK", f"content-length: {len(good.body)}") + good.body[:20], HANG]
    ),
    "a body that drips for ever": Fault(
        lambda good: [head(good, "200 OK", "transfer-encoding: chunked"), Repeat(chunk(b" "), 0.02)]
    ),
    "a negative length": Fault(lambda good: [head(good, "200 OK", "content-length: -1") + good.body, CLOSE]),
    "two lengths": Fault(
        lambda good: [head(good, "200 OK", "content-length: 3", "content-length: 9") + good.body, CLOSE]
    ),
    "chunks that violate the encoding": Fault(
        lambda good: [head(good, "200 OK", "transfer-encoding: chunked"), 0.05, b"ZZZ\r\nnot a chunk\r\n", HANG]
    ),
    # A stream that begins correctly
    "cut off after the first token": _then(CLOSE),
    "reset after the first token": _then(RESET),
    "silent after the first token": _then(HANG),
    "ended after the first token": _then(b"0\r\n\r\n"),
    "a violation after the first token": _then(0.05, b"ZZZ\r\nnot a chunk\r\n", HANG),
    "pings for ever": Fault(
        lambda good: [head(good, "200 OK", "transfer-encoding: chunked"), Repeat(chunk(good.ping), 0.02)], only="stream"
    ),
    "pings for ever after the first token": Fault(
        lambda good: [*begun(good), Repeat(chunk(good.ping), 0.02)], only="stream"
    ),
    "one byte at a time, slowly": Fault(
        lambda good: [head(good, "200 OK", "transfer-encoding: chunked"), *_drip(good.body, 0.2)], only="stream"
    ),
    "an answer without end": Fault(
        lambda good: [*begun(good), Repeat(chunk(good.pieces[good.begun]), 0.02)], only="stream"
    ),
    "a line without end": _then(Repeat(chunk(b"x" * 1000), 0.02)),
    "garbage after the first token": _then(chunk(b"\x00\xff garbage\n\n" * 3), b"0\r\n\r\n"),
    "an event cut in two": Fault(
        lambda good: [*begun(good), chunk(good.pieces[good.begun][:25]), CLOSE], only="stream"
    ),
    "an event that is not JSON": _then(chunk(b"data: {broken\n\n"), CLOSE),
    "a stream of whole JSON": Fault(lambda good: [head(good, "200 OK", "content-length: 2") + b"{}"], only="stream"),
    "only the end mark": _body(b"data: [DONE]\n\n", only="stream"),
    # What a call recovers from
    "a correct answer": Fault(correct, recovers=True),
    "sixteen bytes at a time": Fault(
        lambda good: [head(good, "200 OK", "transfer-encoding: chunked"), *_in_pieces(good.body, 16), b"0\r\n\r\n"],
        recovers=True,
    ),
    "a byte above 0x7f in a header": Fault(
        lambda good: correct(good, "x-ratelimit-limit-requests: 3\xe9"), recovers=True
    ),
    "closed instead of kept alive": Fault(
        lambda good: [head(good, "200 OK", "connection: close") + good.body, CLOSE], recovers=True
    ),
    "slow but in time": Fault(lambda good: [0.2, *correct(good)], recovers=True),
    "503, then correct": Fault(_status("503 Busy", _error("busy")).steps, once=True),
    "reset, then correct": Fault(lambda good: [RESET], once=True),
    "429 for 0.1 s, then correct": Fault(_limited("0.1").steps, once=True),
}
