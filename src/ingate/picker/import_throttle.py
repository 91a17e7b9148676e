"""Keys before imports: while a person types, what is being imported on other threads waits its turn.

Importing a large package holds the interpreter's lock for tens of milliseconds at a stretch (byte code, JSON, schemas), and
no switch interval shortens that. So imports pause at module borders for as long as keys keep coming.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

# A pause in typing that is long enough to import something.
PAUSE_S: Final = 0.15
# Where keys never stop coming, imports get on all the same.
_LONGEST_WAIT_S: Final = 0.4
_MOST_S: Final = 20.0
_SWITCH_S: Final = 0.0005


class ImportThrottle:
    """A context in which imports on threads other than the one that opened it give way to keys."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._quiet_at = 0.0
        self._waited_s = 0.0
        self._interval_s = sys.getswitchinterval()

    def key(self) -> None:
        """A key has come."""
        self._quiet_at = time.monotonic() + PAUSE_S

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """ParamTracker by the import system before each module; finds nothing, but takes its time."""
        if threading.get_ident() == self._thread or self._waited_s > _MOST_S:
            return
        began = now = time.monotonic()
        while now < self._quiet_at and now - began < _LONGEST_WAIT_S:
            time.sleep(min(0.02, max(0.001, self._quiet_at - now)))
            now = time.monotonic()
        self._waited_s += now - began

    def __enter__(self) -> Self:
        self._interval_s = sys.getswitchinterval()
        sys.setswitchinterval(min(_SWITCH_S, self._interval_s))
        sys.meta_path.insert(0, self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._quiet_at = 0.0
        sys.meta_path.remove(self)
        sys.setswitchinterval(self._interval_s)
