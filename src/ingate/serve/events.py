"""A streamed answer in another API's events: begun, told piece by piece, and ended or broken off in its own words."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ingate.errors import IngateError, InternalError, UnavailableError
from ingate.serve.body import ClientDisconnectedError
from ingate.wire.downstream import encode_events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.serve.call import Call
    from ingate.wire.downstream import EventStream

logger = logging.getLogger("ingate.serve")


async def send_stream(call: Call, chat: Mapping[str, Any], stream: EventStream) -> None:
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
            await call.send_event(encode_events(stream.start(first) + stream.feed(first)))
            async for chunk in chunks:
                about = chunk.get("ingate") or about
                if events := stream.feed(chunk):
                    await call.send_event(encode_events(events))
        except IngateError as error:
            await call.send_event(encode_events(stream.fail(error, call.request_id)), last=True)
        except ClientDisconnectedError:
            raise
        except Exception as error:
            logger.exception("request %s failed inside a stream", call.request_id)
            name = type(error).__name__
            fault = InternalError(f"ingate failed inside the stream ({name}); its log has the traceback")
            await call.send_event(encode_events(stream.fail(fault, call.request_id)), last=True)
        else:
            await call.send_event(encode_events(stream.finish(about)), last=True)
    finally:
        if (close := getattr(chunks, "aclose", None)) is not None:
            await close()
