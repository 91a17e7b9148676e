"""Circuit breaker: a deployment that keeps failing is skipped for a while if another model can answer.

It opens after a few failures in a row. When its time is over, one call tries the deployment again, without retries; success
closes it, failure opens it for twice as long.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from ingate.errors import RateLimitError, RequestTimeoutError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingate.engines.base import Route
    from ingate.errors import IngateError

_MOST_FAILURES: Final = 3
_FIRST_S: Final = 10.0
_LONGEST_S: Final = 120.0
_PROBE_S: Final = 60.0  # after this long without a result, another call may try
_MOST_DEPLOYMENTS: Final = 1024

Deployment = tuple[object, ...]


@dataclass(slots=True)
class _State:
    failures: int = 0
    until_s: float = 0.0
    length_s: float = 0.0
    probe_until_s: float = 0.0
    last: str = ""


class Admission(NamedTuple):
    """Whether a call may go to a deployment now.

    Attributes:
        skip: Why it should be skipped, as the end of a sentence; empty to try it.
        probe: Whether the call tries a deployment that has been skipped until now, and should not be retried.
    """

    skip: str = ""
    probe: bool = False


class Cooldowns:
    """What is known about failing deployments; one that works takes no memory.

    Args:
        now_s: A monotonic clock.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._states: dict[Deployment, _State] = {}
        self._lock = threading.Lock()

    def admit(self, route: Route) -> Admission:
        """Whether a call should go to the route's deployment."""
        with self._lock:
            state = self._states.get(_deployment(route))
            if state is None or not state.until_s:
                return Admission()
            now_s = self._now_s()
            left_s = max(state.until_s, state.probe_until_s) - now_s
            if left_s > 0:
                times = f"{state.failures} failures in a row" if state.failures > 1 else "a failure"
                return Admission(f"skipped for {max(left_s, 0.1):.3g} s more after {times}; the last: {state.last}")
            state.probe_until_s = now_s + _PROBE_S
            return Admission(probe=True)

    def failed(self, route: Route, error: IngateError) -> None:
        """An attempt has failed. Errors that have other causes than the deployment's health do not count."""
        if not error.retryable or not isinstance(error, RateLimitError | UnavailableError | RequestTimeoutError):
            return
        if isinstance(error, RequestTimeoutError) and error.limit == "total":
            return
        with self._lock:
            if len(self._states) >= _MOST_DEPLOYMENTS:
                self._states.pop(next(iter(self._states)))
            state = self._states.setdefault(_deployment(route), _State())
            state.failures += 1
            state.probe_until_s, state.last = 0.0, str(error)[:200]
            now_s = self._now_s()
            if state.failures >= _MOST_FAILURES and now_s >= state.until_s:
                state.length_s = min(state.length_s * 2 or _FIRST_S, _LONGEST_S)
                state.until_s = now_s + state.length_s
            if (requested_s := error.retry_after_s or 0.0) > 0:
                state.until_s = max(state.until_s, now_s + min(requested_s, _LONGEST_S))

    def succeeded(self, route: Route) -> None:
        """The deployment has answered."""
        if self._states:
            with self._lock:
                self._states.pop(_deployment(route), None)

    def released(self, route: Route) -> None:
        """An attempt has ended without a result, so that another call may try."""
        if self._states:
            with self._lock:
                if (state := self._states.get(_deployment(route))) is not None:
                    state.probe_until_s = 0.0


def _deployment(route: Route) -> Deployment:
    """What fails together: an address, a model and a key."""
    return route.engine, route.provider, route.api_base, route.model, hash(route.credential.api_key)
