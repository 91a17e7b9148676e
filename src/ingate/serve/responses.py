"""`POST /v1/responses`: OpenAI's Responses API, whole and streamed, for every provider. Nothing is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingate.serve.events import send_stream
from ingate.wire.responses.downstream_answer import response_of
from ingate.wire.responses.downstream_request import chat_request
from ingate.wire.responses.downstream_stream import ResponseStream

if TYPE_CHECKING:
    from ingate.serve.call import Call


async def responses(call: Call) -> None:
    """Answer a response, as JSON or as server-sent events."""
    chat = chat_request(call.body)
    if chat.pop("stream", False):
        await send_stream(call, chat, ResponseStream(call.body))
    else:
        await call.reply(response_of(await call.gateway.complete(chat), call.body))
