"""A cloned repository that attacks: with keys in the environment, every command is run in it; nothing leaves, nothing runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import click
import pytest

from ingate import AsyncIngate, Gateway, Ingate
from ingate.cli.main import COMMANDS, cli
from ingate.errors import ConfigError, IngateError
from support.hostile_repository import (
    CANARY,
    INGATE,
    Repository,
    environment,
    hostile_repository,
    run,
    run_on_terminal,
    wait_until,
)
from support.upstream import Reply, completion, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the attacks are POSIX programs")

# Specs that lead to the attacker if any part of the repository's configuration is believed.
SPECS = (
    "openai/gpt-4o",
    "litellm.openai/gpt-4o",
    "anthropic/claude-haiku-5-5",
    "azure/deployment",
    "xai/grok",
    "mistral/m",
    "cerebras/m",
    "deepseek/m",
    "vertex_ai/gemini",
    "bedrock/amazon.nova",
    "ollama/m",
    "lm_studio/m",
    "evil/model",
    "sonnet",
    "gpt-4o",
    "litellm/team",
    "local/evil",
    "tensorzero/m",
)
# Command → argument lists. `serve` has a test of its own, since it does not end.
RUNS: dict[str, tuple[tuple[str, ...], ...]] = {
    "": (("--help",), ("--version",)),
    "go": (("go",), ("go", "-m", "openai/gpt-4o"), ("go", "--no-picker"), ("go", "-m", "fast", "-y")),
    "ask": (("ask", "hi"), ("ask", "hi", "-m", "openai/gpt-4o", "--lane", "litellm", "--json")),
    "sessions": (("sessions",),),
    "sessions list": (("sessions", "list"),),
    "sessions show": (("sessions", "show", "x"),),
    "sessions resume": (("sessions", "resume", "x"),),
    "sessions delete": (("sessions", "delete", "x"),),
    "models": (("models",), ("models", "--ready"), ("models", "gpt", "--json"), ("models", "--provider", "evil")),
    "explain": tuple(("explain", spec) for spec in SPECS),
    "doctor": (("doctor",), ("doctor", "--json")),
    "fast-agent": (("fast-agent",), ("fast-agent", "go", "--message", "hi"), ("fast-agent", "overlays", "--dir", "o")),
    "serve": (),
    "proxy export": (("proxy", "export"), ("proxy", "export", "--out", "out", "--wildcards")),
    "proxy up": (("proxy", "up", "--port", "0", "--litellm", "OWN"), ("proxy", "up", "--litellm", ".venv-proxy/no")),
    "proxy check": (("proxy", "check", "--timeout", "2"),),
    "proxy list": (("proxy", "list"),),
    "trust": (("trust",), ("trust", "--list"), ("trust", "--revoke"), ("trust", "--never")),
    "init": (("init",), ("init", "--force"), ("init", "--user")),
}


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    with hostile_repository(tmp_path) as made:
        yield made


@pytest.fixture
def own_proxy(tmp_path: Path) -> Path:
    """A litellm of the user's own, which writes down where it was started, and with which environment."""
    program = tmp_path / "own" / "litellm"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n(pwd; env) > {tmp_path}/proxy-started\nexit 3\n")
    program.chmod(0o755)
    return program


def commands() -> set[str]:
    """Every command there is, from the command line itself."""
    found: set[str] = {""}
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        if isinstance(command, click.Group):
            found |= {f"{name} {inner}" for inner in command.list_commands(context)}
            found |= {name} if command.invoke_without_command else set()
        else:
            found.add(name)
    return found


def test_no_command_is_left_out() -> None:
    assert commands() == set(RUNS)
    assert set(COMMANDS) == {name.partition(" ")[0] for name in RUNS} - {""}


@pytest.mark.parametrize("command", [name for name in RUNS if RUNS[name]])
def test_nothing_leaves_and_nothing_runs_without_a_terminal(
    repository: Repository, own_proxy: Path, command: str
) -> None:
    for arguments in RUNS[command]:
        done = run(repository, *(str(own_proxy) if word == "OWN" else word for word in arguments))
        repository.check(done.stdout + done.stderr)
        allowed = {2, 7} if command == "proxy up" else {0, 1, 2, 3, 5}
        assert done.returncode in allowed, (arguments, done.stderr)


@pytest.mark.parametrize("command", [name for name in RUNS if RUNS[name]])
def test_nothing_leaves_and_nothing_runs_on_a_terminal_if_the_user_says_no(
    repository: Repository, own_proxy: Path, command: str
) -> None:
    arguments = (str(own_proxy) if word == "OWN" else word for word in RUNS[command][0])
    repository.check(run_on_terminal(repository, *arguments))


def test_a_proxy_gets_no_key_that_its_configuration_does_not_name(
    repository: Repository, own_proxy: Path, tmp_path: Path
) -> None:
    done = run(repository, "proxy", "up", "--port", "0", "--litellm", str(own_proxy), GROQ_API_KEY="gsk-own")
    folder, *variables = (tmp_path / "proxy-started").read_text().splitlines()
    assert not folder.startswith(str(repository.folder)), done.stderr
    assert "GROQ_API_KEY=gsk-own" in variables
    # Gemini's is in the environment, and none of the repository's settings is about it: the proxy serves it.
    assert {line.partition("=")[0] for line in variables if CANARY in line} <= {"GEMINI_API_KEY"}
    repository.check(done.stderr)


def test_a_schema_of_the_repository_is_not_a_way_out(repository: Repository) -> None:
    with upstream() as own:
        own.otherwise = Reply(body=completion("{}"))
        where = {"GROQ_API_KEY": "gsk", "GROQ_API_BASE": own.url}
        done = run(repository, "ask", "hi", "-m", "groq/m", "--schema", "schema.json", **where)
    assert done.returncode == 2, done.stderr
    assert "which is not in it" in done.stderr
    repository.check(done.stderr)


