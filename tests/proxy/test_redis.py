"""Two proxies that share a Redis: what one learns of a deployment, the other knows."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

import ingate
from helpers_proxy import MASTER, address, litellm_command, proxy_process, redis_server
from helpers_upstream import Reply, completion, upstream
from ingate import Gateway

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(300)

HI: list[Any] = [{"role": "user", "content": "hi"}]


async def ask(gateway: Gateway) -> str:
    answer = await gateway.complete({"model": "litellm/shared", "messages": HI}, retries=0)
    return answer["choices"][0]["message"]["content"]


def wait_for_cooldown(port: int) -> None:
    """Until the first proxy has written its cooldown to Redis."""
    until_s = time.monotonic() + 20
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        while time.monotonic() < until_s:
            connection.sendall(b"KEYS *cooldown*\r\n")
            if not connection.recv(4096).startswith(b"*0"):
                return
            time.sleep(0.05)
    raise AssertionError("no cooldown was written to Redis")


async def test_a_cooldown_on_one_proxy_is_seen_on_the_other(tmp_path: Path) -> None:
    litellm_command()
    with redis_server(tmp_path) as port, upstream() as ill, upstream() as well:
        ill.otherwise = Reply(429, {"error": {"message": "slow down", "type": "rate_limit_error"}})
        well.otherwise.body = completion("from the one that is well")

        def deployment(base: str) -> dict[str, Any]:
            return {
                "model_name": "shared",
                "litellm_params": {"model": "openai/m", "api_base": base, "api_key": "none"},
            }

        config = {
            "model_list": [deployment(ill.url), deployment(well.url)],
            "router_settings": {
                "num_retries": 0,
                "allowed_fails": 0,
                "cooldown_time": 120,
                "redis_host": "os.environ/REDIS_HOST",
                "redis_port": "os.environ/REDIS_PORT",
            },
            "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
        }
        environ = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(port)}
        proxies = [proxy_process(config, tmp_path, **environ).start() for _ in range(2)]
        try:
            for proxy in proxies:
                await asyncio.to_thread(proxy.wait)
            settings = [{"litellm": {"api_base": address(proxy), "api_key": MASTER}} for proxy in proxies]
            async with Gateway(settings[0]) as first, Gateway(settings[1]) as second:
                for _ in range(40):  # either deployment may be picked, until the ill one has been
                    with contextlib.suppress(ingate.IngateError):
                        await ask(first)
                    if ill.seen:
                        break
                assert ill.seen, "the first proxy never picked the ill deployment"
                await asyncio.to_thread(wait_for_cooldown, port)
                told = len(ill.seen)
                for _ in range(20):
                    assert await ask(second) == "from the one that is well"
                # Without Redis the second would have picked the ill one about every other time until it failed.
                assert len(ill.seen) == told
        finally:
            for proxy in proxies:
                proxy.stop()
