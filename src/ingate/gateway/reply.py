"""An answer in the API that the client called: passed through, or translated from chat completions."""

from __future__ import annotations

import logging
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.engines.base import PassThroughEngine
from ingate.errors import BadRequestError, IngateError, InternalError, UnavailableError
from ingate.gateway.completions import completed, streamed
from ingate.gateway.formats import passed_through
from ingate.gateway.metadata import answer_metadata
from ingate.wire.downstream import error_body, translate
from ingate.wire.events import encode_events, with_warnings
from ingate.wire.json_text import encode_answer
from ingate.wire.progress import EventProgress
from ingate.wire.sse import DONE, SSEParser

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from ingate.engines.base import CallReport, Forwarded, Route
    from ingate.engines.watch import Watch
    from ingate.gateway.gateway import Gateway
    from ingate.wire.events import Event, Translation
    from ingate.wire.passthrough import Api, ApiRequest

logger = logging.getLogger("ingate")

EVENT_STREAM: Final = "text/event-stream; charset=utf-8"
# The last event of a stream, which carries the metadata of the whole answer.
_LAST: Final = frozenset({"response.completed", "response.incomplete", "response.failed", "message_stop"})


@dataclass(slots=True, kw_only=True)
class Reply:
    """One answer in the client's API. A stream has begun: an error before its first token was raised instead.

    Attributes:
        api: The API.
        forwarded: The provider's own response, if the request was passed through.
        answer: A translated answer, whole.
        stream: A translated stream, as lists of events.
        request_id: Named in the error event of a stream that breaks.
        finished: Whether the piece that `pieces` has just yielded is the last: it ends the body too, so that a client that
            stops at the end marker leaves nothing unread.
        keep: Called with the complete response object of the Responses API, if it may be stored.
        metadata: Returns the answer's metadata as far as it is known: `cost_usd` is None until the end of a stream.
    """

    api: Api
    forwarded: Forwarded | None = None
    answer: dict[str, Any] | None = None
    stream: AsyncGenerator[list[Event], None] | None = None
    request_id: str = ""
    finished: bool = False
    keep: Callable[[dict[str, Any]], None] | None = None
    metadata: Callable[[], dict[str, Any]] = field(default=dict)

    def keep_with(self, keep: Callable[[dict[str, Any]], None]) -> None:
        """Call `keep` with the complete response object: at once, or at the end of a stream."""
        if (whole := self.content()) is None:
            self.keep = keep
        else:
            keep(self.answer if self.answer is not None else msgspec.json.decode(whole))

    @property
    def content_type(self) -> str:
        """The media type of `content` or `pieces`."""
        if self.forwarded is not None:
            return self.forwarded.content_type
        return "application/json" if self.stream is None else EVENT_STREAM

    def content(self) -> bytes | None:
        """A whole answer's body; None for a stream."""
        if self.forwarded is not None:
            return self.forwarded.content
        return None if self.answer is None else encode_answer(self.answer)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield a stream's bytes as they arrive. A stream that breaks ends with the API's own error event.

        Closing the generator stops the provider.
        """
        if self.stream is not None:
            failed = False
            async with aclosing(self.stream) as stream:
                async for events in stream:
                    failed = self.api == "chat" and "error" in events[-1]
                    self.finished = failed or events[-1].get("type") in _LAST
                    response = events[-1].get("response") if self.finished else None
                    if self.keep is not None and isinstance(response, dict):
                        self.keep(response)
                    yield encode_events(self.api, events)
            if self.api == "chat" and not failed:
                self.finished = True
                yield DONE
        elif self.forwarded is not None and self.forwarded.pieces is not None:
            async with aclosing(self.forwarded.pieces) as pieces:
                try:
                    async for piece in pieces:
                        yield piece
                    if self.keep is not None and self.forwarded.response is not None:
                        self.keep(self.forwarded.response)
                    return
                except IngateError as error:
                    failure = error
            yield b"\n\n" + encode_events(self.api, _failure(self.api, failure, self.request_id))

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield a stream's events as dicts; the first and the last have the answer's metadata under `ingate`."""
        begun = False
        async with aclosing(self._event_lists()) as lists:
            async for events in lists:
                for event in events:
                    if not begun or event.get("type") in _LAST:
                        event["ingate"] = self.metadata()
                        begun = True
                    yield event

    async def _event_lists(self) -> AsyncGenerator[list[Event], None]:
        if self.stream is not None:
            async with aclosing(self.stream) as stream:
                async for events in stream:
                    yield events
        elif (whole := self.content()) is not None:  # a provider that does not stream
            yield [msgspec.json.decode(whole)]
        else:
            parser = SSEParser()
            async with aclosing(self.pieces()) as pieces:
                async for piece in pieces:
                    if events := [value for event in parser.feed(piece) if (value := _value(event.data)) is not None]:
                        yield events


