"""Each deployment of a running proxy called once, to see which answer."""

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
_MAX_TOKENS: Final = 16  # the least that some reasoning models take
_ASK: Final = [{"role": "user", "content": "Answer with one word: ready?"}]
_CHAT: Final = frozenset({None, "chat", "completion", "responses"})


class Checked(msgspec.Struct, frozen=True):
    """How one deployment did.

    Attributes:
        deployment: Its name in the proxy's model_list.
        state: `"ready"`, `"missing"` (it failed), or `"attention"` (it was not called).
        latency_s: How long its answer took, in seconds; None where there was none.
        model: What it stands for, as the proxy tells; empty where it does not.
        detail: What it said, or what went wrong.
        fix: What to do about it; empty where there is nothing.
    """

    deployment: str
    state: str
    latency_s: float | None = None
    model: str = ""
    detail: str = ""
    fix: str = ""


async def check(gateway: Gateway, *, timeout_s: float = 60.0) -> AsyncIterator[Checked]:
    """Call every chat deployment of the configured proxy once, four at a time; results come as they are known.

    Wildcards are not called, since they stand for any number of models.

    Raises:
        MissingCredentialsError: No proxy is configured.
        IngateError: The proxy is down, refuses the key, or is no LiteLLM proxy.
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
    """The names in the proxy's model_list with their modes (None where unknown), wildcards unexpanded.

    Raises:
        MissingCredentialsError: No proxy is configured.
        IngateError: The proxy is down, refuses the key, or is no LiteLLM proxy.
    """
    route = gateway.router.proxy_route()
    if route is None:
        gateway.routes("litellm/any")  # says what to set
        raise MissingCredentialsError("no LiteLLM proxy is configured")
    from ingate.engines.native import NativeEngine

    engine = gateway.engine(route.engine)
    assert isinstance(engine, NativeEngine)
    listed = {str(model["id"]): model.get("mode") for model in await engine.list_models(route, query=_WILDCARDS)}
    wildcards = {name: None for name in listed if "*" in name}
    told = await engine.list_info(route)
    if not told:
        from fnmatch import fnmatchcase

        named = {name: mode for name, mode in listed.items() if not any(fnmatchcase(name, one) for one in wildcards)}
    else:
        # What a wildcard stands for is listed too, all of it under the wildcard's own id.
        ids = Counter(facts.get("id") for facts in told.values())
        named = {name: facts.get("mode") for name, facts in told.items() if ids[facts.get("id")] == 1}
    return {**named, **wildcards}


async def _call(gateway: Gateway, name: str, timeout_s: float) -> Checked:
    begun_s = time.monotonic()
    spec = ModelSpec("proxy", "", name, {"timeout": timeout_s})
    try:
        # Without the proxy's own retries and fallbacks: another deployment's answer would hide that this one is dead.
        body = {
            "model": str(spec),
            "messages": _ASK,
            "max_tokens": _MAX_TOKENS,
            "disable_fallbacks": True,
            "num_retries": 0,
        }
        answer = await asyncio.wait_for(gateway.complete(body, retries=0), timeout_s)
    except IngateError as error:
        return Checked(name, "missing", detail=_short(error.provider_message or str(error)), fix=error.fix)
    except TimeoutError:
        return Checked(
            name, "missing", detail=f"no answer in {timeout_s:g} s", fix="raise --timeout, or look at its log"
        )
    latency_s = time.monotonic() - begun_s
    model = answer["ingate"].get("proxy", {}).get("model") or ""
    return Checked(
        name, "ready", latency_s, model, _short(answer["choices"][0]["message"].get("content") or "(no text)")
    )


def _short(text: str) -> str:
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return text if len(text) <= 100 else f"{text[:99]}…"
