"""Validating an answer whose provider does not hold it to the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.wire.adapt.fence import FenceRemover, unfenced

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_CHARS: Final = 300
_CALLS: Final = "tool_calls"


class AnswerCheck:
    """Validates one answer, whole or as it streams, and removes a code fence around its text.

    Args:
        schema: The JSON Schema.
        warnings: Where a sentence about an invalid answer goes.
    """

    __slots__ = ("_removers", "_schema", "_texts", "_warnings")

    def __init__(self, schema: Mapping[str, Any], warnings: list[str]) -> None:
        self._schema = schema
        self._warnings = warnings
        self._texts: dict[int, list[str]] = {}  # what has streamed, by the choice's index
        self._removers: dict[int, FenceRemover] = {}

    def whole(self, message: dict[str, Any], reason: str | None) -> None:
        """Validate a whole message that ended for `reason`, None if it broke off. A fence is removed in place."""
        text = message.get("content")
        if not isinstance(text, str) or not text.strip():
            return
        message["content"] = text = unfenced(text)
        if reason and not message.get("tool_calls") and not message.get("refusal"):
            self._validate(text)

    def piece(self, index: int, text: str) -> str:
        """What of a piece of a choice's text can be handed on."""
        remover = self._removers.setdefault(index, FenceRemover())
        return self._kept(index, remover.feed(text))

    def finish(self, index: int, reason: str) -> str:
        """Validate a choice that ended for `reason`, and return what of its text was held back."""
        remover = self._removers.pop(index, None)
        rest = self._kept(index, remover.finish()) if remover is not None else ""
        text = "".join(self._texts.pop(index, ()))
        if reason != _CALLS and text.strip():
            self._validate(text)
        return rest

    def _kept(self, index: int, text: str) -> str:
        if text:
            self._texts.setdefault(index, []).append(text)
        return text

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
