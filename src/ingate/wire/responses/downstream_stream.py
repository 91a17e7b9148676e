"""The events of a Responses stream, from normalised chunks."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from ingate.wire.downstream import with_warnings
from ingate.wire.errors import error_to_response
from ingate.wire.responses.downstream_answer import (
    call_item,
    end,
    envelope,
    message_item,
    new_id,
    reasoning_item,
    text_part,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.errors import IngateError
    from ingate.wire.downstream import Event


class ResponseStream:
    """Turns chunks into events. Call `start`, feed it each chunk, then call `finish`, or `fail` where it broke.

    Args:
        body: The request, whose settings a response says again.

    Attributes:
        response: The response as far as it has come.
    """

    def __init__(self, body: Mapping[str, Any], warnings: list[str] | None = None) -> None:
        self.response = envelope(body, str(body["model"]))
        self._warnings = warnings or []
        self._events: list[Event] = []
        self._sequence = 0
        self._thought: dict[str, Any] | None = None  # each open item: index, id, and what it holds so far
        self._message: dict[str, Any] | None = None
        self._calls: dict[int, dict[str, Any]] = {}
        self._finish = "stop"
        self._usage: Mapping[str, Any] | None = None

    def start(self, first: Mapping[str, Any]) -> list[Event]:
        """The events before all others."""
        self.response["model"] = str(first.get("model") or self.response["model"])
        self._say("response.created", response=copy.deepcopy(self.response))
        self._say("response.in_progress", response=copy.deepcopy(self.response))
        return self._said()

    def feed(self, chunk: Mapping[str, Any]) -> list[Event]:
        """The events of one chunk, possibly none."""
        if chunk.get("usage") is not None:
            self._usage = chunk["usage"]
        for choice in chunk.get("choices") or ():
            if choice.get("index"):
                continue  # this API has one answer
            delta = choice.get("delta") or {}
            self._think(delta.get("reasoning_content") or "", delta.get("thinking_blocks") or ())
            self._speak(delta)
            for call in delta.get("tool_calls") or ():
                self._call(call)
            if choice.get("finish_reason"):
                self._finish = choice["finish_reason"]
        return self._said()

    def finish(self, metadata: Mapping[str, Any] | None) -> list[Event]:
        """The last events, the whole response among them."""
        self._close_thought()
        if self._message is None and not self._calls and not self.response["output"]:
            self._open_message()
        self._close_message()
        self._close_calls()
        self.response["output"].sort(key=lambda pair: pair[0])
        self.response["output"] = [item for _, item in self.response["output"]]
        end(self.response, self._finish, self._usage, with_warnings(metadata, self._warnings))
        self._say(f"response.{self.response['status']}", response=self.response)
        return self._said()

    def fail(self, error: IngateError, request_id: str) -> list[Event]:
        """The event that SDKs raise on, with the whole error beside it; nothing follows it."""
        details = error_to_response(error)[2]["error"]
        code = str(details.get("code") or "error")
        self._say("error", code=code, message=str(error), param=None, error=details, request_id=request_id)
        return self._said()

    def _say(self, kind: str, **fields: Any) -> None:
        self._events.append({"type": kind, "sequence_number": self._sequence, **fields})
        self._sequence += 1

    def _said(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _open(self, kind: str, item: Mapping[str, Any]) -> dict[str, Any]:
        index = len(self.response["output"]) + sum(
            one is not None for one in (self._thought, self._message, *self._calls.values())
        )
        self._say("response.output_item.added", output_index=index, item=item)
        return {"kind": kind, "index": index, "id": item["id"], "text": [], "blocks": [], "notes": [], "refusal": []}

    def _done(self, open_item: Mapping[str, Any], item: dict[str, Any]) -> None:
        self._say("response.output_item.done", output_index=open_item["index"], item=item)
        self.response["output"].append((open_item["index"], item))

    def _at(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {"item_id": item["id"], "output_index": item["index"]}

    # Reasoning.

    def _think(self, text: str, blocks: Any) -> None:
        from ingate.wire.thinking import add_blocks

        if not text and not blocks:
            return
        if self._thought is None:
            self._close_message()
            self._thought = self._open("reasoning", reasoning_item("", [], item_id=new_id("rs")))
        thought = self._thought
        if text:
            if not thought["text"]:
                part = {"type": "summary_text", "text": ""}
                self._say("response.reasoning_summary_part.added", **self._at(thought), summary_index=0, part=part)
            thought["text"].append(text)
            self._say("response.reasoning_summary_text.delta", **self._at(thought), summary_index=0, delta=text)
        add_blocks(thought["blocks"], blocks)

    def _close_thought(self) -> None:
        thought, self._thought = self._thought, None
        if thought is None:
            return
        if text := "".join(thought["text"]):
            at = {**self._at(thought), "summary_index": 0}
            self._say("response.reasoning_summary_text.done", **at, text=text)
            self._say("response.reasoning_summary_part.done", **at, part={"type": "summary_text", "text": text})
        self._done(thought, reasoning_item(text, thought["blocks"], item_id=thought["id"]))

    # The message.

    def _speak(self, delta: Mapping[str, Any]) -> None:
        text, refusal = delta.get("content") or "", delta.get("refusal") or ""
        notes = delta.get("annotations") or ()
        if not (text or refusal or (notes and self._message)):
            return
        message = self._message or self._open_message()
        if text:
            if not message["text"]:
                self._part("added", message, 0, text_part(""))
            message["text"].append(text)
            at = {**self._at(message), "content_index": 0}
            self._say("response.output_text.delta", **at, delta=text, logprobs=[])
        if refusal:
            place = 1 if message["text"] else 0
            if not message["refusal"]:
                self._part("added", message, place, {"type": "refusal", "refusal": ""})
            message["refusal"].append(refusal)
            self._say("response.refusal.delta", **self._at(message), content_index=place, delta=refusal)
        message["notes"] += notes

    def _open_message(self) -> dict[str, Any]:
        self._close_thought()
        self._message = self._open("message", message_item([], item_id=new_id("msg"), status="in_progress"))
        return self._message

    def _part(self, what: str, item: Mapping[str, Any], place: int, part: Mapping[str, Any]) -> None:
        self._say(f"response.content_part.{what}", **self._at(item), content_index=place, part=part)

    def _close_message(self) -> None:
        message, self._message = self._message, None
        if message is None:
            return
        content: list[dict[str, Any]] = []
        refusal = "".join(message["refusal"])
        if message["text"] or not refusal:
            if not message["text"]:
                self._part("added", message, 0, text_part(""))
            part = text_part("".join(message["text"]), message["notes"])
            at = {**self._at(message), "content_index": 0}
            self._say("response.output_text.done", **at, text=part["text"], logprobs=[])
            self._part("done", message, 0, part)
            content.append(part)
        if refusal:
            part = {"type": "refusal", "refusal": refusal}
            at = {**self._at(message), "content_index": len(content)}
            self._say("response.refusal.done", **at, refusal=refusal)
            self._part("done", message, len(content), part)
            content.append(part)
        self._done(message, message_item(content, item_id=message["id"]))

    # Tool calls. Parts of parallel ones may come mixed; each has its own item.

    def _call(self, call: Mapping[str, Any]) -> None:
        index = int(call.get("index") or 0)
        function = call.get("function") or {}
        if index not in self._calls:
            self._close_thought()
            self._close_message()
            call_id, name = str(call.get("id") or new_id("call")), str(function.get("name") or "")
            item = call_item(call_id, name, "", item_id=new_id("fc"), status="in_progress")
            self._calls[index] = {**self._open("call", item), "call_id": call_id, "name": name}
        if piece := str(function.get("arguments") or ""):
            called = self._calls[index]
            called["text"].append(piece)
            self._say("response.function_call_arguments.delta", **self._at(called), delta=piece)

    def _close_calls(self) -> None:
        for called in self._calls.values():
            arguments, name = "".join(called["text"]), called["name"]
            self._say("response.function_call_arguments.done", **self._at(called), name=name, arguments=arguments)
            self._done(called, call_item(called["call_id"], name, arguments, item_id=called["id"]))
        self._calls = {}
