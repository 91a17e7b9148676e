"""Requests and responses that are passed through because client and provider speak the same API.

The body is forwarded as the client wrote it; only the model's name and the spec's parameters are substituted, key by
key, so that everything else keeps its bytes. A `Meter` follows the response as far as tokens, errors and the end of a
stream require, and changes nothing else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from ingate.errors import IngateError, InvalidRequestError, UnavailableError
from ingate.wire.errors import error_from_response
from ingate.wire.origins import ORIGINS
from ingate.wire.sse import SSEParser

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.wire.codec import Target

Api = Literal["chat", "responses", "messages"]
"""The three APIs that clients speak; each is a wire format of the same name."""

# What a client's own headers may say to a provider about its API. Nothing else of them is forwarded.
PROTOCOL_HEADERS: Final = frozenset({"anthropic-beta", "anthropic-version", "openai-beta"})

_MODULES: Final[Mapping[str, str]] = {
    "chat": "ingate.wire.chat.passthrough",
    "responses": "ingate.wire.responses.passthrough",
    "messages": "ingate.wire.messages.passthrough",
    "bedrock_invoke": "ingate.wire.bedrock.passthrough",
}
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """A request in one of the APIs that clients speak.

    Attributes:
        api: Which one.
        body: The request, decoded.
        content: The bytes it came in; None if it was made in this process.
        headers: The client's protocol headers, names in lower case (`anthropic-beta`).
        history: The items of earlier turns that a Responses request continues; None if it continues nothing.
        limits: The caller's own time limits in seconds, by their names in a configuration (`total_timeout`).
    """

    api: Api
    body: Mapping[str, Any]
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    history: tuple[dict[str, Any], ...] | None = None
    limits: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def stream(self) -> bool:
        """Whether the client asked for a stream."""
        return bool(self.body.get("stream"))

    def encoded(self, changes: Mapping[str, Any], dropped: Iterable[str] = ()) -> bytes:
        """The body with `changes` in place of its own keys and without `dropped`; every other value keeps its bytes.

        Raises:
            InvalidRequestError: The body is not a JSON object, or holds a value that JSON does not have.
        """
        try:
            fields = _decode_fields(self.content if self.content is not None else _encode(self.body))
        except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise InvalidRequestError(f"the body is not valid JSON: {error}", code="invalid_json") from None
        for name in dropped:
            fields.pop(name, None)
        for name, value in changes.items():
            fields[name] = msgspec.Raw(_encode(value))
        return _encode(fields)


class PassThrough(ABC):
    """How one API is passed through."""

    @abstractmethod
    def params(self, request: ApiRequest, params: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """A spec's parameters, which have chat's names, as this API's keys; and the names it has no place for."""

    @abstractmethod
    def output_limit(self, body: Mapping[str, Any]) -> tuple[str, int] | None:
        """The key that limits the output's tokens, and its value; None if the request sets no limit."""

    def history(self, request: ApiRequest, target: Target) -> tuple[dict[str, Any], list[str]]:
        """What must change in the conversation, and warnings: ingate's own envelopes, which no provider can read."""
        return {}, []

    def prepare(self, request: ApiRequest, target: Target, changes: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
        """The body to send, with the model's name at the provider, and the client's protocol headers to send along."""
        return request.encoded({"model": target.model, **changes}), dict(request.headers)

    @abstractmethod
    def meter(self, request: ApiRequest, target: Target) -> Meter:
        """What follows one response."""


class Meter(ABC):
    """Follows one response.

    Attributes:
        begun: Whether an event with substance has come. Until then the bytes are held back.
        done: Whether the API's end of a stream has come.
        ended: Whether the answer is complete: at the end mark, or, if the provider sends none, at the reason why it ended.
        failed_early: Whether the stream reported its error before an event with substance.
        usage: Tokens as chat completions count them; None until reported.
        response: The complete response object that ended a stream of the Responses API.
        error: The error that the stream reported in an event of its own.
    """

    # The media type of what is handed on, if it is not the provider's own.
    content_type: str | None = None
    # Bytes that an event which matters holds. What has none of them is not parsed.
    markers: tuple[bytes, ...] = ()

    def __init__(self, provider: str) -> None:
        self.begun = False
        self.done = False
        self.ended = False
        self.failed_early = False
        self._held = b""
        self.usage: dict[str, Any] | None = None
        self.response: dict[str, Any] | None = None
        self.error: IngateError | None = None
        self._provider = provider
        self._tail: list[bytes] = []  # pieces of an event whose end has not come; a list, so that 10 MB stay linear

    @property
    def held(self) -> bytes:
        """The bytes that are held back."""
        return self._held + b"".join(self._tail) if not self.begun else b""

    def feed(self, data: bytes) -> bytes:
        """The whole events to hand on; none as long as the response has not begun.

        A client that gets a part of an event fails when the rest does not come.
        """
        before = self._tail[-1][-3:] if self._tail else b""
        cut = _last_end(before + data) - len(before)
        if cut <= 0:
            self._tail.append(data)
            return b""
        whole = b"".join((*self._tail, data[:cut]))
        ORIGINS.note(self._provider, whole)
        self._tail = [data[cut:]] if cut < len(data) else []
        if not self.begun:
            self._held += whole
            for event in SSEParser().feed(whole):
                self._event(event.data)
            if not self.begun:
                return b""
            out, self._held = self.opening(self._held), b""
            return out
        for marker in self.markers:
            if marker in whole:
                for event in SSEParser().feed(whole):
                    self._event(event.data)
                break
        return whole

    def close(self) -> bytes:
        """The body has ended: what was held back, without an event that is cut off. `done` tells whether the stream had ended
        in its own terms."""
        held, begun, tail = self.held, self.begun, b"".join(self._tail)
        self._tail = []
        parser = SSEParser()
        rest = parser.feed(tail) + parser.close()
        for event in rest:
            self._event(event.data)
        if not begun:
            return self.opening(held)
        return tail if all(self._is_whole(event.data) for event in rest) else b""

    def _is_whole(self, data: str) -> bool:
        """Whether the data of the last event has arrived in full."""
        try:
            _decode(data)
        except (msgspec.MsgspecError, RecursionError):
            return self.end_mark(data)
        return True

    def opening(self, held: bytes) -> bytes:
        """The bytes up to the first event with substance, as they are handed on."""
        return held

    def whole(self, content: bytes) -> bytes:
        """A whole response as it is handed on.

        Raises:
            UnavailableError: It is not a JSON object.
            IngateError: It is an error inside a 200.
        """
        try:
            if not content.isascii():
                content.decode()  # the values themselves are not decoded
            fields = _decode_fields(content)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            shown = repr(content[:300].decode(errors="replace")) if content.strip() else "empty"
            raise UnavailableError(
                f"the response of {self._provider} is not a JSON object: {shown}",
                fix="check the base URL, or try again",
            ) from None
        self.check(fields, content)
        ORIGINS.note(self._provider, content)
        return self.rewritten(fields, content)

    def rewritten(self, fields: dict[str, msgspec.Raw], content: bytes) -> bytes:
        """A whole response as it is handed on, from its top-level fields and its bytes."""
        return content

    @abstractmethod
    def check(self, fields: Mapping[str, msgspec.Raw], content: bytes) -> None:
        """Read the usage of a whole response; raise the error that it holds."""

    @abstractmethod
    def event(self, value: dict[str, Any]) -> None:
        """Follow one event of a stream: set `begun`, `done`, `usage` and `error`."""

    def end_mark(self, data: str) -> bool:
        """Whether an event's data, which is not JSON, ends the stream."""
        return data.startswith("[DONE]")

    def _event(self, data: str) -> None:
        if not data.strip():
            return
        try:
            value = _decode(data)
        except (msgspec.MsgspecError, RecursionError):
            if self.end_mark(data):
                self.done = self.ended = True
            return
        if isinstance(value, dict):
            self.event(value)
            self.ended = self.ended or self.done
            if self.error is not None and not self.begun:
                self.failed_early = True

    def fail(self, value: Mapping[str, Any], *, status: int = 200) -> IngateError:
        """Note the error that an event or a body holds, and return it."""
        self.error = error_from_response(status, {}, dict(value), provider=self._provider or None)
        return self.error


def pass_through(wire_format: str) -> PassThrough:
    """How a format is passed through."""
    return import_module(_MODULES[wire_format]).PASS_THROUGH


def decoded(raw: msgspec.Raw | None) -> Any:
    """A field's value; None if it is absent or cannot be read."""
    if raw is None:
        return None
    try:
        return _decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _last_end(data: bytes) -> int:
    """The place after the last whole event in `data`, -1 if none is whole."""
    ends = [at + len(mark) for mark in (b"\n\n", b"\r\n\r\n", b"\r\r") if (at := data.rfind(mark)) >= 0]
    return max(ends, default=-1)
