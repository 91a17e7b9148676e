"""Answers and errors in the format of Anthropic's Messages API."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.errors import ContextTooLongError
from ingate.wire.errors import error_to_response
from ingate.wire.events import with_warnings
from ingate.wire.reasoning_state import CALLS, call_state, item_text, message_state, provider_of, without_stamp
from ingate.wire.thinking import seal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.errors import IngateError
    from ingate.wire.messages.downstream_request import MessagesRequest

Block = dict[str, Any]
_REASONS: Final[Mapping[str, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
# Anthropic's own reasons are kept; the neutral form has fewer.
_NATIVE_REASONS: Final = frozenset(
    {"stop_sequence", "pause_turn", "refusal", "max_tokens", "end_turn", "tool_use", "model_context_window_exceeded"}
)
_TIERS: Final[Mapping[Any, str]] = {
    "standard": "standard", "default": "standard", "priority": "priority", "batch": "batch",
}  # fmt: skip
_COUNTED_TOOLS: Final = ("web_search_requests", "web_fetch_requests")
THREAD_UNSUPPORTED: Final = "thread_unsupported_request"
# Kinds of citations, as the neutral form names them in a `document_citation`.
_LOCATIONS: Final = frozenset(
    {"char_location", "page_location", "content_block_location", "search_result_location", "web_search_result_location"}
)
# Tools that Anthropic runs: SDKs accept no other names. Bedrock's own tools look the same in the neutral form.
_SERVER_TOOLS: Final = frozenset(
    {"web_search", "web_fetch", "code_execution", "bash_code_execution", "text_editor_code_execution", "advisor"}
    | {"tool_search_tool_regex", "tool_search_tool_bm25"}
)
_SERVER_RESULTS: Final = frozenset(f"{name}_tool_result" for name in (*_SERVER_TOOLS, "mcp", "tool_search"))
# https://platform.claude.com/docs/en/api/errors
_ERRORS: Final[Mapping[int, str]] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    501: "not_found_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_TOO_LONG: Final = "prompt is too long"
_NUMBER: Final = re.compile(r"\d[\d,_]*\d{3}")  # of tokens: at least 1,000
_LIMIT: Final = re.compile(r"(?:maximum|limit|at most|max)[^.\d]{0,60}?(\d[\d,_]*\d{3})", re.IGNORECASE)


def message_of(completion: Mapping[str, Any], request: MessagesRequest) -> dict[str, Any]:
    """A `chat.completion` as a message. ingate's metadata stays beside it under `ingate`."""
    choice = completion["choices"][0]
    metadata = with_warnings(completion.get("ingate"), request.warnings)
    answer = envelope(request.model)
    answer["content"] = list(_blocks(choice["message"], str((metadata or {}).get("provider") or "")))
    answer.update(ending(choice, request.chat.get("stop") or ()))
    answer["usage"] = usage_of(completion.get("usage"), completion.get("service_tier"))
    if metadata is not None:
        answer["ingate"] = metadata
    return answer


def _blocks(message: Mapping[str, Any], provider: str) -> Iterable[Block]:
    yield from _thinking(message, provider)
    for ran in message.get("provider_tool_calls") or ():
        if (block := provider_block(ran)) is not None:
            yield block
    if text := (message.get("content") or "") + (message.get("refusal") or ""):
        yield text_block(text, [found for note in message.get("annotations") or () if (found := citation(note))])
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        yield tool_block(call.get("id"), function.get("name"), parsed(str(function.get("arguments") or "")))


def _thinking(message: Mapping[str, Any], provider: str) -> Iterable[Block]:
    """What the model thought. Anthropic's own blocks go as they are; the state of other providers is in envelopes."""
    text = message.get("reasoning_content") or ""
    native = message.get("thinking_blocks") or []
    items = message.get("reasoning_items") or []
    state = message_state(message)
    calls = {call["id"]: found for call in message.get("tool_calls") or () if (found := call_state(call))}
    if calls:
        state[CALLS] = calls
    for block in native:
        if block.get("signature") or block.get("type") == "redacted_thinking":
            yield without_stamp(block)
        elif block.get("thinking"):
            yield thinking_block(block["thinking"], seal(provider, {}))
    for item in items:
        payload = {"reasoning_items": [without_stamp(item)]}
        yield sealed_block(item_text(item), provider_of([item], provider), payload)
    if text and not native and not any(item_text(item) for item in items):
        yield thinking_block(text, seal(provider, state))
    elif state:
        yield sealed_block("", provider, state)


def thinking_block(text: str, signature: str) -> Block:
    """Readable thinking. `signature` is a provider's own, or an envelope: Claude Code drops unsigned thinking."""
    return {"type": "thinking", "thinking": text, "signature": signature}


def sealed_block(text: str, origin: str, payload: Mapping[str, Any]) -> Block:
    """A provider's state in an envelope, beside its text if there is any."""
    envelope_text = seal(origin, payload)
    return thinking_block(text, envelope_text) if text else {"type": "redacted_thinking", "data": envelope_text}


def text_block(text: str, citations: list[dict[str, Any]] | None = None) -> Block:
    """Text, with its citations. Without any the list is empty: the schema requires the field, and Vercel's client rejects
    the null that the schema allows."""
    return {"type": "text", "text": text, "citations": citations or []}


