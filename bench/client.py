"""What the in-process client costs on top of the SDK: `create` against a bare `AsyncOpenAI` over a mock transport.

    python bench/client.py [--calls 2000]

Both sides answer the same completion from memory: the SDK's as finished bytes, ingate's as dicts that its ASGI
application checks, encodes and streams. Rounds alternate, and each side's best round is compared: on a busy
machine the others measure the neighbours.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import openai

from ingate.client import AsyncIngate, Ingate
from ingate.client.transport import default_module
from ingate.gateway.reply import translated
from ingate.serve.app import create_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from ingate.gateway.reply import Reply
    from ingate.wire.passthrough import ApiRequest

MESSAGES: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is a gateway? " * 20}]
CHUNKS = 100


def completion() -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "echo",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "A door. " * 20}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 60, "total_tokens": 160},
    }


def chunks() -> list[dict[str, Any]]:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "echo"}
    return [
        {**head, "choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}]} for _ in range(CHUNKS)
    ]


class Memory:
    """A gateway that answers from memory."""

    @property
    def asgi(self) -> Any:
        return create_app(self)

    async def respond(self, request: ApiRequest, *, retries: int | None = None, request_id: str = "") -> Reply:
        return await translated(request, self.complete, self.stream, request_id=request_id)

    async def complete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return completion()

    async def stream(self, body: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        for chunk in chunks():
            yield chunk

    async def embed(self, body: Mapping[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    async def models(self) -> list[dict[str, Any]]:
        return []

    async def aclose(self) -> None:
        return None


def bare(module: Any) -> tuple[openai.AsyncOpenAI, openai.OpenAI]:
    """The SDK alone: its answers come from the HTTP library's own mock transport."""

    whole = json.dumps(completion()).encode()
    events = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks()) + b"data: [DONE]\n\n"

    def answer(request: Any) -> Any:
        if b'"stream":true' in request.content:
            return module.Response(200, content=events, headers={"content-type": "text/event-stream"})
        return module.Response(200, content=whole, headers={"content-type": "application/json"})

    transport = module.MockTransport(answer)
    return (
        openai.AsyncOpenAI(api_key="x", http_client=module.AsyncClient(transport=transport)),
        openai.OpenAI(api_key="x", http_client=module.Client(transport=transport)),
    )


async def seconds_a_call(client: openai.AsyncOpenAI, calls: int, *, stream: bool) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        answer: Any = await client.chat.completions.create(model="echo", messages=MESSAGES, stream=stream)
        if stream:
            async for _chunk in answer:
                pass
    return (time.perf_counter() - started) / calls


def seconds_a_sync_call(client: openai.OpenAI, calls: int, *, stream: bool) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        answer: Any = client.chat.completions.create(model="echo", messages=MESSAGES, stream=stream)
        if stream:
            for _chunk in answer:
                pass
    return (time.perf_counter() - started) / calls


def compare(
    name: str, sdk: Callable[[int], float], ingate: Callable[[int], float], calls: int, rounds: int = 7
) -> None:
    sdk(calls // 10 + 1)
    ingate(calls // 10 + 1)
    times = [(sdk(calls), ingate(calls)) for _ in range(rounds)]
    theirs, ours = (min(side) for side in zip(*times, strict=True))
    print(f"{name:24} sdk {theirs * 1e6:8.0f} µs   ingate {ours * 1e6:8.0f} µs   ratio {ours / theirs:5.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--calls", type=int, default=1000, help="calls a round and side")
    calls = parser.parse_args().calls
    module = default_module()
    sdk, sync_sdk = bare(module)
    print(f"openai {openai.__version__} on {module.__name__} {module.__version__}")
    with asyncio.Runner() as runner:
        client = AsyncIngate(gateway=Memory())
        for name, stream, count in (("create", False, calls), (f"stream of {CHUNKS} chunks", True, calls // 20 + 1)):
            compare(
                name,
                lambda n, stream=stream: runner.run(seconds_a_call(sdk, n, stream=stream)),
                lambda n, stream=stream: runner.run(seconds_a_call(client, n, stream=stream)),
                count,
            )
    with Ingate(gateway=Memory()) as sync_client:
        for name, stream, count in (("sync create", False, calls), ("sync stream", True, calls // 20 + 1)):
            compare(
                name,
                lambda n, stream=stream: seconds_a_sync_call(sync_sdk, n, stream=stream),
                lambda n, stream=stream: seconds_a_sync_call(sync_client, n, stream=stream),
                count,
            )


if __name__ == "__main__":
    main()
