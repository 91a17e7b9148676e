"""The events of a Messages stream, from normalised chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingate.wire.delta_order import DeltaOrder
from ingate.wire.events import with_warnings
from ingate.wire.messages.downstream_answer import (
    citation,
    ending,
    envelope,
    error_body,
    provider_block,
    sealed_block,
    text_block,
    thinking_block,
    tool_block,
    usage_of,
)
from ingate.wire.reasoning_state import StateBuffer, call_state, item_text, provider_of, without_stamp
from ingate.wire.thinking import seal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.errors import IngateError
    from ingate.wire.events import Event
    from ingate.wire.messages.downstream_request import MessagesRequest

_DELTA_USAGE = (
    "input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens",
    "output_tokens_details", "server_tool_use",
)  # fmt: skip


def event(name: str, **fields: Any) -> Event:
    """One event of a Messages stream."""
    return {"type": name, **fields}


class MessageStream:
    """Turns normalised chunks into the events of a Messages stream: `start`, `feed` each chunk, then `finish` or `fail`.

    One block is open at a time. The parts of parallel tool calls that arrive mixed are sent call by call.
    """

    def __init__(self, request: MessagesRequest) -> None:
        self._request = request
        self._provider = ""
        self._order = DeltaOrder()
        self._state = StateBuffer()
        self._index = -1
        self._kind: str | None = None  # of the open block
        self._streamed = False  # whether reasoning text arrived before the block or item that holds it whole
        self._call: int | None = None  # the index of the open tool call
        self._choice: dict[str, Any] = {}
        self._usage: Mapping[str, Any] | None = None
        self._tier: Any = None
        self._out: list[Event] = []

    def start(self, first: Mapping[str, Any]) -> list[Event]:
        """The event before all others."""
        metadata = first.get("ingate") or {}
        self._provider = str(metadata.get("provider") or "")
        message = envelope(self._request.model)
        message["usage"] = usage_of(metadata.get("usage"), first.get("service_tier"))
        return [event("message_start", message=message)]

    def feed(self, chunk: Mapping[str, Any]) -> list[Event]:
        """The events of one chunk, possibly none."""
        if chunk.get("usage") is not None:
            self._usage = chunk["usage"]
        self._tier = chunk.get("service_tier") or self._tier
        for choice in chunk.get("choices") or ():
            if choice.get("index"):
                continue  # this API has one answer
            self._read(self._order.feed(choice.get("delta") or {}))
            if choice.get("finish_reason"):
                self._choice = choice
        return self._taken()

    def finish(self, metadata: Mapping[str, Any] | None) -> list[Event]:
        """The last events. ingate's metadata is beside the usage."""
        self._read(self._order.finish())
        self._close()
        self._flush_state()
        delta = {**ending(self._choice, self._request.chat.get("stop") or ()), "container": None}
        counts = usage_of(self._usage, self._tier)
        metadata = with_warnings(metadata, self._request.warnings)
        more = {"ingate": metadata} if metadata else {}
        usage = {name: counts[name] for name in _DELTA_USAGE}
        self._out.append(event("message_delta", delta=delta, usage=usage, **more))
        self._out.append(event("message_stop"))
        return self._taken()

    def fail(self, error: IngateError, request_id: str) -> list[Event]:
        """The event that SDKs raise on. Nothing follows it."""
        return [*self._taken(), event("error", error=error_body(error, request_id)["error"], request_id=request_id)]

    def _taken(self) -> list[Event]:
        out, self._out = self._out, []
        return out

    def _read(self, pieces: list[tuple[str, Any]]) -> None:
        for kind, value in pieces:
            match kind:
                case "content" | "refusal":
                    self._open("text", text_block(""))
                    self._delta(type="text_delta", text=value)
                case "reasoning_content":
                    self._think(value)
                case "tool_calls":
                    self._call_piece(value)
                case "thinking_blocks":
                    for block in value:
                        self._thinking_block(block)
                case "reasoning_items":
                    for item in value:
                        self._reasoning_item(item)
                case "state":
                    self._state.add(value)
                case "provider_tool_calls":
                    for ran in value:
                        if (block := provider_block(ran)) is not None:
                            self._whole(block)
                case "annotations":
                    for note in value:
                        if self._kind == "text" and (cited := citation(note)):
                            self._delta(type="citations_delta", citation=cited)

    # Thinking.

    def _think(self, text: str) -> None:
        self._open("thinking", thinking_block("", ""))
        self._delta(type="thinking_delta", thinking=text)
        self._streamed = True

    def _thinking_block(self, block: Mapping[str, Any]) -> None:
        """A signed block. Its text has mostly arrived as reasoning before it; then only its signature is new."""
        if block.get("type") == "redacted_thinking":
            self._whole(without_stamp(block))
            return
        if not self._streamed and block.get("thinking"):
            self._open("thinking", thinking_block("", ""))
            self._delta(type="thinking_delta", thinking=block["thinking"])
        if signature := block.get("signature"):
            self._open("thinking", thinking_block("", ""))
            self._sign(signature)
            self._streamed = False

    def _reasoning_item(self, item: Mapping[str, Any]) -> None:
        """An item of a Responses provider, in an envelope. It ends the block that its text was streamed in, if that is open."""
        origin, payload = provider_of([item], self._provider), {"reasoning_items": [without_stamp(item)]}
        streamed, self._streamed = self._streamed, False
        if self._kind == "thinking" and streamed:
            self._sign(seal(origin, payload))
            return
        block = sealed_block("" if streamed else item_text(item), origin, payload)
        if block["type"] == "thinking":
            self._open("thinking", thinking_block("", ""))
            self._delta(type="thinking_delta", thinking=block["thinking"])
            self._sign(block["signature"])
        else:
            self._whole(block)

    def _sign(self, signature: str) -> None:
        self._delta(type="signature_delta", signature=signature)
        self._kind = None
        self._out.append(event("content_block_stop", index=self._index))

    def _flush_state(self) -> None:
        """Send state that no block holds yet as a block of its own."""
        if self._state:
            self._whole(sealed_block("", self._provider, self._state.take()))

    # Tool calls.

    def _call_piece(self, call: Mapping[str, Any]) -> None:
        index = int(call.get("index") or 0)
        function = call.get("function") or {}
        if self._kind != "tool_use" or index != self._call:
            self._state.add_call(str(call.get("id") or ""), call_state(call))
            self._close()
            self._flush_state()
            self._open("tool_use", tool_block(call.get("id"), function.get("name"), {}))
            self._call = index
        if piece := str(function.get("arguments") or ""):
            self._delta(type="input_json_delta", partial_json=piece)

    # Blocks.

    def _open(self, kind: str, empty: dict[str, Any]) -> None:
        if self._kind == kind and kind != "tool_use":
            return
        self._close()
        self._index += 1
        self._kind = kind
        self._out.append(event("content_block_start", index=self._index, content_block=empty))

    def _delta(self, **delta: Any) -> None:
        self._out.append(event("content_block_delta", index=self._index, delta=delta))

    def _close(self) -> None:
        if self._kind == "thinking":
            # No provider's signature came: the envelope tells whose thinking it is.
            self._sign(seal(self._provider, self._state.take()))
        elif self._kind is not None:
            self._kind = None
            self._out.append(event("content_block_stop", index=self._index))

    def _whole(self, block: dict[str, Any]) -> None:
        self._close()
        self._index += 1
        self._out.append(event("content_block_start", index=self._index, content_block=block))
        self._out.append(event("content_block_stop", index=self._index))
