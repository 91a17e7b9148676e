"""`ingate serve` under load, and what a core carries: alone, and through a LiteLLM proxy.

    python bench/serve.py [--seconds 60] [--streams 64] [--leave 0.5] [--no-proxy]

First, many streams at once whose clients leave in the middle: answers, memory and open descriptors of the server over
time. Then calls without a stream, and the requests per second that one core of a process's own time pays for:
in-process, through `ingate serve`, and through the LiteLLM proxy of .venv-proxy, where there is one. The provider is a
process beside them that answers at once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
LITELLM = ROOT / ".venv-proxy" / "bin" / "litellm"
MASTER = "sk-bench-0123456789abcdef"
ASK = [{"role": "user", "content": "What is a gateway? " * 20}]
TICKS = os.sysconf("SC_CLK_TCK")
PIECES = 50


async def provider(scope: Any, receive: Any, send: Any) -> None:
    """A provider that answers at once; a stream has fifty pieces, 20 ms apart."""
    if scope["type"] != "http":
        for kind in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{kind}.complete"})
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    streams = b'"stream":true' in body.replace(b" ", b"")
    kind = b"text/event-stream" if streams else b"application/json"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    head = {"id": "c", "created": 1, "model": "m"}
    if not streams:
        message = {"role": "assistant", "content": "A door. " * 20}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 100, "completion_tokens": 60, "total_tokens": 160}
        answer = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})
        return
    for number in range(PIECES):
        choice = {"index": 0, "delta": {"content": "word "}, "finish_reason": "stop" if number == PIECES - 1 else None}
        chunk = {**head, "object": "chat.completion.chunk", "choices": [choice]}
        data = b"data: " + json.dumps(chunk).encode() + b"\n\n"
        await send({"type": "http.response.body", "body": data, "more_body": True})
        await asyncio.sleep(0.02)
    await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})


def run_provider(port: int) -> None:
    import uvicorn

    uvicorn.run(provider, port=port, log_level="error")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.contextmanager
def process(command: list[str], health: str, home: str, **environ: str) -> Iterator[int]:
    """A server; gives its process id once it answers."""
    import urllib.error
    import urllib.request

    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    with Path(home, "bench.log").open("ab") as log:
        running = subprocess.Popen(command, env={**kept, "HOME": home, **environ}, cwd=home, stdout=log, stderr=log)
    try:
        for _ in range(1200):
            try:
                urllib.request.urlopen(health, timeout=2).close()
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                if running.poll() is not None:
                    sys.exit(f"{command[0]} ended; see {home}/bench.log")
                time.sleep(0.1)
        yield running.pid
    finally:
        running.terminate()
        running.wait(30)


def cpu_s(pid: int) -> float:
    """Processor time of a process so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def streams(address: str, pid: int, *, at_once: int, seconds: float, leave: float) -> bool:
    """The first part; whether nothing was left behind."""
    done = left = failed = told = 0
    dice = random.Random(1)
    begun_s = time.monotonic()
    used_s = cpu_s(pid)
    samples: list[tuple[float, float, int]] = []
    body = {"model": "mine/m", "messages": ASK, "stream": True}

    async def client() -> None:
        nonlocal done, left, failed, told
        while time.monotonic() - begun_s < seconds:
            leave_after = dice.randrange(1, PIECES) if dice.random() < leave else None
            async with session.post(f"{address}/v1/chat/completions", json=body) as answer:
                pieces = 0
                async for line in answer.content:
                    pieces += line.startswith(b"data: {")
                    if leave_after is not None and pieces >= leave_after:
                        break
                told += pieces
                if leave_after is not None:
                    left += 1
                elif answer.status == 200 and pieces >= PIECES:
                    done += 1
                else:
                    failed += 1

    async def watch() -> None:
        while True:
            samples.append((time.monotonic() - begun_s, resident_mb(pid), descriptors(pid)))
            await asyncio.sleep(max(seconds / 6, 1))

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        watching = asyncio.create_task(watch())
        await asyncio.gather(*(client() for _ in range(at_once)))
        watching.cancel()
    busy = (cpu_s(pid) - used_s) / (time.monotonic() - begun_s)
    await asyncio.sleep(1)
    samples.append((time.monotonic() - begun_s, resident_mb(pid), descriptors(pid)))
    print(f"{at_once} streams at once for {seconds:.0f} s: {done} finished, {left} left in the middle, {failed} failed")
    print(f"  {told / seconds:.0f} pieces a second for {busy:.0%} of a core")
    for at_s, memory_mb, fds in samples:
        print(f"  {at_s:5.0f} s  {memory_mb:6.1f} MB  {fds:4} descriptors")
    warm_mb = samples[min(2, len(samples) - 1)][1]
    grown_mb = samples[-1][1] - warm_mb
    print(f"  after it: {samples[-1][2]} descriptors, {grown_mb:+.1f} MB since it was warm")
    return not failed and grown_mb < 16


