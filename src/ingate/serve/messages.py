"""`POST /v1/messages`: Anthropic's Messages API, whole and streamed, for every provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingate.serve.events import send_stream
from ingate.wire.downstream import error_body, translate
from ingate.wire.errors import error_to_response

if TYPE_CHECKING:
    from ingate.errors import IngateError
    from ingate.serve.call import Call


async def messages(call: Call) -> None:
    """Answer a message, as JSON or as server-sent events."""
    request = translate("messages", call.body)
    if request.stream:
        await send_stream(call, request.chat, request.events())
    else:
        await call.reply(request.answer(await call.gateway.complete(request.chat)))


def tell(error: IngateError, request_id: str) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Status, headers and body of an error as Anthropic's SDKs read them."""
    status, headers, _ = error_to_response(error)
    return status, headers, error_body("messages", error, request_id)
