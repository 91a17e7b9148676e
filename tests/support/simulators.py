"""Small providers on loopback: each takes a request only as its published schema has it, and answers in its own format.

A provider calls the first tool on offer where the conversation ends with a question, answers with JSON where JSON was
asked for, and else says hello. What its schema does not allow is a 400 with the reason, as from the provider itself.
"""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ingate.wire.bedrock.eventstream import encode_message
from support.checks import Refused, refuse
from support.http import Conversation, serving
from support.schemas import check_anthropic, check_gemini
from support.schemas_openai import check_openai
from support.schemas_other import check_cohere, check_converse, check_ollama
from support.schemas_responses import check_responses

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

HELLO = "Hello"
ADA = {"name": "Ada", "age": 36, "home": {"city": "London"}}
KEY = "sk-for-the-simulator-0123456789"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a provider says: a text, or a call of one tool."""

    text: str = ""
    tool: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Provider:
    """One simulated provider.

    Attributes:
        provider, model: What a spec for it says.
        section: The provider's section of a configuration, without its base URL.
        path: What the request's path must be, `{verb}` for what differs between a whole answer and a stream.
        verbs: Those two.
        header, value: The header that authenticates, and what it begins with.
        check: Raises `Refused` for a body that the schema does not allow.
        offers: Body → the names of its tools.
        wants_json: Body → whether it asks for JSON.
        ends_with_question: Body → whether the last turn is a question rather than a tool's result.
        whole, events: Reply → the answer, whole or as a stream.
        kind: The stream's content type.
        any_type: Whether a request's content type does not matter.
        error: Message → the provider's error body.
    """

    provider: str
    model: str
    section: dict[str, str]
    path: str
    header: str
    value: str
    check: Callable[[Any], None]
    offers: Callable[[Any], list[str]]
    wants_json: Callable[[Any], bool]
    ends_with_question: Callable[[Any], bool]
    whole: Callable[[Reply], Any]
    events: Callable[[Reply], bytes]
    kind: str = "text/event-stream"
    verbs: tuple[str, str] = ("", "")
    any_type: bool = False
    error: Callable[[str], Any] = lambda message: {"error": {"message": message, "type": "invalid_request_error"}}
    streams: Callable[[Any, str], bool] = lambda body, path: bool(body.get("stream"))

    def reply(self, body: Any) -> Reply:
        """What this provider says to a request it takes."""
        names = self.offers(body)
        if names and self.ends_with_question(body):
            return Reply(tool=names[0], arguments=ADA if "structured" in names[0] else {"city": "Rome"})
        return Reply(text=json.dumps(ADA) if self.wants_json(body) else HELLO)


@dataclass
class Running:
    """A provider that runs: its address, and the bodies it took or refused."""

    base: str = ""
    taken: list[Any] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@asynccontextmanager
async def simulated(provider: Provider, *, any_path: bool = False) -> AsyncIterator[Running]:
    """`provider` on loopback, where `any_path` at whatever path and with whatever key."""
    running = Running()

    async def answer(conversation: Conversation) -> None:
        _, target, _ = conversation.head.split("\r\n")[0].split(" ")
        body = json.loads(conversation.body)
        streams = provider.streams(body, target)
        try:
            wanted = provider.path.replace("{verb}", provider.verbs[streams])
            if not any_path and urlsplit(target)._replace(scheme="", netloc="").geturl() != wanted:
                refuse("path", f"{target!r} is not {wanted!r}")
            if not any_path and not conversation.headers.get(provider.header, "").startswith(provider.value):
                refuse("headers", f"{provider.header} does not begin with {provider.value!r}")
            if not provider.any_type and "json" not in conversation.headers.get("content-type", "json"):
                refuse("headers", "the content type is not JSON")
            provider.check(body)
        except Refused as error:
            running.refused.append(str(error))
            await conversation.answer(json.dumps(provider.error(str(error))).encode(), status="400 Bad Request")
            return
        running.taken.append(body)
        reply = provider.reply(body)
        if not streams:
            await conversation.answer(json.dumps(provider.whole(reply)).encode())
            return
        await conversation.begin(provider.kind)
        await conversation.piece(provider.events(reply))
        await conversation.piece(b"")

    async with serving(answer) as far:
        running.base = far.base.removesuffix("/v1")
        yield running


def sse(*events: Any, named: bool = False, done: bool = False) -> bytes:
    """Server-sent events; `named` puts each one's type in its event line."""
    out = b"".join(
        (f"event: {one['type']}\n".encode() if named else b"") + b"data: " + json.dumps(one).encode() + b"\n\n"
        for one in events
    )
    return out + (b"data: [DONE]\n\n" if done else b"")