async def reply_on(
    gateway: Gateway, route: Route, report: CallReport, request: ApiRequest, watch: Watch, *, request_id: str
) -> Reply:
    """One attempt to answer `request` on `route`: passed through if the provider speaks its API, else translated.

    Raises:
        InvalidRequestError: The request is malformed, or refers to something that is not stored.
        IngateError: One of its other classes, before the first token.
    """
    direct = passed_through(route, request, gateway.rejections.known)
    engine = gateway.engine(route.engine)
    reply: Reply | None = None
    if direct is not None and isinstance(engine, PassThroughEngine):
        reply = await _forwarded(gateway, engine, direct, report, request, watch, request_id)
    if reply is None:
        direct = None
        reply = await translated(
            gateway.continuations.resolve(request, route, passed_through=False),
            lambda chat: completed(gateway, route, chat, report, request.api),
            lambda chat: streamed(gateway, route, chat, report, watch, request.api),
            request_id=request_id,
            target=f"{route.provider}/{route.model}",
        )
    if request.api == "responses":
        reply.keep_with(
            lambda response: gateway.continuations.keep(request, response, route, passed_through=direct is not None)
        )
    return reply


async def _forwarded(
    gateway: Gateway,
    engine: PassThroughEngine,
    direct: Route,
    report: CallReport,
    request: ApiRequest,
    watch: Watch,
    request_id: str,
) -> Reply | None:
    """The provider's own answer; None if it rejected a chat request that can be adapted to what it said.

    Requests in the other APIs have more than ingate would translate: they stay as the client wrote them, and the error
    says what ingate would change.
    """
    resolved = gateway.continuations.resolve(request, direct, passed_through=True)
    dropped, warnings = list(report.dropped), list(report.warnings)
    try:
        forwarded = await engine.forward(direct, resolved, report)
    except BadRequestError as error:
        gateway.rejections.explain(error, request)
        chat = {**request.body, **direct.params}
        if request.api != "chat" or not gateway.rejections.learn(direct, chat, error):
            raise
        report.adapted_again = True
        report.dropped[:], report.warnings[:] = dropped, warnings
        return None
    if forwarded.pieces is not None:
        forwarded.pieces = watch.tokens(forwarded.pieces, EventProgress())
    return Reply(
        api=request.api,
        forwarded=forwarded,
        request_id=request_id,
        metadata=lambda: answer_metadata(direct, report, forwarded.usage, gateway.catalog),
    )


async def translated(
    request: ApiRequest,
    complete: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]],
    stream: Callable[[dict[str, Any]], AsyncIterator[dict[str, Any]]],
    *,
    request_id: str = "",
    target: str = "",
) -> Reply:
    """The answer to a request, translated to chat completions and back.

    Args:
        request: The client's request.
        complete: Answers a chat request whole.
        stream: Answers it with normalised chunks.
        request_id: For the error event of a stream that breaks.
        target: The provider and model that answer.

    Raises:
        InvalidRequestError: The request is malformed.
        IngateError: What `complete` or `stream` raises before the first token.
    """
    translation = translate(request.api, request.body, target=target, history=request.history)
    if not request.stream:
        answer = translation.answer(await complete(translation.chat))
        return Reply(api=request.api, answer=answer, metadata=lambda: answer.get("ingate") or {})
    chunks = stream(translation.chat)
    try:
        first = await anext(chunks)
    except StopAsyncIteration:
        raise UnavailableError("the model's stream ended before it began") from None
    known: dict[str, Any] = {}
    return Reply(
        api=request.api,
        stream=_translated_stream(translation, first, chunks, known, request_id),
        request_id=request_id,
        metadata=lambda: with_warnings(known or first.get("ingate"), translation.warnings) or {},
    )


async def _translated_stream(
    translation: Translation,
    first: dict[str, Any],
    chunks: AsyncIterator[dict[str, Any]],
    known: dict[str, Any],
    request_id: str,
) -> AsyncGenerator[list[Event], None]:
    """The events for `first` and `chunks`, a list for each that has any."""
    events = translation.events()
    known.update(first.get("ingate") or {})
    try:
        if made := events.start(first) + events.feed(first):
            yield made
        async for chunk in chunks:
            known.update(chunk.get("ingate") or {})
            if made := events.feed(chunk):
                yield made
        last = events.finish(known or None)
    except IngateError as error:
        last = events.fail(error, request_id)
    except Exception as error:
        logger.exception("request %s failed inside a stream", request_id)
        # Only the class: the text of an unexpected error may contain anything, including a key.
        fault = InternalError(f"ingate failed inside the stream ({type(error).__name__}); its log has the traceback")
        last = events.fail(fault, request_id)
    finally:
        if (close := getattr(chunks, "aclose", None)) is not None:
            await close()
    if last:
        yield last


def _failure(api: Api, error: IngateError, request_id: str) -> list[Event]:
    """The error event of a passed-through stream that broke."""
    body = error_body(api, error, request_id)
    if api != "responses":
        return [body]
    details = body["error"]
    return [{"type": "error", "code": details["code"], "message": details["message"], "param": None}]


def _value(data: str) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(data)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
