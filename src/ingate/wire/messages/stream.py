"""Anthropic's event stream as OpenAI chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.wire.answers import Chunks, dumped, format_errors, items, mapping, parse_object, text, tool_call
from ingate.wire.decoding import Decoder, incomplete_response
from ingate.wire.fields import is_json
from ingate.wire.messages.answer import (
    annotation,
    answer_of_value,
    error_of_event,
    finish_of,
    provider_tool,
    usage_of,
)
from ingate.wire.messages.request import ANSWER_TOOL, VALUE_TOOL
from ingate.wire.sse import SSEParser

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROVIDER_CALLS: Final = frozenset({"server_tool_use", "mcp_tool_use"})
_JSON_BLOCKS: Final = _PROVIDER_CALLS | {"tool_use"}


class _Block:
    """One content block as far as it has arrived."""

    __slots__ = ("begins_at", "citations", "json", "signature", "source", "thinking", "tool_index")

    def __init__(self, source: dict[str, Any], begins_at: int) -> None:
        self.source = source
        self.begins_at = begins_at  # offset in the response's text
        self.json: list[str] = []
        self.thinking: list[str] = []
        self.signature: list[str] = []
        self.citations: list[dict[str, Any]] = []
        self.tool_index = -1


class MessagesDecoder(Decoder):
    """One streamed message. Unknown events, blocks and deltas are ignored."""

    def __init__(self, *, model: str) -> None:
        super().__init__()
        self._events = SSEParser()
        self._chunks = Chunks(model)
        self._usage: dict[str, Any] = {}
        self._blocks: dict[int, _Block] = {}
        self._text_length = 0
        self._tools = 0
        self._answered = False  # with the answer tool
        self._stop: str | None = None
        self._changes: list[dict[str, Any]] = []  # what the provider changed in the request
        self._has_usage = False  # the usage chunk was emitted

    def take(self, event: dict[str, Any], out: list[dict[str, Any]]) -> None:
        """Read one event. Raises the matching `IngateError` for an error event."""
        with format_errors():
            self._read(event, out)

    def end(self, out: list[dict[str, Any]]) -> None:
        """The stream has ended: emit the usage. Raises `StreamInterruptedError` if there was no stop reason."""
        if self._stop is None:
            raise incomplete_response()
        out += self._finish()

    def _feed(self, data: bytes, out: list[dict[str, Any]]) -> None:
        for event in self._events.feed(data):
            if event.data.strip() not in {"", "[DONE]"}:
                self.take(parse_object(event.data), out)

    def _close(self, out: list[dict[str, Any]]) -> None:
        for event in self._events.close():
            if is_json(event.data):  # an event cut off by a dropped connection is not
                self.take(parse_object(event.data), out)
        self.end(out)

    def _read(self, event: dict[str, Any], out: list[dict[str, Any]]) -> None:
        kind = event.get("type")
        if kind == "content_block_delta":
            block = self._blocks.get(event.get("index", 0))
            if block is not None:
                self._delta(block, mapping(event.get("delta")), out)
        elif kind == "content_block_start":
            self._close_block(event.get("index", 0), out)
            self._start(event.get("index", 0), mapping(event.get("content_block")), out)
        elif kind == "content_block_stop":
            self._close_block(event.get("index", 0), out)
        elif kind == "message_start":
            message = mapping(event.get("message"))
            self._chunks.id = text(message.get("id"))
            self._chunks.model = text(message.get("model")) or self._chunks.model
            self._count(message.get("usage"))
            self._changes = items(message.get("input_transformations"))
            out.append(self._chunks.delta({"role": "assistant", "content": ""}))
            for number, block in enumerate(items(message.get("content"))):  # a message that arrives whole
                self._start(number, block, out)
                self._close_block(number, out)
        elif kind == "message_delta":
            self._message_delta(event, out)
        elif kind == "message_stop":
            if self._stop is None:
                self._stop = "end_turn"
                out.append(
                    self._chunks.delta({}, finish=finish_of(None, answered=self._answered, has_calls=self._tools > 0))
                )
            out += self._finish()
            self.done = True
        elif kind == "error" or "error" in event:
            raise error_of_event(event)

    def _message_delta(self, event: Mapping[str, Any], out: list[dict[str, Any]]) -> None:
        self._count(event.get("usage"))
        delta = mapping(event.get("delta"))
        reason = text(delta.get("stop_reason"))
        if not reason or self._stop is not None:
            return
        for index in list(self._blocks):
            self._close_block(index, out)
        self._stop = reason
        extra: dict[str, Any] = {"native_finish_reason": reason}
        if explanation := text(mapping(delta.get("stop_details")).get("explanation")):
            extra["native_finish_message"] = explanation
        if changes := items(event.get("input_transformations")) or self._changes:
            extra["input_transformations"] = changes
        finish = finish_of(reason, answered=self._answered, has_calls=self._tools > 0)
        out.append(self._chunks.delta({}, finish=finish, extra=extra))

    def _finish(self) -> list[dict[str, Any]]:
        if self._has_usage:
            return []
        self._has_usage = True
        return [self._chunks.usage(usage_of(self._usage))] if self._usage else []

    def _count(self, counts: Any) -> None:
        # Counts are cumulative; one that is left out is unchanged.
        self._usage.update({key: value for key, value in mapping(counts).items() if value is not None})

    def _start(self, index: int, source: dict[str, Any], out: list[dict[str, Any]]) -> None:
        block = self._blocks[index] = _Block(source, self._text_length)
        kind = source.get("type")
        if kind == "text":
            self._add_text(text(source.get("text")), out)
            block.citations += items(source.get("citations"))
        elif kind == "thinking":
            block.signature.append(text(source.get("signature")))
            self._add_thinking(block, text(source.get("thinking")), out)
        elif kind == "tool_use" and source.get("name") not in {ANSWER_TOOL, VALUE_TOOL}:
            block.tool_index = self._tools
            self._tools += 1
            call = tool_call(text(source.get("id")), text(source.get("name")), "", index=block.tool_index)
            out.append(self._chunks.delta({"tool_calls": [call]}))
        elif kind in _PROVIDER_CALLS:
            self.provider_tool_ids.add(text(source.get("id")))

    def _delta(self, block: _Block, delta: dict[str, Any], out: list[dict[str, Any]]) -> None:
        kind = delta.get("type")
        if kind == "text_delta":
            self._add_text(text(delta.get("text")), out)
        elif kind == "thinking_delta":
            self._add_thinking(block, text(delta.get("thinking")), out)
        elif kind == "signature_delta":
            block.signature.append(text(delta.get("signature")))
        elif kind == "input_json_delta":
            piece = text(delta.get("partial_json"))
            block.json.append(piece)
            if piece and block.tool_index >= 0:
                call = {"index": block.tool_index, "function": {"arguments": piece}}
                out.append(self._chunks.delta({"tool_calls": [call]}))
            elif piece and block.source.get("name") == ANSWER_TOOL and block.source.get("type") == "tool_use":
                self._answered = True
                self._add_text(piece, out)
        elif kind == "citations_delta":
            block.citations += items([delta.get("citation")])

    def _add_text(self, piece: str, out: list[dict[str, Any]]) -> None:
        if piece:
            self._text_length += len(piece)
            out.append(self._chunks.delta({"content": piece}))

    def _add_thinking(self, block: _Block, piece: str, out: list[dict[str, Any]]) -> None:
        if piece:
            block.thinking.append(piece)
            out.append(self._chunks.delta({"reasoning_content": piece}))

    def _close_block(self, index: int, out: list[dict[str, Any]]) -> None:
        block = self._blocks.pop(index, None)
        if block is None:
            return
        source, kind = block.source, text(block.source.get("type"))
        if kind == "thinking":
            whole = {"type": "thinking", "thinking": "".join(block.thinking), "signature": "".join(block.signature)}
            if whole["thinking"] or whole["signature"]:
                out.append(self._chunks.delta({"thinking_blocks": [whole]}))
        elif kind == "redacted_thinking":
            piece = {"type": "redacted_thinking", "data": text(source.get("data"))}
            out.append(self._chunks.delta({"thinking_blocks": [piece]}))
        elif kind == "text":
            if block.citations:
                annotations = [annotation(cited, block.begins_at, self._text_length) for cited in block.citations]
                out.append(self._chunks.delta({"annotations": annotations}))
        elif kind in _JSON_BLOCKS:
            arguments = "".join(block.json) or dumped(mapping(source.get("input")))
            self._close_call(block, arguments, out)
        elif (ran := provider_tool(source)) is not None:
            out.append(self._chunks.delta({"provider_tool_calls": [ran]}))

    def _close_call(self, block: _Block, arguments: str, out: list[dict[str, Any]]) -> None:
        has_pieces = any(block.json)
        if block.tool_index >= 0:
            if not has_pieces:
                call = {"index": block.tool_index, "function": {"arguments": arguments}}
                out.append(self._chunks.delta({"tool_calls": [call]}))
        elif block.source.get("type") == "tool_use":
            self._answered = True
            if block.source.get("name") == VALUE_TOOL:
                self._add_text(answer_of_value(arguments), out)
            elif not has_pieces:
                self._add_text(arguments, out)
        elif (ran := provider_tool(block.source, arguments)) is not None:
            out.append(self._chunks.delta({"provider_tool_calls": [ran]}))
