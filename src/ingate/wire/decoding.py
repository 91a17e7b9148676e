"""What the native decoders share: an error in the middle of a piece of data comes after the chunks before it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from ingate.errors import IngateError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable


class Decoder(ABC):
    """A stream decoder. A format says what bytes mean in `_feed`, and what the end of the body means in `_close`.

    Attributes:
        done: Whether the format's end mark came; nothing that follows needs to be read.
        failed: An error that came after chunks of the same piece of data; the next call raises it.
    """

    def __init__(self) -> None:
        self.done = False
        self.failed: IngateError | None = None
        self._any = False

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The chunks that `data` completes; an error that comes after some is raised by the next call."""
        self._any = self._any or bool(data.strip())
        return self._guarded(lambda out: self._feed(data, out))

    def close(self) -> list[dict[str, Any]]:
        """The body has ended: what was held back.

        Raises:
            StreamInterruptedError: The answer had not ended.
            UnavailableError: Nothing had come.
        """
        if not self._any and self.failed is None:
            raise UnavailableError(
                "the provider's answer was empty", fix="try again, or name a fallback model after a comma"
            )
        return self._guarded(self._close)

    def _guarded(self, step: Callable[[list[dict[str, Any]]], None]) -> list[dict[str, Any]]:
        if self.failed is not None:
            raise self.failed
        out: list[dict[str, Any]] = []
        try:
            step(out)
        except IngateError as error:
            if not out:
                raise
            self.failed = error
        return out

    @abstractmethod
    def _feed(self, data: bytes, out: list[dict[str, Any]]) -> None:
        """Put the chunks that `data` completes into `out`."""

    @abstractmethod
    def _close(self, out: list[dict[str, Any]]) -> None:
        """Put what was held back into `out`; the body has ended."""


class WholeDecoder(Decoder):
    """A decoder for an answer that came whole where a stream was asked for.

    Args:
        read: What reads the whole body, the codec's `response`.
    """

    def __init__(self, read: Callable[[bytes], dict[str, Any]]) -> None:
        super().__init__()
        self._read = read
        self._pieces: list[bytes] = []

    def _feed(self, data: bytes, out: list[dict[str, Any]]) -> None:
        self._pieces.append(data)

    def _close(self, out: list[dict[str, Any]]) -> None:
        out += chunks_of(self._read(b"".join(self._pieces)))


def chunks_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """A completion as the chunks of a stream."""
    out = []
    for choice in answer["choices"]:
        delta = dict(choice["message"])
        if "tool_calls" in delta:
            delta["tool_calls"] = [{"index": at, **call} for at, call in enumerate(delta["tool_calls"])]
        rest = {key: value for key, value in choice.items() if key not in {"message", "index"}}
        out.append({"choices": [{"index": choice["index"], "delta": delta, **rest}]})
    if answer.get("usage"):
        out.append({"choices": [], "usage": answer["usage"]})
    head = {key: value for key, value in answer.items() if key not in {"choices", "usage", "object"}}
    return [{**head, "object": "chat.completion.chunk", **chunk} for chunk in out]
