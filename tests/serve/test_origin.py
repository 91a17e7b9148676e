"""Which requests of web pages are answered: what each kind of page and each browser feature sends, header by header."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from ingate.errors import ConfigError
from ingate.serve.origin import OriginPolicy, read_origins
from support.hostile import CLOSE, JSON, chat, exchange, port_of, request, serving
from support.proxy import INGATE, plain_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APP = "https://app.example"


def sent(**headers: str) -> dict[bytes, bytes]:
    return {name.replace("_", "-").encode(): value.encode("latin-1") for name, value in headers.items()}


PREFLIGHT = """\
Origin: {origin}\r
Sec-Fetch-Site: {site}\r
Access-Control-Request-Method: POST\r
Access-Control-Request-Headers: content-type\r
Access-Control-Request-Private-Network: true\r
"""
# What browsers send for each feature, by the Fetch standard: a page on another site, and one on another port of this machine.
FEATURES: dict[str, tuple[str, str]] = {
    "fetch": ("GET", "Origin: {origin}\r\nSec-Fetch-Site: {site}\r\nSec-Fetch-Mode: cors\r\n"),
    "fetch without CORS": ("GET", "Sec-Fetch-Site: {site}\r\nSec-Fetch-Mode: no-cors\r\n"),
    "an older browser's fetch": ("GET", "Origin: {origin}\r\n"),
    "a script": ("GET", "Sec-Fetch-Site: {site}\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\n"),
    "an image": ("GET", "Sec-Fetch-Site: {site}\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n"),
    "a frame": ("GET", "Sec-Fetch-Site: {site}\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n"),
    "a link": ("GET", "Sec-Fetch-Site: {site}\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"),
    "an EventSource": ("GET", "Origin: {origin}\r\nSec-Fetch-Site: {site}\r\nAccept: text/event-stream\r\n"),
    "a WebSocket": ("GET", "Origin: {origin}\r\nSec-Fetch-Site: {site}\r\nUpgrade: websocket\r\n"),
    "text": ("POST", "Origin: {origin}\r\nSec-Fetch-Site: {site}\r\nContent-Type: text/plain;charset=UTF-8\r\n"),
    "a form": (
        "POST",
        "Origin: {origin}\r\nSec-Fetch-Site: {site}\r\nContent-Type: application/x-www-form-urlencoded\r\n",
    ),
    "bytes without a type": ("POST", "Origin: {origin}\r\nSec-Fetch-Site: {site}\r\n"),
    "an older browser's bytes": ("POST", "Origin: {origin}\r\n"),
    "JSON": ("POST", "Origin: {origin}\r\nSec-Fetch-Site: {site}\r\nContent-Type: application/json\r\n"),
    "a preflight request": ("OPTIONS", PREFLIGHT),
}
PAGES = {
    "another site": ("https://evil.example", "cross-site"),
    "another port": ("http://localhost:3000", "same-site"),
    "a sandboxed frame": ("null", "cross-site"),
}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with serving(tmp_path_factory.mktemp("origin"), "--cors", f"{APP}/") as process:
        yield port_of(process)


@pytest.mark.parametrize(
    "path", ["/v1/models", "/v1/chat/completions", "/v1/responses/resp_1", "/health", "/", "/v1/x"]
)
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("feature", FEATURES)
def test_no_page_is_answered_on_any_path(port: int, feature: str, page: str, path: str) -> None:
    method, headers = FEATURES[feature]
    origin, site = PAGES[page]
    body = b"{}" if method == "POST" else b""
    answer = exchange(port, request(method, path, headers.format(origin=origin, site=site) + CLOSE, body))
    assert (answer.status, answer.json()["error"]["code"]) == (403, "foreign_origin")
    assert "access-control-allow-origin" not in answer.head
    assert "--cors " + (origin if "Origin" in headers else "ORIGIN") in answer.json()["error"]["fix"]


def test_a_page_that_is_named_is_answered(port: int) -> None:
    preflight = FEATURES["a preflight request"][1].format(origin=APP, site="cross-site")
    answer = exchange(port, request("OPTIONS", "/v1/chat/completions", preflight + CLOSE))
    assert answer.status == 204
    assert f"access-control-allow-origin: {APP}" in answer.head
    assert "access-control-allow-private-network: true" in answer.head
    assert "vary: origin" in answer.head
    answer = exchange(port, chat(f"{JSON}Origin: {APP}\r\nSec-Fetch-Site: cross-site\r\n{CLOSE}", model="nonsuch/m"))
    assert answer.status == 404
    assert f"access-control-allow-origin: {APP}" in answer.head
    # Even such a page must not post what needs no preflight request.
    text = f"Content-Type: text/plain\r\nOrigin: {APP}\r\nSec-Fetch-Site: cross-site\r\n{CLOSE}"
    assert exchange(port, chat(text)).status == 415


def test_programs_and_typed_addresses_are_answered(port: int) -> None:
    for headers in (
        "",
        "User-Agent: OpenAI/Python 3.54.0\r\n",
        "User-Agent: node\r\nSec-Fetch-Mode: cors\r\n",  # Node's own fetch
        "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
    ):
        answer = exchange(port, request("GET", "/v1/models", headers + CLOSE))
        assert answer.status == 200
        assert "x-content-type-options: nosniff" in answer.head
        assert "cross-origin-resource-policy: same-origin" in answer.head


@pytest.mark.parametrize(
    "origin",
    [
        "vscode-webview://1ab2c3d4e5f6",
        "app://obsidian.md",
        "tauri://localhost",
        "http://tauri.localhost",
        "chrome-extension://abcdefghijklmnop",
        "capacitor://localhost",
    ],
)
def test_an_applications_page_is_told_its_option_and_answered_with_it(origin: str) -> None:
    refused = OriginPolicy(local_only=True).refusal(sent(host="localhost:4100", origin=origin))
    assert refused is not None
    assert refused.fix.endswith(f"--cors {origin}")
    cors = read_origins([origin], has_key=False)
    assert OriginPolicy(cors, local_only=True).refusal(sent(host="localhost:4100", origin=origin)) is None


def test_the_origin_null_needs_a_key_because_every_site_can_have_it() -> None:
    refused = OriginPolicy(local_only=True).refusal(sent(host="localhost:4100", origin="null"))
    assert refused is not None
    assert refused.fix.endswith("--cors null and --key-file FILE")
    with pytest.raises(ConfigError):
        read_origins(["null"], has_key=False)
    cors = read_origins(["null"], has_key=True)
    assert OriginPolicy(cors, local_only=False).refusal(sent(host="h", origin="null")) is None


def test_pages_of_a_reverse_proxys_own_address_are_answered() -> None:
    policy = OriginPolicy(local_only=False)
    own = {"host": "ai.example", "origin": "https://ai.example", "sec_fetch_site": "same-origin"}
    assert policy.refusal(sent(**own)) is None
    assert policy.refusal(sent(**{**own, "sec_fetch_site": "cross-site"})) is not None
    assert policy.refusal(sent(**{**own, "host": "ai.example:81"})) is not None
    assert policy.refusal(sent(host="ai.example", origin="app://ai.example")) is not None


@pytest.mark.parametrize("origin", ["", " ", "\xff", "https://a.example\x1b[31m", "https://" + "a" * 5000])
def test_an_origin_that_is_none_is_refused_and_shown_without_its_control_characters(
    origin: str, caplog: pytest.LogCaptureFixture
) -> None:
    policy = OriginPolicy(("https://a.example",), local_only=True)
    error = policy.refusal(sent(host="localhost", origin=origin))
    assert error is not None
    assert str(error).isascii()
    assert str(error).isprintable()
    assert len(str(error)) < 300
    assert caplog.text.isascii()


def test_the_log_names_each_origin_once_and_not_without_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "ingate.serve")
    policy = OriginPolicy(local_only=True)
    for _ in range(3):
        policy.refusal(sent(host="localhost", origin="http://localhost:3000"))
    (message,) = caplog.messages
    assert message == (
        "a web page of http://localhost:3000 was refused; if it is your own application, start the server with "
        "--cors http://localhost:3000"
    )
    for number in range(500):
        policy.refusal(sent(host="localhost", origin=f"http://{number}.example"))
    assert len(caplog.messages) == 50


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("https://app.example", "https://app.example"),
        ("HTTPS://App.Example/", "https://app.example"),
        ("https://app.example:443", "https://app.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://app.example:80", "http://app.example"),
        ("vscode-webview://abc", "vscode-webview://abc"),
    ],
)
def test_an_origin_is_read_as_browsers_send_it(given: str, read: str) -> None:
    assert read_origins([given], has_key=False) == (read,)


@pytest.mark.parametrize("given", ["app.example", "https://app.example/page", "localhost:3000", "", "https://", "a b"])
def test_what_is_not_an_origin_is_refused_with_the_right_form(given: str) -> None:
    with pytest.raises(ConfigError, match="not an origin") as caught:
        read_origins([given], has_key=True)
    assert "--cors https://" in caught.value.fix


def run_serve(home: Path, *arguments: str) -> Any:
    import subprocess

    return subprocess.run(
        [str(INGATE), "serve", "--port", "0", *arguments], env=plain_environment(home), cwd=home, capture_output=True,
        text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("origin", ["*", "null"])
def test_all_pages_and_no_key_is_refused_at_the_start(tmp_path: Path, origin: str) -> None:
    done = run_serve(tmp_path, "--cors", origin)
    assert done.returncode == 2
    assert "would let every web page use your models" in done.stderr
    assert "--key-file" in done.stderr
    assert "--cors https://app.example" in done.stderr
    assert done.stdout == ""


def test_all_pages_with_a_key_need_the_key(tmp_path: Path) -> None:
    key = tmp_path / "serve.key"
    key.write_text("sk-ingate-0123456789abcdef\n")
    key.chmod(0o600)
    page = "Origin: https://any.example\r\nSec-Fetch-Site: cross-site\r\n"
    with serving(tmp_path, "--cors", "*", "--key-file", str(key)) as process:
        port = port_of(process)
        answer = exchange(port, request("GET", "/v1/models", page + CLOSE))
        assert answer.status == 401
        assert "access-control-allow-origin: *" in answer.head  # so that the page can read what it did wrong
        answer = exchange(port, request("GET", "/v1/models", f"{page}x-api-key: sk-ingate-0123456789abcdef\r\n{CLOSE}"))
        assert answer.status == 200
