"""Ollama's responses, whole and as JSON lines, as OpenAI's."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any

from ingate.wire.answers import (
    Chunks,
    completion,
    count,
    dumped,
    format_errors,
    items,
    mapping,
    parse_object,
    text,
    tool_call,
)
from ingate.wire.answers import usage as usage_object
from ingate.wire.decoding import Decoder, incomplete_response
from ingate.wire.errors import error_from_response
from ingate.wire.fields import is_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.errors import IngateError


def usage_of(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """OpenAI's usage, None without counts. Ollama may leave out the count of a fully cached prompt."""
    if "prompt_eval_count" not in answer and "eval_count" not in answer:
        return None
    return usage_object(prompt=count(answer.get("prompt_eval_count")), completion=count(answer.get("eval_count")))


def finish_of(reason: str, *, has_calls: bool) -> str:
    """OpenAI's finish reason. Ollama reports `stop` after tool calls as well."""
    if reason == "length":
        return "length"
    return "tool_calls" if has_calls else "stop"


def _error_of(answer: Mapping[str, Any]) -> IngateError:
    status = answer.get("status_code", answer.get("StatusCode"))
    status = status if isinstance(status, int) and 400 <= status <= 599 else 200
    return error_from_response(status, {}, {"error": text(answer.get("error"))}, provider=None)


def _key(answer: Mapping[str, Any]) -> str:
    """A part for generated ids that is unique to this response."""
    return re.sub(r"[^0-9]", "", text(answer.get("created_at")))[-18:] or secrets.token_hex(8)


def _calls(message: Mapping[str, Any], key: str, before: int) -> list[dict[str, Any]]:
    calls = []
    for at, call in enumerate(items(message.get("tool_calls")), before):
        function = mapping(call.get("function"))
        arguments = function.get("arguments")
        if not isinstance(arguments, str) or not arguments:
            arguments = dumped(mapping(arguments))
        call_id = text(call.get("id")) or f"call_{key}_{at}"
        calls.append(tool_call(call_id, text(function.get("name")), arguments, index=at))
    return calls


def _logprobs(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    tokens = items(answer.get("logprobs"))
    return {"content": tokens, "refusal": None} if tokens else None


def completion_of(body: bytes, *, model: str) -> dict[str, Any]:
    """A whole response as a completion."""
    answer = parse_object(body)
    if "error" in answer:
        raise _error_of(answer)
    with format_errors():
        return _completion(answer, model)


def _completion(answer: dict[str, Any], model: str) -> dict[str, Any]:
    source = answer["message"]
    if not isinstance(source, dict):
        raise TypeError("the message is not an object")
    calls = _calls(source, _key(answer), 0)
    for call in calls:
        del call["index"]
    content = text(source.get("content"))
    message: dict[str, Any] = {"role": "assistant", "content": content or (None if calls else "")}
    if reasoning := text(source.get("thinking")):
        message["reasoning_content"] = reasoning
    if calls:
        message["tool_calls"] = calls
    reason = text(answer.get("done_reason"))
    choice: dict[str, Any] = {
        "index": 0,
        "message": message,
        "finish_reason": finish_of(reason, has_calls=bool(calls)),
        "native_finish_reason": reason or None,
    }
    if (logprobs := _logprobs(answer)) is not None:
        choice["logprobs"] = logprobs
    model = text(answer.get("model")) or model
    return completion(answer_id="", model=model, choices=[choice], usage=usage_of(answer))


def embeddings_of(body: bytes, *, model: str) -> dict[str, Any]:
    """The embeddings as an OpenAI list."""
    answer = parse_object(body)
    if "error" in answer:
        raise _error_of(answer)
    with format_errors():
        tokens = count(answer.get("prompt_eval_count"))
        return {
            "object": "list",
            "data": [
                {"object": "embedding", "index": at, "embedding": list(one)}
                for at, one in enumerate(answer["embeddings"])
            ],
            "model": text(answer.get("model")) or model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }


class OllamaDecoder(Decoder):
    """One streamed response: one JSON object per line, the last with `done` and the counts."""

    def __init__(self, *, model: str) -> None:
        super().__init__()
        self._chunks = Chunks(model)
        self._partial: list[bytes] = []  # pieces of an incomplete line
        self._key = ""
        self._calls = 0

    def _feed(self, data: bytes, out: list[dict[str, Any]]) -> None:
        first, *rest = data.split(b"\n")
        self._partial.append(first)
        for line in rest:
            whole = b"".join(self._partial)
            self._partial = [line]
            self._line(whole, out)

    def _close(self, out: list[dict[str, Any]]) -> None:
        last = b"".join(self._partial).strip()
        self._partial = []
        if is_json(last.decode("utf-8", "replace")):  # a line cut off by a dropped connection is not
            self._line(last, out)
        if not self.done:
            raise incomplete_response()

    def _line(self, line: bytes, out: list[dict[str, Any]]) -> None:
        line = line.strip()
        if not line or self.done:
            return
        answer = parse_object(line)
        if "error" in answer:
            raise _error_of(answer)
        with format_errors():
            self._read(answer, out)

    def _read(self, answer: dict[str, Any], out: list[dict[str, Any]]) -> None:
        if not self._key:
            self._key = _key(answer)
            self._chunks.id = f"chatcmpl-{self._key}"
            self._chunks.model = text(answer.get("model")) or self._chunks.model
            out.append(self._chunks.delta({"role": "assistant", "content": ""}))
        message = mapping(answer.get("message"))
        logprobs = _logprobs(answer)
        if reasoning := text(message.get("thinking")):
            out.append(self._chunks.delta({"reasoning_content": reasoning}))
        if (content := text(message.get("content"))) or logprobs:
            out.append(self._chunks.delta({"content": content}, extra={"logprobs": logprobs} if logprobs else None))
        if calls := _calls(message, self._key, self._calls):
            self._calls += len(calls)
            out.append(self._chunks.delta({"tool_calls": calls}))
        if answer.get("done") is True:
            self.done = True
            reason = text(answer.get("done_reason"))
            finish = finish_of(reason, has_calls=self._calls > 0)
            out.append(self._chunks.delta({}, finish=finish, extra={"native_finish_reason": reason or None}))
            counts = usage_of(answer)
            if counts is not None:
                out.append(self._chunks.usage(counts))
