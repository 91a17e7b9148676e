"""A LiteLLM proxy on loopback that says what a test tells it to."""

from __future__ import annotations

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from time import sleep
from typing import TYPE_CHECKING, Any

from support.upstream import completion

if TYPE_CHECKING:
    from collections.abc import Iterator


class Proxy:
    """A proxy's three endpoints.

    Attributes:
        listed: What `/v1/models` lists.
        info: The `data` of `/model/info`; None: the key may not read it.
        answers: Deployment → its status and body; others answer "Ready.".
        asked: The bodies of the calls.
        most_at_once: The most calls that were open at a time.
        held: A deployment that answers only after `let_go` is set.
    """

    def __init__(self) -> None:
        self.listed: list[dict[str, Any]] = []
        self.info: list[Any] | None = []
        self.answers: dict[str, tuple[int, Any]] = {}
        self.asked: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.most_at_once = 0
        self.delay_s = 0.0
        self.headers: dict[str, str] = {}
        self.held = ""
        self.let_go = Event()
        self._open = 0
        self._lock = Lock()

    def answer(self, path: str, body: Any) -> tuple[int, Any]:
        with self._lock:
            self.paths.append(path)
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
        try:
            sleep(self.delay_s)
            if path.partition("?")[0].endswith("/models"):
                return 200, {"object": "list", "data": self.listed}
            if path.endswith("/model/info"):
                return (200, {"data": self.info}) if self.info is not None else (403, {"error": {"message": "no"}})
            self.asked.append(body)
            if body["model"] == self.held:
                self.let_go.wait(100)
            return self.answers.get(body["model"], (200, completion("Ready.")))
        finally:
            with self._lock:
                self._open -= 1


@contextmanager
def serving(proxy: Proxy) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def _answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, body = proxy.answer(self.path, json.loads(raw) if raw else None)
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"x-litellm-version": "1", **proxy.headers}.items():
                self.send_header(name, value)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
