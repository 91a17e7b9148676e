"""Cohere's v2 chat format: messages and tools resemble OpenAI's, everything else differs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.errors import BadRequestError
from ingate.wire.address import base_path, join
from ingate.wire.codec import BaseCodec, WireRequest, encode_body
from ingate.wire.cohere.answer import CohereDecoder, completion_of
from ingate.wire.decoding import WholeDecoder
from ingate.wire.facts import BUDGETS, facts_of
from ingate.wire.params import ParamTracker, deep_merge, stops_of
from ingate.wire.parts import (
    calls_of,
    choice_of,
    format_of,
    has_media,
    in_message,
    messages_of,
    parts_of,
    text_of,
    tools_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.codec import StreamDecoder, Target


class CohereCodec(BaseCodec):
    """Cohere's v2 chat."""

    name = "cohere"

    def url(self, target: Target) -> str:
        """`/v2/chat` under the base URL; a base URL of v1 or of the OpenAI-compatible API is corrected."""
        if base_path(target.api_base).endswith(("/v1", "/v1/chat", "/v2", "/v2/chat")):
            return join(target.api_base, "/v2/chat", strip=("/chat", "/v1", "/v2", "/compatibility"))
        return join(target.api_base, "/v2/chat")

    def request(self, body: Mapping[str, Any], target: Target) -> WireRequest:
        """The request for an OpenAI request body."""
        out, params = chat_request(body, target)
        headers = {"content-type": "application/json"}
        if target.stream:
            headers["accept"] = "text/event-stream"
        return WireRequest(
            url=self.url(target),
            body=encode_body({"model": target.model, "stream": target.stream, **out}),
            headers=headers,
            dropped=params.dropped,
            warnings=params.warnings,
        )

    def response(self, content: bytes, *, model: str) -> dict[str, Any]:
        """A whole response as an OpenAI completion."""
        return completion_of(content, model=model)

    def decoder(self, *, model: str, content_type: str) -> StreamDecoder:
        """A decoder for one streamed response, or for a whole one."""
        if content_type.startswith("application/json"):
            return WholeDecoder(partial(completion_of, model=model))
        return CohereDecoder(model=model)


_MAX_STOPS: Final = 5
_NAMES: Final = {
    "temperature": "temperature",
    "top_p": "p",
    "top_k": "k",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
}


def chat_request(body: Mapping[str, Any], target: Target) -> tuple[dict[str, Any], ParamTracker]:
    """The request body without `model` and `stream`, and the tracker that lists the dropped parameters.

    Raises:
        BadRequestError: The request cannot be expressed in this format, or has a parameter that the model does not
            accept while `drop_params` is `strict`.
    """
    known = facts_of(target, "cohere")
    params = ParamTracker(body, policy=target.drop_params, model=target.model)
    messages = messages_of(body)
    out: dict[str, Any] = {"messages": []}
    for at, message in enumerate(messages):
        with in_message(at):
            out["messages"] += _message(message)
    if any(one["role"] == "tool" and has_media(one.get("content")) for one in messages):
        params.drop("image in a tool's result", "Cohere accepts only text in tool results")
    _tools(params, out)
    wanted, schema = format_of(body)
    params.take("response_format")
    if wanted != "text" and "tools" in out:
        params.drop("response_format", "Cohere does not accept response_format together with tools")
    elif wanted != "text":
        out["response_format"] = {"type": "json_object", **({"json_schema": schema} if schema is not None else {})}
    for name, key in _NAMES.items():
        value = params.number(name)
        if value is not None:
            out[key] = value
    limit = params.take("max_completion_tokens", "max_tokens")
    if limit is not None:
        out["max_tokens"] = limit
    if params.take("logprobs"):
        out["logprobs"] = True
    if params.number("top_logprobs"):
        params.drop("top_logprobs", "Cohere returns only the log probabilities of the chosen tokens")
    if stops := stops_of(params, blank=True):
        if len(stops) > _MAX_STOPS:
            params.adapt(
                "stop", f"only the first {_MAX_STOPS} of {len(stops)} stop sequences are sent: Cohere accepts no more"
            )
        out["stop_sequences"] = stops[:_MAX_STOPS]
    _thinking(params, out, known)
    return deep_merge(deep_merge(out, params.rest()), params.extra_body), params


