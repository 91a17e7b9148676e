"""The base class of the stream decoders: an error in the middle of a piece of data follows the chunks before it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from ingate.errors import IngateError, StreamInterruptedError, UnavailableError
from ingate.wire.completion import completion_chunks

if TYPE_CHECKING:
    from collections.abc import Callable


class Decoder(ABC):
    """A stream decoder: a format implements `_feed` for bytes and `_close` for the end of the body.

    Attributes:
        done: Whether the format's end mark has arrived; nothing after it needs to be read.
        failed: The error that ended the stream. If chunks preceded it in the same piece of data, they are returned
            and the next call raises it.
        provider_tool_ids: The ids of the calls to tools that the provider executes itself, from their first byte on;
            their chunk follows when they are complete.
    """

    def __init__(self) -> None:
        self.done = False
        self.failed: IngateError | None = None
        self.provider_tool_ids: set[str] = set()
        self._has_data = False

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The chunks that `data` completes. Raises the error of the stream if no chunk precedes it."""
        if not self._has_data:
            self._has_data = bool(data.strip())
        return self._guarded(lambda out: self._feed(data, out))

    def close(self) -> list[dict[str, Any]]:
        """The chunks still held back at the end of the body.

        Raises:
            StreamInterruptedError: The response was not complete.
            UnavailableError: The response was empty.
        """
        if not self._has_data and self.failed is None:
            raise empty_response()
        return self._guarded(self._close)

    def _guarded(self, step: Callable[[list[dict[str, Any]]], None]) -> list[dict[str, Any]]:
        if self.failed is not None:
            raise self.failed
        out: list[dict[str, Any]] = []
        try:
            step(out)
        except IngateError as error:
            self.failed = error
        for at, chunk in enumerate(out):
            if not _has_sound_choices(chunk):
                self.failed = UnavailableError(
                    f"the provider sent choices that are not a list of objects: {chunk['choices']!r:.100}",
                    fix="try again, or check the base URL",
                )
                del out[at:]
                break
        if self.failed is not None and not out:
            raise self.failed
        return out

    @abstractmethod
    def _feed(self, data: bytes, out: list[dict[str, Any]]) -> None:
        """Append the chunks that `data` completes to `out`."""

    @abstractmethod
    def _close(self, out: list[dict[str, Any]]) -> None:
        """Append the chunks that were held back to `out`; the body has ended."""


def _has_sound_choices(chunk: dict[str, Any]) -> bool:
    choices = chunk.get("choices")
    if not isinstance(choices, list):
        return choices is None
    for choice in choices:  # noqa: SIM110 - for every chunk, and three times as fast as all()
        if not isinstance(choice, dict):
            return False
    return True


class WholeDecoder(Decoder):
    """A decoder for a whole response to a request that asked for a stream.

    Args:
        read: Reads the whole body, like the codec's `response`.
    """

    def __init__(self, read: Callable[[bytes], dict[str, Any]]) -> None:
        super().__init__()
        self._read = read
        self._pieces: list[bytes] = []

    def _feed(self, data: bytes, out: list[dict[str, Any]]) -> None:
        self._pieces.append(data)

    def _close(self, out: list[dict[str, Any]]) -> None:
        out += completion_chunks(self._read(b"".join(self._pieces)))


def empty_response() -> UnavailableError:
    """The error for a successful response without content."""
    return UnavailableError(
        "the provider's response was empty", fix="try again, or name a fallback model after a comma"
    )


def incomplete_response() -> StreamInterruptedError:
    """The error for a stream that ended without an end mark or a finish reason."""
    return StreamInterruptedError(
        "the response ended before it was complete", fix="try again; what has arrived is kept"
    )
