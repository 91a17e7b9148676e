"""Reading a request's JSON body, up to a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.serve.protocol import Receive

MAX_BODY_BYTES: Final = 100 * 1024 * 1024
"""The largest body taken, in bytes: room for long conversations with images and PDFs in base64."""


class ClientDisconnectedError(Exception):
    """The client went away; nobody is there to answer."""


async def read_json(receive: Receive, headers: Mapping[bytes, bytes], *, limit: int = MAX_BODY_BYTES) -> dict[str, Any]:
    """The body as a JSON object.

    Raises:
        InvalidRequestError: No JSON, no object (400), larger than `limit` (413), or sent as another media type (415). The
            last also keeps web pages out: a browser sends foreign JSON only after asking, and the answer is no.
        ClientDisconnectedError: The client is gone.
    """
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media_type and media_type != b"application/json" and not media_type.endswith(b"+json"):
        raise InvalidRequestError(
            f"the body is {media_type.decode('latin-1')!r}; this endpoint takes application/json",
            status=415,
            code="unsupported_media_type",
            fix="send the header content-type: application/json",
        )
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > limit:
        raise _too_large(limit)
    data = await _read(receive, limit)
    if not data:
        raise InvalidRequestError("the body is empty; a JSON object is needed", code="invalid_json")
    try:
        body = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequestError(f"the body is not valid JSON: {error}", code="invalid_json") from None
    if not isinstance(body, dict):
        raise InvalidRequestError(f"the body is a JSON {_kind(body)}; an object is needed", code="invalid_json")
    return body


async def _read(receive: Receive, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnectedError
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        pieces.append(piece)
        if not message.get("more_body", False):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _too_large(limit: int) -> InvalidRequestError:
    return InvalidRequestError(
        f"the body is larger than {limit // (1024 * 1024)} MB",
        status=413,
        code="request_too_large",
        fix="send fewer or smaller attachments",
    )


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "array"
