"""Gemini's streams as OpenAI chunks: server-sent events, or one JSON array that arrives piece by piece."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ingate.errors import UnavailableError
from ingate.wire.answers import Chunks, format_errors, items, mapping, parse_object, text
from ingate.wire.decoding import Decoder, incomplete_response
from ingate.wire.fields import is_json
from ingate.wire.gemini.answer import (
    Candidate,
    answer_key,
    block_reason,
    error_of,
    finish_of,
    logprobs_of,
    usage_of,
)
from ingate.wire.sse import SSEParser

if TYPE_CHECKING:
    from collections.abc import Iterator

_STRUCTURE: Final = re.compile(rb'[{}\[\]"]')
_INSIDE: Final = re.compile(
    rb'(?:[^"\\]++|\\.)*+', re.DOTALL
)  # the part of a string that has arrived, with complete escapes
_SPACE: Final = b" \t\r\n\xef\xbb\xbf"
_COUNTS: Final = ("promptTokenCount", "candidatesTokenCount", "totalTokenCount", "thoughtsTokenCount")


class ArrayParser:
    """Reads the objects of a JSON array (or consecutive objects), each as soon as its last byte has arrived."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0  # how far the buffer has been scanned
        self._depth = 0
        self._in_string = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The objects that `data` completes. Raises `UnavailableError` for anything but commas between objects."""
        self._buffer += data
        buffer, begins = self._buffer, 0
        while self._at < len(buffer):
            if self._in_string:
                inside = _INSIDE.match(buffer, self._at)
                self._at = inside.end() if inside is not None else self._at
                if buffer[self._at : self._at + 1] != b'"':
                    break  # the rest has not arrived
                self._at += 1
                self._in_string = False
            found = _STRUCTURE.search(buffer, self._at)
            if found is None:
                self._at = len(buffer)
                break
            byte, at = found.group(), found.start()
            self._at = at + 1
            if byte == b'"':
                self._in_string = True
            elif byte in b"{[":
                if self._depth or byte == b"{":
                    if not self._depth:
                        self._between(buffer[begins:at])
                        begins = at
                    self._depth += 1
            elif self._depth:
                self._depth -= 1
                if not self._depth:
                    yield bytes(buffer[begins : at + 1])
                    begins = at + 1
        if not self._depth:
            self._between(buffer[begins:])
            begins = len(buffer)
        # Outside an object nothing needs to be kept; inside one, everything from its start.
        del buffer[:begins]
        self._at -= begins

    @staticmethod
    def _between(data: bytearray) -> None:
        if data.strip(_SPACE + b"[,]"):
            raise UnavailableError(f"the provider sent something that is not JSON: {bytes(data[:80])!r}", status=502)


class GeminiDecoder(Decoder):
    """One streamed response, in the form that its first byte indicates."""

    def __init__(self, *, model: str) -> None:
        super().__init__()
        self._chunks = Chunks(model)
        self._events: SSEParser | None = None
        self._array: ArrayParser | None = None
        self._key = ""
        self._candidates: dict[int, Candidate] = {}
        self._usage: dict[str, Any] = {}
        self._blocked = False
        self._closed = False

    def _feed(self, data: bytes, out: list[dict[str, Any]]) -> None:
        if self._events is None and self._array is None:
            data = data.lstrip(_SPACE)
            if not data:
                return
            if data[:1] in {b"[", b"{"}:
                self._array = ArrayParser()
            else:
                self._events = SSEParser()
        if self._array is not None:
            for piece in self._array.feed(data):
                self._piece(piece, out)
        elif self._events is not None:
            for event in self._events.feed(data):
                self._event(event.data, out)

    def _close(self, out: list[dict[str, Any]]) -> None:
        if self._events is not None:
            for event in self._events.close():
                if is_json(event.data):  # an event cut off by a dropped connection is not
                    self._event(event.data, out)
        if not self._blocked and not (self._candidates and all(one.finish for one in self._candidates.values())):
            raise incomplete_response()
        if not self._closed:
            self._closed = True
            counts = usage_of(self._usage)
            if counts is not None:
                out.append(self._chunks.usage(counts))

    def _event(self, data: str, out: list[dict[str, Any]]) -> None:
        if data.strip() and data.strip() != "[DONE]":
            self._piece(data, out)

    def _piece(self, data: bytes | str, out: list[dict[str, Any]]) -> None:
        answer = parse_object(data)
        if "error" in answer:
            raise error_of(answer)
        with format_errors():
            self._read(answer, out)

    def _read(self, answer: dict[str, Any], out: list[dict[str, Any]]) -> None:
        if not self._key:
            self._key = answer_key(answer)
            self._chunks.id = text(answer.get("responseId"))
            self._chunks.model = text(answer.get("modelVersion")).removeprefix("models/") or self._chunks.model
        counts = mapping(answer.get("usageMetadata"))
        # The counts of each piece are cumulative.
        self._usage = counts if any(name in counts for name in _COUNTS) else {**self._usage, **counts}
        for at, source in enumerate(items(answer.get("candidates"))):
            index = source.get("index")
            self._candidate(index if isinstance(index, int) else at, source, out)
        blocked, why = block_reason(answer)
        if blocked and not self._candidates and not self._blocked:
            self._blocked = True
            extra = {"native_finish_reason": blocked, **({"native_finish_message": why} if why else {})}
            out.append(self._chunks.delta({"role": "assistant", "content": ""}, finish="content_filter", extra=extra))

    def _candidate(self, index: int, source: dict[str, Any], out: list[dict[str, Any]]) -> None:
        candidate = self._candidates.get(index)
        if candidate is None:
            candidate = self._candidates[index] = Candidate(index, self._key)
            out.append(self._chunks.delta({"role": "assistant", "content": ""}, index=index))
        ended = bool(candidate.finish)
        out += [self._chunks.delta(delta, index=index) for delta in candidate.read(source)]
        if (logprobs := logprobs_of(source)) is not None:
            out.append(self._chunks.delta({}, index=index, extra={"logprobs": logprobs}))
        if candidate.finish and not ended:
            extra: dict[str, Any] = {"native_finish_reason": candidate.finish}
            if candidate.message:
                extra["native_finish_message"] = candidate.message
            finish = finish_of(candidate.finish, has_calls=candidate.calls > 0)
            out.append(self._chunks.delta({}, index=index, finish=finish, extra=extra))