# ---- OpenAI and Azure -----------------------------------------------------------------------------------------


def _openai_message(reply: Reply, **more: Any) -> dict[str, Any]:
    if not reply.tool:
        return {"role": "assistant", "content": reply.text}
    call = {"name": reply.tool, "arguments": json.dumps(reply.arguments)}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{**more, "id": "call_9", "type": "function", "function": call}],
    }


def _openai_whole(reply: Reply) -> dict[str, Any]:
    finish = "tool_calls" if reply.tool else "stop"
    choice = {"index": 0, "message": _openai_message(reply), "finish_reason": finish}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


def _openai_events(reply: Reply) -> bytes:
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    finish = "tool_calls" if reply.tool else "stop"
    return sse(
        {**head, "choices": [{"index": 0, "delta": _openai_message(reply, index=0), "finish_reason": None}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]},
        {**head, "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}},
        done=True,
    )


def _openai_offers(body: Any) -> list[str]:
    return [] if body.get("tool_choice") == "none" else [tool["function"]["name"] for tool in body.get("tools", ())]


def _lenient(body: Any) -> None:
    """A server of one's own that speaks OpenAI's format passes over what is not in it."""
    made = json.loads(json.dumps(body), object_hook=lambda one: {k: v for k, v in one.items() if k not in _NOT_OPENAIS})
    check_openai(made)


_NOT_OPENAIS = ("cache_control", "extra_content", "top_k")


def _openai(
    provider: str, model: str, path: str, header: str, value: str, check: Any = check_openai, **section: str
) -> Provider:
    return Provider(
        provider, model, {"api_key": KEY, **section}, path, header, value, check, _openai_offers,
        lambda body: body.get("response_format", {}).get("type", "text") != "text",
        lambda body: body["messages"][-1]["role"] == "user",
        _openai_whole, _openai_events,
    )  # fmt: skip


# ---- OpenAI's Responses ---------------------------------------------------------------------------------------


def _responses_whole(reply: Reply) -> dict[str, Any]:
    thought = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAA"}
    said: dict[str, Any] = {
        "id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}],
    }  # fmt: skip
    if reply.tool:
        said = {"id": "fc_1", "type": "function_call", "call_id": "call_9", "name": reply.tool, "status": "completed"}
        said["arguments"] = json.dumps(reply.arguments)
    usage = {
        "input_tokens": 3, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 1}, "total_tokens": 5,
    }  # fmt: skip
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "m", "error": None,
        "incomplete_details": None, "output": [thought, said], "usage": usage, "parallel_tool_calls": True,
        "tool_choice": "auto", "tools": [], "temperature": 1.0, "top_p": 1.0, "metadata": {}, "instructions": None,
    }  # fmt: skip


