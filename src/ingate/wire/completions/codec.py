"""Legacy `/completions` as an upstream format, for the models that have no other endpoint (mode `completion`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.errors import InvalidRequestError
from ingate.wire.chat.azure import azure_endpoint
from ingate.wire.chat.codec import CODEC as CHAT
from ingate.wire.chat.codec import ChatDecoder, encode_body, endpoint
from ingate.wire.chat.quirks import quirks_of
from ingate.wire.codec import BaseCodec, WireRequest
from ingate.wire.completions.prompt import NEXT_SPEAKER, prompt_of
from ingate.wire.params import ParamTracker, deep_merge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.codec import StreamDecoder, Target
    from ingate.wire.sse import SSEEvent

# Without a limit OpenAI stops after 16 tokens: https://platform.openai.com/docs/api-reference/completions/create
_DEFAULT_MAX_TOKENS: Final = 1024
_MOST_STOPS: Final = 4
_SAME: Final = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "n", "seed", "logit_bias", "user")
_TOOLS: Final = ("tools", "functions")
# Endpoints for completions that are not called so: https://docs.mistral.ai/api/endpoint/fim
_PATHS: Final[Mapping[str, str]] = {"mistral": "/fim/completions", "codestral": "/fim/completions"}


class CompletionsCodec(BaseCodec):
    """OpenAI's legacy completions format. The messages become one prompt; tools cannot be called."""

    name = "completions"

    def url(self, target: Target) -> str:
        """`/completions` under the base URL."""
        path = _PATHS.get(target.provider, "/completions")
        if target.provider in {"azure", "azure_ai"}:
            return azure_endpoint(target.api_base, path, target.model, target.params.get("api_version", ""))
        prefix = "/v1" if target.provider in {"ollama", "ollama_chat"} else quirks_of(target.provider).path
        return endpoint(target.api_base, path, prefix)

    def request(self, body: Mapping[str, Any], target: Target) -> WireRequest:
        """The completions request for a chat request."""
        tracker = ParamTracker(body, policy=target.drop_params, model=target.model)
        out: dict[str, Any] = {"model": target.model}
        stops = tracker.take("stop")
        stops = [stops] if isinstance(stops, str) else list(stops) if isinstance(stops, list) else []
        if (given := tracker.take("prompt")) is not None:
            out["prompt"] = given
        else:
            out["prompt"], is_transcript = prompt_of(body)
            if is_transcript and NEXT_SPEAKER not in stops and len(stops) < _MOST_STOPS:
                stops.append(NEXT_SPEAKER)
        out["max_tokens"] = _limit(tracker, target)
        if stops:
            out["stop"] = stops
        for name in _SAME:
            if (value := tracker.take(name)) is not None:
                out[name] = value
        if tracker.take("logprobs") is True:
            out["logprobs"] = tracker.take("top_logprobs") or 1
        if any(body.get(name) for name in _TOOLS):
            tracker.drop("tools", "a completion model cannot call tools; choose a chat model for that")
        tracker.take(*_TOOLS, "tool_choice", "function_call", "parallel_tool_calls")
        out.update(tracker.rest())
        if target.stream:
            out["stream"] = True
            if not quirks_of(target.provider).no_stream_options:
                out["stream_options"] = {"include_usage": True}
        out = deep_merge(out, tracker.extra_body)
        headers = {
            "content-type": "application/json",
            "accept": "text/event-stream" if target.stream else "application/json",
        }
        if isinstance(given := body.get("extra_headers"), dict):
            headers.update({str(name).lower(): str(value) for name, value in given.items()})
        return WireRequest(
            url=self.url(target),
            body=encode_body(out),
            headers=headers,
            dropped=tracker.dropped,
            warnings=tracker.warnings,
        )

    def response(self, content: bytes, *, model: str) -> dict[str, Any]:
        """A text completion as a chat completion."""
        value = CHAT.response(content, model=model)
        choices = [_choice(choice, "message") for choice in value["choices"] if isinstance(choice, dict)]
        return {**value, "object": "chat.completion", "choices": choices}

    def decoder(self, *, model: str, content_type: str) -> StreamDecoder:
        """A decoder for one streamed completion."""
        return CompletionsDecoder(model, content_type)


class CompletionsDecoder(ChatDecoder):
    """A streamed text completion as chat chunks; its events are framed as those of a chat stream."""

    def _read_whole(self, body: bytes, out: list[dict[str, Any]]) -> None:
        super()._read_whole(body, out)
        out[:] = [_chunk(chunk) for chunk in out]

    def _chunk(self, event: SSEEvent, *, last: bool) -> dict[str, Any] | None:
        chunk = super()._chunk(event, last=last)
        return None if chunk is None else _chunk(chunk)


def _limit(tracker: ParamTracker, target: Target) -> int:
    given = tracker.take("max_completion_tokens", "max_tokens")
    if given is None:
        most = target.facts.get("max_output_tokens")
        return min(most, _DEFAULT_MAX_TOKENS) if isinstance(most, int) and most > 0 else _DEFAULT_MAX_TOKENS
    if not isinstance(given, int) or isinstance(given, bool) or given < 0:
        raise InvalidRequestError(
            f"max_tokens is {given!r}, not a number of tokens", param="max_tokens", code="invalid_parameter"
        )
    return given


def _chunk(chunk: dict[str, Any]) -> dict[str, Any]:
    choices = chunk.get("choices")
    if not isinstance(choices, list):
        return chunk
    made = [_choice(choice, "delta") for choice in choices if isinstance(choice, dict)]
    return {**chunk, "object": "chat.completion.chunk", "choices": made}


def _choice(choice: dict[str, Any], key: str) -> dict[str, Any]:
    """A choice with its text as a message or delta; Mistral's already has one."""
    out = {name: value for name, value in choice.items() if name != "text"}
    if not any(isinstance(out.get(name), dict) for name in ("message", "delta")):
        text = choice.get("text")
        out[key] = {"content": text if isinstance(text, str) else ""}
        if key == "message":
            out[key] = {"role": "assistant", **out[key]}
    if isinstance(found := choice.get("logprobs"), dict) and "tokens" in found:
        out["logprobs"] = {"content": _probabilities(found), "refusal": None}
    return out


def _probabilities(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Parallel lists of tokens and probabilities, as Chat Completions has them: an object a token."""
    tokens, values, others = (_list(found.get(key)) for key in ("tokens", "token_logprobs", "top_logprobs"))
    out = []
    for at, token in enumerate(tokens):
        if not isinstance(token, str):
            continue
        top = others[at] if at < len(others) and isinstance(others[at], dict) else {}
        entry = _probability(token, values[at] if at < len(values) else None)
        entry["top_logprobs"] = [_probability(str(other), value) for other, value in top.items()]
        out.append(entry)
    return out


def _probability(token: str, value: Any) -> dict[str, Any]:
    # The prompt's first token has none: -9999 stands for it, as in OpenAI's own description of the field.
    number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else -9999.0
    return {"token": token, "logprob": number, "bytes": list(token.encode("utf-8", "replace"))}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


CODEC: Final = CompletionsCodec()
