"""A real browser on a foreign origin: whatever its page tries, it gets no answer from the server and spends nothing."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from support.hostile import port_of, serving
from support.upstream import upstream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: apt-get install chromium"),
    pytest.mark.timeout(180),
]

# A page that tries every way to send a request, and reports to its own server what it could read.
PAGE = """<!doctype html><meta charset=utf-8><body><script>
const server = %(server)s, chat = server + "/v1/chat/completions";
const body = JSON.stringify({model: "mine/m", messages: [{role: "user", content: "hi"}]});
const json = {"content-type": "application/json"};
const read = async answer => answer.type + " " + answer.status + " " + await answer.text();
const load = (tag, attributes) => new Promise((done, failed) => {
  const element = Object.assign(document.createElement(tag), attributes);
  element.onload = () => done("loaded"); element.onerror = () => failed("error");
  document.body.append(element);
});
const attempts = {
  "get": () => fetch(server + "/v1/models").then(read),
  "get without cors": () => fetch(server + "/v1/models", {mode: "no-cors"}).then(read),
  "text": () => fetch(chat, {method: "POST", body}).then(read),
  "text without cors": () => fetch(chat, {method: "POST", body, mode: "no-cors"}).then(read),
  "bytes": () => fetch(chat, {method: "POST", body: new Blob([body])}).then(read),
  "bytes without cors": () => fetch(chat, {method: "POST", body: new Blob([body]), mode: "no-cors"}).then(read),
  "json": () => fetch(chat, {method: "POST", body, headers: json}).then(read),
  "json without cors": () => fetch(chat, {method: "POST", body, headers: json, mode: "no-cors"}).then(read),
  "beacon": async () => { navigator.sendBeacon(chat, new Blob([body])); return "opaque 0 "; },
  "json beacon": async () => { navigator.sendBeacon(chat, new Blob([body], {type: "application/json"})); return "opaque 0 "; },
  "xhr": () => new Promise((done, failed) => {
    const request = new XMLHttpRequest(); request.open("POST", chat);
    request.onload = () => done(request.responseText); request.onerror = () => failed("error"); request.send(body);
  }),
  "script": () => load("script", {src: server + "/v1/models"}),
  "image": () => load("img", {src: server + "/v1/models"}),
  "stylesheet": () => load("link", {rel: "stylesheet", href: server + "/v1/models"}),
  "frame": () => load("iframe", {src: server + "/v1/models"}).then(() => frames[0].document.body.innerText),
  "form": () => new Promise((done, failed) => {
    const target = Object.assign(document.createElement("iframe"), {name: "target"});
    const form = Object.assign(document.createElement("form"),
      {method: "POST", action: chat, enctype: "text/plain", target: "target"});
    form.append(Object.assign(document.createElement("input"), {name: body.slice(0, -1) + ',"x":"', value: '"}'}));
    target.onload = () => { try { done(target.contentDocument.body.innerText || failed("empty")); } catch (e) { failed(String(e)); } };
    document.body.append(target, form); form.submit();
  }),
  "websocket": () => new Promise((done, failed) => {
    const socket = new WebSocket(server.replace("http", "ws") + "/v1/responses");
    socket.onopen = () => done("open"); socket.onerror = () => failed("error");
  }),
  "events": () => new Promise((done, failed) => {
    const events = new EventSource(server + "/v1/models");
    events.onopen = () => done("open"); events.onerror = () => { events.close(); failed("error"); };
  }),
};
(async () => {
  const results = {};
  for (const [name, attempt] of Object.entries(attempts)) {
    const limit = new Promise((_, failed) => setTimeout(() => failed("timeout"), 5000));
    try { results[name] = "read: " + await Promise.race([attempt(), limit]); }
    catch (error) { results[name] = "failed: " + error; }
  }
  await fetch("/results", {method: "POST", body: JSON.stringify(results)});
})();
</script>"""


class Site:
    """A web site on this machine, and what its page reported."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.port = server.server_port
        self.api = ""
        self.results: dict[str, str] = {}
        self.reported = threading.Event()


@contextlib.contextmanager
def web_site() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            self._answer((PAGE % {"server": json.dumps(site.api)}).encode() if self.path == "/" else b"")

        def do_POST(self) -> None:
            site.results = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self._answer(b"")
            site.reported.set()

        def _answer(self, content: bytes) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Site(server)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def visit(site: Site, name: str, home: Path) -> dict[str, str]:
    """Open the site's page under a host name in a new browser; what the page reported."""
    site.reported.clear()
    browser = subprocess.Popen(
        [
            str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={home / 'profile'}", "--host-resolver-rules=MAP *.example 127.0.0.1",
            "--remote-debugging-port=0", f"http://{name}:{site.port}/",
        ],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert site.reported.wait(120), "the page did not report"
    finally:
        browser.terminate()
        browser.wait(30)
    return site.results


# The page's host, and the one it calls: another site, another port, and a name that its owner points at this machine.
@pytest.mark.parametrize(
    ("page", "called"),
    [
        ("evil.example", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("evil.example", "evil.example"),
    ],
    ids=["another site", "another port", "another name", "rebinding"],
)
def test_a_page_reads_nothing_and_spends_nothing(tmp_path: Path, page: str, called: str) -> None:
    with web_site() as site, upstream() as provider, serving(tmp_path, upstream=provider.url) as process:
        site.api = f"http://{called}:{port_of(process)}"
        results = visit(site, page, tmp_path)
        log = process.log.read_text()
    # An opaque response tells the page nothing, and a beacon gets none. A frame that shows an error is not readable either.
    read = {name: result for name, result in results.items() if not result.startswith(("failed: ", "read: opaque 0 "))}
    assert read == {}
    assert len(results) == 18
    assert provider.seen == []
    answered = [line for line in log.splitlines() if " /v1/" in line and line.split()[4:5] not in (["403"], ["400"])]
    assert [line for line in answered if "ingate serves" not in line and "clients:" not in line] == []
    assert " 403 " in log


def test_a_page_that_is_named_reads_its_answer(tmp_path: Path) -> None:
    """The page does reach the server; what stops the others is the server."""
    with web_site() as site, upstream() as provider:
        origin = f"http://evil.example:{site.port}"
        with serving(tmp_path, "--cors", origin, upstream=provider.url) as process:
            site.api = f"http://127.0.0.1:{port_of(process)}"
            results = visit(site, "evil.example", tmp_path)
    assert "Hello there" in results["json"]
    assert "mine" in results["get"]
    assert results["text"].startswith("read: cors 415")
    # Without an Origin header there is nothing to recognise the page by.
    assert results["image"] == "failed: error"
    assert len(provider.seen) == sum("Hello there" in result for result in results.values()) + 1  # and the JSON beacon
