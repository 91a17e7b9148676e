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

from ingate.engines.accept import ascii_text, leads_away
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
    _adopt_created()
    _accept_any_header()
    _keep_logins_at_one_origin()
    if (shared := vars(litellm).get("module_level_client")) is not None:
        adopt_blocking(shared)


def _cache_kind(litellm: Any) -> type:
    kind: Any = type(litellm.in_memory_llm_clients_cache)

    class WatchedClients(kind):
        def set_cache(self, key: str, value: object, *args: Any, **kwargs: Any) -> Any:
            _adopt_any(value)
            return super().set_cache(key, value, *args, **kwargs)

        async def async_set_cache(self, key: str, value: object, *args: Any, **kwargs: Any) -> Any:
            _adopt_any(value)
            return await super().async_set_cache(key, value, *args, **kwargs)

    return WatchedClients


def _keep_routes(litellm: Any) -> None:
    config = litellm.LiteLLMProxyChatConfig
    original = config.should_use_litellm_proxy_by_default

    def decide(litellm_params: Any = None) -> bool:
        # The variable would send every provider's request, with its key, to a server other than the route's.
        return False if observe.current.get() is not None else original(litellm_params=litellm_params)

    config.should_use_litellm_proxy_by_default = staticmethod(decide)


def _adopt_created() -> None:
    """Adopt also the clients that litellm creates without its cache, most of them to fetch a token."""
    from litellm.llms.custom_httpx import http_handler

    for kind, take in ((http_handler.AsyncHTTPHandler, adopt), (http_handler.HTTPHandler, adopt_blocking)):
        create: Any = kind.create_client

        def create_client(self: Any, *args: Any, _create: Any = create, _take: Any = take, **kwargs: Any) -> Any:
            client = _create(self, *args, **kwargs)
            _take(client)
            return client

        kind.create_client = create_client


def _accept_any_header() -> None:
    """Keep a response whose headers have bytes beyond ASCII: litellm's transport fails to convert them."""
    from litellm.llms.custom_httpx.aiohttp_transport import LiteLLMAiohttpTransport as Transport

    request: Any = Transport._make_aiohttp_request

    async def make_request(self: Any, *args: Any, **kwargs: Any) -> Any:
        response = await request(self, *args, **kwargs)
        if not all(value.isascii() for _, value in response.raw_headers):
            pairs = [(name.decode("latin-1"), value.decode("ascii", "replace")) for name, value in response.raw_headers]
            response._cache.pop("headers", None)
            made = response._headers.copy()
            made.clear()
            made.extend((name, ascii_text(value)) for name, value in pairs)
            response._headers = type(response._headers)(made)
        return response

    Transport._make_aiohttp_request = make_request


def _keep_logins_at_one_origin() -> None:
    """Follow no redirect to another origin in what litellm fetches with `requests`: tokens of Google, Databricks and GDC."""
    try:
        from requests.sessions import SessionRedirectMixin as Session
    except ImportError:
        return
    original: Any = Session.get_redirect_target

    def get_redirect_target(self: Any, resp: Any) -> str | None:
        target = original(self, resp)
        if target is not None and (observation := observe.current.get()) is not None:
            who = f"the token service of {observation.provider}"
            if (error := leads_away(resp.url, resp.status_code, target, provider=who)) is not None:
                observation.refused = error
                resp.close()
                raise error
        return target

    Session.get_redirect_target = get_redirect_target


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


def _adopt_any(value: Any) -> None:
    if http_client(value) is not None:
        adopt(value)
    elif hasattr(blocking := getattr(value, "_client", value), "event_hooks") or hasattr(value, "client"):
        adopt_blocking(blocking)


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


def adopt_blocking(value: Any) -> None:
    """Add the hooks of a client that blocks, once."""
    client = next((one for one in (getattr(value, "client", None), value) if hasattr(one, "event_hooks")), None)
    if client is not None and observe.on_blocking_response not in (hooks := client.event_hooks).get("response", []):
        client.event_hooks = {
            "request": [*hooks.get("request", []), observe.on_blocking_request],
            "response": [*hooks.get("response", []), observe.on_blocking_response],
        }


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