def tool_block(call_id: Any, name: Any, arguments: dict[str, Any]) -> Block:
    """A tool call."""
    return {
        "type": "tool_use",
        "id": str(call_id or ""),
        "name": str(name or ""),
        "input": arguments,
        "caller": {"type": "direct"},
    }


def parsed(arguments: str) -> dict[str, Any]:
    """A tool call's arguments. `input` has to be an object, so anything else is kept as text under `_raw`."""
    try:
        value = msgspec.json.decode(arguments or "{}")
    except (msgspec.DecodeError, RecursionError):
        return {"_raw": arguments}
    return value if isinstance(value, dict) else {"_raw": arguments}


def citation(note: Mapping[str, Any]) -> dict[str, Any] | None:
    """An annotation as a citation of this API, None if it has no equivalent."""
    if isinstance(found := note.get("url_citation"), dict):
        return {
            "type": "web_search_result_location",
            "url": str(found.get("url") or ""),
            "title": found.get("title") or None,
            "cited_text": str(found.get("cited_text") or ""),
            "encrypted_index": "",
        }
    found = note.get("document_citation")
    if isinstance(found, dict) and found.get("kind") in _LOCATIONS:
        rest = {key: value for key, value in found.items() if key not in {"kind", "start_index", "end_index"}}
        return {"type": found["kind"], **rest}
    return None


def provider_block(ran: Mapping[str, Any]) -> Block | None:
    """A tool that Anthropic ran itself, as its block again; None for another provider's tool."""
    kind = str(ran.get("type") or "")
    if kind == "mcp_tool_use" or (kind == "server_tool_use" and ran.get("name") in _SERVER_TOOLS):
        return {"type": kind, "id": ran.get("id"), "name": ran.get("name"), "input": parsed(ran.get("arguments") or "")}
    if kind in _SERVER_RESULTS:
        return {"type": kind, "tool_use_id": ran.get("id"), "content": ran.get("result")}
    return None


def ending(choice: Mapping[str, Any], stops: Iterable[str]) -> dict[str, Any]:
    """Why an answer ended: `stop_reason`, `stop_sequence` and `stop_details`."""
    native = choice.get("native_finish_reason")
    reason = native if native in _NATIVE_REASONS else _REASONS.get(str(choice.get("finish_reason")), "end_turn")
    sequence = choice.get("stop_sequence") or choice.get("stop_reason")  # the latter is vLLM's
    if sequence not in stops:
        sequence = None
    elif reason == "end_turn":
        reason = "stop_sequence"
    details = None
    if reason == "refusal":
        explained = choice.get("native_finish_message")
        details = {
            "type": "refusal",
            "category": None,
            "explanation": explained if isinstance(explained, str) else None,
        }
    return {"stop_reason": reason, "stop_sequence": sequence, "stop_details": details}


def usage_of(usage: Mapping[str, Any] | None, service_tier: Any = None) -> dict[str, Any]:
    """Anthropic's counts of tokens: fresh input, cache reads and cache writes apart. What is unknown is 0."""
    usage = usage or {}
    details, outputs = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    read, written = int(details.get("cached_tokens") or 0), int(details.get("cache_creation_tokens") or 0)
    ran = usage.get("server_tool_use")
    return {
        "input_tokens": max(int(usage.get("prompt_tokens") or 0) - read - written, 0),
        "output_tokens": int(usage.get("completion_tokens") or 0),
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        "output_tokens_details": {"thinking_tokens": int(outputs.get("reasoning_tokens") or 0)},
        "server_tool_use": {name: int(ran.get(name) or 0) for name in _COUNTED_TOOLS}
        if isinstance(ran, dict)
        else None,
        "service_tier": _TIERS.get(usage.get("service_tier") or service_tier),
        "inference_geo": None,
    }


def envelope(model: str) -> dict[str, Any]:
    """A message that has only begun."""
    return {
        "id": f"msg_{uuid.uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
        "usage": usage_of(None),
    }


def error_body(error: IngateError, request_id: str) -> dict[str, Any]:
    """An error in Anthropic's format, with ingate's own `code` and `fix` beside its message."""
    status, _, answer = error_to_response(error)
    fields = answer["error"]
    message = str(fields.get("message") or error)
    kind = _ERRORS.get(status, "invalid_request_error" if status < 500 else "api_error")
    if isinstance(error, ContextTooLongError):
        kind, message = "invalid_request_error", _too_long(error, message)
    body: dict[str, Any] = {"type": kind, "message": message}
    if error.code == THREAD_UNSUPPORTED:
        body["details"] = {"error_code": THREAD_UNSUPPORTED, "unsupported": []}
    body.update({name: fields[name] for name in ("code", "fix", "param", "partial_text") if fields.get(name)})
    return {"type": "error", "error": body, "request_id": request_id}


def _too_long(error: ContextTooLongError, message: str) -> str:
    """Anthropic's wording, by which clients decide to compact the conversation, with the numbers if both are known."""
    said = error.provider_message or message
    if (own := said.lower().find(_TOO_LONG)) >= 0:
        return said[own:]
    numbers = [int(re.sub(r"[,_]", "", found)) for found in _NUMBER.findall(said)]
    if limit := _LIMIT.search(said):
        most = int(re.sub(r"[,_]", "", limit.group(1)))
        if (given := max(numbers)) > most:
            return f"{_TOO_LONG}: {given} tokens > {most} maximum"
    return f"{_TOO_LONG}: {message}"
