"""Cohere's responses, whole and streamed, as OpenAI's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.wire.answers import (
    Chunks,
    completion,
    count,
    format_errors,
    items,
    mapping,
    parse_object,
    text,
    tool_call,
    usage,
)
from ingate.wire.decoding import Decoder, incomplete_response
from ingate.wire.errors import error_from_response
from ingate.wire.fields import is_json
from ingate.wire.sse import SSEParser

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.errors import IngateError

# https://docs.cohere.com/v2/reference/chat#response.body.finish_reason
# Those other than an ordinary end.
_FINISH: Final[Mapping[str, str]] = {
    "MAX_TOKENS": "length",
    "ERROR_LIMIT": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
    "ERROR": "error",
    "TIMEOUT": "error",
}


def usage_of(counts: Mapping[str, Any]) -> dict[str, Any] | None:
    """OpenAI's usage: all tokens if Cohere reports them, else the billed ones; None if it reports neither."""
    tokens = mapping(counts.get("tokens")) or mapping(counts.get("billed_units"))
    if not tokens:
        return None
    billed = {name: value for name, value in mapping(counts.get("billed_units")).items() if value is not None}
    return usage(
        prompt=count(tokens.get("input_tokens")),
        completion=count(tokens.get("output_tokens")),
        cached=count(counts.get("cached_tokens")),
        reasoning=count(tokens.get("reasoning_tokens")),
        more={"billed_units": billed} if billed else None,
    )


def _annotation(citation: Mapping[str, Any]) -> dict[str, Any] | None:
    """A citation in the response's text; None for one in a plan or in reasoning, whose offsets refer to other text."""
    if citation.get("type", "TEXT_CONTENT") != "TEXT_CONTENT":
        return None
    cited = {
        "start_index": count(citation.get("start")),
        "end_index": count(citation.get("end")),
        "cited_text": text(citation.get("text")),
        "sources": items(citation.get("sources")),
    }
    return {"type": "document_citation", "document_citation": cited}


def _error_of(answer: Mapping[str, Any]) -> IngateError:
    return error_from_response(200, {}, {"message": text(answer.get("message"))}, provider=None)


def _native_finish(reason: str, message: str) -> dict[str, Any]:
    extra: dict[str, Any] = {"native_finish_reason": reason or None}
    if message:
        extra["native_finish_message"] = message
    return extra


def completion_of(body: bytes, *, model: str) -> dict[str, Any]:
    """A whole response as a completion."""
    answer = parse_object(body)
    if isinstance(answer.get("message"), str):
        raise _error_of(answer)
    with format_errors():
        return _completion(answer, model)


def _completion(answer: dict[str, Any], model: str) -> dict[str, Any]:
    source = answer["message"]
    if not isinstance(source, dict):
        raise TypeError("the message is not an object")
    parts = items(source.get("content"))
    content = "".join(text(part.get("text")) for part in parts if part.get("type") == "text")
    reasoning = "".join(text(part.get("thinking")) for part in parts if part.get("type") == "thinking")
    calls = [_whole_call(call) for call in items(source.get("tool_calls"))]
    annotations = [note for one in items(source.get("citations")) if (note := _annotation(one))]
    message: dict[str, Any] = {"role": "assistant", "content": content or (None if calls else "")}
    more = {
        "reasoning_content": reasoning,
        "tool_calls": calls,
        "tool_plan": text(source.get("tool_plan")),
        "annotations": annotations,
    }
    message.update({key: value for key, value in more.items() if value})
    raw = text(answer.get("finish_reason"))
    choice = {"index": 0, "message": message, "finish_reason": _FINISH.get(raw, "stop"), **_native_finish(raw, "")}
    return completion(
        answer_id=text(answer.get("id")), model=model, choices=[choice], usage=usage_of(mapping(answer.get("usage")))
    )


def _whole_call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = mapping(call.get("function"))
    return tool_call(text(call.get("id")), text(function.get("name")), text(function.get("arguments")) or "{}")


class CohereDecoder(Decoder):
    """One streamed response."""

    def __init__(self, *, model: str) -> None:
        super().__init__()
        self._events = SSEParser()
        self._chunks = Chunks(model)
        self._plan: list[str] = []
        self._calls: dict[int, int] = {}  # Cohere's index → ours
        self._ended = False

    def _feed(self, data: bytes, out: list[dict[str, Any]]) -> None:
        for event in self._events.feed(data):
            self._event(event.data, out)

    def _close(self, out: list[dict[str, Any]]) -> None:
        for event in self._events.close():
            if is_json(event.data):  # an event cut off by a dropped connection is not
                self._event(event.data, out)
        if not self._ended:
            raise incomplete_response()

    def _event(self, data: str, out: list[dict[str, Any]]) -> None:
        if data.strip() == "[DONE]":
            self.done = self._ended
        elif data.strip():
            event = parse_object(data)
            with format_errors():
                self._read(event, out)

    def _read(self, event: dict[str, Any], out: list[dict[str, Any]]) -> None:
        kind, delta = event.get("type"), mapping(event.get("delta"))
        message = mapping(delta.get("message"))
        if kind == "message-start":
            self._chunks.id = text(event.get("id"))
            out.append(self._chunks.delta({"role": "assistant", "content": ""}))
        elif kind in {"content-start", "content-delta"}:
            self._content(mapping(message.get("content")), out)
        elif kind == "tool-plan-delta":
            self._plan.append(text(message.get("tool_plan")))
        elif kind in {"tool-call-start", "tool-call-delta"}:
            self._call(event.get("index"), mapping(message.get("tool_calls")), out)
        elif kind == "citation-start":
            if note := _annotation(mapping(message.get("citations"))):
                out.append(self._chunks.delta({"annotations": [note]}))
        elif kind == "message-end":
            self._end(delta, out)
        elif kind is None and isinstance(event.get("message"), str):
            raise _error_of(event)

    def _content(self, content: dict[str, Any], out: list[dict[str, Any]]) -> None:
        if piece := text(content.get("text")):
            out.append(self._chunks.delta({"content": piece}))
        if piece := text(content.get("thinking")):
            out.append(self._chunks.delta({"reasoning_content": piece}))

    def _call(self, index: Any, call: dict[str, Any], out: list[dict[str, Any]]) -> None:
        function = mapping(call.get("function"))
        place = index if isinstance(index, int) else len(self._calls)
        arguments = text(function.get("arguments"))
        if place not in self._calls:
            self._emit_plan(out)
            self._calls[place] = len(self._calls)
            made = tool_call(text(call.get("id")), text(function.get("name")), arguments, index=self._calls[place])
            out.append(self._chunks.delta({"tool_calls": [made]}))
        elif arguments:
            piece = {"index": self._calls[place], "function": {"arguments": arguments}}
            out.append(self._chunks.delta({"tool_calls": [piece]}))

    def _emit_plan(self, out: list[dict[str, Any]]) -> None:
        if plan := "".join(self._plan):
            self._plan = []
            out.append(self._chunks.delta({"tool_plan": plan}))

    def _end(self, delta: dict[str, Any], out: list[dict[str, Any]]) -> None:
        if self._ended:
            return
        self._ended = True
        self._emit_plan(out)
        raw = text(delta.get("finish_reason"))
        extra = _native_finish(raw, text(delta.get("error")))
        out.append(self._chunks.delta({}, finish=_FINISH.get(raw, "stop"), extra=extra))
        counts = usage_of(mapping(delta.get("usage")))
        if counts is not None:
            out.append(self._chunks.usage(counts))
