"""Answers and errors in the format of OpenAI's Responses API."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.errors import ContentFilterError, ContextTooLongError, RateLimitError
from ingate.wire.events import with_warnings
from ingate.wire.reasoning_state import CALLS, call_state, message_state, provider_of, without_stamp
from ingate.wire.responses.downstream_tools import call_item
from ingate.wire.thinking import seal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.errors import IngateError
    from ingate.wire.responses.downstream_request import ResponsesRequest

Item = dict[str, Any]
# What a response repeats of its request, and its value if the request has none.
_ECHOED: Final[Mapping[str, Any]] = {
    "conversation": None,
    "frequency_penalty": 0.0,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "presence_penalty": 0.0,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "temperature": 1.0,
    "tool_choice": "auto",
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
# A function as OpenAI repeats it.
_FUNCTION: Final[Mapping[str, Any]] = {"description": None, "parameters": None, "strict": False}
_INCOMPLETE: Final[Mapping[str, str]] = {"length": "max_output_tokens", "content_filter": "content_filter"}
_FAILED: Final = {"code": "server_error", "message": "the model's output was unusable"}


def new_id(kind: str) -> str:
    """A new id (`"resp_…"`, `"msg_…"`)."""
    return f"{kind}_{uuid.uuid4().hex}"


def envelope(request: ResponsesRequest, model: str) -> dict[str, Any]:
    """A response that has only begun."""
    body = request.body
    echoed = {name: default if body.get(name) is None else body[name] for name, default in _ECHOED.items()}
    conversation = echoed.pop("conversation")
    if conversation is not None:
        echoed["conversation"] = {"id": conversation} if isinstance(conversation, str) else conversation
    reasoning, text = body.get("reasoning") or {}, body.get("text") or {}
    return {
        "id": new_id("resp"),
        "object": "response",
        "created_at": int(time.time()),
        "completed_at": None,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": [],
        "service_tier": body.get("service_tier") or "default",
        "store": body.get("store") is not False,
        "usage": None,
        **echoed,
        "reasoning": {"effort": None, "summary": None, **reasoning},
        "text": {**text, "format": _format(text.get("format"))},
        "tools": [_tool(tool) for tool in body.get("tools") or ()],
    }


def _format(given: Mapping[str, Any] | None) -> dict[str, Any]:
    if given is None:
        return {"type": "text"}
    if given["type"] != "json_schema":
        return dict(given)
    return {"description": None, "strict": False, **given, "name": given.get("name") or "answer"}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    if tool["type"] == "namespace":
        return {"description": "", **tool, "tools": [_tool(member) for member in tool["tools"]]}
    return {**_FUNCTION, **tool} if tool["type"] == "function" else dict(tool)


def response_of(completion: Mapping[str, Any], request: ResponsesRequest) -> dict[str, Any]:
    """A `chat.completion` as a response. ingate's metadata stays beside it under `ingate`."""
    response = envelope(request, str(completion.get("model") or request.body["model"]))
    metadata = with_warnings(completion.get("ingate"), request.warnings)
    choice = completion["choices"][0]
    message = choice["message"]
    output = response["output"]
    output += _reasoning(message, str((metadata or {}).get("provider") or ""))
    output += [found for ran in message.get("provider_tool_calls") or () if (found := search_item(ran))]
    content: list[dict[str, Any]] = []
    if message.get("content") or not (message.get("tool_calls") or message.get("refusal")):
        probabilities = (choice.get("logprobs") or {}).get("content")
        content.append(text_part(message.get("content") or "", message.get("annotations") or (), probabilities))
    if message.get("refusal"):
        content.append({"type": "refusal", "refusal": message["refusal"]})
    if content:
        output.append(message_item(content))
    for call in message.get("tool_calls") or ():
        name, arguments = called(call)
        output.append(call_item(request.tools.tool_of(name), str(call.get("id") or ""), arguments))
    end(response, str(choice.get("finish_reason") or "stop"), completion.get("usage"), metadata)
    return response


def called(call: Mapping[str, Any]) -> tuple[str, str]:
    """The function's name and the arguments of a chat's tool call, or a piece of them."""
    function = call.get("function") or {}
    return str(function.get("name") or ""), str(function.get("arguments") or "")


