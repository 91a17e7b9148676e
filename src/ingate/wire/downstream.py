"""Requests of the client APIs that are answered by translation, and what such a translation offers.

A request becomes a chat request, and the completion or the chunks that answer it become the API's response or events.
Each API's half is in its wire folder (`chat/downstream`, `messages/downstream_*`, `responses/downstream_*`); everything
here is independent of the API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from ingate.wire.sse import encode_chunk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ingate.errors import IngateError
    from ingate.wire.passthrough import Api

Event = dict[str, Any]
"""One event of a stream, with its `type`."""

_encode = msgspec.json.Encoder().encode


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


def translate(
    api: Api, body: Mapping[str, Any], *, target: str = "", history: Sequence[Any] | None = None
) -> Translation:
    """A request of `api`, translated. `body` is left as it is.

    Args:
        api: The client's API.
        body: The request.
        target: The provider and model that will answer, if they are known; the spec may be an alias.
        history: Responses only: the items that `previous_response_id` or `conversation` stands for.

    Raises:
        InvalidRequestError: The request is malformed; `param` names the field.
    """
    if api == "chat":
        from ingate.wire.chat.downstream import translate as translate_chat

        return translate_chat(body)
    if api == "messages":
        from ingate.wire.messages.downstream_request import translate as translate_messages

        return translate_messages(body, target)
    from ingate.wire.responses.downstream_request import translate as translate_responses

    return translate_responses(body, history)


def error_body(api: Api | str, error: IngateError, request_id: str) -> dict[str, Any]:
    """The JSON body of an error in the format of `api`; OpenAI's for any API but Messages."""
    if api == "messages":
        from ingate.wire.messages.downstream_answer import error_body as messages_error_body

        return messages_error_body(error, request_id)
    from ingate.wire.errors import error_to_response

    return error_to_response(error)[2]


def encode_events(api: Api, events: Iterable[Event]) -> bytes:
    """Server-sent events, each named after its `type`; chat completions have neither names nor types."""
    if api == "chat":
        return b"".join([encode_chunk(event) for event in events])
    return b"".join([b"event: %b\ndata: %b\n\n" % (event["type"].encode(), _encode(event)) for event in events])


def with_warnings(metadata: Mapping[str, Any] | None, warnings: list[str]) -> dict[str, Any] | None:
    """An answer's metadata with the warnings of a translation before its own; None if there is neither."""
    if not warnings:
        return dict(metadata) if metadata is not None else None
    found = dict(metadata or {})
    found["warnings"] = [*warnings, *(found.get("warnings") or ())]
    return found
