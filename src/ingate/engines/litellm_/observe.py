"""The HTTP exchange of one call, observed below litellm.

litellm's answers omit the provider's headers, its error body, token counts, and whether the stream ended or broke. An
`Observation` collects them from the HTTP client underneath (`clients.py` adds the hooks), and can close the connection.
"""

from __future__ import annotations

import contextlib
import zlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from ingate.engines.accept import (
    ascii_text,
    damaged_encoding,
    limit_for,
    redirect_error,
    too_large,
    unknown_encoding,
)
from ingate.engines.unpack import Unpacker

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Generator

    from ingate.errors import IngateError

current: ContextVar[Observation | None] = ContextVar("ingate_litellm_observation", default=None)

REFERER: Final = "https://github.com/ingate/ingate"
# The standard library decompresses these incrementally; no other encoding is accepted while a call is observed.
_ENCODINGS: Final = "gzip, deflate"
# Response headers, or their beginnings, that are returned with the answer.
_KEPT_HEADERS: Final = (
    "x-request-id", "request-id", "x-ratelimit-", "ratelimit-", "anthropic-ratelimit-", "retry-after", "x-litellm-",
    "llm_provider-", "openai-", "x-amzn-requestid", "apim-request-id", "cf-ray", "x-groq-", "server-timing",
)  # fmt: skip


# Longest wait, in seconds, for a request during which nothing else on the event loop runs.
_BLOCKING_S: Final = 10.0


class Observation:
    """One call's last HTTP exchange.

    Attributes:
        provider: The provider's name, for errors.
        connect_s: Longest wait for a connection, in seconds; None for the client's own limit.
        bearer: Whether the key in `x-api-key` is a token, to be sent as `Authorization: Bearer`.
        status: The response's status; None if there was no response.
        headers: The response's headers, names in lower case.
        url: The requested URL, without its query.
        complete: Whether the body has been read to its end.
        failure: The exception that interrupted the body; None if there was none.
        refused: Why the response is not read any further, by the rules for every lane: it redirects, is too large, or is
            compressed in a way that was not requested; None if it is acceptable.
    """

    __slots__ = (
        "_body", "_pieces", "_response", "_unpack", "bearer", "complete", "connect_s", "failure", "headers", "provider", "refused", "status",
        "url",
    )  # fmt: skip

    def __init__(self, connect_s: float | None = None, provider: str | None = None, *, bearer: bool = False) -> None:
        self.connect_s = connect_s
        self.bearer = bearer
        self.provider = provider
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.url = ""
        self.complete = False
        self.failure: BaseException | None = None
        self._body = bytearray()
        self.refused: IngateError | None = None
        self._unpack: Unpacker | None = None
        self._pieces: AsyncGenerator[bytes, None] | None = None
        self._response: Any = None

    @contextlib.contextmanager
    def watching(self) -> Generator[None]:
        """Requests made inside this context belong to this call."""
        token = current.set(self)
        try:
            yield
        finally:
            current.reset(token)

    def take(self, response: Any) -> None:
        """Begin to observe a response (of httpx, its body still unread).

        Raises:
            UnavailableError: It redirects, or has an unknown encoding.
        """
        self.status = response.status_code
        self.headers = {name.lower(): ascii_text(value) for name, value in response.headers.items()}
        self.url = str(response.url).partition("?")[0]
        self.complete = False
        self.failure = None
        self._body = bytearray()
        if (error := self.objection(response)) is not None:
            self.refused = error
            raise error
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        self._unpack = None if encoding == "identity" else Unpacker(limit_for(response.status_code))
        self._response = response
        if not response.is_closed:
            response.stream = _follow(response.stream, self)
            if self._unpack is not None:  # httpx would unpack it without a limit
                del response.headers["content-encoding"]

    def objection(self, response: Any) -> IngateError | None:
        """Why a response is refused by its head; None if it is not."""
        if 300 <= response.status_code < 400:
            where = response.headers.get("location", "")
            return redirect_error(str(response.url), response.status_code, where, provider=self.provider)
        encoding = response.headers.get("content-encoding", "identity")
        if encoding.strip().lower() not in {"gzip", "deflate", "identity"}:
            return unknown_encoding(encoding, self.provider)
        return None

    @property
    def is_json(self) -> bool:
        """Whether the response is one JSON document by its content type, rather than a stream."""
        kind = self.headers.get("content-type", "")
        return "json" in kind and "ndjson" not in kind and "stream" not in kind

    def content(self) -> bytes:
        """The body so far, uncompressed."""
        return bytes(self._body)

    def since(self, position: int) -> bytes:
        """The body from `position` on."""
        return bytes(self._body[position:]) if position < len(self._body) else b""

    def kept_headers(self) -> dict[str, str]:
        """The response headers that are returned with the answer."""
        return {name: value for name, value in self.headers.items() if name.startswith(_KEPT_HEADERS)}

    async def read_on(self) -> bool:
        """Read the next piece of the body in place of litellm; False at its end."""
        if self._pieces is None:
            return False
        try:
            await anext(self._pieces)
        except StopAsyncIteration:
            return False
        return True

    async def aclose(self) -> None:
        """Close the connection, if the response is still open."""
        response, self._response = self._response, None
        if response is not None:
            with contextlib.suppress(Exception):
                await response.aclose()

    async def _pass(self, stream: Any) -> AsyncGenerator[bytes, None]:
        try:
            async for piece in stream:
                taken = self._note(piece)
                if taken:
                    yield taken
                if self.status is not None and self.status >= 400 and len(self._body) >= limit_for(self.status):
                    break  # enough to report the error
            self.complete = True
        except Exception as error:
            self.failure = error
            raise

    def _note(self, piece: bytes) -> bytes:
        """The next piece of the body, uncompressed.

        Raises:
            UnavailableError: The body is larger than on any other lane, or its compression is damaged.
        """
        limit = limit_for(self.status or 200)
        try:
            piece = piece if self._unpack is None else self._unpack.feed(piece)
        except zlib.error:
            self.refused = damaged_encoding(self.provider)
            raise self.refused from None
        self._body += piece
        if len(self._body) > limit and (self.status or 200) < 400:
            self.refused = too_large(self.provider)
            raise self.refused
        return piece