def _responses_events(reply: Reply) -> bytes:
    whole = _responses_whole(reply)
    thought, said = whole["output"]
    at: dict[str, Any] = {"output_index": 1, "item_id": said["id"]}
    if reply.tool:
        begun = {**said, "arguments": "", "status": "in_progress"}
        middle = [
            {"type": "response.function_call_arguments.delta", **at, "delta": said["arguments"]},
            {"type": "response.function_call_arguments.done", **at, "arguments": said["arguments"]},
        ]
    else:
        begun, part = {**said, "content": [], "status": "in_progress"}, said["content"][0]
        at["content_index"] = 0
        middle = [
            {"type": "response.content_part.added", **at, "part": {**part, "text": ""}},
            {"type": "response.output_text.delta", **at, "delta": reply.text, "logprobs": []},
            {"type": "response.output_text.done", **at, "text": reply.text, "logprobs": []},
            {"type": "response.content_part.done", **at, "part": part},
        ]
    events = [
        {"type": "response.created", "response": {**whole, "status": "in_progress", "output": [], "usage": None}},
        {"type": "response.output_item.added", "output_index": 0, "item": {**thought, "encrypted_content": ""}},
        {"type": "response.output_item.done", "output_index": 0, "item": thought},
        {"type": "response.output_item.added", "output_index": 1, "item": begun},
        *middle,
        {"type": "response.output_item.done", "output_index": 1, "item": said},
        {"type": "response.completed", "response": whole},
    ]
    return sse(*({**one, "sequence_number": number} for number, one in enumerate(events)), named=True)


def _responses_question(body: Any) -> bool:
    return isinstance(body["input"], str) or body["input"][-1].get("role") == "user"


# ---- Anthropic ------------------------------------------------------------------------------------------------


def _anthropic_block(reply: Reply) -> dict[str, Any]:
    if not reply.tool:
        return {"type": "text", "text": reply.text}
    return {"type": "tool_use", "id": "toolu_9", "name": reply.tool, "input": reply.arguments}


def _anthropic_whole(reply: Reply) -> dict[str, Any]:
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [_anthropic_block(reply)],
        "stop_reason": "tool_use" if reply.tool else "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }  # fmt: skip


