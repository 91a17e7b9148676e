"""A Responses event stream as OpenAI chunks.

The same text arrives up to four times: in deltas, in a `…done` event, in the finished item and in the final response.
Providers leave out any of these, so each is read for what has not been emitted yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.errors import StreamInterruptedError
from ingate.wire.answers import Chunks, format_errors, items, mapping, parse_object, read_json, text, tool_call
from ingate.wire.completion import completion_chunks
from ingate.wire.decoding import Decoder, incomplete_response
from ingate.wire.fields import arguments_text, is_json
from ingate.wire.responses.answer import (
    REASONING_GAP,
    SEALED,
    annotation,
    call_fields,
    completion_of_response,
    created_of,
    error_of,
    finish_of,
    images_of,
    provider_tool,
    raise_error,
    usage_of,
)
from ingate.wire.responses.stream_items import StreamedItem, StreamedItems
from ingate.wire.sse import SSEParser

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.sse import SSEEvent

# Events with text → the type of item they belong to, the field of the item, and the event's key for the place in it.
_TEXTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "output_text": ("message", "text", "content_index"),
    "refusal": ("message", "refusal", "content_index"),
    "reasoning_summary_text": ("reasoning", "summary", "summary_index"),
    "reasoning_summary": ("reasoning", "summary", "summary_index"),  # before June 2025
    "reasoning_text": ("reasoning", "content", "content_index"),
    "reasoning": ("reasoning", "content", "content_index"),
}
_ARGUMENTS: Final[Mapping[str, tuple[str, str]]] = {
    "function_call_arguments": ("function_call", "arguments"),
    "custom_tool_call_input": ("custom_tool_call", "input"),
}
_PARTS: Final[Mapping[str, str]] = {
    "output_text": "text",
    "text": "text",
    "refusal": "refusal",
    "reasoning_text": "content",
    "summary_text": "summary",
}
_CALLS: Final = frozenset({"function_call", "custom_tool_call"})
_FINAL: Final = frozenset({"completed", "incomplete", "failed", "cancelled"})


class ResponsesDecoder(Decoder):
    """One streamed response; also one that came whole, as JSON. Unknown events and items are passed over."""

    def __init__(self, *, model: str) -> None:
        super().__init__()
        self._model = model
        self._events = SSEParser()
        self._whole: list[bytes] | None = None  # the body, if it is JSON instead of events
        self._is_open = False  # the first byte has come
        self._chunks = Chunks(model)
        self._items = StreamedItems()
        self._length = 0  # of the message's text
        self._has_reasoning = False
        self._calls = 0
        self._phases: set[str] = set()
        self._begun = False
        self._finished = False

    def _feed(self, data: bytes, out: list[dict[str, Any]]) -> None:
        if not self._is_open:
            data = data.lstrip(b" \t\r\n")
            if not data:
                return
            self._is_open = True
            if data[:1] in {b"{", b"["}:
                self._whole = []
        if self._whole is not None:
            self._whole.append(data)
            return
        for event in self._events.feed(data):
            if self.done:
                return
            self._take(event, out)

    def _close(self, out: list[dict[str, Any]]) -> None:
        left = self._events.close()
        if self._whole is not None:
            body = b"".join(self._whole)
            try:
                value = read_json(body)
            except ValueError:
                value = None  # perhaps events after a line of JSON
            left = self._events.feed(body) + self._events.close() if value is None else []
            if not any(is_json(event.data) for event in left):
                self._read_whole(parse_object(body), out)
                return
        for event in left:
            if self.done:
                return
            if is_json(event.data):  # the last event may have been cut
                self._take(event, out)
        if self._finished:
            return
        if not self.done or not self._items:
            raise incomplete_response()
        with format_errors():
            self._finish({}, "completed", out)

    def _read_whole(self, response: dict[str, Any], out: list[dict[str, Any]]) -> None:
        raise_error(response)
        with format_errors():
            out += completion_chunks(completion_of_response(response, self._model))

    def _take(self, event: SSEEvent, out: list[dict[str, Any]]) -> None:
        data = event.data
        if data.startswith("[DONE]"):
            self.done = True
        elif event.event == "error" and not is_json(data):
            raise error_of({"message": data})
        elif data and not data.isspace():
            value = parse_object(data)
            with format_errors():
                self._read(value, event.event, out)

    def _read(self, event: dict[str, Any], name: str, out: list[dict[str, Any]]) -> None:
        kind = text(event.get("type")) or name
        if kind == "response.output_text.delta" and self._emit_more(event, out):
            return
        if event.get("object") == "response" and "output" in event:  # a whole response as an event
            self._final(event, text(event.get("status")) or "completed", out)
            return
        if kind == "error" or kind.endswith(".error") or ("error" in event and not kind.startswith("response.")):
            raise error_of(event)
        word = kind.removeprefix("response.")
        stem, _, end = word.rpartition(".")
        if word in {"created", "in_progress", "queued"}:
            self._begin(mapping(event.get("response")), out)
        elif word in _FINAL:
            self._final(mapping(event.get("response")) or event, word, out)
        elif word == "output_item.added":
            self._items.added(event, mapping(event.get("item")))
        elif word == "output_item.done":
            item = mapping(event.get("item"))
            self._whole_item(self._items.of_event(event, text(item.get("type")), item), item, out)
        elif stem in _TEXTS and end in {"delta", "done"}:
            self._text_event(event, stem, end, out)
        elif stem in _ARGUMENTS and end in {"delta", "done"}:
            self._arguments_event(event, stem, end, out)
        elif word in {"content_part.done", "reasoning_summary_part.done"}:
            part = mapping(event.get("part"))
            place = _place(event, "content_index" if word == "content_part.done" else "summary_index")
            owner = "reasoning" if part.get("type") in {"reasoning_text", "summary_text"} else "message"
            self._part(self._items.of_event(event, owner), place, part, out)
        elif stem == "reasoning" and text(event.get("thought")):
            # Perplexity describes its steps in events of its own (`response.reasoning.search_queries`).
            self._emit(StreamedItem("reasoning"), "content", 0, text(event.get("thought")), out)
        elif word == "output_text.annotation.added":
            item, place = self._items.of_event(event, "message"), _place(event, "content_index")
            item.annotations[place] = item.annotations.get(place, 0) + 1
            self._emit_annotations(item, place, [mapping(event.get("annotation"))], out)

    def _emit_more(self, event: Mapping[str, Any], out: list[dict[str, Any]]) -> bool:
        """The common case, a further piece of a text that has begun, at little cost; whether it was that."""
        piece, place, item = event.get("delta"), event.get("content_index"), self._items.at(event.get("output_index"))
        emitted = item.emitted.get(("text", place)) if item is not None and place.__class__ is int else None
        if not emitted or piece.__class__ is not str or not piece or event.get("logprobs"):
            return False
        emitted.append(piece)
        self._length += len(piece)
        out.append(self._chunks.delta({"content": piece}))
        return True

    def _begin(self, response: Mapping[str, Any], out: list[dict[str, Any]]) -> None:
        if self._begun:
            return
        self._begun = True
        self._chunks.id = text(response.get("id"))
        self._chunks.model = text(response.get("model")) or self._chunks.model
        self._chunks.created = created_of(response) or self._chunks.created
        out.append(self._chunks.delta({"role": "assistant", "content": ""}))

    def _text_event(self, event: Mapping[str, Any], stem: str, end: str, out: list[dict[str, Any]]) -> None:
        kind, where, key = _TEXTS[stem]
        item, place = self._items.of_event(event, kind), _place(event, key)
        if end == "delta":
            self._emit(item, where, place, text(event.get("delta")), out)
        else:
            whole = text(event.get("refusal" if where == "refusal" else "text"))
            self._emit_rest(item, where, place, whole, out)
        if where == "text":
            probabilities = items(event.get("logprobs"))
            if probabilities and (end == "delta" or place not in item.logprobs):
                self._emit_logprobs(item, place, probabilities, out)

    def _emit_rest(self, item: StreamedItem, where: str, place: int, whole: str, out: list[dict[str, Any]]) -> None:
        """Emit what `whole` has beyond what was emitted of this part; nothing if it is a different text."""
        emitted = "".join(item.emitted.get((where, place), ()))
        if whole.startswith(emitted):
            self._emit(item, where, place, whole[len(emitted) :], out)

    def _emit(self, item: StreamedItem, where: str, place: int, piece: str, out: list[dict[str, Any]]) -> None:
        if not piece:
            return
        emitted = item.emitted.setdefault((where, place), [])
        is_first = not emitted
        emitted.append(piece)
        if where == "text":
            item.begins.setdefault(place, self._length)
            self._length += len(piece)
            out.append(self._chunks.delta({"content": piece}))
        elif where == "refusal":
            out.append(self._chunks.delta({"refusal": piece}))
        else:
            gap = REASONING_GAP if is_first and self._has_reasoning else ""
            self._has_reasoning = True
            out.append(self._chunks.delta({"reasoning_content": gap + piece}))

    def _emit_logprobs(
        self, item: StreamedItem, place: int, found: list[dict[str, Any]], out: list[dict[str, Any]]
    ) -> None:
        item.logprobs.add(place)
        out.append(self._chunks.delta({}, extra={"logprobs": {"content": found, "refusal": None}}))

    def _emit_annotations(
        self, item: StreamedItem, place: int, notes: list[dict[str, Any]], out: list[dict[str, Any]]
    ) -> None:
        found = [annotation(note, item.begins.get(place, self._length)) for note in notes if note]
        if found:
            out.append(self._chunks.delta({"annotations": found}))

    def _part(self, item: StreamedItem, place: int, part: Mapping[str, Any], out: list[dict[str, Any]]) -> None:
        """Read a finished part of an item."""
        where = _PARTS.get(text(part.get("type")))
        if where is None:
            return
        self._emit_rest(item, where, place, text(part.get("refusal" if where == "refusal" else "text")), out)
        if where != "text":
            return
        if place not in item.logprobs and (probabilities := items(part.get("logprobs"))):
            self._emit_logprobs(item, place, probabilities, out)
        notes = items(part.get("annotations"))
        count = item.annotations.get(place, 0)
        if len(notes) > count:
            item.annotations[place] = len(notes)
            self._emit_annotations(item, place, notes[count:], out)

    def _arguments_event(self, event: Mapping[str, Any], stem: str, end: str, out: list[dict[str, Any]]) -> None:
        kind, key = _ARGUMENTS[stem]
        item = self._items.of_event(event, kind)
        item.describe(event)
        if end == "done":
            self._whole_arguments(item, arguments_text(event.get(key)), out)
            return
        piece = text(event.get("delta"))
        if not piece:
            return
        item.held.append(piece)
        if kind == "function_call" and not item.emitted:
            # GitHub Copilot enciphers the pieces and gives the text at the end; arguments begin with a brace.
            begin = "".join(item.held).lstrip()
            if not begin.startswith("{"):
                return
        self._emit_held(item, out)

    def _whole_arguments(self, item: StreamedItem, whole: str, out: list[dict[str, Any]]) -> None:
        emitted = "".join(item.emitted.get(("arguments", 0), ()))
        if not emitted:
            item.held = [whole] if whole else item.held
        elif whole.startswith(emitted):
            item.held = [whole[len(emitted) :]]
        self._emit_held(item, out)

    def _emit_held(self, item: StreamedItem, out: list[dict[str, Any]]) -> None:
        """Tell a call's arguments, once it is known what it calls and by which id."""
        is_custom = item.kind == "custom_tool_call"
        if item.call_index < 0:
            if not item.name or not item.call_id:
                return
            item.call_index = self._calls
            self._calls += 1
            head = tool_call(item.call_id, item.name, "", index=item.call_index)
            if is_custom:
                head = {"index": item.call_index, "id": item.call_id, "type": "custom"}
                head["custom"] = {"name": item.name, "input": ""}
            out.append(self._chunks.delta({"tool_calls": [head]}))
        piece = "".join(item.held)
        item.held = []
        if piece:
            item.emitted.setdefault(("arguments", 0), []).append(piece)
            inner = {"custom": {"input": piece}} if is_custom else {"function": {"arguments": piece}}
            out.append(self._chunks.delta({"tool_calls": [{"index": item.call_index, **inner}]}))

    def _whole_item(self, item: StreamedItem, source: dict[str, Any], out: list[dict[str, Any]]) -> None:
        """Read a finished item and emit what has not been emitted of it."""
        if item.kind == "message":
            self._phases.add(text(source.get("phase")))
            for place, part in enumerate(items(source.get("content"))):
                self._part(item, place, part, out)
        elif item.kind in SEALED:
            for where in ("summary", "content"):
                for place, part in enumerate(items(source.get(where))):
                    self._emit_rest(item, where, place, text(part.get("text")), out)
            if not item.is_emitted:
                out.append(self._chunks.delta({"reasoning_items": [source]}))
        elif item.kind in _CALLS:
            self._whole_call(item, source, out)
        elif not item.is_emitted and item.kind:
            delta = {"provider_tool_calls": [provider_tool(source)]}
            if images := images_of(source):
                delta["images"] = images
            out.append(self._chunks.delta(delta))
        item.is_emitted = True

    def _whole_call(self, item: StreamedItem, source: Mapping[str, Any], out: list[dict[str, Any]]) -> None:
        item.describe(source)
        item.call_id = item.call_id or text(source.get("id"))
        key = "input" if item.kind == "custom_tool_call" else "arguments"
        self._whole_arguments(item, arguments_text(source.get(key)), out)
        fields = call_fields(source)
        if fields and not item.is_emitted and item.call_index >= 0:
            piece = {"index": item.call_index, "function": {}, "provider_specific_fields": fields}
            out.append(self._chunks.delta({"tool_calls": [piece]}))

    def _final(self, response: dict[str, Any], word: str, out: list[dict[str, Any]]) -> None:
        """The response has ended: emit what only its final object holds, then the end."""
        self._begin(response, out)
        for index, source in enumerate(items(response.get("output"))):
            self._whole_item(self._items.of_final(index, source), source, out)
        status = text(response.get("status")) or word
        if status == "failed" or word == "failed":
            raise error_of(response)
        if status == "cancelled":
            raise StreamInterruptedError("the response was cancelled", retryable=False)
        self._finish(response, status, out)

    def _finish(self, response: Mapping[str, Any], status: str, out: list[dict[str, Any]]) -> None:
        for item in self._items:
            if item.kind in _CALLS and (item.held or item.call_index < 0):
                item.call_id = item.call_id or item.id
                self._emit_held(item, out)
        if len(self._phases) == 1 and (phase := next(iter(self._phases))):
            out.append(self._chunks.delta({"phase": phase}))
        finish, native = finish_of({**response, "status": status}, has_calls=self._calls > 0)
        out.append(self._chunks.delta({}, finish=finish or "stop", extra={"native_finish_reason": native}))
        counts = usage_of(response)
        if counts is not None:
            chunk = self._chunks.usage(counts)
            if tier := text(response.get("service_tier")):
                chunk["service_tier"] = tier
            out.append(chunk)
        self._finished = True
        self.done = True


def _place(event: Mapping[str, Any], key: str) -> int:
    place = event.get(key)
    return place if isinstance(place, int) and not isinstance(place, bool) else 0