@pytest.mark.parametrize("spec", SPECS)
def test_a_call_that_the_repository_would_redirect_is_refused_with_the_command(
    repository: Repository, spec: str
) -> None:
    done = run(repository, "ask", "hi", "-m", spec)
    assert done.returncode == 2, done.stderr
    assert "ingate trust" in done.stderr
    assert sum("not trusted:" in line for line in done.stderr.splitlines()) == 1
    repository.check(done.stdout + done.stderr)


def test_a_call_that_it_would_not_redirect_works(repository: Repository) -> None:
    """And its harmless settings are used: the alias, and nothing else."""
    with upstream() as own:
        done = run(repository, "ask", "hi", "-m", "fast", "--no-stream", GROQ_API_KEY="gsk", GROQ_API_BASE=own.url)
    assert done.stdout == "Hello there\n", done.stderr
    assert [request.headers["authorization"] for request in own.seen] == ["Bearer gsk"]
    assert not any("stolen" in name for name in own.seen[0].headers)
    repository.check(done.stderr)


def test_the_attacks_are_real(repository: Repository) -> None:
    """Once the folder is trusted, the same configuration does all of it: the test above would notice."""
    assert run(repository, "trust", "--yes").returncode == 0
    done = run(repository, "ask", "hi", "-m", "evil/model", "--no-stream")
    assert "from the attacker" in done.stdout, done.stderr
    assert CANARY.encode() in b"".join(repository.attacker.received)
    run(repository, "ask", "hi", "-m", "xai/grok", "--no-stream")
    assert repository.marker.exists()
    assert CANARY not in repository.marker.read_text(), "a command gets no keys, even of a trusted file"


def test_a_trusted_mcp_server_gets_what_its_entry_names_and_no_other_key(repository: Repository) -> None:
    (repository.folder / "server").write_text(f"#!/bin/sh\nenv > '{repository.marker}'\n")
    (repository.folder / "ingate.yaml").write_text("mcp: {own: {command: ./server, env: {GIVEN: '${GITHUB_TOKEN}'}}}\n")
    assert run(repository, "trust", "--yes").returncode == 0
    run(repository, "go", "-m", "openai/gpt-4o")
    wait_until(repository.marker.exists)
    lines = repository.marker.read_text().splitlines()
    assert [line for line in lines if CANARY in line] == [f"GIVEN={CANARY}"]


def test_the_question_on_a_terminal_shows_what_would_happen_and_trusts(repository: Repository) -> None:
    shown = run_on_terminal(repository, "ask", "hi", "-m", "evil/model", "--no-stream", answer=b"y\r")
    assert "runs ./get-key" in shown
    assert repository.attacker.url in shown
    assert "from the attacker" in shown
    again = run(repository, "ask", "hi", "-m", "evil/model", "--no-stream")
    assert "from the attacker" in again.stdout, again.stderr


def test_serve_does_not_call_for_the_repository(repository: Repository) -> None:
    process = subprocess.Popen(
        [INGATE, "serve", "--port", "0"],
        cwd=repository.folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    shown: list[str] = []
    try:
        for line in process.stdout:
            shown.append(line)
            if "serves on" in line:
                break
        address = next(word for word in "".join(shown).split() if word.startswith("http"))
        for model in (*SPECS, None):
            body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
            for path in ("chat/completions", "responses", "messages"):
                if path == "responses":
                    body = {"model": model, "input": "hi"}
                elif path == "messages":
                    body = {"model": model, "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
                request = urllib.request.Request(
                    f"{address}/{path}", json.dumps(body).encode(), {"content-type": "application/json"}
                )
                with pytest.raises(urllib.error.HTTPError) as caught:
                    urllib.request.urlopen(request, timeout=60)
                answer = caught.value.read().decode()
                assert CANARY not in answer
        with urllib.request.urlopen(f"{address}/models", timeout=60) as models:
            assert "evil/" not in models.read().decode()
    finally:
        process.terminate()
        rest, _ = process.communicate(timeout=60)
    repository.check("".join(shown) + rest)


@pytest.fixture
def inside(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A script of the user's own in the repository."""
    monkeypatch.chdir(repository.folder)
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    return repository


async def test_a_gateway_in_a_script_asks_nothing_and_sends_nothing(
    inside: Repository, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("a library asks nothing"))
    async with Gateway() as gateway:
        for spec in (*SPECS, ""):
            with pytest.raises(IngateError) as caught:
                await gateway.complete({"model": spec, "messages": [{"role": "user", "content": "hi"}]})
            assert isinstance(caught.value, ConfigError), (spec, caught.value)
            assert "ingate trust" in caught.value.fix
        await gateway.models()
    assert "is not trusted" in caplog.text or "are not trusted" in caplog.text
    inside.check(caplog.text)


async def test_the_clients_send_nothing(inside: Repository) -> None:
    async with AsyncIngate(max_retries=0) as client:
        for spec in SPECS:
            with pytest.raises(Exception, match="not trusted"):
                await client.chat.completions.create(model=spec, messages=[{"role": "user", "content": "hi"}])
    with Ingate(max_retries=0) as client, pytest.raises(Exception, match="not trusted"):
        client.responses.create(model="openai/gpt-4o", input="hi")
    inside.check()


def test_python_m_does_not_import_from_the_working_directory(repository: Repository) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ingate", "models"],
        cwd=repository.folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    repository.check(done.stdout + done.stderr)
