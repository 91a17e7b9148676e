"""The downstream half of chat completions: requests checked for what no provider could read, and streams written.

Which values a model takes is the model's business, and a parameter that is not listed here is passed on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ingate.errors import InvalidRequestError
from ingate.wire.chat.shape import check_shape
from ingate.wire.errors import error_to_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.errors import IngateError
    from ingate.wire.events import Event

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "a string": (str,),
    "a boolean": (bool,),
    "an integer": (int,),
    "a number": (int, float),
    "an array": (list,),
    "an object": (dict,),
    "a string or an array": (str, list),
    "a string or an object": (str, dict),
}

# Every one of these may also be null or absent.
CHAT_TYPES: Final[Mapping[str, str]] = {
    "frequency_penalty": "a number",
    "functions": "an array",
    "logit_bias": "an object",
    "logprobs": "a boolean",
    "max_completion_tokens": "an integer",
    "max_tokens": "an integer",
    "metadata": "an object",
    "modalities": "an array",
    "n": "an integer",
    "parallel_tool_calls": "a boolean",
    "presence_penalty": "a number",
    "reasoning_effort": "a string",
    "response_format": "an object",
    "seed": "an integer",
    "stop": "a string or an array",
    "store": "a boolean",
    "stream": "a boolean",
    "stream_options": "an object",
    "temperature": "a number",
    "tool_choice": "a string or an object",
    "tools": "an array",
    "top_logprobs": "an integer",
    "top_p": "a number",
    "user": "a string",
}
_EMBEDDINGS: Final[Mapping[str, str]] = {"dimensions": "an integer", "encoding_format": "a string", "user": "a string"}

# What OpenAI counts apart, zero if nothing is.
_PROMPT_DETAILS: Final = {"cached_tokens": 0, "audio_tokens": 0}
_COMPLETION_DETAILS: Final = {
    "reasoning_tokens": 0,
    "audio_tokens": 0,
    "accepted_prediction_tokens": 0,
    "rejected_prediction_tokens": 0,
}


def check_chat(body: Mapping[str, Any]) -> None:
    """Raise `InvalidRequestError`, naming the parameter, if a chat-completions request is malformed."""
    _check_model(body)
    messages = _needed(body, "messages")
    if not isinstance(messages, list):
        raise _wrong("messages", "an array of messages", messages)
    if not messages:
        raise InvalidRequestError("'messages' is empty; at least one message is needed", param="messages")
    for place, message in enumerate(messages):
        _check_message(message, f"messages[{place}]")
    _check_types(body, CHAT_TYPES)
    for place, tool in enumerate(body.get("tools") or ()):
        if not isinstance(tool, dict):
            raise _wrong(f"tools[{place}]", "an object", tool)
    check_shape(body)
    options = body.get("stream_options") or {}
    if not isinstance(options.get("include_usage"), bool | None):
        raise _wrong("stream_options.include_usage", "a boolean", options["include_usage"])


def check_embeddings(body: Mapping[str, Any]) -> None:
    """Raise `InvalidRequestError`, naming the parameter, if an embeddings request is malformed."""
    _check_model(body)
    text = _needed(body, "input")
    if not isinstance(text, str | list):
        raise _wrong("input", "a string or an array", text)
    if not text:
        raise InvalidRequestError("'input' is empty", param="input")
    _check_types(body, _EMBEDDINGS)
    if body.get("encoding_format") not in {None, "float", "base64"}:
        raise InvalidRequestError(
            f"'encoding_format' is {body['encoding_format']!r}; it is 'float' or 'base64'", param="encoding_format"
        )


def _check_model(body: Mapping[str, Any]) -> None:
    model = _needed(body, "model")
    if not isinstance(model, str):
        raise _wrong("model", "a string", model)
    if not model.strip():
        raise InvalidRequestError(
            "'model' is empty; a model spec is needed", param="model", fix="ingate models lists them"
        )


def _check_message(message: object, name: str) -> None:
    if not isinstance(message, dict):
        raise _wrong(name, "an object", message)
    role = _needed(message, "role", name)
    if not isinstance(role, str):
        raise _wrong(f"{name}.role", "a string", role)
    content = message.get("content")
    if not isinstance(content, str | list | None):
        raise _wrong(f"{name}.content", "a string or an array of parts", content)
    for place, part in enumerate(content if isinstance(content, list) else ()):
        if not isinstance(part, dict):
            raise _wrong(f"{name}.content[{place}]", "an object", part)
    calls = message.get("tool_calls")
    if not isinstance(calls, list | None):
        raise _wrong(f"{name}.tool_calls", "an array", calls)
    for place, call in enumerate(calls or ()):
        if not isinstance(call, dict):
            raise _wrong(f"{name}.tool_calls[{place}]", "an object", call)


def _check_types(body: Mapping[str, Any], expected: Mapping[str, str]) -> None:
    for name, value in body.items():
        wanted = expected.get(name)
        if wanted is None or value is None:
            continue
        # JSON's true is not a number, though Python's is.
        if not isinstance(value, _TYPES[wanted]) or (isinstance(value, bool) and wanted != "a boolean"):
            raise _wrong(name, wanted, value)


def _needed(body: Mapping[str, Any], name: str, inside: str = "") -> Any:
    param = f"{inside}.{name}" if inside else name
    value = body.get(name)
    if value is None:
        raise InvalidRequestError(f"{param!r} is missing", param=param, code="missing_required_parameter")
    return value


def _wrong(param: str, wanted: str, value: object) -> InvalidRequestError:
    shown = repr(value)
    shown = shown if len(shown) <= 40 else f"{shown[:37]}..."
    return InvalidRequestError(f"{param!r} must be {wanted}, and is {shown}", param=param, code="invalid_type")


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A chat request, which needs no translation. See `ingate.wire.events.Translation`."""

    chat: dict[str, Any]
    stream: bool
    warnings: list[str] = field(default_factory=list)

    def answer(self, completion: Mapping[str, Any]) -> dict[str, Any]:
        """The completion with every field that OpenAI's has."""
        return complete(completion)

    def events(self) -> ChunkStream:
        """The chunks as the client wants them."""
        options = self.chat.get("stream_options")
        return ChunkStream(usage=bool(options and options.get("include_usage")))