def _anthropic_events(reply: Reply) -> bytes:
    whole = _anthropic_whole(reply)
    block = {**whole["content"][0], **({"input": {}} if reply.tool else {"text": ""})}
    delta = (
        {"type": "input_json_delta", "partial_json": json.dumps(reply.arguments)}
        if reply.tool
        else {"type": "text_delta", "text": reply.text}
    )
    return sse(
        {"type": "message_start", "message": {**whole, "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": whole["stop_reason"]}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
        named=True,
    )


def _anthropic_check(body: Any) -> None:
    """The API also takes a turn's content as text, joins turns of one role, and takes `output_format` (a beta)."""
    turns: list[Any] = []
    for turn in body.get("messages", ()):
        content = turn.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if turns and turns[-1]["role"] == turn.get("role"):
            turns[-1]["content"] = turns[-1]["content"] + blocks
        else:
            turns.append({**turn, "content": blocks})
    made = {**body, "messages": turns}
    if (form := made.pop("output_format", None)) is not None:
        made["output_config"] = {**made.get("output_config", {}), "format": form}
    check_anthropic(made)


def _anthropic_question(body: Any) -> bool:
    last = body["messages"][-1]
    content = last["content"]
    return last["role"] == "user" and (isinstance(content, str) or all(one["type"] != "tool_result" for one in content))


def _vertex_claude_check(body: Any) -> None:
    if body.get("anthropic_version") != "vertex-2023-10-16":
        refuse("anthropic_version", "is not Vertex AI's")
    if "model" in body:
        refuse("model", "stands in the path")
    check_anthropic({"model": "m", **{key: value for key, value in body.items() if key != "anthropic_version"}})


def _anthropic(provider: str, model: str, path: str, header: str, value: str, check: Any, **more: Any) -> Provider:
    return Provider(
        provider, model, more.pop("section"), path, header, value, check,
        lambda body: [] if body.get("tool_choice", {}).get("type") == "none" else [
            body["tool_choice"]["name"] if body.get("tool_choice", {}).get("type") == "tool" else tool["name"]
            for tool in body.get("tools", ()) if not str(tool.get("type", "")).startswith("web_search")
        ],
        lambda body: "format" in body.get("output_config", {}),
        _anthropic_question, _anthropic_whole, _anthropic_events,
        error=lambda message: {"type": "error", "error": {"type": "invalid_request_error", "message": message}}, **more,
    )  # fmt: skip


# ---- Gemini ---------------------------------------------------------------------------------------------------


def _gemini_whole(reply: Reply) -> dict[str, Any]:
    part = {"functionCall": {"name": reply.tool, "args": reply.arguments}} if reply.tool else {"text": reply.text}
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m", "responseId": "r"}


def _gemini_offers(body: Any) -> list[str]:
    body = _camel(body)
    mode = body.get("toolConfig", {}).get("functionCallingConfig", {}).get("mode")
    declared = [one for tool in body.get("tools", ()) for one in tool.get("functionDeclarations", ())]
    return [] if mode == "NONE" else [one["name"] for one in declared]


def _camel(value: Any) -> Any:
    """The API takes its own fields in snake case too; a schema's properties keep their names."""
    if isinstance(value, list):
        return [_camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    own = {key: re.sub("_([a-z])", lambda found: found[1].upper(), key) for key in value}
    kept = {"args", "response", "properties", "$defs", "parameters", "parametersJsonSchema", "responseJsonSchema"}
    return {own[key]: item if own[key] in kept else _camel(item) for key, item in value.items()}


def _loud(schema: Any) -> Any:
    """The API takes the names of a schema's types in small letters too."""
    if isinstance(schema, list):
        return [_loud(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: item.upper() if key == "type" and isinstance(item, str) else _loud(item) for key, item in schema.items()
    }


def _gemini_check(body: Any, *, signatures: bool) -> None:
    turns: list[Any] = []
    made = _camel(body)
    for tool in made.get("tools", ()):
        for function in tool.get("functionDeclarations", ()):
            if "parameters" in function:
                function["parameters"] = _loud(function["parameters"])
    for turn in made.get("contents", ()):
        if turns and turns[-1]["role"] == turn.get("role"):
            turns[-1] = {**turns[-1], "parts": turns[-1]["parts"] + turn["parts"]}
        else:
            turns.append(turn)
    check_gemini({**made, "contents": turns}, signatures=signatures)


def _gemini(provider: str, model: str, path: str, section: dict[str, str]) -> Provider:
    return Provider(
        provider, model, section, path, "x-goog-api-key", KEY,
        lambda body: _gemini_check(body, signatures=model.startswith("gemini-3")), _gemini_offers,
        lambda body: body.get("generationConfig", {}).get("responseMimeType") == "application/json",
        lambda body: body["contents"][-1]["role"] == "user"
        and not any("functionResponse" in part for part in body["contents"][-1]["parts"]),
        _gemini_whole, lambda reply: sse(_gemini_whole(reply)),
        verbs=("generateContent", "streamGenerateContent?alt=sse"),
        error=lambda message: {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}},
        streams=lambda body, path: "streamGenerateContent" in path,
    )  # fmt: skip


# ---- Bedrock --------------------------------------------------------------------------------------------------


def _converse_whole(reply: Reply) -> dict[str, Any]:
    use = {"toolUse": {"toolUseId": "tooluse_9", "name": reply.tool, "input": reply.arguments}}
    return {
        "output": {"message": {"role": "assistant", "content": [use if reply.tool else {"text": reply.text}]}},
        "stopReason": "tool_use" if reply.tool else "end_turn",
        "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5},
    }


def _converse_events(reply: Reply) -> bytes:
    start = {"toolUse": {"toolUseId": "tooluse_9", "name": reply.tool}} if reply.tool else None
    delta = {"toolUse": {"input": json.dumps(reply.arguments)}} if reply.tool else {"text": reply.text}
    whole = _converse_whole(reply)
    events: list[tuple[str, dict[str, Any]]] = [
        ("messageStart", {"role": "assistant"}),
        *([("contentBlockStart", {"contentBlockIndex": 0, "start": start})] if start else []),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": delta}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": whole["stopReason"]}),
        ("metadata", {"usage": whole["usage"], "metrics": {"latencyMs": 1}}),
    ]
    return b"".join(
        encode_message(
            {":message-type": "event", ":event-type": kind, ":content-type": "application/json"},
            json.dumps(one).encode(),
        )
        for kind, one in events
    )


