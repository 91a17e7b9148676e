"""`POST /v1/responses`: OpenAI's Responses API, whole and streamed, for every provider. Nothing is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingate.serve.events import send_stream
from ingate.wire.downstream import translate

if TYPE_CHECKING:
    from ingate.serve.call import Call


async def responses(call: Call) -> None:
    """Answer a response, as JSON or as server-sent events."""
    request = translate("responses", call.body)
    if request.stream:
        await send_stream(call, request.chat, request.events())
    else:
        await call.reply(request.answer(await call.gateway.complete(request.chat)))
