"""The events of a Messages stream, from normalised chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ingate.wire.downstream import with_warnings
from ingate.wire.messages.downstream_answer import envelope, error_body, provider_block, stop_reason, usage_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.errors import IngateError
    from ingate.wire.downstream import Event


def event(name: str, **fields: Any) -> Event:
    """One event of a Messages stream."""
    return {"type": name, **fields}


class MessageStream:
    """Turns normalised chunks into the events of a Messages stream.

    Feed it each chunk, then call `finish`. Blocks never interleave: one is closed before the next is opened, so the
    parts of parallel tool calls that come mixed are sent call by call.
    """

    def __init__(self, model: str, warnings: list[str] | None = None) -> None:
        self._model = model
        self._warnings = warnings or []
        self._index = -1
        self._kind: str | None = None  # of the block that is open
        self._call = -1  # the index of the tool call that is open
        self._arguments = ""  # of that call, as far as they have come
        self._waiting: dict[int, dict[str, Any]] = {}  # calls that began while another was unfinished
        self._later: list[str] = []  # text that came inside an unfinished call
        self._thought = False
        self._choice: dict[str, Any] = {}
        self._usage: Mapping[str, Any] | None = None

    def start(self, first: Mapping[str, Any]) -> list[Event]:
        """The event before all others."""
        return [event("message_start", message=envelope(str(first.get("model") or self._model)))]

    def feed(self, chunk: Mapping[str, Any]) -> list[Event]:
        """The events of one chunk, possibly none."""
        if chunk.get("usage") is not None:
            self._usage = chunk["usage"]
        out: list[Event] = []
        for choice in chunk.get("choices") or ():
            if choice.get("index"):
                continue  # this format has one answer
            self._delta(choice.get("delta") or {}, out)
            if choice.get("finish_reason"):
                self._choice = choice
        return out

    def finish(self, metadata: Mapping[str, Any] | None) -> list[Event]:
        """The last events; ingate's metadata goes with the usage."""
        out: list[Event] = []
        self._close(out)
        for call in self._waiting.values():
            self._open_call(call, out)
            self._close(out)
        if self._later:
            self._in("text", {"text": ""}, out)
            self._say({"type": "text_delta", "text": "".join(self._later)}, out)
            self._close(out)
        delta = {"stop_reason": stop_reason(self._choice), "stop_sequence": None}
        metadata = with_warnings(metadata, self._warnings)
        more = {"ingate": metadata} if metadata else {}
        out.append(event("message_delta", delta=delta, usage=usage_of(self._usage), **more))
        out.append(event("message_stop"))
        return out

    def fail(self, error: IngateError, request_id: str) -> list[Event]:
        """The event that SDKs raise on; nothing follows it."""
        return [event("error", error=error_body(error, request_id)["error"], request_id=request_id)]

    def _delta(self, delta: Mapping[str, Any], out: list[Event]) -> None:
        if (reasoning := delta.get("reasoning_content")) and not self._unfinished():
            self._thought = True
            self._in("thinking", {"thinking": "", "signature": ""}, out)
            self._say({"type": "thinking_delta", "thinking": reasoning}, out)
        for block in delta.get("thinking_blocks") or ():
            self._thinking_block(block, out)
        for ran in delta.get("provider_tool_calls") or ():
            if (block := provider_block(ran)) is not None:
                self._whole(block, out)
        text = (delta.get("content") or "") + (delta.get("refusal") or "")
        if text and self._unfinished():
            self._later.append(text)
        elif text:
            self._in("text", {"text": ""}, out)
            self._say({"type": "text_delta", "text": text}, out)
        for call in delta.get("tool_calls") or ():
            self._tool(call, out)

    def _thinking_block(self, block: Mapping[str, Any], out: list[Event]) -> None:
        """Its text has mostly come as reasoning before it; then only its signature is new."""
        if block.get("type") == "redacted_thinking":
            self._whole({key: value for key, value in block.items() if key != "index"}, out)
            return
        if not self._thought and block.get("thinking"):
            self._in("thinking", {"thinking": "", "signature": ""}, out)
            self._say({"type": "thinking_delta", "thinking": block["thinking"]}, out)
        if signature := block.get("signature"):
            self._in("thinking", {"thinking": "", "signature": ""}, out)
            self._say({"type": "signature_delta", "signature": signature}, out)
            self._close(out)
            self._thought = False

    def _tool(self, call: Mapping[str, Any], out: list[Event]) -> None:
        index = int(call.get("index") or 0)
        function = call.get("function") or {}
        piece = str(function.get("arguments") or "")
        if index == self._call:
            self._arguments += piece
            if piece:
                self._say({"type": "input_json_delta", "partial_json": piece}, out)
        elif (kept := self._waiting.get(index)) is not None:
            kept["arguments"] += piece
        else:
            new = {"index": index, "id": call.get("id"), "name": function.get("name"), "arguments": piece}
            if self._waiting or self._unfinished():
                self._waiting[index] = new
            else:
                self._open_call(new, out)

    def _unfinished(self) -> bool:
        """Whether a tool call is open whose arguments are no whole JSON yet."""
        if self._call < 0:
            return False
        try:
            msgspec.json.decode(self._arguments)
        except msgspec.DecodeError:
            return True
        return False

    def _open_call(self, call: Mapping[str, Any], out: list[Event]) -> None:
        self._close(out)
        self._in("tool_use", {"id": call["id"] or "", "name": call["name"] or "", "input": {}}, out)
        self._call, self._arguments = call["index"], call["arguments"]
        if call["arguments"]:
            self._say({"type": "input_json_delta", "partial_json": call["arguments"]}, out)

    def _whole(self, block: dict[str, Any], out: list[Event]) -> None:
        self._close(out)
        self._index += 1
        out.append(event("content_block_start", index=self._index, content_block=block))
        out.append(event("content_block_stop", index=self._index))

    def _in(self, kind: str, empty: Mapping[str, Any], out: list[Event]) -> None:
        if self._kind == kind and kind != "tool_use":
            return
        self._close(out)
        self._index += 1
        self._kind = kind
        out.append(event("content_block_start", index=self._index, content_block={"type": kind, **empty}))

    def _say(self, delta: Mapping[str, Any], out: list[Event]) -> None:
        out.append(event("content_block_delta", index=self._index, delta=delta))

    def _close(self, out: list[Event]) -> None:
        if self._kind is not None:
            out.append(event("content_block_stop", index=self._index))
            self._kind = None
            self._call = -1
