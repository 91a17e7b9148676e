"""Requests of the client APIs that are answered by translation, and what such a translation offers.

A request becomes a chat request, and the completion or the chunks that answer it become the API's response or events.
Each API's half is in its wire folder (`chat/downstream`, `messages/downstream_*`, `responses/downstream_*`); everything
here is independent of the API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingate.errors import IngateError
    from ingate.wire.events import Translation
    from ingate.wire.passthrough import Api


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
