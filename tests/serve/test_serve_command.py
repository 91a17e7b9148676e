"""`ingate serve` as a person runs it: a process, real clients, the local model, signals."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from support.proxy import INGATE, address, plain_environment, serve_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.model, pytest.mark.timeout(180)]

HI: list[Any] = [{"role": "user", "content": "Say hi."}]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("xllamacpp")
    process = serve_process(tmp_path_factory.mktemp("serve")).start()
    try:
        yield address(process.wait())
    finally:
        process.stop()


def test_the_openai_sdk_chats_streams_and_uses_responses(server: str) -> None:
    openai = pytest.importorskip("openai")
    with openai.OpenAI(base_url=f"{server}/v1", api_key="none") as client:
        answer = client.chat.completions.create(model="local/smollm2", messages=HI, max_tokens=8)
        assert answer.choices[0].message.content
        chunks = list(client.chat.completions.create(model="local/smollm2", messages=HI, max_tokens=8, stream=True))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        response = client.responses.create(model="local/smollm2", input="Say hi.", max_output_tokens=8)
        assert response.output_text
        with client.responses.stream(model="local/smollm2", input="Say hi.", max_output_tokens=8) as stream:
            assert sum(event.type == "response.output_text.delta" for event in stream) > 1
        assert "local/smollm2" in [model.id for model in client.models.list()]
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model="nonsuch/model", messages=HI)


def test_the_anthropic_sdk_streams_from_the_local_model(server: str) -> None:
    anthropic = pytest.importorskip("anthropic")
    with anthropic.Anthropic(base_url=server, api_key="none") as client:
        message = client.messages.create(model="local/smollm2", max_tokens=8, messages=HI)
        assert message.content[0].text
        assert message.usage.output_tokens == 8
        with client.messages.stream(model="local/smollm2", max_tokens=8, messages=HI) as stream:
            assert "".join(stream.text_stream)
            assert stream.get_final_message().stop_reason == "max_tokens"


def test_curl(server: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    body = json.dumps({"model": "local/smollm2", "messages": HI, "max_tokens": 4, "stream": True})
    done = subprocess.run(
        ["curl", "-sN", f"{server}/v1/chat/completions", "-H", "content-type: application/json", "-d", body],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.startswith("data: {")
    assert done.stdout.endswith("data: [DONE]\n\n")


def test_a_running_stream_is_finished_before_it_stops(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    process = serve_process(tmp_path).start().wait()
    body = json.dumps({"model": "local/smollm2", "messages": HI, "max_tokens": 60, "stream": True, "temperature": 0})
    request = urllib.request.Request(
        f"{address(process)}/v1/chat/completions", body.encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        got = answer.readline()
        process.signal(signal.SIGTERM)
        got += answer.read()
    assert got.endswith(b"data: [DONE]\n\n")
    assert got.count(b"data: ") > 5
    assert process.running is not None
    assert process.running.wait(30) == 0
    log = process.log.read_text()
    assert "stopping; finishing 1 request" in log
    assert re.search(r"POST /v1/chat/completions 200 \d+ ms local/smollm2", log)
    assert "Say hi" not in log


def test_beyond_loopback_a_key_is_made_and_needed_and_never_shown(tmp_path: Path) -> None:
    process = serve_process(tmp_path, "--host", "0.0.0.0").start().wait()
    try:
        (file,) = tmp_path.rglob("serve.key")
        key = file.read_text().strip()
        assert file.stat().st_mode & 0o777 == 0o600
        request = urllib.request.Request(f"{address(process)}/v1/models")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=30)
        with caught.value:
            assert caught.value.code == 401
        request.add_header("authorization", f"Bearer {key}")
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200
    finally:
        process.stop()
    log = process.log.read_text()
    assert f"key: created now, in {file}" in log
    assert key not in log


def test_a_taken_port_ends_it_with_what_to_do(server: str, tmp_path: Path) -> None:
    port = server.rpartition(":")[2]
    done = subprocess.run(
        [str(INGATE), "serve", "--port", port], env=plain_environment(tmp_path), cwd=tmp_path, capture_output=True,
        text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "cannot listen on 127.0.0.1" in done.stderr
    assert "--port" in done.stderr


def ask(base: str, path: str, body: Any = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{base}{path}", data, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_a_stored_response_outlives_the_server_unless_nothing_is_stored(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    body = {"model": "local/smollm2", "input": "Say hi.", "max_output_tokens": 16}
    process = serve_process(tmp_path).start().wait()
    try:
        status, first = ask(address(process), "/v1/responses", body)
        assert status == 200
    finally:
        process.stop()
    (file,) = tmp_path.rglob("responses.sqlite3")
    assert file.stat().st_mode & 0o777 == 0o600
    process = serve_process(tmp_path).start().wait()
    try:
        assert ask(address(process), f"/v1/responses/{first['id']}")[1]["output"] == first["output"]
        status, second = ask(address(process), "/v1/responses", {**body, "previous_response_id": first["id"]})
        assert (status, second["previous_response_id"]) == (200, first["id"])
    finally:
        process.stop()
    process = serve_process(tmp_path, "--no-store").start().wait()
    try:
        assert ask(address(process), "/v1/responses", {**body, "previous_response_id": first["id"]})[0] == 400
    finally:
        process.stop()
