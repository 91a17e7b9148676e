"""`POST /v1/messages`: Anthropic's Messages API, whole and streamed, for every provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingate.serve.events import send_stream
from ingate.wire.errors import error_to_response
from ingate.wire.messages.downstream_answer import error_body, message_of
from ingate.wire.messages.downstream_request import chat_request
from ingate.wire.messages.downstream_stream import MessageStream

if TYPE_CHECKING:
    from ingate.errors import IngateError
    from ingate.serve.call import Call


async def messages(call: Call) -> None:
    """Answer a message, as JSON or as server-sent events."""
    chat = chat_request(call.body)
    if chat.pop("stream", False):
        await send_stream(call, chat, MessageStream(chat["model"]))
    else:
        completion = await call.gateway.complete(chat)
        await call.reply(message_of(completion, chat["model"]))


def tell(error: IngateError, request_id: str) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Status, headers and body of an error as Anthropic's SDKs read them."""
    status, headers, _ = error_to_response(error)
    return status, headers, error_body(error, request_id)
