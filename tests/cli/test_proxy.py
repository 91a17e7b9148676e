"""`ingate proxy`: what it writes, prints and starts."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from ingate.cli.proxy import _Progress, _show
from ingate.paths import state_dir
from ingate.picker import memory
from ingate.proxy.check import Checked
from support.cli import Stream, run
from support.fake_proxy import Proxy, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    told = Proxy()
    with serving(told) as url:
        monkeypatch.setenv("LITELLM_API_BASE", url)
        monkeypatch.setenv("LITELLM_API_KEY", "sk-master")
        yield told


FOUND = [
    Checked("large", "ready", 1.234, "groq/big", "Ready."),
    Checked("s", "missing", None, "", "no answer", "start it"),
    Checked("star/*", "attention", detail="a wildcard"),
]


def test_each_deployment_is_a_line_and_a_fix_another(capsys: pytest.CaptureFixture[str]) -> None:
    _show(FOUND)
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "✓ large   1.23 s  groq/big  Ready.",
        "✗ s                         no answer",
        "○ star/*                    a wildcard",
    ]
    assert shown.err.splitlines() == ["  s: start it", "1 of 2 deployments answer, 1 not called"]
    _show(FOUND[:1])
    assert capsys.readouterr().err == "1 of 1 deployments answer\n"
    _show([])
    assert capsys.readouterr() == ("", "0 of 0 deployments answer\n")


def test_check_exits_with_one_if_a_deployment_does_not_answer(proxy: Proxy) -> None:
    proxy.listed = [{"id": "two"}, {"id": "one"}]
    good = run("proxy", "check")
    assert [line.split()[:2] for line in good.out.splitlines()] == [["✓", "one"], ["✓", "two"]]
    assert good.err == "2 of 2 deployments answer\n"
    proxy.answers["two"] = (500, {"error": {"message": "broken"}})
    found = json.loads(run("proxy", "check", "--json", code=1).out)
    assert [(one["deployment"], one["state"]) for one in found] == [("one", "ready"), ("two", "missing")]
    assert "✗ two" in run("proxy", "check", code=1).out


def test_check_counts_on_a_terminal_while_it_calls(proxy: Proxy) -> None:
    proxy.listed = [{"id": "one"}, {"id": "two"}]
    err = run("proxy", "check", terminal=True).err
    assert err.startswith("\r\x1b[K1 checked\r\x1b[K2 checked\r\x1b[K2 of 2")


def test_list_shows_limits_prices_and_features(proxy: Proxy) -> None:
    assert run("proxy", "list") == (0, "", "0 deployments\n")
    proxy.listed = [{"id": "small"}, {"id": "priced", "context_length": 8192, "pricing": {"prompt": "0.000001"}}]
    done = run("proxy", "list")
    lines = [line.split() for line in done.out.splitlines()]
    assert lines[0] == ["model", "context", "$/M", "in", "$/M", "out", "features"]
    assert ["litellm/small", "?", "?", "?"] in lines
    assert done.err == "2 deployments\n"
    assert {one["id"] for one in json.loads(run("proxy", "list", "--json").out)} == {"small", "priced"}
    assert run("proxy", "list", terminal=True).out.startswith("\x1b[1mmodel\x1b[0m ")
    widths = {len(line.partition("?")[0]) for line in done.out.splitlines()[1:] if "?" in line}
    assert len(widths) <= 2, "numbers are aligned"


def test_without_a_proxy_the_error_says_what_to_set() -> None:
    for command in ("list", "check"):
        assert "LITELLM_API_BASE" in run("proxy", command, code=3).err


def names_of(text: str) -> list[str]:
    return [entry["model_name"] for entry in yaml.safe_load(text)["model_list"]]


def test_an_export_has_named_models_favourites_and_aliases(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "there is nothing to export" in run("proxy", "export", code=2).err
    memory.write(state_dir(), memory.Memory(favourites=("groq/liked",)))
    done = run("proxy", "export", "--model", "groq/m", "--model", "openai/n")
    assert {"groq/m", "openai/n", "groq/liked"} <= set(names_of(done.out))
    assert not any(name.endswith("*") for name in names_of(done.out))
    assert done.out.endswith("\n")
    assert not done.out.endswith("\n\n")
    monkeypatch.setenv("GROQ_API_KEY", "gsk-key")
    assert "groq/*" in names_of(run("proxy", "export", "--wildcards").out)


def test_an_export_is_written_with_notes_and_replaces_only_on_request(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "deploy"
    options = ("proxy", "export", "--model", "groq/m", "--model", "local/smollm2", "--out", str(out))
    done = run(*options)
    files = sorted(file.name for file in out.iterdir())
    *wrote, last = done.out.splitlines()
    assert sorted(wrote) == [f"wrote {out / name}" for name in files]
    assert last == "1 models; next: cp .env.example .env, fill it in, docker compose up -d"
    assert done.err.startswith("note: ")
    config = out / "litellm-config.yaml"
    config.write_text("mine")
    refused = run(*options, code=2)
    assert " exists\n" in refused.err
    assert "fix: --force overwrites it, --out chooses another folder" in refused.err
    assert (refused.out, config.read_text()) == ("", "mine")
    run(*options, "--force")
    assert names_of(config.read_text()) == ["groq/m"]
    blocked = run("proxy", "export", "--model", "groq/m", "--out", str(config / "below"), code=2)
    assert f"error: cannot write to {config / 'below'}: Not a directory\n" in blocked.err
    assert "fix: choose another folder with --out" in blocked.err


def test_progress_is_one_line_on_a_terminal_and_one_every_ten_seconds_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for terminal, shown in (
        (True, "".join(f"\r\x1b[Kthe proxy is starting ({s} s)" for s in (0, 9, 10, 12, 20, 25))),
        (False, "the proxy is starting (10 s)\nthe proxy is starting (20 s)\n"),
    ):
        err = Stream(terminal=terminal)
        monkeypatch.setattr(sys, "stderr", err)
        progress = _Progress()
        for waited_s in (0.0, 9.4, 10.0, 12.0, 20.0, 25.0):
            progress(waited_s)
        assert err.written == shown


# Takes litellm's arguments, writes down its environment, and answers its health check.
STAND_IN = """#!{python}
import http.server, json, os, sys
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
with open({seen!r}, "w") as file:
    json.dump({{"arguments": arguments, "environ": dict(os.environ), "pid": os.getpid()}}, file)
