"""Gemini's responses as OpenAI's. Each piece of a stream has the form of a whole response, so one reader serves both."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any, Final

from ingate.wire.answers import (
    completion,
    count,
    dumped,
    format_errors,
    items,
    mapping,
    parse_object,
    text,
    tool_call,
    usage,
)
from ingate.wire.errors import error_from_response
from ingate.wire.gemini.contents import MADE_UP_ID
from ingate.wire.gemini.partial_args import PartialCall

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.errors import IngateError

# https://ai.google.dev/api/generate-content#FinishReason; any other reason is read as an ordinary end.
_LENGTH: Final = frozenset({"MAX_TOKENS"})
_FILTERED: Final = frozenset(
    {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "JAILBREAK", "IMAGE_SAFETY"}
    | {"IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"}
)
_NOT_FINISHED: Final = frozenset({"", "FINISH_REASON_UNSPECIFIED"})


def finish_of(reason: str, *, has_calls: bool) -> str:
    """OpenAI's finish reason. Gemini reports STOP after tool calls as well."""
    if reason in _LENGTH:
        return "length"
    if reason in _FILTERED:
        return "content_filter"
    return "tool_calls" if has_calls else "stop"


def usage_of(counts: Mapping[str, Any]) -> dict[str, Any] | None:
    """OpenAI's usage, None without counts. Results of tools that Gemini ran are input, too."""
    prompt = count(counts.get("promptTokenCount")) + count(counts.get("toolUsePromptTokenCount"))
    thoughts = count(counts.get("thoughtsTokenCount"))
    answer = count(counts.get("candidatesTokenCount") or counts.get("responseTokenCount"))
    if not (prompt or thoughts or answer or "totalTokenCount" in counts):
        return None
    total = counts.get("totalTokenCount")
    made = usage(
        prompt=prompt,
        completion=answer + thoughts,
        total=count(total) if total is not None else None,
        cached=count(counts.get("cachedContentTokenCount")),
        reasoning=thoughts,
    )
    for name, key in (("prompt", "promptTokensDetails"), ("completion", "candidatesTokensDetails")):
        audio = sum(count(one.get("tokenCount")) for one in items(counts.get(key)) if one.get("modality") == "AUDIO")
        if audio:
            made[f"{name}_tokens_details"]["audio_tokens"] = audio
    return made


def error_of(answer: Mapping[str, Any]) -> IngateError:
    """The error that an error object inside a 200 means."""
    error = mapping(answer.get("error"))
    code = error.get("code")
    status = code if isinstance(code, int) and 400 <= code <= 599 else 500
    return error_from_response(status, {}, {"error": error}, provider=None)