def _message(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    role = message["role"]
    if role in {"system", "developer"}:
        text = text_of(message.get("content"))
        return [{"role": "system", "content": text}] if text else []
    if role in {"tool", "function"}:
        call_id = message.get("tool_call_id") or message.get("name")
        if not isinstance(call_id, str) or not call_id:
            raise BadRequestError("a tool message has no tool_call_id")
        # Cohere rejects an empty result.
        return [{"role": "tool", "tool_call_id": call_id, "content": text_of(message.get("content")) or "(no output)"}]
    if role == "user":
        content = _content(message.get("content"))
        return [{"role": "user", "content": content}] if content else []
    made: dict[str, Any] = {"role": "assistant"}
    if text := text_of(message.get("content")):
        made["content"] = text
    calls = [
        {
            "id": call_id or name,
            "type": "function",
            "function": {"name": name, "arguments": msgspec.json.encode(arguments).decode()},
        }
        for call_id, name, arguments, _ in calls_of(message)
    ]
    if calls:
        made["tool_calls"] = calls
        if isinstance(plan := message.get("tool_plan"), str) and plan:
            made["tool_plan"] = plan
    return [made] if len(made) > 1 else []


def _content(content: Any) -> str | list[dict[str, Any]]:
    parts = parts_of(content)
    if all(part.kind == "text" for part in parts):
        return "".join(part.text for part in parts)
    made: list[dict[str, Any]] = []
    for part in parts:
        if part.kind == "text":
            if part.text:
                made.append({"type": "text", "text": part.text})
        elif part.kind == "image" and (part.url or part.data is not None):
            url = part.url or f"data:{part.mime};base64,{part.data}"
            made.append({"type": "image_url", "image_url": {"url": url}})
        elif part.kind == "file" and part.mime.startswith("text/"):
            made.append({"type": "text", "text": part.text})
        else:
            raise BadRequestError(
                f"Cohere's models do not accept {part.kind} input", fix="leave it out, or use a model that accepts it"
            )
    return made


def _tools(params: ParamTracker, out: dict[str, Any]) -> None:
    choice = choice_of(params.body)
    params.take("tools", "tool_choice", "functions", "function_call")
    functions, native = tools_of(params.body, choice)
    if choice.mode == "named":  # Cohere can require some tool call, so only this tool is offered
        functions = [tool for tool in functions if tool.name == choice.name] or functions
    if not functions and not native:
        return
    out["tools"] = [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.schema},
        }
        for tool in functions
    ] + native
    if functions and all(tool.strict for tool in functions):
        out["strict_tools"] = True
    if choice.mode != "auto":
        out["tool_choice"] = "NONE" if choice.mode == "none" else "REQUIRED"
    if params.take("parallel_tool_calls") is False:
        params.drop("parallel_tool_calls", "Cohere cannot be limited to one tool call at a time")


def _thinking(params: ParamTracker, out: dict[str, Any], known: Mapping[str, Any]) -> None:
    given, effort = params.take("thinking"), params.take("reasoning_effort")
    if isinstance(given, dict):
        tokens = given.get("token_budget", given.get("budget_tokens"))
        out["thinking"] = {"type": given.get("type", "enabled"), **({"token_budget": tokens} if tokens else {})}
    elif effort is None:
        return
    elif effort != "none" and effort not in BUDGETS:
        raise BadRequestError(f"reasoning_effort is {effort!r}, not one of none, {', '.join(BUDGETS)}")
    elif not known.get("thinking"):
        if effort != "none":
            params.drop("reasoning_effort", "this model does not support reasoning")
    elif effort == "none":
        out["thinking"] = {"type": "disabled"}
    else:
        out["thinking"] = {"type": "enabled", "token_budget": BUDGETS[effort]}


CODEC = CohereCodec()
