"""`ingate proxy up` starts a real proxy from its own export, and `ingate proxy check` finds all of it answering."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from support.proxy import INGATE, address, litellm_command, plain_environment, proxy_process, serve_process
from support.upstream import completion, upstream

pytestmark = pytest.mark.timeout(300)


def ingate(home: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(INGATE), "--config", str(home / "ingate.yaml"), *arguments], capture_output=True, text=True, check=False,
        env=plain_environment(home, **environ), cwd=home, timeout=200,
    )  # fmt: skip


@pytest.mark.model
def test_up_check_and_stop(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    command = litellm_command()
    serve = serve_process(tmp_path).start()
    with upstream() as groq:
        groq.otherwise.body = completion("Yes", service_tier="on_demand")  # litellm wants it of Groq
        (tmp_path / "ingate.yaml").write_text(
            "aliases: {small: local/smollm2, quick: [groq/m, small]}\n"
            f"groq: {{base_url: '{groq.url}', api_key: gsk-key-of-the-config}}\n"
        )
        started = ["proxy", "up", "--port", "0", "--litellm", command, "--local-url", address(serve)]
        up = subprocess.Popen(
            [str(INGATE), "--config", str(tmp_path / "ingate.yaml"), *started], stdout=subprocess.PIPE, text=True,
            env=plain_environment(tmp_path), cwd=tmp_path, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            serve.wait()
            assert up.stdout is not None
            said = ""
            while "LITELLM_API_BASE=" not in said:
                line = up.stdout.readline()
                assert line, said
                said += line
            base = re.search(r"LITELLM_API_BASE=(\S+)", said)
            key_file = re.search(r'"\$\(cat (.*)\)"', said)
            assert base is not None
            assert key_file is not None
            key = Path(key_file[1])
            assert key.stat().st_mode & 0o777 == 0o600
            checked = ingate(
                tmp_path, "proxy", "check", LITELLM_API_BASE=base[1], LITELLM_API_KEY=key.read_text().strip()
            )
            assert checked.returncode == 0, checked.stdout + checked.stderr
            assert checked.stdout.count("✓") == len(checked.stdout.splitlines()) >= 3
            assert "✗" not in checked.stdout
            # The key that stood in the configuration went to the proxy's own environment, and into no file.
            assert {seen.headers["authorization"] for seen in groq.seen} == {"Bearer gsk-key-of-the-config"}
            written = [file.read_text("utf-8", "replace") for file in key.parent.iterdir()]
            assert not any("gsk-key-of-the-config" in text for text in written)
            os.kill(up.pid, signal.SIGINT)
            rest, _ = up.communicate(timeout=30)
            assert up.returncode == 0, rest
            assert "stopping the proxy" in rest
        finally:
            up.kill()
            up.communicate()
            serve.stop()


def test_the_whole_export_passes_the_proxys_own_start_up(tmp_path: Path) -> None:
    (tmp_path / "ingate.yaml").write_text(
        "aliases:\n"
        "  quick: ['groq/openai/gpt-oss-120b?temperature=0.2&timeout=30', anthropic/claude-sonnet-5]\n"
        "  careful: 'openai/gpt-6?reasoning=high'\n"
        "  mine: mybox/big-model\n"
        "servers: {mybox: {base_url: 'http://127.0.0.1:9/v1', api_key: a-key-of-my-box}}\n"
        "azure: {api_key: az-key-0123456789, base_url: 'https://mine.openai.azure.com', api_version: '2025-01-01'}\n"
    )
    done = ingate(
        tmp_path, "proxy", "export", "--out", "deploy", "--wildcards", "--model", "bedrock/amazon.nova-pro-v1:0",
        "--model", "azure/my-deployment", "--local-url", "http://10.0.0.5:4100",
        GROQ_API_KEY="gsk-the-secret", AWS_ACCESS_KEY_ID="AKIASECRET", AWS_SECRET_ACCESS_KEY="aws-the-secret",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    config = (tmp_path / "deploy" / "litellm-config.yaml").read_text()
    everything = (
        config + "".join(file.read_text() for file in (tmp_path / "deploy").iterdir()) + done.stdout + done.stderr
    )
    for secret in ("gsk-the-secret", "aws-the-secret", "AKIASECRET", "a-key-of-my-box", "az-key-0123456789"):
        assert secret not in everything
    names = [entry["model_name"] for entry in yaml.safe_load(config)["model_list"]]
    assert {"quick", "careful", "mine", "bedrock/amazon.nova-pro-v1:0", "azure/my-deployment", "groq/*"} <= set(names)
    assert len(names) == len(set(names))
    again = ingate(tmp_path, "proxy", "export", "--out", "deploy", GROQ_API_KEY="gsk-the-secret")
    assert again.returncode == 2
    assert "--force" in again.stderr
    keys = {"GROQ_API_KEY": "x", "ANTHROPIC_API_KEY": "x", "OPENAI_API_KEY": "x", "AZURE_API_KEY": "x"}
    more = {"MYBOX_API_KEY": "x", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    proxy = proxy_process(config, tmp_path, **keys, **more).start()
    try:
        proxy.wait()
    finally:
        proxy.stop()
    log = proxy.log.read_text()
    assert "Traceback" not in log
    assert "quick" in log


def test_a_killed_up_takes_its_proxy_along(tmp_path: Path) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux ends a child with its parent")
    (tmp_path / "ingate.yaml").write_text("aliases: {quick: groq/m}\n")
    stand_in = tmp_path / "litellm"
    stand_in.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 600\n")
    stand_in.chmod(0o755)
    up = subprocess.Popen(
        [str(INGATE), "--config", str(tmp_path / "ingate.yaml"), "proxy", "up", "--port", "0", "--litellm", str(stand_in)],
        env=plain_environment(tmp_path), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    file = tmp_path / "pid"
    while not file.exists() or not file.read_text().strip():
        assert up.poll() is None
        time.sleep(0.02)
    up.kill()
    up.wait()
    until_s = time.monotonic() + 10
    status = Path(f"/proc/{file.read_text().strip()}/status")
    while time.monotonic() < until_s:
        try:
            if "State:\tZ" in status.read_text():
                return
        except OSError:
            return
        time.sleep(0.02)
    raise AssertionError("the proxy outlived a killed ingate")


def test_up_tells_a_proxy_that_ends_at_its_start(tmp_path: Path) -> None:
    command = litellm_command()
    (tmp_path / "ingate.yaml").write_text("aliases: {quick: groq/m}\n")
    (tmp_path / "bad.yaml").write_text("model_list: [\n")
    done = ingate(tmp_path, "proxy", "up", "--port", "0", "--litellm", command, "--proxy-config", "bad.yaml")
    assert done.returncode == 7
    assert "the proxy exited with status" in done.stderr
    missing = ingate(tmp_path, "proxy", "up", "--litellm", "/nowhere/litellm")
    assert missing.returncode == 2
    assert "no litellm command" in missing.stderr