class Candidate:
    """One candidate as far as it has arrived.

    `read` takes one piece and returns its content as deltas, in which tool calls have an index.
    """

    def __init__(self, index: int, answer_id: str) -> None:
        self.index = index
        self.calls = 0
        self.finish = ""
        self.message = ""
        self.text: list[str] = []
        self._answer_id = answer_id
        self._searched = False
        self._partial: PartialCall | None = None
        self._grounding: dict[str, Any] = {}
        self._cited: list[dict[str, Any]] = []

    def read(self, source: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The deltas of one piece, in the order of its parts."""
        deltas: list[dict[str, Any]] = []
        for part in items(mapping(source.get("content")).get("parts")):
            self._part(part, deltas)
        queries = mapping(source.get("groundingMetadata")).get("webSearchQueries")
        if queries and not self._searched:
            self._searched = True
            search = {"id": "", "type": "google_search", "name": "google_search"}
            deltas.append({"provider_tool_calls": [{**search, "arguments": dumped({"queries": queries})}]})
        self._grounding.update(mapping(source.get("groundingMetadata")))
        self._cited += items(mapping(source.get("citationMetadata")).get("citations"))
        reason = text(source.get("finishReason"))
        if reason not in _NOT_FINISHED:
            self.finish = self.finish or reason
            self.message = text(source.get("finishMessage"))
            deltas += self._end()
        return deltas

    def _part(self, part: dict[str, Any], deltas: list[dict[str, Any]]) -> None:
        signature = text(part.get("thoughtSignature") or part.get("thought_signature"))
        content = text(part.get("text"))
        if "functionCall" in part:
            self._call(mapping(part["functionCall"]), signature, deltas)
            return
        if content:
            if part.get("thought") is True:
                deltas.append({"reasoning_content": content})
            else:
                self.text.append(content)
                deltas.append({"content": content})
        if (ran := _provider_tool(part)) is not None:
            deltas.append({"provider_tool_calls": [ran]})
        elif isinstance(blob := part.get("inlineData"), dict):
            deltas.append(_media(blob))
        if signature and "text" in part and part.get("thought") is not True:
            deltas.append({"extra_content": {"google": {"thought_signature": signature}}})

    def _call(self, call: dict[str, Any], signature: str, deltas: list[dict[str, Any]]) -> None:
        if call.get("willContinue") is True or "partialArgs" in call or self._partial is not None:
            # Vertex AI may send a call's arguments in pieces; the call is emitted once it is complete.
            self._partial = self._partial or PartialCall()
            if not self._partial.add(call, signature):
                return
            call, signature = self._partial.whole(), self._partial.signature
            self._partial = None
        made = tool_call(
            text(call.get("id")) or f"{MADE_UP_ID}{self._answer_id}_{self.index}_{self.calls}",
            text(call.get("name")),
            dumped(mapping(call.get("args"))),
            index=self.calls,
        )
        if signature:
            made["extra_content"] = {"google": {"thought_signature": signature}}
        self.calls += 1
        deltas.append({"tool_calls": [made]})

    def _end(self) -> list[dict[str, Any]]:
        """The deltas of the end: a call whose last piece is missing, and the sources of the text."""
        deltas: list[dict[str, Any]] = []
        if self._partial is not None:
            held, self._partial = self._partial, None
            self._call(held.whole(), held.signature, deltas)
        notes = annotations(self._grounding, "".join(self.text)) + _citations(self._cited)
        self._grounding, self._cited = {}, []
        return [*deltas, {"annotations": notes}] if notes else deltas


def _provider_tool(part: Mapping[str, Any]) -> dict[str, Any] | None:
    """A tool that Gemini ran itself: its call (`arguments`) or its result (`result`)."""
    if isinstance(code := part.get("executableCode"), dict):
        ran = {"id": text(code.get("id")), "type": "code_execution", "name": "code_execution"}
        return {**ran, "arguments": dumped({key: code.get(key) for key in ("language", "code")})}
    if isinstance(result := part.get("codeExecutionResult"), dict):
        ran = {"id": text(result.get("id")), "type": "code_execution_result", "name": "code_execution"}
        return {**ran, "result": {key: value for key, value in result.items() if key != "id"}}
    if isinstance(call := part.get("toolCall"), dict):
        name = text(call.get("toolType")).lower()
        return {
            "id": text(call.get("id")),
            "type": "tool_call",
            "name": name,
            "arguments": dumped(mapping(call.get("args"))),
        }
    if isinstance(answer := part.get("toolResponse"), dict):
        name = text(answer.get("toolType")).lower()
        return {"id": text(answer.get("id")), "type": "tool_response", "name": name, "result": answer.get("response")}
    return None


def _media(blob: Mapping[str, Any]) -> dict[str, Any]:
    mime, data = text(blob.get("mimeType")), text(blob.get("data"))
    if mime.startswith("audio/"):
        return {"audio": {"data": data, "mime_type": mime}}
    return {"images": [{"type": "image_url", "image_url": {"url": f"data:{mime};base64,{data}"}}]}


def annotations(grounding: Mapping[str, Any], content: str) -> list[dict[str, Any]]:
    """The sources of the response's text as annotations. Google's offsets are bytes, OpenAI's are characters."""
    chunks = items(grounding.get("groundingChunks"))
    encoded = content.encode("utf-8", "replace")
    notes: list[dict[str, Any]] = []
    for support in items(grounding.get("groundingSupports")):
        segment = mapping(support.get("segment"))
        start, end = count(segment.get("startIndex")), count(segment.get("endIndex"))
        span = {
            "start_index": len(encoded[:start].decode("utf-8", "ignore")),
            "end_index": len(encoded[:end].decode("utf-8", "ignore")),
        }
        places = support.get("groundingChunkIndices")
        for place in places if isinstance(places, list) else ():
            if isinstance(place, int) and 0 <= place < len(chunks):
                notes.append(_note(chunks[place], span))
    return notes or [_note(chunk, {"start_index": 0, "end_index": len(content)}) for chunk in chunks]


def _note(chunk: Mapping[str, Any], span: Mapping[str, int]) -> dict[str, Any]:
    for kind in ("web", "maps", "retrievedContext", "image"):
        source = mapping(chunk.get(kind))
        if url := text(source.get("uri") or source.get("sourceUri")):
            cited = {**span, "url": url, "title": text(source.get("title"))}
            return {"type": "url_citation", "url_citation": cited}
        if source:
            return {"type": "document_citation", "document_citation": {**span, "kind": kind, **source}}
    return {"type": "document_citation", "document_citation": {**span, **chunk}}


def _citations(cited: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": count(one.get("startIndex")),
                "end_index": count(one.get("endIndex")),
                "url": text(one.get("uri")),
                "title": text(one.get("title")),
            },
        }
        for one in cited
        if text(one.get("uri"))
    ]


