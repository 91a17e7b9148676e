"""`POST /v1/chat/completions`, whole and streamed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ingate.errors import IngateError, InternalError, UnavailableError
from ingate.serve.body import ClientDisconnectedError
from ingate.serve.checks import check_chat
from ingate.wire.errors import error_to_response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from ingate.serve.call import Call

logger = logging.getLogger("ingate.serve")


async def completions(call: Call) -> None:
    """Answer a chat, as JSON or as server-sent events."""
    check_chat(call.body)
    if call.body.get("stream"):
        await _stream(call)
    else:
        await call.reply(await call.gateway.complete(call.body))


async def _stream(call: Call) -> None:
    chunks = call.gateway.stream(call.body)
    try:
        # The status waits for the first chunk, so that an error before it is a status and not an event.
        try:
            first = await anext(chunks)
        except StopAsyncIteration:
            raise UnavailableError("the model's stream ended before it began") from None
        await call.start_events(first.get("ingate"))
        await _send_events(call, first, chunks)
    finally:
        if (close := getattr(chunks, "aclose", None)) is not None:
            await close()


async def _send_events(call: Call, first: dict[str, Any], rest: AsyncIterator[dict[str, Any]]) -> None:
    from ingate.wire.sse import DONE, encode_chunk

    wants_usage = bool((call.body.get("stream_options") or {}).get("include_usage"))
    try:
        await call.send_event(encode_chunk(first))
        async for chunk in rest:
            if wants_usage or not _is_usage(chunk):
                await call.send_event(encode_chunk(chunk))
    except IngateError as error:
        # Too late for a status. SDKs raise on an `error` event; there is no end mark after it.
        await call.send_event(encode_chunk(error_to_response(error)[2]), last=True)
    except ClientDisconnectedError:
        raise
    except Exception as error:
        logger.exception("request %s failed inside a stream", call.request_id)
        fault = InternalError(f"ingate failed inside the stream ({type(error).__name__}); its log has the traceback")
        await call.send_event(encode_chunk(error_to_response(fault)[2]), last=True)
    else:
        # In one piece with the end of the body, so that a client that stops at the mark leaves nothing unread.
        await call.send_event(DONE, last=True)


def _is_usage(chunk: Mapping[str, Any]) -> bool:
    return not chunk.get("choices") and chunk.get("usage") is not None