async def calls(name: str, address: str, pid: int, model: str, *, seconds: float, key: str = "none") -> float:
    """The second part: requests per second a core of the server pays for."""
    body = {"model": model, "messages": ASK}
    headers = {"authorization": f"Bearer {key}"}
    times_s: list[float] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers) as session:

        async def client(until_s: float) -> int:
            count = 0
            while time.monotonic() < until_s:
                begun_s = time.monotonic()
                async with session.post(f"{address}/v1/chat/completions", json=body) as answer:
                    text = await answer.text()
                    assert answer.status == 200, text
                times_s.append(time.monotonic() - begun_s)
                count += 1
            return count

        await asyncio.gather(*(client(time.monotonic() + 2) for _ in range(8)))
        times_s.clear()
        used_s, begun_s = cpu_s(pid), time.monotonic()
        count = sum(await asyncio.gather(*(client(begun_s + seconds) for _ in range(8))))
        took_s, used_s = time.monotonic() - begun_s, cpu_s(pid) - used_s
    times_s.sort()
    each_ms, median_ms = used_s / count * 1000, times_s[len(times_s) // 2] * 1000
    print(
        f"{name:<28} {count / used_s:6.0f} requests/s a core  ({each_ms:.2f} ms of processor each; "
        f"{count / took_s:.0f}/s here, median {median_ms:.1f} ms, {resident_mb(pid):.0f} MB)"
    )
    return count / used_s


async def in_process(base: str, *, seconds: float) -> float:
    """The same calls with no server between: this process's own time, client and all."""
    from ingate import AsyncIngate, Gateway

    settings = {"servers": {"mine": {"base_url": base}}}
    rate = 0.0
    async with Gateway(settings) as gateway, AsyncIngate(gateway=gateway) as sdk:

        async def plain() -> None:
            await gateway.complete({"model": "mine/m", "messages": ASK})

        async def through_sdk() -> None:
            await sdk.chat.completions.create(model="mine/m", messages=ASK)  # ty: ignore[invalid-argument-type]

        for name, call in (("in-process, Gateway", plain), ("in-process, AsyncIngate", through_sdk)):

            async def client(until_s: float, call: Any = call) -> int:
                count = 0
                while time.monotonic() < until_s:
                    await call()
                    count += 1
                return count

            await asyncio.gather(*(client(time.monotonic() + 1) for _ in range(8)))
            used_s, begun_s = time.process_time(), time.monotonic()
            count = sum(await asyncio.gather(*(client(begun_s + seconds) for _ in range(8))))
            took_s, used_s = time.monotonic() - begun_s, time.process_time() - used_s
            rate = count / used_s
            print(
                f"{name:<28} {rate:6.0f} requests/s a core  ({used_s / count * 1000:.2f} ms of processor each; "
                f"{count / took_s:.0f}/s here)"
            )
    return rate


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--leave", type=float, default=0.5, help="the share of clients that leave in the middle")
    parser.add_argument("--no-proxy", action="store_true")
    parser.add_argument("--provider", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.provider:
        run_provider(asked.provider)
        return 0
    with tempfile.TemporaryDirectory() as home, contextlib.ExitStack() as running:
        upstream = free_port()
        base = f"http://127.0.0.1:{upstream}/v1"
        running.enter_context(process([sys.executable, __file__, "--provider", str(upstream)], f"{base}/models", home))
        config = Path(home, "ingate.yaml")
        config.write_text(json.dumps({"servers": {"mine": {"base_url": base}}}))
        address = f"http://127.0.0.1:{(port := free_port())}"
        ingate = [str(Path(sys.executable).with_name("ingate")), "--config", str(config), "serve", "--port", str(port)]
        pid = running.enter_context(process([*ingate, "--no-access-log"], f"{address}/health", home))
        clean = asyncio.run(streams(address, pid, at_once=asked.streams, seconds=asked.seconds, leave=asked.leave))
        print()
        each_s = min(asked.seconds, 10)
        asyncio.run(in_process(base, seconds=each_s))
        asyncio.run(calls("ingate serve", address, pid, "mine/m", seconds=each_s))
        if not asked.no_proxy and LITELLM.is_file():
            params = {"model": "openai/m", "api_base": base, "api_key": "none"}
            file = Path(home, "proxy.yaml")
            file.write_text(json.dumps({"model_list": [{"model_name": "m", "litellm_params": params}]}))
            there = f"http://127.0.0.1:{(port := free_port())}"
            command = [str(LITELLM), "--config", str(file), "--host", "127.0.0.1", "--port", str(port)]
            environ = {"LITELLM_MASTER_KEY": MASTER, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
            ready = f"{there}/health/readiness"
            proxy = running.enter_context(process([*command, "--telemetry", "False"], ready, home, **environ))
            asyncio.run(calls("LiteLLM proxy, one worker", there, proxy, "m", seconds=each_s, key=MASTER))
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
