"""What every request of a client API is checked for before anything is sent: JSON types that no server accepts otherwise.

A request that is passed through is checked for nothing else: which values, items and fields it may have is the provider's
business. One that is translated is read field by field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.errors import InvalidRequestError
from ingate.wire.chat.downstream import CHAT_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.passthrough import Api, ApiRequest

_encode = msgspec.json.Encoder().encode

_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "a string": (str,),
    "a boolean": (bool,),
    "an integer": (int,),
    "a number": (int, float),
    "an array": (list,),
    "an object": (dict,),
    "a string or an array": (str, list),
    "a string or an object": (str, dict),
}
# API → its fields and their types. Each may also be absent or null.
_TYPES: Final[Mapping[Api, Mapping[str, str]]] = {
    "chat": {**CHAT_TYPES, "messages": "an array"},
    "responses": {
        "background": "a boolean",
        "conversation": "a string or an object",
        "include": "an array",
        "input": "a string or an array",
        "instructions": "a string",
        "max_output_tokens": "an integer",
        "max_tool_calls": "an integer",
        "metadata": "an object",
        "parallel_tool_calls": "a boolean",
        "previous_response_id": "a string",
        "prompt": "an object",
        "prompt_cache_key": "a string",
        "reasoning": "an object",
        "safety_identifier": "a string",
        "service_tier": "a string",
        "store": "a boolean",
        "stream": "a boolean",
        "temperature": "a number",
        "text": "an object",
        "tool_choice": "a string or an object",
        "tools": "an array",
        "top_logprobs": "an integer",
        "top_p": "a number",
        "truncation": "a string",
        "user": "a string",
    },
    "messages": {
        "max_tokens": "an integer",
        "messages": "an array",
        "metadata": "an object",
        "output_config": "an object",
        "service_tier": "a string",
        "stop_sequences": "an array",
        "stream": "a boolean",
        "system": "a string or an array",
        "temperature": "a number",
        "thinking": "an object",
        "tool_choice": "an object",
        "tools": "an array",
        "top_k": "an integer",
        "top_p": "a number",
    },
}
# Arrays of objects; the first is the conversation.
_OBJECTS: Final[Mapping[Api, tuple[str, ...]]] = {
    "chat": ("messages", "tools"),
    "responses": ("input", "tools"),
    "messages": ("messages", "tools"),
}


def check_request(request: ApiRequest) -> None:
    """Raise `InvalidRequestError`, naming the field, if a request is malformed in a way that no provider accepts."""
    body = request.body
    if request.content is None:
        _check_json(body)
    if request.api != "responses" and body.get("messages") is None:
        raise InvalidRequestError("'messages' is missing", param="messages", code="missing_required_parameter")
    _check(body, {"model": "a string", **_TYPES[request.api]})
    for name in _OBJECTS[request.api]:
        values = body.get(name)
        for place, value in enumerate(values if isinstance(values, list) else ()):
            if not isinstance(value, dict):
                raise _wrong(f"{name}[{place}]", "an object", value)
    turns = body.get(_OBJECTS[request.api][0])
    for place, turn in enumerate(turns if isinstance(turns, list) else ()):
        if "role" in turn or request.api != "responses":
            _check(
                turn, {"role": "a string", "content": "a string or an array"}, f"{_OBJECTS[request.api][0]}[{place}]"
            )


def _check_json(body: Mapping[str, Any]) -> None:
    """Refuse a request of this process that cannot be written as JSON: parts of it come back in the answer."""
    try:
        _encode(body)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidRequestError(f"the request cannot be written as JSON: {error}", code="invalid_json") from None


def _check(values: Mapping[str, Any], types: Mapping[str, str], within: str = "") -> None:
    for name, kind in types.items():
        value = values.get(name)
        # JSON's true is not a number, though Python's is.
        if value is not None and (
            not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != "a boolean")
        ):
            raise _wrong(f"{within}.{name}" if within else name, kind, value)


def _wrong(param: str, kind: str, value: object) -> InvalidRequestError:
    return InvalidRequestError(f"{param!r} must be {kind}, and is {value!r:.40}", param=param, code="invalid_type")
