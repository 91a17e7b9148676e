"""What `ingate serve` says about itself, without its requests, which tests/serve has."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import run

INGATE = Path(sys.executable).with_name("ingate")
ADDRESS = "http://127.0.0.1:4100"


def test_how_to_call_it_without_a_key_and_with_one() -> None:
    from ingate.cli.serve import _how  # options are made when it is imported, which is tested too

    assert _how(ADDRESS, None, made=False) == [
        "no key is needed: only this machine can reach it",
        "OpenAI clients:    OPENAI_BASE_URL=http://127.0.0.1:4100/v1 OPENAI_API_KEY=none",
        "Anthropic clients: ANTHROPIC_BASE_URL=http://127.0.0.1:4100 ANTHROPIC_API_KEY=none",
    ]
    clients = [
        'OpenAI clients:    OPENAI_BASE_URL=http://127.0.0.1:4100/v1 OPENAI_API_KEY="$(cat /k)"',
        'Anthropic clients: ANTHROPIC_BASE_URL=http://127.0.0.1:4100 ANTHROPIC_API_KEY="$(cat /k)"',
    ]
    assert _how(ADDRESS, Path("/k"), made=False) == ["key: in /k", *clients]
    assert _how(ADDRESS, Path("/k"), made=True) == ["key: created now, in /k", *clients]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--grace", "-1"), "--grace"),
        (("--port", "70000"), "--port"),
        (("--max-requests", "0"), "--max-requests"),
        (("--max-buffer", "0"), "--max-buffer"),
        (("--body-timeout", "0"), "--body-timeout"),
        (("--cors", "*"), "key"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(options: tuple[str, ...], message: str) -> None:
    assert message in run("serve", *options, code=2).err


def test_help_shows_every_limit_and_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ingate.cli.serve", raising=False)  # options are made when it is imported
    out = " ".join(run("serve", "--help").out.split())
    for option, default in (("--port INTEGER RANGE", 4100), ("--grace INTEGER RANGE", 30)):
        assert f"[default: {default};" in out.partition(option)[2][:300]
    from ingate.serve.limits import Limits

    limits = Limits()
    for option, default in (
        ("--max-requests", limits.max_requests),
        ("--max-connections", limits.max_connections),
        ("--max-buffer", limits.max_buffered_bytes // 1024 // 1024),
        ("--header-timeout", limits.header_timeout_s),
        ("--body-timeout", limits.body_timeout_s),
        ("--idle-timeout", limits.idle_timeout_s),
        ("--send-timeout", limits.send_timeout_s),
    ):
        assert f"[default: {int(default)};" in out.partition(f"{option} N")[2][:250], option


def test_a_port_in_use_is_an_error_before_anything_is_served() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert str(taken.getsockname()[1]) in run("serve", "--port", str(taken.getsockname()[1]), code=2).err


def test_it_says_where_it_serves_and_that_it_stops() -> None:
    process = subprocess.Popen(
        [INGATE, "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    from ingate.cli.serve import _how

    address = lines[0].removeprefix("ingate serves on ").removesuffix("/v1 (Ctrl-C stops it)\n")
    assert lines[1:] == [f"  {line}\n" for line in _how(address, None, made=False)]
    assert (out, err, process.returncode) == ("", "stopping\n", 0)
