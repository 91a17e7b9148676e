"""Writes the server's log and messages from a thread, so that a reader who is slow or gone cannot stop the server.

A pipe that nobody reads blocks whoever writes to it; a closed one raises. Neither may keep a request from its answer or a
signal from its effect.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import TextIO

_MOST_WAITING: Final = 10_000
_SAME_PER_PERIOD: Final = 5
_PERIOD_S: Final = 10.0
_MOST_KINDS: Final = 1000


class Output:
    """Lines for standard output and standard error, written by a thread of their own.

    If more than 10,000 lines wait, further ones are dropped and counted.
    """

    def __init__(self) -> None:
        self._lines: queue.Queue[tuple[TextIO | None, str] | None] = queue.Queue(_MOST_WAITING)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name="ingate output", daemon=True)
        self._thread.start()

    def say(self, text: str, *, err: bool = False) -> None:
        """Write a line, soon."""
        try:
            self._lines.put_nowait((sys.stderr if err else sys.stdout, text))
        except queue.Full:
            self._dropped += 1

    def close(self, timeout_s: float = 1.0) -> None:
        """Wait until everything has been written, for `timeout_s` seconds at most."""
        with contextlib.suppress(queue.Full):
            self._lines.put(None, timeout=timeout_s)
        self._thread.join(timeout_s)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            stream, text = line
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                _put(sys.stderr, f"{dropped} lines of the log were dropped because nobody read them")
            _put(stream, text)


def _put(stream: TextIO | None, text: str) -> None:
    """Write a line past the stream's buffer, whose lock would otherwise be held when the process ends."""
    if stream is None:  # pythonw.exe
        return
    with contextlib.suppress(OSError, ValueError):  # closed, or replaced by something without a file
        data = f"{text}\n".encode(stream.encoding or "utf-8", "replace")
        number = stream.fileno()
        while data:
            data = data[os.write(number, data) :]


class OutputHandler(logging.Handler):
    """A log handler that writes through an `Output`, to standard error."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output
        self.addFilter(Throttle())

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._output.say(self.format(record), err=True)
        except (TypeError, ValueError, KeyError):  # a message that does not fit its arguments
            self.handleError(record)


class Throttle:
    """A log filter that passes five records of one kind in ten seconds; the next one then counts those left out.

    Records of the access log, one for each request, always pass.
    """

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, object], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        if record.name == "ingate.access":
            return True
        kind = (record.name, record.msg if isinstance(record.msg, str) else type(record.msg))
        now_s = time.monotonic()
        begun_s, count = self._kinds.get(kind, (now_s, 0))
        left_out = 0
        if now_s - begun_s > _PERIOD_S:
            left_out, begun_s, count = max(0, count - _SAME_PER_PERIOD), now_s, 0
        if len(self._kinds) >= _MOST_KINDS:
            self._kinds.clear()
        self._kinds[kind] = begun_s, count + 1
        if left_out:
            record.msg, record.args = f"{record.getMessage()} (and {left_out} times more since)", None
        return count < _SAME_PER_PERIOD
