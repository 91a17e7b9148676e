"""What went over the network during one call, seen beside litellm.

litellm's answers leave things out: the provider's headers, its error body, whether the stream ended or was cut. An
`Observation` gathers them from the HTTP client underneath (`clients.py` hooks it in), and can close the connection.
"""

from __future__ import annotations

import contextlib
import json
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

current: ContextVar[Observation | None] = ContextVar("ingate_litellm_observation", default=None)


class Observation:
    """One call's last HTTP exchange.

    Attributes:
        status: The status of the answer, None where none came.
        headers: Its headers, names in lower case.
        body: The bytes of the body so far.
        ended: Whether the body was read to its end.
        failure: What broke the body off, None where nothing did.
    """

    __slots__ = ("_response", "body", "ended", "failure", "headers", "status")

    def __init__(self) -> None:
        self._response: Any = None
        self._reset()

    def _reset(self) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.ended = False
        self.failure: BaseException | None = None

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Requests made inside belong to this call."""
        token = current.set(self)
        try:
            yield
        finally:
            current.reset(token)

    def json(self) -> Any:
        """The body as JSON, None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def take(self, response: Any) -> None:
        """Begin to follow an answer (an httpx or httpx2 response whose body is still unread)."""
        self._reset()
        self._response = response
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        if not response.is_closed:
            response.stream = _followed(response.stream, self)

    async def aclose(self) -> None:
        """Close the connection, if the answer is still open."""
        response, self._response = self._response, None
        if response is not None and not self.ended:
            with contextlib.suppress(Exception):
                await response.aclose()


def _followed(stream: Any, seen: Observation) -> Any:
    """The same stream, of the same kind, noting what passes."""
    base = next((kind for kind in type(stream).__mro__ if kind.__name__ == "AsyncByteStream"), object)

    class Followed(base):  # ty: ignore[unsupported-base]
        async def __aiter__(self) -> AsyncIterator[bytes]:
            try:
                async for piece in stream:
                    seen.body += piece
                    yield piece
            except GeneratorExit:
                raise
            except BaseException as error:
                seen.failure = error
                raise
            seen.ended = True

        async def aclose(self) -> None:
            await stream.aclose()

    return Followed()


async def on_request(request: Any) -> None:
    """Puts ingate's name where litellm would put its own."""
    if current.get() is None:
        return
    headers = request.headers
    if headers.get("user-agent", "").lower().startswith("litellm"):
        headers["user-agent"] = f"ingate/{_version()}"
    if headers.get("http-referer") == "https://litellm.ai":
        headers["http-referer"] = REFERER
    if headers.get("x-title") == "liteLLM":
        headers["x-title"] = "ingate"


async def on_response(response: Any) -> None:
    """Hands the answer to the call it belongs to."""
    if (seen := current.get()) is not None:
        seen.take(response)


REFERER = "https://github.com/ingate/ingate"


def _version() -> str:
    from ingate._version import __version__

    return __version__
