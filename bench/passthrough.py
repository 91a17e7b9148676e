"""What a streamed piece costs `ingate serve`: translated through chat completions, and passed through.

    python bench/passthrough.py [--rounds 3] [--streams 8] [--pieces 2000]

A provider in a process of its own sends a stream's pieces one at a time, each in a write of its own. The figure is the
server's own processor time (user and system) for each piece, the median over interleaved rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

TICKS = os.sysconf("SC_CLK_TCK")
TEXT = "word "


def _sse(event: dict[str, Any], *, named: bool) -> bytes:
    head = f"event: {event['type']}\n" if named else ""
    return f"{head}data: {json.dumps(event)}\n\n".encode()


def chat_events(count: int) -> list[bytes]:
    """A stream of chat completions."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    pieces = [
        {**head, "choices": [{"index": 0, "delta": {"content": TEXT}, "finish_reason": None}]} for _ in range(count)
    ]
    first = {**head, "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}
    last = {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return [*(_sse(one, named=False) for one in (first, *pieces, last)), b"data: [DONE]\n\n"]


def message_events(count: int) -> list[bytes]:
    """A stream of Anthropic's Messages."""
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
    start = {"type": "message_start", "message": {**message, "usage": {"input_tokens": 9, "output_tokens": 1}}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    piece = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": TEXT}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": count}}
    events = [start, block, *[piece] * count, {"type": "content_block_stop", "index": 0}, end, {"type": "message_stop"}]
    return [_sse(one, named=True) for one in events]


def response_events(count: int) -> list[bytes]:
    """A stream of OpenAI's Responses."""
    response = {"id": "resp_1", "object": "response", "model": "m", "status": "in_progress", "output": []}
    usage = {"input_tokens": 9, "output_tokens": count, "total_tokens": count + 9}
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}
    piece = {
        "type": "response.output_text.delta",
        "item_id": "msg_1",
        "output_index": 0,
        "content_index": 0,
        "delta": TEXT,
    }
    events = [
        {"type": "response.created", "response": response},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        *[piece] * count,
        {"type": "response.completed", "response": {**response, "status": "completed", "usage": usage}},
    ]
    return [_sse({**one, "sequence_number": place}, named=True) for place, one in enumerate(events)]


def provide(port: int, count: int) -> None:
    """The provider: answers by path."""
    streams = {
        "chat/completions": chat_events(count),
        "messages": message_events(count),
        "responses": response_events(count),
    }

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                writer.close()
                return
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            await reader.readexactly(length)
            events = next(found for name, found in streams.items() if name.encode() in head.split(b"\r\n")[0])
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            for event in events:
                writer.write(b"%x\r\n%b\r\n" % (len(event), event))
                await writer.drain()
                await asyncio.sleep(0)
            writer.write(b"0\r\n\r\n")

    async def serve() -> None:
        server = await asyncio.start_server(handle, "127.0.0.1", port)
        await server.serve_forever()

    asyncio.run(serve())


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_s(pid: int) -> float:
    """A process's own processor time so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def streamed(session: aiohttp.ClientSession, url: str, body: dict[str, Any], streams: int) -> None:
    """Read streams to their ends, all at once."""

    async def one() -> None:
        async with session.post(url, json=body) as answer:
            answer.raise_for_status()
            async for _ in answer.content.iter_any():
                pass

    await asyncio.gather(*(one() for _ in range(streams)))


async def measure(base: str, pid: int, args: argparse.Namespace) -> dict[str, list[float]]:
    """Microseconds of the server's processor time for each piece, by path, round by round."""
    hi = [{"role": "user", "content": "hi"}]
    paths = {
        "chat, normalised": ("/v1/chat/completions", {"model": "mine/m", "messages": hi}),
        "chat, passed through": ("/v1/chat/completions", {"model": "openai/gpt-4o", "messages": hi}),
        "messages, translated": ("/v1/messages", {"model": "mine/m", "max_tokens": 9, "messages": hi}),
        "messages, passed through": ("/v1/messages", {"model": "anthropic/m", "max_tokens": 9, "messages": hi}),
        "responses, translated": ("/v1/responses", {"model": "mine/m", "input": "hi", "store": False}),
        "responses, passed through": ("/v1/responses", {"model": "openai/gpt-4o", "input": "hi", "store": False}),
    }
    found: dict[str, list[float]] = {name: [] for name in paths}
    async with aiohttp.ClientSession(read_bufsize=2**18) as session:
        for warm in (True, *[False] * args.rounds):
            for name, (path, body) in paths.items():
                before_s = cpu_s(pid)
                await streamed(session, base + path, {**body, "stream": True}, args.streams)
                if not warm:
                    found[name].append((cpu_s(pid) - before_s) / (args.streams * args.pieces) * 1e6)
    return found


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--pieces", type=int, default=2000)
    args = parser.parse_args()
    upstream, port = free_port(), free_port()
    provider = multiprocessing.get_context("spawn").Process(target=provide, args=(upstream, args.pieces), daemon=True)
    provider.start()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "ingate.yaml"
        base = f"http://127.0.0.1:{upstream}"
        config.write_text(
            f"openai: {{api_key: none-at-all, base_url: '{base}/v1'}}\nanthropic: {{api_key: none-at-all, base_url: '{base}'}}\n"
            f"servers: {{mine: {{base_url: '{base}/v1'}}}}\n"
        )
        command = [
            sys.executable,
            "-m",
            "ingate",
            "--config",
            str(config),
            "serve",
            "--port",
            str(port),
            "--no-access-log",
        ]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "XDG_STATE_HOME": folder})
        try:
            while True:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            found = asyncio.run(measure(f"http://127.0.0.1:{port}", server.pid, args))
        finally:
            server.terminate()
            server.wait()
            provider.terminate()
    floor = statistics.median(found["chat, normalised"])
    print(f"{'path':28} {'µs a piece':>10}  of chat, normalised")
    for name, values in found.items():
        middle = statistics.median(values)
        print(f"{name:28} {middle:10.1f}  {middle / floor:.2f}")


if __name__ == "__main__":
    main()
