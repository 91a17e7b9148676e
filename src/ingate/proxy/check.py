"""Call each deployment of a running proxy once, to see which of them work."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.errors import IngateError, MissingCredentialsError
from ingate.spec import ModelSpec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ingate.gateway import Gateway

_AT_ONCE: Final = 4
_WILDCARDS: Final = "?return_wildcard_routes=true"
_MAX_TOKENS: Final = 16  # the minimum that some reasoning models accept
_MESSAGES: Final = [{"role": "user", "content": "Answer with one word: ready?"}]
_CHAT: Final = frozenset({None, "chat", "completion", "responses"})


class Checked(msgspec.Struct, frozen=True):
    """The result for one deployment.

    Attributes:
        deployment: Its name in the proxy's model_list.
        state: `"ready"`, `"missing"` (it failed), or `"attention"` (it was not called).
        latency_s: Duration of the call, in seconds; None without a response.
        model: The model behind it, as the proxy reports it; empty if it does not.
        detail: The response's text, or what went wrong.
        fix: What to do about a failure; empty if there is nothing to suggest.
    """

    deployment: str
    state: str
    latency_s: float | None = None
    model: str = ""
    detail: str = ""
    fix: str = ""


async def check(gateway: Gateway, *, timeout_s: float = 60.0) -> AsyncIterator[Checked]:
    """Call every chat deployment of the configured proxy once, four at a time; yields results as they arrive.

    Wildcards are not called, since they stand for any number of models.

    Raises:
        MissingCredentialsError: No proxy is configured.
        IngateError: The proxy is down, rejects the key, or is not a LiteLLM proxy.
    """
    names = await deployments(gateway)
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str) -> Checked:
        async with limit:
            return await _call(gateway, name, timeout_s)

    running: list[asyncio.Task[Checked]] = []
    try:
        for name, mode in names.items():
            if "*" in name:
                yield Checked(name, "attention", detail="a wildcard, not called")
            elif mode not in _CHAT:
                yield Checked(name, "attention", detail=f"for {mode}, not called")
            else:
                running.append(asyncio.create_task(one(name)))
        for done in asyncio.as_completed(running):
            yield await done
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def deployments(gateway: Gateway) -> dict[str, Any]:
    """The names in the proxy's model_list with their modes (None if unknown); wildcards are not expanded.

    Raises:
        MissingCredentialsError: No proxy is configured.
        IngateError: The proxy is down, rejects the key, or is not a LiteLLM proxy.
    """
    route = gateway.router.proxy_route()
    if route is None:
        gateway.routes("litellm/any")  # its error says what to set
        raise MissingCredentialsError("no LiteLLM proxy is configured")
    from ingate.engines.native import NativeEngine

    engine = gateway.engine(route.engine)
    assert isinstance(engine, NativeEngine)
    listed = {str(model["id"]): model.get("mode") for model in await engine.list_models(route, query=_WILDCARDS)}
    wildcards = {name: None for name in listed if "*" in name}
    info = await engine.list_info(route)
    if not info:
        from fnmatch import fnmatchcase

        named = {name: mode for name, mode in listed.items() if not any(fnmatchcase(name, one) for one in wildcards)}
    else:
        # The models that a wildcard stands for are listed too, all with the wildcard's id.
        ids = Counter(facts.get("id") for facts in info.values())
        named = {name: facts.get("mode") for name, facts in info.items() if ids[facts.get("id")] == 1}
    return {**named, **wildcards}


async def _call(gateway: Gateway, name: str, timeout_s: float) -> Checked:
    begun_s = time.monotonic()
    spec = ModelSpec("proxy", "", name, {"timeout": timeout_s})
    try:
        # Without the proxy's own retries and fallbacks: another deployment's response would hide that this one fails.
        body = {
            "model": str(spec),
            "messages": _MESSAGES,
            "max_tokens": _MAX_TOKENS,
            "disable_fallbacks": True,
            "num_retries": 0,
        }
        answer = await asyncio.wait_for(gateway.complete(body, retries=0), timeout_s)
    except IngateError as error:
        return Checked(name, "missing", detail=_short(error.provider_message or str(error)), fix=error.fix)
    except TimeoutError:
        return Checked(
            name,
            "missing",
            detail=f"no response within {timeout_s:g} s",
            fix="raise --timeout, or read the proxy's log",
        )
    latency_s = time.monotonic() - begun_s
    model = answer["ingate"].get("proxy", {}).get("model") or ""
    return Checked(
        name, "ready", latency_s, model, _short(answer["choices"][0]["message"].get("content") or "(no text)")
    )


def _short(text: str) -> str:
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return text if len(text) <= 100 else f"{text[:99]}…"