def logprobs_of(source: Mapping[str, Any]) -> dict[str, Any] | None:
    """A piece's log probabilities in OpenAI's form, None if it has none."""
    result = mapping(source.get("logprobsResult"))
    chosen = items(result.get("chosenCandidates"))
    if not chosen:
        return None
    top = items(result.get("topCandidates"))
    tokens = []
    for at, token in enumerate(chosen):
        others = items(top[at].get("candidates")) if at < len(top) else []
        tokens.append({**_token(token), "top_logprobs": [_token(other) for other in others]})
    return {"content": tokens, "refusal": None}


def _token(token: Mapping[str, Any]) -> dict[str, Any]:
    word, value = text(token.get("token")), token.get("logProbability")
    known = isinstance(value, (int, float)) and not isinstance(value, bool)
    return {"token": word, "logprob": value if known else -9999.0, "bytes": list(word.encode("utf-8", "replace"))}


def answer_key(answer: Mapping[str, Any]) -> str:
    """A part for generated ids that is unique to this response."""
    return re.sub(r"[^A-Za-z0-9]", "", text(answer.get("responseId")))[:24] or secrets.token_hex(8)


def block_reason(answer: Mapping[str, Any]) -> tuple[str, str]:
    """Why the prompt was blocked, and Google's message; both empty if it was not."""
    feedback = mapping(answer.get("promptFeedback"))
    reason = text(feedback.get("blockReason"))
    return ("" if reason == "BLOCK_REASON_UNSPECIFIED" else reason), text(feedback.get("blockReasonMessage"))


def completion_of(body: bytes, *, model: str) -> dict[str, Any]:
    """A whole response as a completion."""
    answer = parse_object(body)
    if "error" in answer:
        raise error_of(answer)
    with format_errors():
        return _completion(answer, model)


def _completion(answer: dict[str, Any], model: str) -> dict[str, Any]:
    blocked, why = block_reason(answer)
    if not answer.keys() & {"candidates", "promptFeedback", "usageMetadata"}:
        raise KeyError("candidates")
    key = answer_key(answer)
    choices = []
    for at, source in enumerate(items(answer.get("candidates"))):
        index = source.get("index")
        choices.append(_choice(source, Candidate(index if isinstance(index, int) else at, key)))
    if not choices:
        # A blocked prompt, or no candidate at all: a completion without content.
        choice = {"index": 0, "message": {"role": "assistant", "content": ""}}
        choices.append({**choice, "finish_reason": "content_filter" if blocked else "stop"})
        if blocked:
            choices[0]["native_finish_reason"] = blocked
            if why:
                choices[0]["native_finish_message"] = why
    return completion(
        answer_id=text(answer.get("responseId")),
        model=text(answer.get("modelVersion")).removeprefix("models/") or model,
        choices=choices,
        usage=usage_of(mapping(answer.get("usageMetadata"))),
    )


def _choice(source: dict[str, Any], candidate: Candidate) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    deltas = candidate.read(source)
    if not candidate.finish:
        deltas += candidate.read({"finishReason": "STOP"})
    for delta in deltas:
        for key, value in delta.items():
            if isinstance(value, list):
                message.setdefault(key, []).extend(value)
            elif isinstance(value, str):
                message[key] = message.get(key, "") + value
            else:
                message[key] = value
    for call in message.get("tool_calls", ()):
        del call["index"]
    if candidate.calls and not message.get("content"):
        message["content"] = None
    choice: dict[str, Any] = {
        "index": candidate.index,
        "message": message,
        "finish_reason": finish_of(candidate.finish, has_calls=candidate.calls > 0),
        "native_finish_reason": text(source.get("finishReason")) or None,
    }
    if candidate.message:
        choice["native_finish_message"] = candidate.message
    if (logprobs := logprobs_of(source)) is not None:
        choice["logprobs"] = logprobs
    return choice
