"""The commands as a user runs them: with pipes, providers that answer badly, and closed or full outputs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.cli import run as run_here
from support.config import trust_here
from support.upstream import Reply, Upstream, chunks, completion, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

INGATE = Path(sys.executable).with_name("ingate")


@pytest.fixture
def groq(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    with upstream() as told:
        monkeypatch.setenv("GROQ_API_KEY", "gsk-test-key")
        monkeypatch.setenv("GROQ_API_BASE", told.url)
        yield told


def run(*arguments: str, stdin: str | None = None, code: int | None = 0) -> subprocess.CompletedProcess[str]:
    """In this process, which takes a tenth of the time; those that need a process of their own have `in_a_shell`."""
    found, out, err = run_here(*arguments, stdin=stdin or "", code=code)
    assert "Traceback" not in err, err
    return subprocess.CompletedProcess(arguments, found, out, err)


def test_ask_streams_the_answer_to_standard_output(groq: Upstream) -> None:
    groq.say(Reply(events=chunks("Hel", "lo")))
    done = run("ask", "Say", "hello", "--model", "groq/m", "--system", "Be brief")
    assert done.stdout == "Hello\n"
    assert groq.seen[0].body["messages"] == [
        {"role": "system", "content": "Be brief"},
        {"role": "user", "content": "Say hello"},
    ]
    assert groq.seen[0].body["stream"] is True


def test_ask_joins_its_arguments_and_standard_input(groq: Upstream) -> None:
    run("ask", "Sum this up", "--model", "groq/m", "--no-stream", stdin="line one\nline two\n")
    assert groq.seen[0].body["messages"][0]["content"] == "Sum this up\n\nline one\nline two"
    assert "stream" not in groq.seen[0].body


def test_ask_with_nothing_to_ask_is_a_usage_error(groq: Upstream) -> None:
    assert "There is no question" in run("ask", "--model", "groq/m", code=2).stderr
    assert groq.seen == []


def test_ask_json_is_the_whole_completion(groq: Upstream) -> None:
    answer = json.loads(run("ask", "x", "--model", "groq/openai/gpt-oss-120b", "--json").stdout)
    assert answer["choices"][0]["message"]["content"] == "Hello there"
    assert answer["usage"]["total_tokens"] == 5
    assert answer["ingate"]["cost_usd"] > 0


def test_ask_schema_asks_for_it_and_holds_the_answer_to_it(groq: Upstream, tmp_path: Path) -> None:
    schema = {"title": "Colour", "type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    file = tmp_path / "colour.json"
    file.write_text(json.dumps(schema))
    groq.say(
        Reply(body=completion('{"name": "red"}')), Reply(body=completion('{"nom": 1}')), Reply(body=completion("red"))
    )
    assert json.loads(run("ask", "x", "--model", "groq/m", "--schema", str(file)).stdout) == {"name": "red"}
    assert groq.seen[0].body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "Colour", "schema": schema},
    }
    assert (
        "does not conform to the schema" in run("ask", "x", "--model", "groq/m", "--schema", str(file), code=5).stderr
    )
    assert "is not JSON" in run("ask", "x", "--model", "groq/m", "--schema", str(file), code=5).stderr


def test_ask_refuses_a_schema_that_is_none(groq: Upstream, tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text("{")
    assert "is not JSON" in run("ask", "x", "--model", "groq/m", "--schema", str(file), code=2).stderr
    file.write_text("[]")
    assert "object" in run("ask", "x", "--model", "groq/m", "--schema", str(file), code=2).stderr
    assert groq.seen == []


@pytest.mark.parametrize(("status", "code"), [(400, 5), (401, 3), (403, 3), (404, 4), (429, 6), (500, 7), (503, 7)])
def test_ask_exits_by_the_class_of_the_error(groq: Upstream, status: int, code: int) -> None:
    groq.otherwise = Reply(status, {"error": {"message": "because"}}, headers={"retry-after": "0"})
    done = run("ask", "x", "--model", "groq/m", code=code)
    assert "because" in done.stderr
    assert done.stdout == ""


def test_a_broken_stream_keeps_what_came_and_exits_with_8(groq: Upstream) -> None:
    groq.say(Reply(events=chunks("Hel", "lo", finish=False), cut=True))
    done = run("ask", "x", "--model", "groq/m", code=8)
    assert done.stdout == "Hello\n"


def test_a_missing_key_names_the_variable_and_exits_with_3() -> None:
    done = run("ask", "x", "--model", "cerebras/m", code=3)
    assert "CEREBRAS_API_KEY" in done.stderr


def test_a_near_miss_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_KEY", "sk-something")
    assert "OPENAI_KEY is set; this provider reads OPENAI_API_KEY" in run("ask", "x", "-m", "openai/m", code=3).stderr


def test_an_unknown_provider_names_the_nearest_and_exits_with_2() -> None:
    assert "groq" in run("ask", "x", "--model", "gorq/m", code=2).stderr


def test_malformed_yaml_names_file_and_line() -> None:
    Path("ingate.yaml").write_text("groq:\n  api_key: [unclosed\n")
    assert "ingate.yaml:" in run("doctor", code=2).stderr


def test_an_unknown_key_names_file_line_and_the_nearest() -> None:
    Path("ingate.yaml").write_text("groq:\n  api_kye: x\n")
    stderr = run("models", code=2).stderr
    assert "ingate.yaml:2" in stderr
    assert "api_key" in stderr


def test_models_lists_the_curated_with_marks_and_counts(groq: Upstream) -> None:
    done = run("models")
    assert "litellm.groq/openai/gpt-oss-120b" in done.stdout
    assert len([line for line in done.stdout.splitlines() if "litellm." in line]) == 20
    (line,) = [line for line in done.stdout.splitlines() if "litellm.groq/" in line]
    assert line.lstrip().startswith("✓")
    assert "✗" in done.stdout
    assert re.search(r"20 of [23],\d{3} shown", done.stderr)
    assert "?" in next(line for line in done.stdout.splitlines() if "command-a-plus" in line)


def test_models_searches_with_all_terms_and_filters(groq: Upstream) -> None:
    rows = json.loads(run("models", "gpt-oss", "cap:tools", "cost:<1", "ctx:>100k", "--json").stdout)
    assert rows
    for row in rows:
        assert "gpt-oss" in row["spec"].lower()
        assert "tools" in row["caps"]
        assert row["input_usd_per_mtok"] < 1
        assert row["context_tokens"] > 100_000


def test_models_ready_and_provider_narrow(groq: Upstream) -> None:
    rows = json.loads(run("models", "--provider", "groq", "--ready", "--json").stdout)
    assert {row["provider"] for row in rows} == {"groq"}
    assert {row["state"] for row in rows} == {"ready"}
    assert json.loads(run("models", "--provider", "cerebras", "--ready", "--json").stdout) == []
    assert "nearest" not in run("models", "--provider", "grok", code=2).stdout


def test_models_shows_everything_when_asked() -> None:
    done = run("models", "--all")
    assert len(done.stdout.splitlines()) > 2900


def test_nothing_found_says_that_any_spec_can_be_called() -> None:
    assert "can be called too" in run("models", "zzzzqqqq", "xxyyzz").stderr


def test_explain_tells_the_way_without_a_call(groq: Upstream) -> None:
    out = run("explain", "groq/openai/gpt-oss-120b?temperature=0").stdout
    assert "env GROQ_API_KEY" in out
    assert f"{groq.url}/chat/completions" in out
    assert "temperature=0" in out
    assert groq.seen == []


def test_explain_names_the_lane_and_why_and_the_option_overrides_it(groq: Upstream) -> None:
    assert "native: groq speaks OpenAI's wire format" in run("explain", "groq/m").stdout
    out = run("explain", "groq/m, groq/n?lane=native", "--lane", "litellm", "--json").stdout
    assert [(one["lane"], one["why"]) for one in json.loads(out)] == [
        ("litellm", "the litellm lane was requested"),
        ("litellm", "the litellm lane was requested"),
    ]
    refused = run("explain", "replicate/m", "--lane", "native", code=2)
    assert "the native lane cannot serve this" in refused.stderr


def test_ask_goes_by_the_lane_that_is_asked_for(groq: Upstream) -> None:
    answer = json.loads(run("ask", "Hi", "-m", "litellm.groq/m", "--lane", "native", "--json").stdout)
    assert (answer["ingate"]["engine"], answer["ingate"]["spec"]) == ("native", "litellm.groq/m?lane=native")
    assert "lane" not in groq.seen[0].body


def test_doctor_shows_files_conflicts_and_keys(groq: Upstream) -> None:
    Path("ingate.yaml").write_text("anthropic:\n  base_url: http://localhost:1\n")
    Path("fastagent.config.yaml").write_text("anthropic:\n  base_url: http://localhost:2\n  api_key: sk-ant-nothing\n")
    trust_here()
    out = run("doctor", code=None).stdout
    assert "ingate.yaml" in out
    assert "wins over" in out
    assert "env GROQ_API_KEY" in out
    assert "anthropic" in out
    assert "sk-ant-nothing" not in out


def test_init_writes_a_file_that_loads_and_overwrites_none() -> None:
    run("init")
    assert Path("ingate.yaml").is_file()
    run("doctor", code=None)
    assert "already exists" in run("init", code=2).stderr
    run("init", "--force")


def test_plain_in_a_pipe_and_no_escape_sequences(groq: Upstream) -> None:
    for command in (["models"], ["explain", "groq/m"], ["doctor"], ["--help"]):
        assert "\x1b" not in run(*command, code=None).stdout


@pytest.mark.parametrize("command", ["ask", "models", "explain", "doctor", "init"])
def test_help_teaches_by_example(command: str) -> None:
    out = run(command, "--help").stdout
    assert "Examples:" in out
    assert f"ingate {command}" in out


def test_version_and_an_unknown_command() -> None:
    assert run("--version").stdout.startswith("ingate 0.")
    assert "Did you mean doctor" in run("docter", code=2).stderr


def in_a_shell(line: str, **more: str) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(["bash", "-c", line], capture_output=True, stdin=subprocess.DEVNULL, env=os.environ | more)
    assert b"Traceback" not in done.stderr, done.stderr
    assert b"Exception ignored" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize("command", ["models --all", "models --all --json"])
def test_a_reader_that_closes_the_pipe_is_not_an_error(command: str) -> None:
    done = in_a_shell(f"set -o pipefail; {INGATE} {command} | head -1")
    assert done.returncode == 0
    assert b"BrokenPipe" not in done.stderr


def test_a_closed_standard_output_or_input_is_tolerated(groq: Upstream) -> None:
    groq.say(Reply(events=chunks("Hel", "lo")))
    assert in_a_shell(f"{INGATE} ask hi -m groq/m >&-").returncode == 0
    assert in_a_shell(f"{INGATE} ask -m groq/m <&-").returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("command", ["doctor", "ask hi -m groq/m"])
def test_an_answer_that_cannot_be_written_is_an_error_of_one_line(groq: Upstream, command: str) -> None:
    groq.say(Reply(events=chunks("Hel", "lo")))
    done = in_a_shell(f"{INGATE} {command} >/dev/full")
    assert done.returncode == 1
    assert done.stderr == b"error: No space left on device\n"


def test_an_encoding_without_the_marks_gets_near_ones(groq: Upstream) -> None:
    out = in_a_shell(f"{INGATE} models && {INGATE} doctor", PYTHONIOENCODING="latin-1").stdout.decode("latin-1")
    assert "v  litellm.groq/" in out
    assert "x  litellm.openai/" in out


def test_python_dash_m_is_the_same_command() -> None:
    done = subprocess.run([sys.executable, "-m", "ingate", "--version"], capture_output=True, text=True)
    assert done.stdout == run("--version").stdout


def test_models_tells_when_only_the_keys_are_missing(groq: Upstream) -> None:
    told = run("models", "claude", "--ready").stderr
    assert "leave out --ready" in told
    assert "--all" not in told
    assert "No model matches" in run("models", "no-such-model").stderr


QUIET = """
import socket, sys
def refuse(*a, **k): raise AssertionError('network')
socket.socket.connect = socket.getaddrinfo = refuse
from ingate.cli.main import run
code = run({arguments!r})
loaded = sorted({{'litellm', 'openai', 'aiohttp', 'httpx', 'pydantic'}} & set(sys.modules))
print('LOADED', loaded, code, file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["models"],
        ["models", "claude", "cap:vision"],
        ["explain", "groq/m"],
        ["explain", "litellm.anthropic/claude-haiku-5-5"],
        ["explain", "local/smollm2"],
        ["doctor"],
        ["--help"],
        ["init"],
    ],
)
def test_looking_loads_neither_litellm_nor_openai_and_needs_no_network(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", QUIET.format(arguments=arguments)], capture_output=True, text=True)
    assert "LOADED [] 0" in done.stderr, done.stderr[-2000:]
    assert done.stdout.strip()


@pytest.mark.model
def test_the_local_model_answers_a_pipe() -> None:
    done = in_a_shell(f"echo 'What is a gateway?' | {INGATE} ask --model 'local/smollm2?max_tokens=24&seed=1'")
    assert done.returncode == 0
    assert len(done.stdout.strip()) > 10


def test_explain_separates_the_fallbacks(groq: Upstream) -> None:
    lines = run("explain", "groq/a,groq/b").stdout.splitlines()
    assert lines.count("If that fails before its first token:") == 1
    before, after = "\n".join(lines).split("If that fails before its first token:")
    assert ("groq/a" in before, "groq/b" in before) == (True, False)
    assert ("groq/a" in after, "groq/b" in after) == (False, True)


def test_an_error_shows_each_fact_once(capsys: pytest.CaptureFixture[str]) -> None:
    from ingate.cli.console import show_error
    from ingate.errors import BadRequestError, MissingCredentialsError

    show_error(
        BadRequestError("it failed: too hot", provider_message="too hot", credential_source="env X", fix="cool it")
    )
    assert capsys.readouterr().err.splitlines() == ["error: it failed: too hot", "  the key: env X", "  fix: cool it"]
    show_error(BadRequestError("env X failed", provider_message="too hot", credential_source="env X", fix="wait"))
    assert capsys.readouterr().err.splitlines() == [
        "error: env X failed",
        "  the provider's message: too hot",
        "  fix: wait",
    ]
    missing = MissingCredentialsError(
        "no key", near_misses=("GROK_KEY is set",), docs_url="https://docs.example", fix="set GROQ_API_KEY"
    )
    missing.add_note("a/b: no key either")
    show_error(missing)
    assert capsys.readouterr().err.splitlines() == [
        "error: no key",
        "  GROK_KEY is set",
        "  tried before: a/b: no key either",
        "  fix: set GROQ_API_KEY",
        "  docs: https://docs.example",
    ]
