"""Amazon Bedrock: Converse for every model, and InvokeModel for Claude and Nova.

`request.py` writes requests; `converse.py` translates responses into Anthropic's format, which `wire/messages` reads;
`eventstream.py` parses AWS's binary framing.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from ingate.wire.address import join
from ingate.wire.answers import format_errors, mapping, parse_object, read_json, text
from ingate.wire.bedrock.converse import Translator, message_of
from ingate.wire.bedrock.eventstream import EventStreamParser, Message
from ingate.wire.bedrock.request import converse_request, invoke_request
from ingate.wire.codec import BaseCodec, WireRequest, encode_body
from ingate.wire.decoding import Decoder, WholeDecoder
from ingate.wire.errors import error_from_response
from ingate.wire.messages.answer import completion_of, completion_of_message
from ingate.wire.messages.stream import MessagesDecoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.errors import IngateError
    from ingate.wire.codec import StreamDecoder, Target

# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html#API_runtime_ConverseStream_Errors
_STATUSES: Final = {
    "validationexception": 400,
    "accessdeniedexception": 403,
    "resourcenotfoundexception": 404,
    "modeltimeoutexception": 408,
    "modelerrorexception": 424,
    "modelstreamerrorexception": 424,
    "throttlingexception": 429,
    "modelnotreadyexception": 429,
    "internalserverexception": 500,
    "serviceunavailableexception": 503,
}


class BedrockDecoder(Decoder):
    """One streamed response, of Converse or of InvokeModel."""

    def __init__(self, *, model: str) -> None:
        super().__init__()
        self._frames = EventStreamParser()
        self._translator = Translator()
        self._inner = MessagesDecoder(model=model)

    def _feed(self, data: bytes, out: list[dict[str, Any]]) -> None:
        for message in self._frames.feed(data):
            self._message(message, out)

    def _close(self, out: list[dict[str, Any]]) -> None:
        self._inner.end(out)

    def _message(self, message: Message, out: list[dict[str, Any]]) -> None:
        if message.headers.get(":message-type", "event") != "event":
            raise error_of_frame(message)
        event = parse_object(message.payload)
        kind = message.headers.get(":event-type", "")
        if kind == "chunk":
            event = _unpacked(event)
            if "type" in event:
                self._inner.take(event, out)
                return
            # Nova through InvokeModel sends Converse's events, each as the only key of an object.
            kind, event = next(((name, mapping(value)) for name, value in event.items()), ("", {}))
        with format_errors():
            for translated in self._translator.translate(kind, event):
                self._inner.take(translated, out)


def _unpacked(event: Mapping[str, Any]) -> dict[str, Any]:
    return parse_object(_inner_bytes(event))


def inner_payload(message: Message) -> bytes:
    """The model's own event in one frame of InvokeModel; empty if the frame holds none."""
    if message.headers.get(":event-type") != "chunk":
        return b""
    return _inner_bytes(parse_object(message.payload))


def _inner_bytes(event: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode(text(event.get("bytes")), validate=True)
    except (binascii.Error, ValueError):
        return b""


def error_of_frame(message: Message) -> IngateError:
    """The error that an exception or error message of a stream means."""
    kind = message.headers.get(":exception-type") or message.headers.get(":error-code") or ""
    try:
        details = mapping(read_json(message.payload))
    except ValueError:
        details = {}
    reason = text(details.get("message") or details.get("Message")) or message.headers.get(":error-message") or kind
    status = details.get("originalStatusCode")
    if not (isinstance(status, int) and 400 <= status <= 599):
        status = _STATUSES.get(kind.lower(), 500)
    return error_from_response(status, {"x-amzn-errortype": kind}, {"message": reason}, provider=None)


def _model_id(model: str) -> str:
    return model.removeprefix("converse/").removeprefix("invoke/")


class BedrockCodec(BaseCodec):
    """Bedrock's Converse format."""

    name = "bedrock"
    verbs = ("converse", "converse-stream")

    def url(self, target: Target) -> str:
        """The model's `/converse` or `/invoke`, or the streaming form of it."""
        return join(target.api_base, f"/model/{quote(_model_id(target.model), safe='')}/{self.verbs[target.stream]}")

    def request(self, body: Mapping[str, Any], target: Target) -> WireRequest:
        """The request for an OpenAI request body."""
        make = converse_request if self.name == "bedrock" else invoke_request
        out, params = make(body, replace(target, model=_model_id(target.model)))
        accept = "application/vnd.amazon.eventstream" if target.stream else "application/json"
        return WireRequest(
            url=self.url(target),
            body=encode_body(out),
            headers={"content-type": "application/json", "accept": accept},
            dropped=params.dropped,
            warnings=params.warnings,
        )

    def response(self, content: bytes, *, model: str) -> dict[str, Any]:
        """A whole response as an OpenAI completion: Converse's format, or Anthropic's for Claude through InvokeModel."""
        answer = parse_object(content)
        if "output" not in answer:
            return completion_of(content, model=model)
        with format_errors():
            return completion_of_message(message_of(answer), model)

    def decoder(self, *, model: str, content_type: str) -> StreamDecoder:
        """A decoder for one streamed response, or for a whole one."""
        if content_type.startswith("application/json"):
            return WholeDecoder(partial(self.response, model=model))
        return BedrockDecoder(model=model)


class InvokeCodec(BedrockCodec):
    """Bedrock's InvokeModel: the model's own format."""

    name = "bedrock_invoke"
    verbs = ("invoke", "invoke-with-response-stream")


CODECS: Final = {"bedrock": BedrockCodec(), "bedrock_invoke": InvokeCodec()}
