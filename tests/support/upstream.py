"""A provider on loopback that says what a test tells it to: OpenAI's wire format, errors, broken streams."""

from __future__ import annotations

import json
import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


SENT = "<all that was sent>"


@dataclass
class Reply:
    """One answer: a status and a body, or a stream of server-sent events that may be cut.

    `SENT` in it is replaced by every header value that came along and may be a key.
    """

    status: int = 200
    body: Any = None
    events: list[Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    content_type: str = "application/json"


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


def completion(text: str = "Hello there", **more: Any) -> dict[str, Any]:
    """A plain OpenAI completion."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        **more,
    }


def chunks(*pieces: str, finish: bool = True) -> list[dict[str, Any]]:
    """An OpenAI stream that says `pieces`."""

    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}

    events = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": piece}) for piece in pieces)]
    if finish:
        usage = {"prompt_tokens": 3, "completion_tokens": len(pieces), "total_tokens": 3 + len(pieces)}
        events += [chunk({}, "stop"), {**chunk({}), "choices": [], "usage": usage}]
    return events


class Upstream:
    """Where it listens, what it will say next, and what it has seen."""

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self.otherwise = Reply(body=completion())
        self.seen: list[Seen] = []
        self.url = ""

    def say(self, *replies: Reply) -> None:
        self.replies.extend(replies)


@contextmanager
def upstream() -> Iterator[Upstream]:
    """A running provider; it stops at the end of the block."""
    told = Upstream()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def _answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            told.seen.append(Seen(self.command, self.path, headers, json.loads(raw) if raw else None))
            reply = told.replies.popleft() if told.replies else told.otherwise
            self._sent = " ".join(
                value for name, value in headers.items() if name == "authorization" or name.startswith("x-")
            )
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value.replace(SENT, self._sent))
            if reply.events is not None:
                self._stream(reply)
                return
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            body = body.replace(SENT.encode(), self._sent.encode())
            self.send_header("content-type", reply.content_type)
            self.send_header("content-length", str(len(body) + (10 if reply.cut else 0)))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = self.close_connection or reply.cut

        def _stream(self, reply: Reply) -> None:
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            pieces = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in reply.events or ()]
            if not reply.cut:
                pieces.append(b"data: [DONE]\n\n")
            for piece in (piece.replace(SENT.encode(), self._sent.encode()) for piece in pieces):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
            if reply.cut:
                self.close_connection = True
            else:
                self.wfile.write(b"0\r\n\r\n")

        do_GET = do_POST = _answer

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
