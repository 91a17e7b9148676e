"""Anthropic's responses as OpenAI's: usage, finish reasons, citations, tools the provider ran, errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

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
from ingate.wire.messages.request import ANSWER_TOOL, VALUE_KEY, VALUE_TOOL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.errors import IngateError

# Stop reasons other than an ordinary end.
_FINISH: Final[Mapping[str, str]] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    # Bedrock's
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
# https://platform.claude.com/docs/en/api/errors
_STATUSES: Final[Mapping[str, int]] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_ENVELOPE: Final = frozenset({"type", "id", "name", "input", "tool_use_id", "content", "cache_control"})


def finish_of(reason: str | None, *, answered: bool, has_calls: bool) -> str:
    """OpenAI's finish reason.

    Args:
        reason: Anthropic's.
        answered: Whether the answer tool was called; without other calls that is an ordinary end.
        has_calls: Whether any other tool was called.
    """
    word = _FINISH.get(reason or "", "stop")
    if word == "tool_calls" and answered and not has_calls:
        return "stop"
    return word


def usage_of(counts: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI's usage. Anthropic counts uncached input, cache reads and cache writes separately."""
    uncached, read = count(counts.get("input_tokens")), count(counts.get("cache_read_input_tokens"))
    written = count(counts.get("cache_creation_input_tokens"))
    details = mapping(counts.get("output_tokens_details"))
    more: dict[str, Any] = {}
    if isinstance(counts.get("service_tier"), str):
        more["service_tier"] = counts["service_tier"]
    ran = {name: times for name, times in mapping(counts.get("server_tool_use")).items() if times}
    if ran:
        more["server_tool_use"] = ran
    return usage(
        prompt=uncached + read + written,
        completion=count(counts.get("output_tokens")),
        cached=read,
        cache_write=written,
        reasoning=count(details.get("thinking_tokens")),
        more=more,
    )


def annotation(citation: Mapping[str, Any], start: int, end: int) -> dict[str, Any]:
    """A citation as an annotation on the text from `start` to `end`; in OpenAI's form if it cites a URL."""
    span = {"start_index": start, "end_index": end}
    url = citation.get("url") or citation.get("source")
    if isinstance(url, str) and "://" in url:
        source = {**span, "url": url, "title": text(citation.get("title"))}
        if cited := text(citation.get("cited_text")):
            source["cited_text"] = cited
        return {"type": "url_citation", "url_citation": source}
    rest = {key: value for key, value in citation.items() if value is not None and key != "type"}
    return {"type": "document_citation", "document_citation": {**span, "kind": text(citation.get("type")), **rest}}


def provider_tool(block: Mapping[str, Any], arguments: str | None = None) -> dict[str, Any] | None:
    """The call or the result of a tool that Anthropic ran itself, None for any other block.

    A call has `id`, `type`, `name` and `arguments` (JSON text); its result has the same `id` and `result`.
    """
    kind = text(block.get("type"))
    if kind in {"server_tool_use", "mcp_tool_use"}:
        tool = {"id": text(block.get("id")), "type": kind, "name": text(block.get("name"))}
        tool["arguments"] = arguments if arguments is not None else dumped(mapping(block.get("input")))
    elif kind.endswith("_tool_result"):
        tool = {"id": text(block.get("tool_use_id")), "type": kind, "name": kind.removesuffix("_tool_result")}
        tool["result"] = block.get("content")
    else:
        return None
    tool.update({key: value for key, value in block.items() if key not in _ENVELOPE and value is not None})
    return tool


def answer_of_value(arguments: str) -> str:
    """The answer in the arguments of the value tool, as JSON text; the arguments unchanged if it is missing."""
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return arguments
    return dumped(value[VALUE_KEY]) if isinstance(value, dict) and VALUE_KEY in value else arguments


def error_of_event(event: Mapping[str, Any]) -> IngateError:
    """The error that an error object inside a 200 means."""
    error = mapping(event.get("error"))
    kind = text(error.get("type"))
    body: dict[str, Any] = {"error": error or {"message": str(event.get("error"))}}
    if isinstance(event.get("request_id"), str):
        body["request_id"] = event["request_id"]
    return error_from_response(_STATUSES.get(kind, 500), {}, body, provider=None)


def completion_of(body: bytes, *, model: str) -> dict[str, Any]:
    """A whole message as a completion."""
    message = parse_object(body)
    if message.get("type") == "error" or ("error" in message and "content" not in message):
        raise error_of_event(message)
    with format_errors():
        return completion_of_message(message, model)


def completion_of_message(message: dict[str, Any], model: str) -> dict[str, Any]:
    """A message as a completion. Raises `KeyError` or `TypeError` if its content is not a list."""
    if not isinstance(message["content"], list):
        raise TypeError("the content is not a list")
    texts: list[str] = []
    thoughts: list[str] = []
    blocks: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    ran: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    length, answered = 0, False
    for block in items(message["content"]):
        kind, before = block.get("type"), length
        if kind == "text":
            texts.append(text(block.get("text")))
            length += len(texts[-1])
            annotations += [annotation(cited, before, length) for cited in items(block.get("citations"))]
        elif kind == "thinking":
            thoughts.append(text(block.get("thinking")))
            signature = text(block.get("signature"))
            if thoughts[-1] or signature:
                blocks.append({"type": "thinking", "thinking": thoughts[-1], "signature": signature})
        elif kind == "redacted_thinking":
            blocks.append({"type": "redacted_thinking", "data": text(block.get("data"))})
        elif kind == "tool_use" and block.get("name") in {ANSWER_TOOL, VALUE_TOOL}:
            arguments = dumped(mapping(block.get("input")))
            texts.append(answer_of_value(arguments) if block["name"] == VALUE_TOOL else arguments)
            length += len(texts[-1])
            answered = True
        elif kind == "tool_use":
            arguments = dumped(mapping(block.get("input")))
            calls.append(tool_call(text(block.get("id")), text(block.get("name")), arguments))
        elif (tool := provider_tool(block)) is not None:
            ran.append(tool)
    answer: dict[str, Any] = {"role": "assistant", "content": "".join(texts) or (None if calls else "")}
    more = {
        "reasoning_content": "".join(thoughts),
        "thinking_blocks": blocks,
        "tool_calls": calls,
        "provider_tool_calls": ran,
        "annotations": annotations,
    }
    answer.update({key: value for key, value in more.items() if value})
    reason = text(message.get("stop_reason"))
    choice: dict[str, Any] = {
        "index": 0,
        "message": answer,
        "finish_reason": finish_of(reason, answered=answered, has_calls=bool(calls)),
        "native_finish_reason": reason or None,
    }
    if explained := text(mapping(message.get("stop_details")).get("explanation")):
        choice["native_finish_message"] = explained
    if changes := items(message.get("input_transformations")):
        choice["input_transformations"] = changes
    counts = mapping(message.get("usage"))
    return completion(
        answer_id=text(message.get("id")),
        model=text(message.get("model")) or model,
        choices=[choice],
        usage=usage_of(counts) if counts else None,
    )
