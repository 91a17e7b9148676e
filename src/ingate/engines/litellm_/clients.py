"""litellm's HTTP clients: each is observed, and closed with its event loop.

litellm keeps one client per provider and event loop and closes none, so that every `asyncio.run` leaves sockets open.
Its cache of clients is a replaceable attribute. Ours adds the hooks of `observe.py` to each new client. For loops on which
ingate made a call, it closes the loop's clients when the loop ends: `asyncio.run` closes asynchronous generators just
before it closes the loop, so one generator waits in each loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
import weakref
from typing import TYPE_CHECKING, Any, Final

from ingate.engines.litellm_ import observe

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_guards: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncGenerator[None, None]] = weakref.WeakKeyDictionary()
# The clients created on each loop. litellm's own keys identify loops differently from release to release.
_made: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.WeakSet[Any]] = weakref.WeakKeyDictionary()
# The engines in use on each loop: they share litellm's clients, so the last one to close closes the clients.
_users: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.WeakSet[Any]] = weakref.WeakKeyDictionary()
_lock = threading.Lock()
_litellm: Any = None
_LOGGING_GRACE_S: Final = 2.0


def install(litellm: Any) -> None:
    """Replace litellm's cache with one that observes clients, and keep USE_LITELLM_PROXY from rerouting ingate's calls."""
    global _litellm
    _litellm = litellm
    litellm.in_memory_llm_clients_cache = _cache_kind(litellm)()
    _keep_routes(litellm)


def _cache_kind(litellm: Any) -> type:
    kind: Any = type(litellm.in_memory_llm_clients_cache)

    class WatchedClients(kind):
        def set_cache(self, key: str, value: object, *args: Any, **kwargs: Any) -> Any:
            adopt(value)
            return super().set_cache(key, value, *args, **kwargs)

        async def async_set_cache(self, key: str, value: object, *args: Any, **kwargs: Any) -> Any:
            adopt(value)
            return await super().async_set_cache(key, value, *args, **kwargs)

    return WatchedClients


def _keep_routes(litellm: Any) -> None:
    config = litellm.LiteLLMProxyChatConfig
    original = config.should_use_litellm_proxy_by_default

    def decide(litellm_params: Any = None) -> bool:
        # The variable would send every provider's request, with its key, to a server other than the route's.
        return False if observe.current.get() is not None else original(litellm_params=litellm_params)

    config.should_use_litellm_proxy_by_default = staticmethod(decide)


def http_client(value: object) -> Any:
    """The asynchronous httpx (or httpx2) client inside one of litellm's or openai's; None if there is none."""
    for holder in (value, getattr(value, "client", None), getattr(value, "_client", None)):
        if (
            holder is not None
            and hasattr(holder, "event_hooks")
            and inspect.iscoroutinefunction(getattr(holder, "send", None))
        ):
            return holder
    return None


def adopt(value: Any) -> None:
    """Add the hooks to a client, once, and record on which loop it was created."""
    client = http_client(value)
    if client is None:
        return
    hooks = client.event_hooks
    if observe.on_response not in hooks.get("response", []):
        client.event_hooks = {
            "request": [*hooks.get("request", []), observe.on_request],
            "response": [*hooks.get("response", []), observe.on_response],
        }
        if client is not value and hasattr(value, "event_hooks"):
            value.event_hooks = client.event_hooks  # litellm's handler creates its next client with these
    with contextlib.suppress(RuntimeError, TypeError):
        _made.setdefault(asyncio.get_running_loop(), weakref.WeakSet()).add(value)


async def join_loop(user: object) -> None:
    """Register `user`: the running loop's clients are closed when the loop ends or its last user leaves."""
    loop = asyncio.get_running_loop()
    _users.setdefault(loop, weakref.WeakSet()).add(user)
    if loop in _guards:
        return
    with _lock:
        for other in [known for known in _guards if known.is_closed()]:
            del _guards[other]
        if loop in _guards:
            return
        guard = _guards[loop] = _close_with_loop()
    if (shared := _shared()) is not None:
        adopt(shared)
    await anext(guard)


async def leave_loop(user: object) -> None:
    """Close the running loop's clients, unless another engine still uses them."""
    loop = asyncio.get_running_loop()
    users = _users.get(loop)
    if users is None or user not in users:
        return
    users.discard(user)
    if users:
        return
    guard = _guards.pop(loop, None)
    if guard is not None:
        await guard.aclose()


async def _close_with_loop() -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        loop = asyncio.get_running_loop()
        made = _take_clients_of(loop)  # first, because clients created from now on belong to the next user
        await _finish_logging(loop)
        if _users.get(loop):  # another user has joined meanwhile, and uses litellm's shared client too
            made = [value for value in made if value is not _shared()]
        await _close(made)


async def _finish_logging(loop: asyncio.AbstractEventLoop) -> None:
    """Let litellm's callbacks finish for the last calls; otherwise they accumulate from loop to loop."""
    from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER as WORKER

    if getattr(WORKER, "_bound_loop", loop) is not loop:
        return
    with contextlib.suppress(Exception):
        await asyncio.wait_for(WORKER.flush(), _LOGGING_GRACE_S)
    with contextlib.suppress(Exception):
        await WORKER.stop()


def _shared() -> Any:
    """litellm's module-level client, created on one loop and used on all."""
    return vars(_litellm).get("module_level_aclient")


def _take_clients_of(loop: asyncio.AbstractEventLoop) -> list[Any]:
    """Remove the clients created on `loop` from litellm's cache and return them."""
    made = list(_made.pop(loop, ()))
    cache = _litellm.in_memory_llm_clients_cache
    for key, value in list(cache.cache_dict.items()):
        if any(value is one for one in made):
            cache.cache_dict.pop(key, None)
            cache.ttl_dict.pop(key, None)
    return made


async def _close(made: list[Any]) -> None:
    for value in made:
        with contextlib.suppress(Exception):
            await http_client(value).aclose()
    await asyncio.sleep(0)  # a transport closes its socket one iteration of the loop later
