"""What every client API's downstream half offers, and how its events are encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ingate.wire.json_text import encode_answer
from ingate.wire.sse import encode_chunk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.errors import IngateError
    from ingate.wire.passthrough import Api

Event = dict[str, Any]
"""One event of a stream, with its `type`."""


class EventStream(Protocol):
    """Turns the gateway's normalised chunks into the events of an API, as dicts. Any of the lists may be empty."""

    def start(self, first: Mapping[str, Any]) -> list[Event]:
        """The events before all others. `first` is the first chunk; it is fed afterwards."""
        ...

    def feed(self, chunk: Mapping[str, Any]) -> list[Event]:
        """The events of one chunk."""
        ...

    def finish(self, metadata: Mapping[str, Any] | None) -> list[Event]:
        """The last events of a stream that ended properly, with the answer's metadata."""
        ...

    def fail(self, error: IngateError, request_id: str) -> list[Event]:
        """The last events of a stream that broke. SDKs raise on the last of them."""
        ...


class Translation(Protocol):
    """A request of a client API as a chat request.

    Attributes:
        chat: The chat-completions request, without `stream`.
        stream: Whether the client asked for a stream.
        warnings: Sentences for the user: what could not be translated and was left out.
    """

    @property
    def chat(self) -> dict[str, Any]: ...

    @property
    def stream(self) -> bool: ...

    @property
    def warnings(self) -> list[str]: ...

    def answer(self, completion: Mapping[str, Any]) -> dict[str, Any]:
        """A `chat.completion` as the API's response. ingate's metadata stays beside it under `ingate`."""
        ...

    def events(self) -> EventStream:
        """A converter for one streamed answer."""
        ...


def encode_events(api: Api, events: Iterable[Event]) -> bytes:
    """Server-sent events, each named after its `type`; chat completions have neither names nor types."""
    if api == "chat":
        return b"".join([encode_chunk(event) for event in events])
    return b"".join([b"event: %b\ndata: %b\n\n" % (event["type"].encode(), encode_answer(event)) for event in events])


def with_warnings(metadata: Mapping[str, Any] | None, warnings: list[str]) -> dict[str, Any] | None:
    """An answer's metadata with the warnings of a translation before its own; None if there is neither."""
    if not warnings:
        return dict(metadata) if metadata is not None else None
    found = dict(metadata or {})
    found["warnings"] = [*warnings, *(found.get("warnings") or ())]
    return found