def _follow(stream: Any, observation: Observation) -> Any:
    """A stream of the same class that passes its bytes to `observation`."""
    kind: Any = next(base for base in type(stream).__mro__ if base.__name__ == "AsyncByteStream")

    class Followed(kind):
        def __aiter__(self) -> AsyncIterator[bytes]:
            observation._pieces = observation._pass(stream)
            return observation._pieces

        async def aclose(self) -> None:
            await stream.aclose()

    return Followed()


async def on_request(request: Any) -> None:
    """Replace litellm's name in the request's headers by ingate's, and set the limit for the connection."""
    if (observation := current.get()) is None:
        return
    if observation.connect_s is not None:
        # litellm uses one limit for everything.
        request.extensions["timeout"] = {**request.extensions.get("timeout", {}), "connect": observation.connect_s}
    from ingate._version import __version__

    headers = request.headers
    headers["accept-encoding"] = _ENCODINGS
    if observation.bearer and (token := headers.pop("x-api-key", "")):
        headers["authorization"] = f"Bearer {token}"
    if headers.get("user-agent", "").lower().startswith("litellm"):
        headers["user-agent"] = f"ingate/{__version__}"
    if headers.get("http-referer") == "https://litellm.ai":
        headers["http-referer"] = REFERER
    if headers.get("x-title") == "liteLLM":
        headers["x-title"] = "ingate"


async def on_response(response: Any) -> None:
    """Pass the response to the observation of the current call."""
    if (observation := current.get()) is not None:
        observation.take(response)


def on_blocking_request(request: Any) -> None:
    """Limit a request that blocks: litellm makes some on the event loop (what a local server says of a model, tokens)."""
    if current.get() is not None:
        given = request.extensions.get("timeout", {})
        limits = {
            name: min(given.get(name) or _BLOCKING_S, _BLOCKING_S) for name in ("connect", "read", "write", "pool")
        }
        request.extensions["timeout"] = limits


def on_blocking_response(response: Any) -> None:
    """The same for a client that blocks, with which litellm fetches tokens: it redirects no further either."""
    if (observation := current.get()) is not None and (error := observation.objection(response)) is not None:
        observation.refused = error
        raise error
