"""One request to the application: the ASGI types, reading its body, and sending responses."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from ingate.errors import AuthenticationError, IngateError, InvalidRequestError, MissingCredentialsError
from ingate.wire.downstream import error_body
from ingate.wire.errors import error_to_response
from ingate.wire.json_text import encode_answer
from ingate.wire.passthrough import PROTOCOL_HEADERS, ApiRequest

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from ingate.errors import UpstreamResponse
    from ingate.gateway.continuation import Continuations
    from ingate.gateway.reply import Reply
    from ingate.wire.passthrough import Api

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

CANCELS: Final = "ingate.cancels"
"""The ASGI extension of a caller that cancels the application's task when its client disconnects.

ingate's own in-process transport sets it, which saves a task on every request. A server on a socket does not: there the
application waits for `http.disconnect` itself.
"""

LIMITS: Final = "ingate.limits"
"""The ASGI extension with an in-process caller's own time limits, in seconds by their names in a configuration."""

MAX_BODY_BYTES: Final = 100 * 1024 * 1024
"""The largest request body, in bytes: room for long conversations with images and PDFs in base64."""

_MOST_VALUES: Final = 4_000_000
"""How many values a body may contain: an empty list of two bytes takes sixty in memory."""

_FORWARDED: Final = ("x-ratelimit-", "x-litellm-", "anthropic-ratelimit-")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f]+")


class GatewayLike(Protocol):
    """The gateway as the ASGI application uses it. Every method raises only `IngateError` deliberately."""

    async def respond(self, request: ApiRequest, *, retries: int | None = None, request_id: str = "") -> Reply:
        """The answer to a request in its own API. Closing its stream cancels the work."""
        ...

    async def embed(
        self,
        body: Mapping[str, Any],
        *,
        retries: int | None = None,
        timeout: float | Mapping[str, float | None] | None = None,  # noqa: ASYNC109
    ) -> dict[str, Any]:
        """Embeddings as an OpenAI `list` dict."""
        ...

    async def count_tokens(self, request: ApiRequest) -> dict[str, Any]:
        """How many tokens a request has."""
        ...

    async def relay(self, spec: str, path: str, *, method: str = "GET") -> UpstreamResponse:
        """Send a request to a path below the endpoint of the spec's provider."""
        ...

    @property
    def continuations(self) -> Continuations:
        """The stored responses and conversations of the Responses API."""
        ...

    async def models(self) -> list[dict[str, Any]]:
        """The models that would answer now, as OpenAI model objects."""
        ...

    async def aclose(self) -> None:
        """Release everything. May be called twice."""
        ...


class ClientDisconnectedError(Exception):
    """The client has disconnected."""


