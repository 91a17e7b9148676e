"""Server-sent events: a parser for bytes split anywhere, and the writer of OpenAI's `data:` lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ingate.wire.json_text import encode_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

DONE: Final = b"data: [DONE]\n\n"
_BOM: Final = b"\xef\xbb\xbf"


class SSEEvent(NamedTuple):
    """One event.

    Attributes:
        event: Its type, empty if it has none.
        data: Its data lines joined by newlines; bytes that are not UTF-8 are replaced.
        id: Its id, empty if it has none.
    """

    event: str
    data: str
    id: str = ""


def encode_chunk(chunk: Mapping[str, Any]) -> bytes:
    """One chunk as an event of an OpenAI stream."""
    return b"data: %b\n\n" % encode_answer(chunk)


class SSEParser:
    r"""Reads events from bytes, however they are split and whichever of `\n`, `\r\n`, `\r` ends a line.

    Two deviations of real servers are accepted: a last event without its empty line, and a line of bare JSON (an error
    that a proxy wrote into the stream), which becomes an event.
    """

    __slots__ = ("_data", "_event", "_id", "_partial", "_skip_lf", "_started")

    def __init__(self) -> None:
        self._partial: list[bytes] = []  # pieces of an incomplete line; a list keeps 10 MB linear
        self._data: list[bytes] = []
        self._event = b""
        self._id = b""
        self._skip_lf = False
        self._started = False

    def feed(self, data: bytes) -> list[SSEEvent]:
        """The events that `data` completes."""
        if not data:
            return []
        if self._skip_lf:
            self._skip_lf = False
            if data[:1] == b"\n":
                data = data[1:]
        if b"\r" in data:
            self._skip_lf = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = data.split(b"\n")
        if len(lines) == 1:
            if data:
                self._partial.append(data)
            return []
        if self._partial:
            self._partial.append(lines[0])
            lines[0] = b"".join(self._partial)
            self._partial = []
        if last := lines.pop():
            self._partial.append(last)
        if not self._started:
            self._started = True
            lines[0] = lines[0].removeprefix(_BOM)
        events: list[SSEEvent] = []
        for line in lines:
            self._line(line, events)
        return events

    def close(self) -> list[SSEEvent]:
        """The event that no empty line closed, if there is one; the bytes have ended."""
        events: list[SSEEvent] = []
        if self._partial:
            line = b"".join(self._partial)
            self._partial = []
            self._line(line if self._started else line.removeprefix(_BOM), events)
        self._line(b"", events)
        return events

    def _line(self, line: bytes, events: list[SSEEvent]) -> None:
        if not line:
            if self._data:
                data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                events.append(
                    SSEEvent(
                        self._event.decode(errors="replace") if self._event else "",
                        data.decode(errors="replace"),
                        self._id.decode(errors="replace") if self._id else "",
                    )
                )
                self._data = []
            self._event = b""
            return
        if line.startswith(b"data:"):
            self._data.append(line[6:] if line[5:6] == b" " else line[5:])
            return
        if line.startswith(b":"):
            return
        if line.startswith(b"{"):
            self._line(b"", events)
            events.append(SSEEvent("", line.decode(errors="replace")))
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"event":
            self._event = value
        elif name == b"id" and b"\0" not in value:
            self._id = value
        elif name == b"data":
            self._data.append(value)
