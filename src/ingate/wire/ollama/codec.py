"""Ollama's own chat format: messages with images as base64, options in one object, JSON lines as a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.errors import BadRequestError
from ingate.wire.address import join
from ingate.wire.codec import BaseCodec, WireRequest, encode_body
from ingate.wire.efforts import fitted_effort
from ingate.wire.facts import facts_of
from ingate.wire.ollama.answer import OllamaDecoder, completion_of, embeddings_of
from ingate.wire.params import ParamTracker, deep_merge, stops_of
from ingate.wire.parts import calls_of, choice_of, format_of, in_message, messages_of, parts_of, text_of, tools_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.codec import StreamDecoder, Target

# https://github.com/ollama/ollama/blob/main/docs/modelfile.mdx#valid-parameters-and-values
_OPTIONS: Final = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "repeat_penalty": "repeat_penalty",
    "num_ctx": "num_ctx",
}
_HEADERS: Final = {"content-type": "application/json"}


class OllamaCodec(BaseCodec):
    """Ollama's `/api/chat`."""

    name = "ollama"

    def url(self, target: Target) -> str:
        """`/api/chat` under the base URL."""
        return _url(target, "chat")

    def request(self, body: Mapping[str, Any], target: Target) -> WireRequest:
        """The request for an OpenAI request body."""
        out, params = chat_request(body, target)
        return WireRequest(
            url=self.url(target),
            body=encode_body({"model": target.model, "stream": target.stream, **out}),
            headers=dict(_HEADERS),
            dropped=params.dropped,
            warnings=params.warnings,
        )

    def response(self, content: bytes, *, model: str) -> dict[str, Any]:
        """A whole response as an OpenAI completion."""
        return completion_of(content, model=model)

    def decoder(self, *, model: str, content_type: str) -> StreamDecoder:
        """A decoder for one streamed response; a whole one is a stream of one line."""
        return OllamaDecoder(model=model)

    def embeddings_request(self, body: Mapping[str, Any], target: Target) -> WireRequest:
        """The request for embeddings, at `/api/embed`."""
        params = ParamTracker(body, policy=target.drop_params, model=target.model)
        out = {"model": target.model, "input": params.take("input")}
        if size := params.take("dimensions"):
            out["dimensions"] = size
        params.take("encoding_format")
        out.update({**params.rest(), **params.extra_body})
        return WireRequest(
            url=_url(target, "embed"),
            body=encode_body(out),
            headers=dict(_HEADERS),
            dropped=params.dropped,
            warnings=params.warnings,
        )

    def embeddings_response(self, content: bytes, *, model: str) -> dict[str, Any]:
        """The embeddings as an OpenAI list."""
        return embeddings_of(content, model=model)


def _url(target: Target, verb: str) -> str:
    """The address of `/api/<verb>`; a base URL of Ollama's OpenAI-compatible API (`/v1`) is corrected."""
    return join(target.api_base, f"/api/{verb}", strip=("/v1", "/api"))


def chat_request(body: Mapping[str, Any], target: Target) -> tuple[dict[str, Any], ParamTracker]:
    """The request body without `model` and `stream`, and the tracker that lists the dropped parameters.

    Raises:
        BadRequestError: The request cannot be expressed in this format, or has a parameter that it does not have while
            `drop_params` is `strict`.
    """
    params = ParamTracker(body, policy=target.drop_params, model=target.model)
    names: dict[str, str] = {}
    out: dict[str, Any] = {"messages": []}
    for at, message in enumerate(messages_of(body)):
        with in_message(at):
            out["messages"].append(_message(message, names))
    _tools(params, out)
    wanted, schema = format_of(body)
    params.take("response_format")
    if wanted != "text":
        out["format"] = schema if schema is not None else "json"
    options: dict[str, Any] = {}
    for name, key in _OPTIONS.items():
        value = params.number(name)
        if value is not None:
            options[key] = value
    limit = params.take("max_completion_tokens", "max_tokens")
    if limit is not None:
        options["num_predict"] = limit
    if stops := stops_of(params, blank=True):
        options["stop"] = stops
    if options:
        out["options"] = options
    if params.take("logprobs"):
        out["logprobs"] = True
        if top := params.number("top_logprobs"):
            out["top_logprobs"] = top
    effort, thinking = params.take("reasoning_effort"), params.take("thinking")
    if isinstance(thinking, dict):
        effort = "none" if thinking.get("type") == "disabled" else "medium" if effort in {None, "none"} else effort
    if effort is not None:
        _think(params, out, str(effort), facts_of(target, "ollama"))
    return deep_merge(deep_merge(out, params.rest()), params.extra_body), params


def _think(params: ParamTracker, out: dict[str, Any], effort: str, known: Mapping[str, Any]) -> None:
    """Set `think`: a level if the model has levels, else whether it reasons; Ollama rejects it for any other model."""
    thinks = known.get("thinking")
    if levels := known.get("efforts"):
        out["think"] = fitted_effort(params, effort, levels)
    elif effort == "none":
        out["think"] = False  # every model takes this
    elif thinks:
        out["think"] = True
    elif thinks is False:
        params.drop("reasoning_effort", "this model does not reason")
    else:
        params.drop("reasoning_effort", "it is not known whether this model can reason; one that can does so unasked")


def _message(message: Mapping[str, Any], names: dict[str, str]) -> dict[str, Any]:
    role = message["role"]
    if role in {"system", "developer"}:
        return {"role": "system", "content": text_of(message.get("content"))}
    if role in {"tool", "function"}:
        call_id = message.get("tool_call_id")
        made: dict[str, Any] = {"role": "tool", "content": text_of(message.get("content"))}
        images = [part.data for part in parts_of(message.get("content")) if part.kind == "image" and part.data]
        if images:
            made["images"] = images
        if name := names.get(str(call_id)) or message.get("name"):
            made["tool_name"] = name
        return made
    made = {"role": role}
    texts: list[str] = []
    images: list[str] = []
    for part in parts_of(message.get("content")):
        if part.kind == "text" or (part.kind == "file" and part.mime.startswith("text/")):
            texts.append(part.text)
        elif part.kind == "image" and part.data is not None:
            images.append(part.data)
        elif part.kind == "image":
            raise BadRequestError("Ollama does not accept image URLs: send the content as a data URL")
        else:
            raise BadRequestError(
                f"Ollama does not accept {part.kind} input", fix="leave it out, or use a model that accepts it"
            )
    made["content"] = "".join(texts)
    if images:
        made["images"] = images
    if role == "assistant":
        if isinstance(reasoning := message.get("reasoning_content"), str) and reasoning:
            made["thinking"] = reasoning
        calls = []
        for call_id, name, arguments, _ in calls_of(message):
            names[call_id] = name
            calls.append({"function": {"name": name, "arguments": arguments}})
        if calls:
            made["tool_calls"] = calls
    return made


def _tools(params: ParamTracker, out: dict[str, Any]) -> None:
    choice = choice_of(params.body)
    params.take("tools", "tool_choice", "functions", "function_call")
    functions, native = tools_of(params.body, choice)
    if choice.mode == "none":
        return
    if choice.mode in {"required", "named"}:
        params.drop("tool_choice", "Ollama cannot require a tool call")
    if params.take("parallel_tool_calls") is False and functions:
        params.drop("parallel_tool_calls", "Ollama cannot be limited to one tool call at a time")
    tools = [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.schema},
        }
        for tool in functions
    ]
    if tools or native:
        out["tools"] = tools + native


CODEC = OllamaCodec()