if {crash}:
    sys.exit(3)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *args):
        pass
http.server.HTTPServer((arguments["--host"], int(arguments["--port"])), Handler).serve_forever()
"""


def stand_in(folder: Path, *, crash: bool = False) -> str:
    file = folder / "litellm"
    file.write_text(STAND_IN.format(python=sys.executable, seen=str(folder / "seen.json"), crash=crash))
    file.chmod(0o755)
    return str(file)


def interrupt_when_up(out: str) -> None:
    if "LITELLM_API_KEY=" in out.splitlines()[-1]:
        os.kill(os.getpid(), signal.SIGINT)


def test_up_runs_one_until_it_is_interrupted_and_says_how_to_call_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk-of-the-environment")
    monkeypatch.setenv("MINE", "1")
    monkeypatch.setenv("REDIS_HOST", "redis.example")
    options = ("--litellm", stand_in(tmp_path), "--port", "0", "--model", "groq/m", "--model", "local/smollm2")
    done = run("proxy", "up", *options, "--pass-env", "MINE", wrote=interrupt_when_up)
    seen = json.loads((tmp_path / "seen.json").read_text())
    folder = state_dir() / "proxy"
    address = f"http://127.0.0.1:{seen['arguments']['--port']}"
    assert done.out.splitlines() == [
        f"the proxy answers at {address} (Ctrl-C stops it; log: {folder / 'proxy.log'})",
        f'  export LITELLM_API_BASE={address} LITELLM_API_KEY="$(cat {folder / "master.key"})"',
        "  ingate proxy check",
        '  ingate ask "Hello" --model litellm/<name>',
    ]
    lines = [line for line in done.err.splitlines() if "is starting" not in line]
    assert lines[0].startswith("note: ")
    assert lines[-2:] == [
        (
            f"starting a LiteLLM proxy with {len(names_of((folder / 'litellm-config.yaml').read_text()))} models "
            f"(its key: {folder / 'master.key'})"
        ),
        "stopping the proxy",
    ]
    assert seen["arguments"]["--config"] == str(folder / "litellm-config.yaml")
    assert {
        name: seen["environ"].get(name) for name in ("GROQ_API_KEY", "MINE", "LITELLM_MASTER_KEY", "REDIS_HOST")
    } == {
        "GROQ_API_KEY": "gsk-of-the-environment",
        "MINE": "1",
        "LITELLM_MASTER_KEY": (folder / "master.key").read_text().strip(),
        "REDIS_HOST": None,
    }


def test_up_reports_a_proxy_that_ends_after_it_was_up(tmp_path: Path) -> None:
    def kill_when_up(out: str) -> None:
        if "LITELLM_API_KEY=" in out.splitlines()[-1]:
            os.kill(json.loads((tmp_path / "seen.json").read_text())["pid"], signal.SIGKILL)

    done = run(
        "proxy", "up", "--litellm", stand_in(tmp_path), "--port", "0", "--model", "groq/m", code=7, wrote=kill_when_up
    )
    assert "error: the proxy exited with status -9" in done.err
    assert "stopping the proxy" not in done.err


def test_up_uses_a_given_configuration_key_and_redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_MASTER_KEY", " sk-given ")
    monkeypatch.setenv("REDIS_HOST", "redis.example")
    monkeypatch.setenv("NAMED", "2")
    monkeypatch.setenv("NOT_NAMED", "3")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.yaml").write_text("model_list: [{litellm_params: {api_key: os.environ/NAMED}}]\n")
    options = ("--litellm", stand_in(tmp_path), "--port", "0", "--proxy-config", "own.yaml", "--redis")
    done = run("proxy", "up", *options, wrote=interrupt_when_up)
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert done.out.splitlines()[1].endswith(' LITELLM_API_KEY="$LITELLM_MASTER_KEY"')
    assert [line for line in done.err.splitlines() if "is starting" not in line] == ["stopping the proxy"]
    assert seen["arguments"]["--config"] == str(tmp_path / "own.yaml")
    wanted = ("LITELLM_MASTER_KEY", "REDIS_HOST", "NAMED", "NOT_NAMED")
    assert {name: seen["environ"].get(name) for name in wanted} == {
        "LITELLM_MASTER_KEY": "sk-given",
        "REDIS_HOST": "redis.example",
        "NAMED": "2",
        "NOT_NAMED": None,
    }
    assert not (state_dir() / "proxy" / "master.key").exists()


def test_up_reports_a_proxy_that_ends_by_itself_and_a_port_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    command = stand_in(tmp_path, crash=True)
    done = run("proxy", "up", "--litellm", command, "--port", "0", "--model", "groq/m", code=7)
    assert "the proxy exited with status 3" in done.err
    assert done.out == ""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert port in run("proxy", "up", "--litellm", command, "--port", port, "--model", "groq/m", code=2).err
    assert "nothing to export" in run("proxy", "up", "--litellm", command, code=2).err
    assert "no litellm command" in run("proxy", "up", "--litellm", "/nowhere/litellm", code=2).err