@dataclass(slots=True)
class Call:
    """A request, and the methods that respond to it.

    Attributes:
        gateway: The gateway.
        method: In upper case.
        endpoint: The path without mount point and `/v1` (`"/chat/completions"`).
        api: The API whose errors the client understands.
        send: The ASGI `send`; awaiting it slows a fast model down to a slow client.
        request_id: Sent as `x-request-id`.
        headers: The request's headers, names in lower case.
        query: The query string.
        content: The body of a POST as received.
        body: The same, decoded; empty for other methods.
        limits: The caller's own time limits, from the extension `LIMITS`.
        started: Whether the response's status has been sent, so that it can no longer change.
        in_process: Whether the caller is in this process, where a provider's 401 keeps its status; see `over_http`.
    """

    gateway: GatewayLike
    method: str
    endpoint: str
    api: Api
    send: Send
    request_id: str
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    query: bytes = b""
    content: bytes = b""
    body: dict[str, Any] = field(default_factory=dict)
    limits: Mapping[str, float | None] = field(default_factory=dict)
    started: bool = False
    in_process: bool = False

    def request(self, api: Api) -> ApiRequest:
        """The request for the gateway."""
        headers = {
            name: value.decode("latin-1")
            for name in PROTOCOL_HEADERS
            if (value := self.headers.get(name.encode())) is not None
        }
        return ApiRequest(api=api, body=self.body, content=self.content or None, headers=headers, limits=self.limits)

    async def reply(
        self, answer: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer with JSON. Headers report the answer's metadata if it has any."""
        await self.reply_bytes(
            encode_answer(answer),
            status=status,
            headers={"content-type": "application/json", **metadata_headers(answer.get("ingate")), **(headers or {})},
        )

    async def reply_bytes(self, content: bytes, *, status: int = 200, headers: Mapping[str, str]) -> None:
        """Answer with a whole body."""
        await self._start(status, {**headers, "content-length": str(len(content))})
        await self._send({"type": "http.response.body", "body": b"" if self.method == "HEAD" else content})

    async def stream(self, reply: Reply) -> None:
        """Answer with a stream's bytes, as fast as the client takes them."""
        headers = {
            "content-type": reply.content_type,
            "cache-control": "no-cache",
            "x-accel-buffering": "no",  # otherwise nginx buffers a stream
            **metadata_headers(reply.metadata()),
        }
        async with aclosing(reply.pieces()) as pieces:
            await self._start(200, headers)
            async for piece in pieces:
                await self._send({"type": "http.response.body", "body": piece, "more_body": not reply.finished})
        if not reply.finished:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def refuse(self, error: IngateError) -> None:
        """Answer with an error: the provider's own response if the request was passed through, else the API's JSON."""
        if not self.in_process:
            error = over_http(error)
        status, headers, _ = error_to_response(error)
        if error.provider:
            headers["x-ingate-provider"] = error.provider
        if status == 408:
            headers["connection"] = "close"  # the rest of the body is not waited for
        if (upstream := error.response) is not None:
            headers |= {"content-type": upstream.content_type}
            if error.fix:
                headers["x-ingate-fix"] = error.fix
            await self.reply_bytes(upstream.content, status=upstream.status, headers=headers)
            return
        await self.reply(error_body(self.api, error, self.request_id), status=status, headers=headers)

    async def _start(self, status: int, headers: Mapping[str, str]) -> None:
        self.started = True
        ids = {"x-request-id": self.request_id}
        if self.endpoint.startswith("/messages"):
            ids["request-id"] = self.request_id  # Anthropic's SDKs read this one
        pairs = _header_pairs({**ids, **headers}.items())
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def _send(self, message: Message) -> None:
        try:
            await self.send(message)
        except OSError:  # how some servers report that the client has left
            raise ClientDisconnectedError from None


_MAX_WARNINGS: Final = 2000  # characters; proxies refuse longer headers


def metadata_headers(metadata: Mapping[str, Any] | None) -> dict[str, str]:
    """Response headers that report what served an answer, and the provider's own on limits and cost."""
    if not metadata:
        return {}
    headers = {}
    for name in ("spec", "engine", "provider"):
        if value := metadata.get(name):
            headers[f"x-ingate-{name}"] = str(value)
    if dropped := metadata.get("dropped"):
        headers["x-ingate-dropped"] = ", ".join(map(str, dropped))
    if warnings := metadata.get("warnings"):
        headers["x-ingate-warnings"] = "; ".join(map(str, warnings))[:_MAX_WARNINGS]
    for name, value in (metadata.get("headers") or {}).items():
        name = name.lower()
        if name.startswith(_FORWARDED):
            headers[name] = str(value)
        elif name in {"x-request-id", "request-id"}:
            headers["x-ingate-provider-request-id"] = str(value)
    return headers


def _header_pairs(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    # A provider's text must not be able to end a header and begin another.
    return [
        (name.encode("latin-1", "replace"), _UNPRINTABLE.sub(" ", value).strip().encode("latin-1", "replace"))
        for name, value in headers
    ]


def over_http(error: IngateError) -> IngateError:
    """An error as callers over HTTP see it: they have a key of their own, so that 401 must mean that one.

    A provider that rejects this server's key, or for which it has none, is a 502 that is not worth a retry. With a 401,
    clients would ask their user to log in again. Callers in this process hold the provider's key themselves.
    """
    if not isinstance(error, AuthenticationError | MissingCredentialsError):
        return error
    rejected = isinstance(error, AuthenticationError)
    return IngateError(
        str(error),
        provider=error.provider,
        spec=error.spec,
        status=502,
        code="provider_authentication_error" if rejected else error.code,
        fix=error.fix,
        credential_source=error.credential_source,
        provider_message=error.provider_message,
        request_id=error.request_id,
    )


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], *, limit: int = MAX_BODY_BYTES) -> bytes:
    """The body of a request for JSON; empty if there is none.

    Raises:
        InvalidRequestError: It is larger than `limit` (413), or not declared as JSON (415). The latter also excludes web
            pages: a browser sends JSON to another origin only after a preflight request, which fails.
        ClientDisconnectedError: The client has disconnected.
    """
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    is_json = media_type == b"application/json" or (
        media_type.startswith(b"application/") and media_type.endswith(b"+json")
    )
    if media_type and not is_json:
        raise _not_json(media_type)
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > limit:
        raise _too_large(limit)
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
        if piece and not is_json:
            raise _not_json(media_type)
        pieces.append(piece)
        if not message.get("more_body", False):
            break
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def decode_body(content: bytes) -> dict[str, Any]:
    """A body as a JSON object.

    Raises:
        InvalidRequestError: It is not one.
    """
    if not content:
        raise InvalidRequestError("the body is empty; a JSON object is required", code="invalid_json")
    if len(content) > _MOST_VALUES and sum(map(content.count, b",[{")) > _MOST_VALUES:
        raise InvalidRequestError(
            f"the body contains more than {_MOST_VALUES:,} values",
            status=413,
            code="request_too_large",
            fix="send it in several requests",
        )
    try:
        body = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequestError(f"the body is not valid JSON: {error}", code="invalid_json") from None
    if not isinstance(body, dict):
        raise InvalidRequestError(f"the body is a JSON {_kind(body)}; an object is required", code="invalid_json")
    return body


def _not_json(media_type: bytes) -> InvalidRequestError:
    given = f"is {media_type.decode('latin-1')!r}" if media_type else "has no content type"
    return InvalidRequestError(
        f"the body {given}; this endpoint accepts application/json",
        status=415,
        code="unsupported_media_type",
        fix="send the header content-type: application/json",
    )


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


async def until_disconnect(receive: Receive, work: Coroutine[None, None, None]) -> None:
    """Run `work` to its end, or cancel it as soon as the server reports that the client has disconnected.

    Returns when the work has ended or been cancelled. The request's body must have been read before, because this consumes
    the server's next messages.
    """
    task = asyncio.ensure_future(work)
    watcher = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    finally:
        for running in (task, watcher):
            running.cancel()
        await asyncio.gather(task, watcher, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
