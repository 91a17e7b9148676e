"""Validating an answer whose provider does not hold it to the schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

_FENCED: Final = re.compile(r"\s*```(?:\w+)?[ \t]*\n(.*?)\n?[ \t]*```\s*", re.DOTALL)
_MOST_CHARS: Final = 300


class AnswerCheck:
    """Validates one answer, whole or as it streams.

    Args:
        schema: The JSON Schema.
        warnings: Where a sentence about an invalid answer goes.
    """

    __slots__ = ("_schema", "_texts", "_warnings")

    def __init__(self, schema: Mapping[str, Any], warnings: list[str]) -> None:
        self._schema = schema
        self._warnings = warnings
        self._texts: dict[int, list[str]] = {}  # what has streamed, by the choice's index

    def read(self, answer: dict[str, Any]) -> None:
        """Follow a chunk, or validate a completion: a code fence around the whole of its text is removed, in place."""
        for choice in answer.get("choices") or ():
            message, delta = choice.get("message"), choice.get("delta")
            if isinstance(message, dict):
                self._whole(message)
            elif isinstance(delta, dict):
                self._piece(choice, delta)

    def _whole(self, message: dict[str, Any]) -> None:
        text = message.get("content")
        if not isinstance(text, str) or not text.strip() or message.get("tool_calls") or message.get("refusal"):
            return
        if (fenced := _FENCED.fullmatch(text)) and _is_json(fenced[1]):
            message["content"] = text = fenced[1]
        self._validate(text)

    def _piece(self, choice: Mapping[str, Any], delta: Mapping[str, Any]) -> None:
        index = choice.get("index") or 0
        texts = self._texts.setdefault(index, [])
        if isinstance(text := delta.get("content"), str):
            texts.append(text)
        reason = choice.get("finish_reason")
        if reason:
            text = "".join(texts)
            if reason != "tool_calls" and text.strip():
                self._validate(text)
            texts.clear()

    def _validate(self, text: str) -> None:
        problem = invalid(text, self._schema)
        if problem:
            sentence = f"the answer does not conform to the schema, to which the provider does not hold it: {problem}"
            self._warnings.append(sentence)


def invalid(text: str, schema: Mapping[str, Any]) -> str:
    """Why a text is not JSON that conforms to a schema; empty if it is. A schema that is not valid is not applied."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return "it is not JSON"
    import jsonschema  # only here: it is slow to import
    import referencing

    try:
        # An empty registry: a reference to an address is not fetched.
        kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        error = next(iter(kind(schema, registry=referencing.Registry()).iter_errors(value)), None)
    except Exception as error:  # noqa: BLE001 -- the schema is the caller's; whatever is wrong in it, the answer is complete
        return f"the schema cannot be applied ({type(error).__name__})"
    return f"{error.json_path}: {error.message}"[:_MOST_CHARS] if error is not None else ""


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
