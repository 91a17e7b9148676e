"""The provider's answer read a second time, by our own codec of its wire format, beside litellm's reading.

litellm shapes the request, so its reading decides on text and tool calls (it may have asked for JSON through a tool of
its own, or shortened names). What the provider said of counts, of why it ended, of tools it ran itself and of its
thinking is taken from here, since litellm loses or invents some of it; and where litellm fails on an answer that
is sound, this reading stands in.
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
# What only one format's answers hold, whole or streamed; looked for in this order.
_SIGNS: Final = (
    ("messages", re.compile(rb'"type"\s*:\s*"message(?:_start)?"')),
    ("cohere", re.compile(rb'"type"\s*:\s*"message-start"|"billed_units"\s*:')),
    ("chat", re.compile(rb'"choices"\s*:')),
    ("gemini", re.compile(rb'"(?:candidates|promptFeedback|usageMetadata)"\s*:')),
    ("bedrock", re.compile(rb'"stopReason"\s*:')),
    ("ollama", re.compile(rb'"done"\s*:\s*(?:true|false)')),
)


def wire_format_of(seen: Observation, provider: str) -> str | None:
    """The wire format that an answer is in, by its content type, address and first bytes; None where unknown."""
    content_type = seen.headers.get("content-type", "")
    if provider in {"bedrock", "bedrock_converse", "sagemaker", "sagemaker_chat"}:
        if "/invoke" in seen.url:
            return "bedrock_invoke"
        if "vnd.amazon.eventstream" in content_type:
            return "bedrock"
    head = seen.content()[:_HEAD]
    return next((name for name, sign in _SIGNS if sign.search(head)), None)


class ProviderReading:
    """Follows one answer, in the one shape of `ingate.wire`.

    Attributes:
        chunks: The chunks of a stream read so far.
        completion: The whole answer, None for a stream.
        error: What an error event in the answer, or its early end, means.
        reasoning: The first choice's thinking so far.
        text: The first choice's text so far.
        finish_reasons: By choice, as far as the provider gave one.
        provider_tools: The tools that the provider ran itself.
    """

    def __init__(self, seen: Observation, provider: str, model: str) -> None:
        self._seen = seen
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
        """Whether a codec of ours reads this answer; else litellm's word stands."""
        return not self._unreadable and (self._decoder is not None or self.completion is not None)

    @property
    def usage(self) -> dict[str, Any] | None:
        """The provider's counts so far, None where it gave none."""
        return self.completion.get("usage") if self.completion is not None else self._normaliser.usage

    def provider_tool_ids(self) -> set[str]:
        """The ids of the tools that the provider ran itself."""
        return {str(tool["id"]) for tool in self.provider_tools if tool.get("id")}

    def whole(self) -> dict[str, Any] | None:
        """The answer as a completion, None where it cannot be read. An error inside a 200 is in `error`."""
        if self.completion is not None or self._unreadable:
            return self.completion
        wire_format = wire_format_of(self._seen, self._provider)
        try:
            if wire_format is not None:
                read = codec_for(wire_format).response(self._seen.content(), model=self._model)
                self.completion = normalise_completion(read, self._model)
        except IngateError as error:
            self.error = error
        except Exception:  # noqa: BLE001 -- litellm's reading stands then
            self._unreadable = True
        if self.completion is not None:
            for choice in self.completion["choices"]:
                self._note({**choice, "delta": choice["message"]})
        self._unreadable = self._unreadable or self.completion is None
        return self.completion

    def take_chunks(self) -> list[dict[str, Any]]:
        """The chunks of a stream that came since the last time this was asked."""
        new = self.chunks[self._taken :]
        self._taken = len(self.chunks)
        return new

    def catch_up(self) -> None:
        """Read what has come of a stream since the last time."""
        if self._unreadable or self.error is not None or not self._begun():
            return
        decoder, data = self._decoder, self._seen.since(self._position)
        self._position += len(data)
        if data and decoder is not None:
            self._take(lambda: decoder.feed(data))

    def close(self) -> None:
        """The stream has ended."""
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
            wire_format = wire_format_of(self._seen, self._provider)
            if wire_format is None:
                return False
            content_type = self._seen.headers.get("content-type", "")
            try:
                if "json" in content_type and "ndjson" not in content_type and "stream" not in content_type:
                    return self._begun_whole()
                self._decoder = codec_for(wire_format).decoder(model=self._model, content_type=content_type)
            except Exception:  # noqa: BLE001 -- a format that no codec of ours speaks
                self._unreadable = True
                return False
        return True

    def _begun_whole(self) -> bool:
        """Read a whole response to a call that asked for a stream, once, when all of it has arrived."""
        if self._seen.complete and self.completion is None and (completion := self.whole()) is not None:
            for chunk in completion_chunks(completion):
                self.chunks.extend(self._normaliser.feed(chunk))
        return False

    def _take(self, read: Callable[[], list[dict[str, Any]]]) -> None:
        try:
            chunks = [told for chunk in read() for told in self._normaliser.feed(self._with_reason(chunk))]
        except IngateError as error:
            self.error = error
            return
        except Exception:  # noqa: BLE001 -- litellm's reading stands then
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
