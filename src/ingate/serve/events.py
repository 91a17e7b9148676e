"""A streamed answer in another API's events: begun, told piece by piece, and ended or broken off in its own words."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from ingate.errors import IngateError, InternalError, UnavailableError
from ingate.serve.body import ClientDisconnectedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.serve.call import Call

logger = logging.getLogger("ingate.serve")


class EventWriter(Protocol):
    """Turns the gateway's chunks into encoded events; any of these may be empty."""

    def start(self, first: Mapping[str, Any]) -> bytes:
        """The events before all others; `first` is fed afterwards."""
        ...

    def feed(self, chunk: Mapping[str, Any]) -> bytes:
        """The events of one chunk."""
        ...

    def finish(self, about: Mapping[str, Any] | None) -> bytes:
        """The last events, with the answer's metadata."""
        ...

    def fail(self, error: IngateError, request_id: str) -> bytes:
        """The event that SDKs raise on, in the place of the last ones."""
        ...


async def send_stream(call: Call, chat: Mapping[str, Any], writer: EventWriter) -> None:
    """Answer with the events of a streamed chat. An error before the first chunk is raised, and so becomes a status."""
    chunks = call.gateway.stream({**chat, "stream": True})
    try:
        try:
            first = await anext(chunks)
        except StopAsyncIteration:
            raise UnavailableError("the model's stream ended before it began") from None
        await call.start_events(first.get("ingate"))
        try:
            about = first.get("ingate")
            await call.send_event(writer.start(first) + writer.feed(first))
            async for chunk in chunks:
                about = chunk.get("ingate") or about
                if data := writer.feed(chunk):
                    await call.send_event(data)
        except IngateError as error:
            await call.send_event(writer.fail(error, call.request_id), last=True)
        except ClientDisconnectedError:
            raise
        except Exception as error:
            logger.exception("request %s failed inside a stream", call.request_id)
            name = type(error).__name__
            fault = InternalError(f"ingate failed inside the stream ({name}); its log has the traceback")
            await call.send_event(writer.fail(fault, call.request_id), last=True)
        else:
            await call.send_event(writer.finish(about), last=True)
    finally:
        if (close := getattr(chunks, "aclose", None)) is not None:
            await close()
