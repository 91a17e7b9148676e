"""A planted key is nowhere to be seen: not in output, logs, reprs, tracebacks, errors, or a child's environment."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ingate import Gateway, IngateError
from support.config import trust_here
from support.upstream import SENT, Reply, Upstream, chunks, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

CANARY_ENV = "sk-canary-env-7f3a9c5e1b"
CANARY_CONFIG = "sk-canary-config-2d8b4f6a0c"
CANARY_SECRETS = "sk-canary-secrets-9e1c7a3b5d"
CANARY_HEADER = "canary-header-4c6e8a0b2d"
CANARIES = (CANARY_ENV, CANARY_CONFIG, CANARY_SECRETS, CANARY_HEADER)
ASK: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}
# One spec for each place a key can stand, on both lanes that send one.
SPECS = ("groq/m", "litellm.groq/m", "cerebras/m", "litellm.cerebras/m", "mistral/m", "litellm.mistral/m", "mybox/m")


@pytest.fixture
def provider() -> Iterator[Upstream]:
    with upstream() as told:
        yield told


@pytest.fixture
def home(provider: Upstream, monkeypatch: pytest.MonkeyPatch, clean_environment: Path) -> Path:
    """A home with keys in the environment, in the configuration and in its secrets file."""
    monkeypatch.setenv("GROQ_API_KEY", CANARY_ENV)
    monkeypatch.setenv("GROQ_API_BASE", provider.url)
    (clean_environment / "ingate.yaml").write_text(
        f"cerebras:\n  api_key: {CANARY_CONFIG}\n  base_url: {provider.url}\n  headers:\n    x-extra: {CANARY_HEADER}\n"
        f"mistral:\n  base_url: {provider.url}\n"
        f"servers:\n  mybox:\n    base_url: {provider.url}\n    api_key: {CANARY_CONFIG}\n"
    )
    secrets = clean_environment / "ingate.secrets.yaml"
    secrets.write_text(f"mistral:\n  api_key: {CANARY_SECRETS}\n")
    secrets.chmod(0o600)
    trust_here()
    return clean_environment


def echo(status: int, **more: Any) -> Reply:
    """An error that quotes back what was sent, as some providers do."""
    said = f"no: {SENT}"
    return Reply(status, {"error": {"message": said, "type": said, "code": None}, "detail": said}, **more)


TROUBLES = {
    "bad request": echo(400),
    "refused key": echo(401),
    "forbidden": echo(403),
    "not found": echo(404),
    "conflict": echo(409),
    "unprocessable": echo(422),
    "rate limit": echo(429, headers={"retry-after": "0"}),
    "server error": echo(500),
    "overloaded": echo(529),
    "html": Reply(200, f"<p>{SENT}</p>".encode(), content_type="text/html"),
    "no json": Reply(200, f"{{{SENT}".encode()),
    "error in 200": Reply(200, {"error": {"message": SENT, "code": 500}}),
    "cut": Reply(events=chunks("Hel", "lo", finish=False), cut=True),
    "error in stream": Reply(events=[*chunks("Hel", finish=False), {"error": {"message": SENT}}]),
    "redirect": Reply(307, {}, headers={"location": f"https://elsewhere.example/{SENT}"}),
}


def shown(error: BaseException) -> str:
    """All that a person or a log could see of an error."""
    known = vars(error)
    return "\n".join(
        ["".join(traceback.format_exception(error)), repr(error), str(error), repr(known), repr(error.args)]
    )


@pytest.mark.parametrize("trouble", list(TROUBLES))
@pytest.mark.parametrize("stream", [False, True])
async def test_no_error_shows_a_key(
    home: Path,
    provider: Upstream,
    trouble: str,
    stream: bool,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    provider.otherwise = TROUBLES[trouble]
    seen: list[str] = []
    async with Gateway(retries=0) as gateway:
        for spec in SPECS:
            try:
                if stream:
                    seen += [repr(chunk) async for chunk in gateway.stream({**ASK, "model": spec})]
                else:
                    seen.append(repr(await gateway.complete({**ASK, "model": spec})))
            except IngateError as error:
                seen.append(shown(error))
        seen += [repr(gateway), repr(gateway.config), repr(gateway.config.settings), repr(vars(gateway.router))]
        seen += [repr(gateway.routes(spec)) for spec in SPECS]
    out, err = capfd.readouterr()
    everything = "\n".join([*seen, caplog.text, out, err])
    assert [canary for canary in CANARIES if canary in everything] == []
    assert len(provider.seen) >= len(SPECS)


async def test_the_keys_do_arrive_where_they_belong(home: Path, provider: Upstream) -> None:
    async with Gateway() as gateway:
        for spec in SPECS:
            await gateway.complete({**ASK, "model": spec})
    sent = [request.headers.get("authorization", "") for request in provider.seen]
    assert [value.removeprefix("Bearer ") for value in sent] == [
        CANARY_ENV,
        CANARY_ENV,
        CANARY_CONFIG,
        CANARY_CONFIG,
        CANARY_SECRETS,
        CANARY_SECRETS,
        CANARY_CONFIG,
    ]
    assert not [name for name, value in os.environ.items() if value in CANARIES and name != "GROQ_API_KEY"]


COMMANDS = (
    ["doctor"],
    ["doctor", "--json"],
    ["models", "--ready"],
    ["models", "--json", "groq"],
    ["explain", "groq/m, cerebras/m, mistral/m, mybox/m"],
    ["explain", "--json", "litellm.mistral/m"],
    ["ask", "Hello", "--model", "groq/m"],
    ["ask", "Hello", "--model", "cerebras/m", "--json"],
    ["ask", "Hello", "--model", "litellm.mistral/m", "--no-stream"],
)


@pytest.mark.parametrize("refused", [False, True])
def test_no_command_prints_a_key(home: Path, provider: Upstream, refused: bool) -> None:
    if refused:
        provider.otherwise = TROUBLES["refused key"]
    ingate = Path(sys.executable).with_name("ingate")
    for command in COMMANDS:
        done = subprocess.run([ingate, *command], capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=home)
        everything = done.stdout + done.stderr
        assert [canary for canary in CANARIES if canary in everything] == [], command
        assert "Traceback" not in everything, everything
        assert everything.strip(), command


async def test_a_child_process_inherits_no_key_that_stood_in_a_file(home: Path, provider: Upstream) -> None:
    async with Gateway() as gateway:
        for spec in SPECS:
            await gateway.complete({**ASK, "model": spec})
        code = "import os, json; print(json.dumps(dict(os.environ)))"
        child = json.loads(subprocess.check_output([sys.executable, "-c", code]))
    assert not {CANARY_CONFIG, CANARY_SECRETS, CANARY_HEADER} & set(child.values())


def test_a_child_we_start_gets_none_of_the_keys(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ingate import children

    monkeypatch.setenv("LITELLM_API_KEY", CANARY_CONFIG)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY_SECRETS)
    monkeypatch.setenv("A_COMPANYS_OWN_TOKEN", CANARY_HEADER)
    monkeypatch.setenv("LC_TIME", "kept")
    child = children.for_child()
    assert not set(CANARIES) & set(child.values())
    assert child["LC_TIME"] == "kept"


async def test_no_file_of_ours_holds_a_key(home: Path, provider: Upstream) -> None:
    from ingate.chat.talk import Talk
    from ingate.paths import state_dir
    from support.chat import Recorder, log_of

    stored = state_dir() / "responses.sqlite3"
    async with Gateway(retries=0, store=stored) as gateway:
        for spec in SPECS:
            for reply in (Reply(body={}), *TROUBLES.values()):
                provider.otherwise = reply if reply.body != {} else Upstream().otherwise
                body = {"model": spec, "input": "Hello", "instructions": "Be short."}
                with contextlib.suppress(IngateError):
                    await gateway.complete(body, api="responses")
            log = log_of(kept=True, model=spec)
            log.record("user", content="Hello")
            for reply in (
                TROUBLES["cut"],
                TROUBLES["error in stream"],
                TROUBLES["refused key"],
                Reply(events=chunks("Hi")),
            ):
                provider.otherwise = reply
                with contextlib.suppress(IngateError):
                    await Talk(gateway, log, Recorder()).answer()
            log.close()
    given = {home / "ingate.yaml", home / "ingate.secrets.yaml"}
    written = [path for path in home.rglob("*") if path.is_file() and path not in given]
    assert stored in written
    assert [path for path in written if path.suffix == ".jsonl"]
    for path in written:
        content = path.read_bytes()
        assert [canary for canary in CANARIES if canary.encode() in content] == [], path
