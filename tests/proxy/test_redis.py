"""Two proxies that share a Redis: what one learns of a deployment, the other knows."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any

import pytest

import ingate
from ingate import Gateway
from support.proxy import MASTER, address, litellm_command, proxy_process, redis_server
from support.upstream import Reply, completion, upstream

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(300)

HI: list[Any] = [{"role": "user", "content": "hi"}]


async def ask(gateway: Gateway) -> str:
    answer = await gateway.complete({"model": "litellm/shared", "messages": HI}, retries=0)
    return answer["choices"][0]["message"]["content"]


def cooldowns(port: int) -> bytes:
    """The cooldowns in Redis, as it tells them."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(b"KEYS *cooldown*\r\n")
        return connection.recv(4096)


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
                # Either deployment may be picked; the cooldown is written beside the answer to the ill one's failure.
                async with asyncio.timeout(60):
                    while cooldowns(port).startswith(b"*0"):
                        with contextlib.suppress(ingate.IngateError):
                            await ask(first)
                told = len(ill.seen)
                for _ in range(20):
                    assert await ask(second) == "from the one that is well"
                # Without Redis the second would have picked the ill one about every other time until it failed.
                assert len(ill.seen) == told
        finally:
            for proxy in proxies:
                proxy.stop()
