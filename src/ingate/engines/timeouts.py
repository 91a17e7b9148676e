"""How long a call may take: the limits of a route, and the error for each of them."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from ingate.errors import InvalidRequestError, RequestTimeoutError
from ingate.spec import TIMEOUT_PARAMS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from ingate.engines.base import Route

Limit = Literal["connect", "first_token", "between_tokens", "total"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """The time limits of one call, in seconds.

    Attributes:
        connect_s: For a connection, including DNS and TLS. A host that has not accepted one by then is not reachable.
        first_token_s: For the first token of a stream, or for a whole answer, in each attempt. Reasoning models think for
            minutes without sending anything.
        between_tokens_s: Between two tokens of a stream. Comments, pings and empty events are not tokens. Hosted tools and
            reasoning that the provider hides take minutes in the middle of an answer, too.
        total_s: For everything: all attempts, retries, fallbacks and the whole stream, from the beginning of the call.
    """

    connect_s: float = 10.0
    first_token_s: float = 600.0
    between_tokens_s: float = 600.0
    total_s: float = 3600.0

    def by_name(self) -> dict[str, float]:
        """The limits by their names in a configuration."""
        return {name: getattr(self, f"{name.removesuffix('_timeout')}_s") for name in TIMEOUT_PARAMS[1:]}

    def over(self, given: Mapping[str, float | None]) -> Timeouts:
        """These limits with those that `given` sets, by the names in `TIMEOUT_PARAMS`; None sets nothing.

        `timeout` is short for the longest wait at any point: it sets the limits for the first token and between tokens,
        and lowers the one for a connection.
        """
        found: dict[str, float] = {}
        if (each := given.get("timeout")) is not None:
            found = {"first_token_s": each, "between_tokens_s": each, "connect_s": min(each, self.connect_s)}
        for name in TIMEOUT_PARAMS[1:]:
            if (value := given.get(name)) is not None:
                found[f"{name.removesuffix('_timeout')}_s"] = value
        return replace(self, **found) if found else self


DEFAULTS: Final = Timeouts()


def resolved(*layers: Mapping[str, float | None]) -> Timeouts:
    """The limits that several layers set together, the strongest last. A stronger `timeout` replaces what it is short for."""
    found: dict[str, float | None] = {}
    for layer in layers:
        if layer.get("timeout") is not None:
            found["first_token_timeout"] = found["between_tokens_timeout"] = None
        found.update((name, value) for name, value in layer.items() if value is not None)
    return DEFAULTS.over(found)


def is_limit(value: object) -> bool:
    """Whether `value` is a positive, finite number of seconds."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0


def call_limits(timeout: float | Mapping[str, float | None] | None) -> dict[str, float | None]:
    """A call's own `timeout=` as a mapping of the names in `TIMEOUT_PARAMS`.

    Args:
        timeout: Seconds, which means `timeout`; or a mapping.

    Raises:
        InvalidRequestError: A name is unknown, or a value is not a positive number of seconds.
    """
    if timeout is None:
        return {}
    given: dict[str, Any] = {"timeout": timeout} if isinstance(timeout, int | float) else dict(timeout)
    for name, value in given.items():
        if name not in TIMEOUT_PARAMS:
            raise InvalidRequestError(
                f"{name!r} is not a time limit",
                param="timeout",
                fix=f"use {', '.join(TIMEOUT_PARAMS[:-1])} or {TIMEOUT_PARAMS[-1]}",
            )
        if value is not None and not is_limit(value):
            raise InvalidRequestError(
                f"{name}={value!r} is not a positive number of seconds", param="timeout", fix="pass timeout=30"
            )
    return given


_WHAT: Final[Mapping[Limit, str]] = {
    "connect": "no connection to {who} within {seconds} s",
    "first_token": "{who} sent no answer within {seconds} s",
    "between_tokens": "{who} sent nothing more for {seconds} s in the middle of its answer",
    "total": "the call took longer than {seconds} s in total",
}


def timeout_error(limit: Limit, seconds: float, who: str, **details: Any) -> RequestTimeoutError:
    """The error for a limit that has passed: which one, and how to raise it.

    Args:
        limit: The limit.
        seconds: Its value.
        who: What was called: a provider, or an address.
        **details: Attributes of the error.
    """
    details.setdefault(
        "fix",
        f"try again, or raise the limit: ?{limit}_timeout=SECONDS after the model's name, or {limit}_timeout in ingate.yaml",
    )
    message = _WHAT[limit].format(who=who, seconds=f"{seconds:g}")
    return RequestTimeoutError(f"{message} ({limit}_timeout)", timeout_s=seconds, limit=limit, **details)


@contextlib.asynccontextmanager
async def within_first_token(route: Route) -> AsyncGenerator[None]:
    """Hold a request that is not a model call (a list, a token count) to the route's limit for a whole answer.

    Raises:
        RequestTimeoutError: It has passed.
    """
    import asyncio

    seconds = min(route.timeouts.first_token_s, route.timeouts.total_s)
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise timeout_error(
            "first_token", seconds, route.provider, provider=route.provider, spec=str(route.spec)
        ) from None