def _reasoning(message: Mapping[str, Any], provider: str) -> Iterable[Item]:
    """What the model thought, with the state that its provider expects back in an envelope."""
    text = message.get("reasoning_content") or ""
    items = message.get("reasoning_items") or []
    for item in items:
        summary, content = item.get("summary") or [], item.get("content")
        made = reasoning_item("", provider_of([item], provider), {"reasoning_items": [without_stamp(item)]})
        yield {**made, "summary": summary, **({"content": content} if content else {})}
    state = message_state(message)
    blocks = message.get("thinking_blocks") or []
    if blocks:
        state["thinking_blocks"] = [without_stamp(block) for block in blocks]
        text = text or "".join(str(block.get("thinking") or "") for block in blocks)
    calls = {call["id"]: found for call in message.get("tool_calls") or () if (found := call_state(call))}
    if calls:
        state[CALLS] = calls
    if state or (text and not items):
        yield reasoning_item("" if items else text, provider_of(blocks, provider), state)


def search_item(ran: Mapping[str, Any]) -> Item | None:
    """A web search that the provider ran, None for any other tool of its own."""
    if ran.get("type") != "server_tool_use" or ran.get("name") != "web_search":
        return None
    try:
        arguments = msgspec.json.decode(ran.get("arguments") or "{}")
    except msgspec.DecodeError:
        return None
    query = arguments.get("query") if isinstance(arguments, dict) else None
    if not isinstance(query, str):
        return None
    action = {"type": "search", "query": query, "queries": [query]}
    return {"id": new_id("ws"), "type": "web_search_call", "status": "completed", "action": action}


def end(
    response: dict[str, Any], finish: str, usage: Mapping[str, Any] | None, metadata: Mapping[str, Any] | None
) -> None:
    """Close a response: its status by the finish reason, its usage, and ingate's metadata."""
    why = _INCOMPLETE.get(finish)
    response["status"] = "incomplete" if why else "failed" if finish == "error" else "completed"
    if why:
        response["incomplete_details"] = {"reason": why}
        if response["output"] and "status" in response["output"][-1]:
            response["output"][-1]["status"] = "incomplete"
    elif finish == "error":
        response["error"] = dict(_FAILED)
    else:
        response["completed_at"] = int(time.time())
    response["usage"] = usage_of(usage)
    if metadata is not None:
        response["ingate"] = metadata


def usage_of(usage: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The counts by this API's names; None if the provider counted nothing."""
    if not usage:
        return None
    inputs, outputs = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    counted = {"input_tokens": usage.get("prompt_tokens") or 0, "output_tokens": usage.get("completion_tokens") or 0}
    return {
        **counted,
        "input_tokens_details": {
            "cached_tokens": inputs.get("cached_tokens") or 0,
            "cache_write_tokens": inputs.get("cache_creation_tokens") or 0,
        },
        "output_tokens_details": {"reasoning_tokens": outputs.get("reasoning_tokens") or 0},
        "total_tokens": usage.get("total_tokens") or sum(counted.values()),
    }


def text_part(text: str, annotations: Iterable[Any] = (), logprobs: Any = None) -> dict[str, Any]:
    """Text of an answer, with its citations and the tokens' log probabilities if they were asked for."""
    notes = [found for note in annotations if (found := annotation(note)) is not None]
    return {"type": "output_text", "text": text, "annotations": notes, "logprobs": logprobs or []}


def annotation(note: Any) -> dict[str, Any] | None:
    """A citation as this API has it, None if it cites no address."""
    found = note.get("url_citation") if isinstance(note, dict) else None
    if not isinstance(found, dict):
        return None
    return {"type": "url_citation", "start_index": 0, "end_index": 0, "url": "", "title": "", **found}


def message_item(content: list[dict[str, Any]], *, item_id: str = "", status: str = "completed") -> Item:
    """The model's message."""
    return {
        "id": item_id or new_id("msg"),
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": content,
    }


def reasoning_item(text: str, origin: str, state: Mapping[str, Any] | None, *, item_id: str = "") -> Item:
    """What the model thought: its text, and in `encrypted_content` the state that `origin` expects back."""
    item: Item = {"id": item_id or new_id("rs"), "type": "reasoning", "summary": []}
    if text:
        item["summary"].append({"type": "summary_text", "text": text})
    if state:
        item["encrypted_content"] = seal(origin, state)
    return item


def error_object(error: IngateError) -> dict[str, Any]:
    """An error as a failed response states it. Codex reads the code to shorten the conversation or to stop."""
    if isinstance(error, ContextTooLongError):
        code = "context_length_exceeded"
    elif isinstance(error, RateLimitError):
        code = "insufficient_quota" if error.code == "insufficient_quota" else "rate_limit_exceeded"
    else:
        code = "invalid_prompt" if isinstance(error, ContentFilterError) else "server_error"
    return {"code": code, "message": str(error)}