def translate(body: Mapping[str, Any]) -> ChatRequest:
    """A chat request, checked.

    Raises:
        InvalidRequestError: The request is malformed; `param` names the field.
    """
    check_chat(body)
    return ChatRequest({name: value for name, value in body.items() if name != "stream"}, bool(body.get("stream")))


def complete(completion: Mapping[str, Any]) -> dict[str, Any]:
    """A normalised completion with the fields that OpenAI's has always, null or zero if the provider has none."""
    made = {**completion, "choices": [_complete_choice(choice) for choice in completion["choices"]]}
    if completion.get("usage"):
        made["usage"] = _complete_usage(completion["usage"])
    else:
        made.pop("usage", None)  # it may be absent, but not null
    return made


def _complete_choice(choice: Mapping[str, Any]) -> dict[str, Any]:
    message = {"content": None, "refusal": None, "annotations": [], **choice["message"]}
    return {"logprobs": None, **choice, "message": message}


def _complete_usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    prompt, completion = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    return {
        **usage,
        "prompt_tokens_details": {**_PROMPT_DETAILS, **prompt},
        "completion_tokens_details": {**_COMPLETION_DETAILS, **completion},
    }


class ChunkStream:
    """Normalised chunks as the client wants them.

    Args:
        usage: Whether the client asked for the usage chunk.
    """

    def __init__(self, *, usage: bool) -> None:
        self._usage = usage

    def start(self, first: Mapping[str, Any]) -> list[Event]:
        """Nothing comes before the first chunk."""
        return []

    def feed(self, chunk: Mapping[str, Any]) -> list[Event]:
        """The chunk; nothing for the usage chunk if the client did not ask for it."""
        if chunk.get("usage") is None:
            return [dict(chunk)]
        if not self._usage and not chunk.get("choices"):
            return []
        return [{**chunk, "usage": _complete_usage(chunk["usage"])}]

    def finish(self, metadata: Mapping[str, Any] | None) -> list[Event]:
        """Nothing follows the last chunk but the end mark."""
        return []

    def fail(self, error: IngateError, request_id: str) -> list[Event]:
        """The error that SDKs raise on; no end mark follows it."""
        return [error_to_response(error)[2]]
