"""Answers and errors in the words of Anthropic's Messages API."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.wire.downstream import with_warnings
from ingate.wire.errors import error_to_response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.errors import IngateError

_REASONS: Final[Mapping[str, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
# What Anthropic's own answer said is said again; OpenAI's word for these is a plain stop.
_NATIVE_REASONS: Final = frozenset(
    {"stop_sequence", "pause_turn", "refusal", "max_tokens", "end_turn", "tool_use", "model_context_window_exceeded"}
)
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


def message_of(completion: Mapping[str, Any], model: str, warnings: list[str] | None = None) -> dict[str, Any]:
    """A `chat.completion` as a message; ingate's own metadata stays beside it under `ingate`."""
    choice = completion["choices"][0]
    message = choice["message"]
    answer = envelope(str(completion.get("model") or model))
    answer["content"] = list(_blocks(message))
    answer["stop_reason"] = stop_reason(choice)
    answer["usage"] = usage_of(completion.get("usage"))
    if (metadata := with_warnings(completion.get("ingate"), warnings or [])) is not None:
        answer["ingate"] = metadata
    return answer


def _blocks(message: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    if thought := message.get("thinking_blocks"):
        yield from thought
    elif reasoning := message.get("reasoning_content"):
        yield {"type": "thinking", "thinking": reasoning, "signature": ""}
    for ran in message.get("provider_tool_calls") or ():
        if (block := provider_block(ran)) is not None:
            yield block
    if text := (message.get("content") or "") + (message.get("refusal") or ""):
        yield {"type": "text", "text": text}
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        name, arguments = str(function.get("name") or ""), str(function.get("arguments") or "")
        yield {"type": "tool_use", "id": str(call.get("id") or ""), "name": name, "input": parsed(arguments)}


def parsed(arguments: str) -> dict[str, Any]:
    """A tool call's arguments; what is no JSON object is kept under `_raw`, since `input` must be one."""
    try:
        value = msgspec.json.decode(arguments or "{}")
    except msgspec.DecodeError:
        return {"_raw": arguments}
    return value if isinstance(value, dict) else {"_raw": arguments}


def provider_block(ran: Mapping[str, Any]) -> dict[str, Any] | None:
    """A tool that Anthropic ran itself, as its block again; None for another provider's."""
    kind = str(ran.get("type") or "")
    if kind in {"server_tool_use", "mcp_tool_use"}:
        return {"type": kind, "id": ran.get("id"), "name": ran.get("name"), "input": parsed(ran.get("arguments") or "")}
    if kind.endswith("_tool_result"):
        return {"type": kind, "tool_use_id": ran.get("id"), "content": ran.get("result")}
    return None


def stop_reason(choice: Mapping[str, Any]) -> str:
    """Anthropic's word for why it ended."""
    native = choice.get("native_finish_reason")
    return native if native in _NATIVE_REASONS else _REASONS.get(str(choice.get("finish_reason")), "end_turn")


def usage_of(usage: Mapping[str, Any] | None) -> dict[str, Any]:
    """Anthropic counts fresh input, cache reads and cache writes apart; what nobody counted is 0."""
    usage = usage or {}
    details = usage.get("prompt_tokens_details") or {}
    read, written = int(details.get("cached_tokens") or 0), int(details.get("cache_creation_tokens") or 0)
    return {
        "input_tokens": max(int(usage.get("prompt_tokens") or 0) - read - written, 0),
        "output_tokens": int(usage.get("completion_tokens") or 0),
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
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
        "usage": usage_of(None),
    }


def error_body(error: IngateError, request_id: str) -> dict[str, Any]:
    """An error as Anthropic tells it, with ingate's own `code` and `fix` beside the words."""
    status, _, answer = error_to_response(error)
    details = answer["error"]
    kind = _ERRORS.get(status, "invalid_request_error" if status < 500 else "api_error")
    said: dict[str, Any] = {"type": kind, "message": str(details.get("message") or error)}
    said.update({name: details[name] for name in ("code", "fix", "param", "partial_text") if details.get(name)})
    return {"type": "error", "error": said, "request_id": request_id}
