"""The events of a Responses stream, from normalised chunks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingate.wire.delta_order import DeltaOrder
from ingate.wire.errors import error_to_response
from ingate.wire.events import with_warnings
from ingate.wire.reasoning_state import StateBuffer, call_state, item_text, provider_of
from ingate.wire.responses.downstream_answer import (
    annotation,
    called,
    end,
    envelope,
    error_object,
    message_item,
    new_id,
    reasoning_item,
    search_item,
    text_part,
)
from ingate.wire.responses.downstream_tools import InputReader, ToolName, call_item, item_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.errors import IngateError
    from ingate.wire.events import Event
    from ingate.wire.responses.downstream_request import ResponsesRequest

# A response of nothing but these has an empty message too.
_WITHOUT_ANSWER = frozenset({"reasoning", "web_search_call"})


@dataclass(slots=True)
class _Reasoning:
    id: str
    text: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Message:
    id: str
    content: list[dict[str, Any]] = field(default_factory=list)  # the finished parts
    kind: str = ""  # of the open part: "output_text", "refusal", or none
    text: list[str] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    logprobs: list[Any] = field(default_factory=list)


@dataclass(slots=True)
class _Call:
    id: str
    index: int
    call_id: str
    tool: ToolName
    arguments: list[str] = field(default_factory=list)
    reader: InputReader = field(default_factory=InputReader)


class ResponseStream:
    """Turns normalised chunks into the events of a Responses stream: `start`, `feed` each chunk, then `finish` or `fail`.

    One output item is open at a time: it is done before the next is added, also if the parts of parallel tool calls arrive
    mixed.

    Attributes:
        response: The response as far as it has come.
    """

    def __init__(self, request: ResponsesRequest) -> None:
        self.response = envelope(request, str(request.body["model"]))
        self._request = request
        self._provider = ""
        self._order = DeltaOrder()
        self._state = StateBuffer()
        self._origin = ""  # the provider of that state, if it is stamped
        self._open: _Reasoning | _Message | _Call | None = None
        self._streamed = False  # whether reasoning text arrived before the block or item that holds it whole
        self._logprobs: list[Any] = []
        self._finish = "stop"
        self._usage: Mapping[str, Any] | None = None
        self._sequence = 0
        self._events: list[Event] = []

    def start(self, first: Mapping[str, Any]) -> list[Event]:
        """The events before all others."""
        self.response["model"] = str(first.get("model") or self.response["model"])
        self._provider = str((first.get("ingate") or {}).get("provider") or "")
        for kind in ("response.created", "response.in_progress"):
            self._add(kind, response={**self.response, "output": []})
        return self._taken()

    def feed(self, chunk: Mapping[str, Any]) -> list[Event]:
        """The events of one chunk, possibly none."""
        if chunk.get("usage") is not None:
            self._usage = chunk["usage"]
        for choice in chunk.get("choices") or ():
            if choice.get("index"):
                continue  # this API has one answer
            self._logprobs = (choice.get("logprobs") or {}).get("content") or []
            self._read(self._order.feed(choice.get("delta") or {}))
            if choice.get("finish_reason"):
                self._finish = choice["finish_reason"]
        return self._taken()

    def finish(self, metadata: Mapping[str, Any] | None) -> list[Event]:
        """The last events; the very last has the whole response."""
        self._logprobs = []
        self._read(self._order.finish())
        if self._open is None and all(item["type"] in _WITHOUT_ANSWER for item in self.response["output"]):
            self._start_message()
        self._close()
        self._flush_state()
        end(self.response, self._finish, self._usage, with_warnings(metadata, self._request.warnings))
        self._add(f"response.{self.response['status']}", response=self.response)
        return self._taken()

    def fail(self, error: IngateError, request_id: str) -> list[Event]:
        """An `error` event, on which SDKs raise, and the failed response, which other clients read."""
        details = error_to_response(error)[2]["error"]
        fields = {"code": str(details.get("code") or "error"), "message": str(error), "param": details.get("param")}
        self._add("error", **fields, error=details, request_id=request_id)
        self.response.update(status="failed", error=error_object(error))
        self._add("response.failed", response=self.response)
        return self._taken()

    def _add(self, kind: str, **fields: Any) -> None:
        self._events.append({"type": kind, "sequence_number": self._sequence, **fields})
        self._sequence += 1

    def _taken(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _read(self, pieces: list[tuple[str, Any]]) -> None:
        for kind, value in pieces:
            match kind:
                case "content":
                    self._text(value)
                case "reasoning_content":
                    self._think(value)
                case "tool_calls":
                    self._call_piece(value)
                case "refusal":
                    self._refuse(value)
                case "annotations":
                    self._annotate(value)
                case "thinking_blocks":
                    self._thinking_blocks(value)
                case "reasoning_items":
                    for item in value:
                        self._native_item(item)
                case "state":
                    self._state.add(value)
                case "provider_tool_calls":
                    for ran in value:
                        if (item := search_item(ran)) is not None:
                            self._search(item)

    # Output items.

    def _at(self) -> dict[str, Any]:
        """Where the open item is."""
        assert self._open is not None
        return {"item_id": self._open.id, "output_index": len(self.response["output"])}

    def _start(self, opened: _Reasoning | _Message | _Call, item: dict[str, Any]) -> None:
        self._close()
        self._open = opened
        self._add("response.output_item.added", output_index=len(self.response["output"]), item=item)

    def _close(self) -> None:
        match self._open:
            case _Reasoning() as reasoning:
                item = self._finished_reasoning(reasoning)
            case _Message() as message:
                item = self._finished_message(message)
            case _Call() as call:
                item = self._finished_call(call)
            case None:
                return
        self._open = None
        self._add("response.output_item.done", output_index=len(self.response["output"]), item=item)
        self.response["output"].append(item)

    def _search(self, item: dict[str, Any]) -> None:
        """A web search that the provider has run."""
        self._close()
        index = len(self.response["output"])
        begun = {**item, "status": "in_progress"}
        self._add("response.output_item.added", output_index=index, item=begun)
        for step in ("in_progress", "searching", "completed"):
            self._add(f"response.web_search_call.{step}", item_id=item["id"], output_index=index)
        self._add("response.output_item.done", output_index=index, item=item)
        self.response["output"].append(item)

    # Reasoning.

    def _start_reasoning(self) -> _Reasoning:
        if isinstance(self._open, _Reasoning):
            return self._open
        opened = _Reasoning(new_id("rs"))
        self._start(opened, reasoning_item("", "", None, item_id=opened.id))
        return opened

    def _think(self, text: str) -> None:
        reasoning = self._start_reasoning()
        at = {**self._at(), "summary_index": 0}
        if not reasoning.text:
            self._add("response.reasoning_summary_part.added", **at, part={"type": "summary_text", "text": ""})
        reasoning.text.append(text)
        self._streamed = True
        self._add("response.reasoning_summary_text.delta", **at, delta=text)

    def _thinking_blocks(self, blocks: list[dict[str, Any]]) -> None:
        """Signed blocks. Their text has mostly arrived as reasoning before them."""
        self._start_reasoning()
        for block in blocks:
            if not self._streamed and block.get("thinking"):
                self._think(block["thinking"])
            if block.get("signature"):
                self._streamed = False
        self._origin = provider_of(blocks, self._origin)
        self._state.add_items("thinking_blocks", blocks)

    def _native_item(self, item: Mapping[str, Any]) -> None:
        """A whole item of a Responses provider. It ends the item that its text was streamed in, if that is open."""
        self._start_reasoning()
        text = item_text(item)
        if text and not self._streamed:
            self._think(text)
        self._streamed = False
        self._origin = provider_of([item], self._origin)
        self._state.add_items("reasoning_items", [item])
        self._close()

    def _finished_reasoning(self, reasoning: _Reasoning) -> dict[str, Any]:
        if text := "".join(reasoning.text):
            at = {**self._at(), "summary_index": 0}
            self._add("response.reasoning_summary_text.done", **at, text=text)
            self._add("response.reasoning_summary_part.done", **at, part={"type": "summary_text", "text": text})
        return reasoning_item(text, self._origin or self._provider, self._state.take(), item_id=reasoning.id)

    def _flush_state(self) -> None:
        """Send state that no item holds yet in an item of its own."""
        if self._state:
            self._start_reasoning()
            self._close()

    # The message.

    def _start_message(self) -> _Message:
        if isinstance(self._open, _Message):
            return self._open
        opened = _Message(new_id("msg"))
        self._start(opened, message_item([], item_id=opened.id, status="in_progress"))
        return opened

    def _start_part(self, kind: str) -> _Message:
        message = self._start_message()
        if message.kind != kind:
            self._close_part(message)
            message.kind = kind
            empty = text_part("") if kind == "output_text" else {"type": "refusal", "refusal": ""}
            self._add("response.content_part.added", **self._in_part(message), part=empty)
        return message

    def _in_part(self, message: _Message) -> dict[str, Any]:
        return {**self._at(), "content_index": len(message.content)}

    def _text(self, text: str) -> None:
        message = self._start_part("output_text")
        message.text.append(text)
        message.logprobs += self._logprobs
        self._add("response.output_text.delta", **self._in_part(message), delta=text, logprobs=self._logprobs)

    def _refuse(self, text: str) -> None:
        message = self._start_part("refusal")
        message.text.append(text)
        self._add("response.refusal.delta", **self._in_part(message), delta=text)

    def _annotate(self, notes: list[Any]) -> None:
        message = self._open
        if not isinstance(message, _Message) or message.kind != "output_text":
            return
        for note in notes:
            if (made := annotation(note)) is not None:
                at = {**self._in_part(message), "annotation_index": len(message.annotations)}
                message.annotations.append(note)
                self._add("response.output_text.annotation.added", **at, annotation=made)

    def _close_part(self, message: _Message) -> None:
        if not message.kind:
            return
        at, text = self._in_part(message), "".join(message.text)
        if message.kind == "output_text":
            part = text_part(text, message.annotations, message.logprobs)
            self._add("response.output_text.done", **at, text=text, logprobs=part["logprobs"])
        else:
            part = {"type": "refusal", "refusal": text}
            self._add("response.refusal.done", **at, refusal=text)
        self._add("response.content_part.done", **at, part=part)
        message.content.append(part)
        message.kind, message.text, message.annotations, message.logprobs = "", [], [], []

    def _finished_message(self, message: _Message) -> dict[str, Any]:
        if not message.content and not message.kind:
            self._start_part("output_text")
        self._close_part(message)
        return message_item(message.content, item_id=message.id)

    # Tool calls.

    def _call_piece(self, call: Mapping[str, Any]) -> None:
        index = int(call.get("index") or 0)
        name, piece = called(call)
        opened = self._open
        if not isinstance(opened, _Call) or opened.index != index:
            self._state.add_call(str(call.get("id") or ""), call_state(call))
            self._close()
            self._flush_state()
            tool = self._request.tools.tool_of(name)
            opened = _Call(item_id(tool), index, str(call.get("id") or new_id("call")), tool)
            self._start(opened, call_item(tool, opened.call_id, "", identity=opened.id, status="in_progress"))
        if not piece:
            return
        opened.arguments.append(piece)
        if opened.tool.kind == "custom":
            self._input(opened.reader.feed(piece))
        elif opened.tool.kind == "function":
            self._add("response.function_call_arguments.delta", **self._at(), delta=piece)

    def _input(self, text: str) -> None:
        if text:
            self._add("response.custom_tool_call_input.delta", **self._at(), delta=text)

    def _finished_call(self, call: _Call) -> dict[str, Any]:
        item = call_item(call.tool, call.call_id, "".join(call.arguments), identity=call.id)
        if call.tool.kind == "custom":
            self._input(call.reader.rest(item["input"]))
            self._add("response.custom_tool_call_input.done", **self._at(), input=item["input"])
        elif call.tool.kind == "function":
            # openai 2 requires the name, which later versions of the schema no longer have.
            more = {"name": item["name"], "arguments": item["arguments"]}
            self._add("response.function_call_arguments.done", **self._at(), **more)
        return item