def _converse_offers(body: Any) -> list[str]:
    config = body.get("toolConfig", {})
    named = config.get("toolChoice", {}).get("tool", {}).get("name")
    return [named] if named else [tool["toolSpec"]["name"] for tool in config.get("tools", ()) if "toolSpec" in tool]


_AWS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": KEY, "aws_region_name": "us-east-1"}


def _bedrock(model: str) -> Provider:
    return Provider(
        "bedrock", model, _AWS, f"/model/{model.replace(':', '%3A')}/{{verb}}", "authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/",
        check_converse, _converse_offers, lambda body: "outputConfig" in body,
        lambda body: body["messages"][-1]["role"] == "user"
        and not any("toolResult" in part for part in body["messages"][-1]["content"]),
        _converse_whole, _converse_events, kind="application/vnd.amazon.eventstream",
        verbs=("converse", "converse-stream"), error=lambda message: {"message": message},
        streams=lambda body, path: path.endswith("-stream"),
    )  # fmt: skip


# ---- Cohere and Ollama ----------------------------------------------------------------------------------------


def _cohere_whole(reply: Reply) -> dict[str, Any]:
    call = {
        "id": "call_9",
        "type": "function",
        "function": {"name": reply.tool, "arguments": json.dumps(reply.arguments)},
    }
    said = (
        {"tool_plan": "I will.", "tool_calls": [call]}
        if reply.tool
        else {"content": [{"type": "text", "text": reply.text}]}
    )
    return {
        "id": "r", "message": {"role": "assistant", **said}, "finish_reason": "TOOL_CALL" if reply.tool else "COMPLETE",
        "usage": {"billed_units": {"input_tokens": 3, "output_tokens": 2}, "tokens": {"input_tokens": 3, "output_tokens": 2}},
    }  # fmt: skip


def _cohere_events(reply: Reply) -> bytes:
    whole = _cohere_whole(reply)
    start = {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}}
    middle: list[dict[str, Any]] = [
        start,
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": reply.text}}}},
        {"type": "content-end", "index": 0},
    ]
    if reply.tool:
        call = {"id": "call_9", "type": "function", "function": {"name": reply.tool, "arguments": ""}}
        said = {"function": {"arguments": json.dumps(reply.arguments)}}
        middle = [
            {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": call}}},
            {"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": said}}},
            {"type": "tool-call-end", "index": 0},
        ]
    end = {"finish_reason": whole["finish_reason"], "usage": whole["usage"]}
    return sse(
        {"type": "message-start", "id": "r", "delta": {"message": {"role": "assistant"}}},
        *middle,
        {"type": "message-end", "delta": end},
        named=True,
    )


def _ollama_whole(reply: Reply) -> dict[str, Any]:
    call = {"function": {"name": reply.tool, "arguments": reply.arguments}}
    message = {"role": "assistant", "content": reply.text, **({"tool_calls": [call]} if reply.tool else {})}
    return {
        "model": "m", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": True, "done_reason": "stop",
        "prompt_eval_count": 3, "eval_count": 2,
    }  # fmt: skip


def _ollama_events(reply: Reply) -> bytes:
    whole = _ollama_whole(reply)
    first = {**whole, "done": False}
    for name in ("done_reason", "prompt_eval_count", "eval_count"):
        del first[name]
    last = {**whole, "message": {"role": "assistant", "content": ""}}
    return b"".join(json.dumps(one).encode() + b"\n" for one in (first, last))


