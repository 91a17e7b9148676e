"""The provider's response, decoded a second time by ingate's own codec of its wire format.

litellm builds the request, so its result decides on text and tool calls (it may have requested JSON through a tool of its
own, or shortened names). Token counts, the finish reason, tools executed by the provider, and thinking are taken from
here, because litellm loses or invents some of them. If litellm fails on a valid response, this reading replaces it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ingate.errors import IngateError
from ingate.wire.codec import codec_for
from ingate.wire.completion import completion_chunks, normalise_completion
from ingate.wire.fields import finish_reason
from ingate.wire.normaliser import StreamNormaliser

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingate.engines.litellm_.observe import Observation
    from ingate.wire.codec import StreamDecoder

_HEAD: Final = 16_384
# Patterns that occur only in responses of one format, whole or streamed; tried in this order.
_SIGNS: Final = (
    ("responses", re.compile(rb'"object"\s*:\s*"response"|"type"\s*:\s*"response\.')),
    ("messages", re.compile(rb'"type"\s*:\s*"message(?:_start)?"')),
    ("cohere", re.compile(rb'"type"\s*:\s*"message-start"|"billed_units"\s*:')),
    ("chat", re.compile(rb'"choices"\s*:')),
    ("gemini", re.compile(rb'"(?:candidates|promptFeedback|usageMetadata)"\s*:')),
    ("bedrock", re.compile(rb'"stopReason"\s*:')),
    ("ollama", re.compile(rb'"done"\s*:\s*(?:true|false)')),
)


def wire_format_of(observation: Observation, provider: str) -> str | None:
    """The wire format of a response, by its content type, URL and first bytes; None if unknown."""
    content_type = observation.headers.get("content-type", "")
    if provider in {"bedrock", "bedrock_converse", "sagemaker", "sagemaker_chat"}:
        if "/invoke" in observation.url:
            return "bedrock_invoke"
        if "vnd.amazon.eventstream" in content_type:
            return "bedrock"
    head = observation.content()[:_HEAD]
    return next((name for name, sign in _SIGNS if sign.search(head)), None)


class ProviderReading:
    """Decodes one response as it arrives, into normalised chat completions.

    Attributes:
        chunks: The chunks of a stream so far.
        completion: The whole answer; None for a stream.
        error: The error of an error event in the response, or of its early end.
        reasoning: The first choice's reasoning so far.
        text: The first choice's text so far.
        finish_reasons: Finish reasons by choice, as far as the provider reported them.
        provider_tools: The tools that the provider executed itself.
    """

    def __init__(self, observation: Observation, provider: str, model: str) -> None:
        self._observation = observation
        self._provider = provider
        self._model = model
        self._position = 0
        self._decoder: StreamDecoder | None = None
        self._normaliser = StreamNormaliser(model)
        self._unreadable = False
        self._ended = False
        self._taken = 0
        self.chunks: list[dict[str, Any]] = []
        self.completion: dict[str, Any] | None = None
        self.error: IngateError | None = None
        self.reasoning = ""
        self.text = ""
        self.finish_reasons: dict[int, str] = {}
        self.provider_tools: list[dict[str, Any]] = []

    @property
    def active(self) -> bool:
        """Whether one of ingate's codecs decodes this response; otherwise litellm's result is used unchanged."""
        return not self._unreadable and (self._decoder is not None or self.completion is not None)

    @property
    def usage(self) -> dict[str, Any] | None:
        """The usage that the provider has reported so far; None if it has not."""
        return self.completion.get("usage") if self.completion is not None else self._normaliser.usage

    def provider_tool_ids(self) -> set[str]:
        """The ids of the calls to tools that the provider executed itself."""
        begun = self._decoder.provider_tool_ids if self._decoder is not None else set[str]()
        return begun | {str(tool["id"]) for tool in self.provider_tools if tool.get("id")}

    def whole(self) -> dict[str, Any] | None:
        """The response as a completion; None if it cannot be decoded. `error` holds an error inside a 200 response."""
        if self.completion is not None or self._unreadable:
            return self.completion
        wire_format = wire_format_of(self._observation, self._provider)
        try:
            if wire_format is not None:
                read = codec_for(wire_format).response(self._observation.content(), model=self._model)
                self.completion = normalise_completion(read, self._model)
        except IngateError as error:
            self.error = error
        except Exception:  # noqa: BLE001 -- litellm's result is used then
            self._unreadable = True
        if self.completion is not None:
            for choice in self.completion["choices"]:
                self._note({**choice, "delta": choice["message"]})
        self._unreadable = self._unreadable or self.completion is None
        return self.completion

    def take_chunks(self) -> list[dict[str, Any]]:
        """The chunks of a stream decoded since the last call."""
        new = self.chunks[self._taken :]
        self._taken = len(self.chunks)
        return new

    def catch_up(self) -> None:
        """Decode what has arrived of a stream since the last call."""
        if self._unreadable or self.error is not None or not self._begun():
            return
        decoder, data = self._decoder, self._observation.since(self._position)
        self._position += len(data)
        if data and decoder is not None:
            self._take(lambda: decoder.feed(data))

    def close(self) -> None:
        """Finish decoding: the stream has ended."""
        if self._ended:
            return
        self._ended = True
        self.catch_up()
        if self._decoder is not None and not self._unreadable and self.error is None:
            self._take(self._decoder.close)
        if self.active and self.error is None:
            self.chunks.extend(self._normaliser.finish())

    def _begun(self) -> bool:
        if self._decoder is None:
            wire_format = wire_format_of(self._observation, self._provider)
            if wire_format is None:
                return False
            content_type = self._observation.headers.get("content-type", "")
            try:
                if self._observation.is_json:
                    return self._begun_whole()
                self._decoder = codec_for(wire_format).decoder(model=self._model, content_type=content_type)
            except Exception:  # noqa: BLE001 -- a format without a codec
                self._unreadable = True
                return False
        return True

    def _begun_whole(self) -> bool:
        """Read a whole response to a call that asked for a stream, once, when all of it has arrived."""
        if self._observation.complete and self.completion is None and (completion := self.whole()) is not None:
            for chunk in completion_chunks(completion):
                self.chunks.extend(self._normaliser.feed(chunk))
        return False

    def _take(self, read: Callable[[], list[dict[str, Any]]]) -> None:
        try:
            chunks = [out for chunk in read() for out in self._normaliser.feed(self._with_reason(chunk))]
        except IngateError as error:
            self.error = error
            return
        except Exception:  # noqa: BLE001 -- litellm's result is used then
            self._unreadable = True
            return
        for chunk in chunks:
            self.chunks.append(chunk)
            for choice in chunk.get("choices") or ():
                self._note(choice)

    def _with_reason(self, chunk: dict[str, Any]) -> dict[str, Any]:
        for choice in chunk.get("choices") or ():
            if choice.get("finish_reason"):
                self.finish_reasons[choice.get("index") or 0] = finish_reason(choice["finish_reason"], has_calls=False)
        return chunk

    def _note(self, choice: dict[str, Any]) -> None:
        delta = choice.get("delta") or {}
        if choice.get("finish_reason"):
            self.finish_reasons[choice.get("index") or 0] = choice["finish_reason"]
        if not choice.get("index"):
            self.reasoning += delta.get("reasoning_content") or ""
            self.text += delta.get("content") or ""
        self.provider_tools.extend(delta.get("provider_tool_calls") or ())
