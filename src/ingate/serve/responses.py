"""`POST /v1/responses`: OpenAI's Responses API, whole and streamed, for every backing. Nothing is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingate.serve.events import send_stream
from ingate.serve.responses_answer import response_of
from ingate.serve.responses_request import chat_request
from ingate.serve.responses_stream import ResponseStream

if TYPE_CHECKING:
    from ingate.serve.call import Call


async def responses(call: Call) -> None:
    """Answer a response, as JSON or as server-sent events."""
    chat = chat_request(call.body)
    if chat.pop("stream", False):
        await send_stream(call, chat, ResponseStream(call.body))
    else:
        await call.reply(response_of(await call.gateway.complete(chat), call.body))