def _ollama_check(body: Any) -> None:
    """The server streams where nothing is said, takes empty lists for none, and passes over what it does not know."""
    unknown = {"id", "index", "strict", "cache_control", "tool_call_id"}

    def known(one: dict[str, Any]) -> dict[str, Any]:
        made = {key: item for key, item in one.items() if key not in unknown and not (key == "images" and item == [])}
        if "arguments" in one.get("function", {}):
            made.pop("type", None)
        return {"parameters": {}, **made} if "description" in one and "name" in one else made

    check_ollama({"stream": True, **json.loads(json.dumps(body), object_hook=known)})


def _asks_last(body: Any) -> bool:
    return body["messages"][-1]["role"] == "user"


PROVIDERS: dict[str, Provider] = {
    "openai": _openai("openai", "gpt-5.2", "/chat/completions", "authorization", f"Bearer {KEY}", _lenient),
    "openai, Responses": Provider(
        "openai", "gpt-5.4-pro", {"api_key": KEY}, "/responses", "authorization", f"Bearer {KEY}", check_responses,
        lambda body: [] if body.get("tool_choice") == "none" else [
            tool["name"] for tool in body.get("tools", ()) if "name" in tool
        ],
        lambda body: body.get("text", {}).get("format", {}).get("type", "text") != "text",
        _responses_question, _responses_whole, _responses_events,
    ),
    "azure": _openai(
        "azure", "mine", "/openai/deployments/mine/chat/completions?api-version=2024-10-21", "api-key", KEY,
        api_version="2024-10-21",
    ),
    "anthropic": _anthropic(
        "anthropic", "claude-opus-4-6", "/v1/messages", "x-api-key", KEY, _anthropic_check, section={"api_key": KEY}
    ),
    "azure_ai, Claude": _anthropic(
        "azure_ai", "claude-opus-4-6", "/anthropic/v1/messages", "x-api-key", KEY, _anthropic_check, section={"api_key": KEY}
    ),
    "vertex_ai, Claude": _anthropic(
        "vertex_ai", "claude-opus-4-6", "/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude-opus-4-6:{verb}",
        "x-goog-api-key", KEY, _vertex_claude_check, verbs=("rawPredict", "streamRawPredict"),
        section={"api_key": KEY, "vertex_project": "p", "vertex_location": "us-east5"},
    ),
    "gemini": _gemini("gemini", "gemini-2.5-flash", "/v1beta/models/gemini-2.5-flash:{verb}", {"api_key": KEY}),
    "vertex_ai": _gemini(
        "vertex_ai", "gemini-3-pro-preview",
        "/v1/projects/p/locations/global/publishers/google/models/gemini-3-pro-preview:{verb}",
        {"api_key": KEY, "vertex_project": "p", "vertex_location": "global"},
    ),
    "bedrock, Claude": _bedrock("us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    "bedrock, Nova": _bedrock("amazon.nova-2-lite-v1:0"),
    "cohere_chat": Provider(
        "cohere_chat", "command-a-03-2025", {"api_key": KEY}, "/v2/chat", "authorization", f"Bearer {KEY}",
        lambda body: check_cohere({"stream": False, **body}),
        _tools_offered := (lambda body: [] if body.get("tool_choice") == "NONE" else [
            tool["function"]["name"] for tool in body.get("tools", ())
        ]),
        lambda body: "response_format" in body, _asks_last, _cohere_whole, _cohere_events,
        error=lambda message: {"id": "r", "message": message},
    ),
    "ollama": Provider(
        "ollama_chat", "llama3.2:1b", {}, "/api/chat", "host", "127.0.0.1",
        _ollama_check, _tools_offered,
        lambda body: "format" in body, _asks_last, _ollama_whole, _ollama_events, kind="application/x-ndjson",
        any_type=True,
        error=lambda message: {"error": message},
    ),
}  # fmt: skip
