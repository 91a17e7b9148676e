"""File descriptors: as many as the server's limits need, or limits that fit those there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ingate.serve.limits import Limits

_OWN: Final = 32  # of the process itself: files, the event loop, SQLite, name look-ups
_LEAST: Final = 4


def connections_within(limits: Limits) -> int:
    """How many connections the process can keep open, after raising its soft limit of descriptors if it needs more.

    Each request may need a connection to its provider, too. Where descriptors are not limited (Windows), it is
    `limits.max_connections`.
    """
    try:
        import resource
    except ImportError:
        return limits.max_connections
    wanted = limits.max_connections + min(limits.max_requests, limits.max_connections) + _OWN
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return limits.max_connections
    raised = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    except (OSError, ValueError):  # a limit of the operating system below the hard one
        raised = soft
    if raised >= wanted:
        return limits.max_connections
    return min(limits.max_connections, max(_LEAST, (raised - _OWN) // 2))
