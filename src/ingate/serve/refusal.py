"""Responses that are sent before a request reaches the application: in the error format of the API that was called."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from ingate.serve.endpoints import api_of, endpoint
from ingate.wire.downstream import error_body
from ingate.wire.errors import error_to_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.errors import IngateError
    from ingate.serve.call import Scope, Send


async def refuse(send: Send, scope: Scope, error: IngateError, headers: Mapping[str, str] | None = None) -> None:
    """Send an error as the response to the request that `scope` describes."""
    status, own, _ = error_to_response(error)
    if status == 401:
        own["www-authenticate"] = "Bearer"
    own["x-request-id"] = request_id = f"req_{uuid.uuid4().hex}"
    api = api_of(endpoint(scope), dict(scope["headers"]))
    if api == "messages":
        own["request-id"] = request_id  # Anthropic's SDKs read this one
    body = msgspec.json.encode(error_body(api, error, request_id))
    await respond(send, status, {**own, **(headers or {})}, body)


async def respond(send: Send, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Send a whole response."""
    pairs: list[Any] = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    if status != 204:
        pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
