"""The form of an answer by the best mechanism that the model has: its provider's own, JSON mode, or an instruction alone.

Where the provider does not hold the answer to the schema, the schema is in the prompt, and the answer is validated; see
`AnswerCheck`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.wire.adapt.choice import is_forced
from ingate.wire.adapt.prompts import with_system_text
from ingate.wire.adapt.properties import is_accepted_object
from ingate.wire.codec import encode_body
from ingate.wire.facts import vendor_format
from ingate.wire.fields import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.adapt.draft import Draft

# Formats whose codecs have mechanisms of their own.
_OWN: Final = frozenset({"messages", "bedrock", "bedrock_invoke", "gemini"})
_JSON_ONLY: Final = "Answer with one JSON object and nothing else: no prose around it, no code fence."
_OBJECT: Final = {"type": "object"}
_ANY_OBJECT: Final = {"type": "json_schema", "json_schema": {"name": "answer", "schema": _OBJECT}}


def with_accepted_format(draft: Draft, facts: Mapping[str, Any]) -> None:
    """Replace a `response_format` that the model does not take.

    If its provider does not hold the answer to the schema, the answer is validated (`Draft.schema`).
    """
    given = draft.body.get("response_format")
    if isinstance(given, dict) and (kind := given.get("type")) in {"json_schema", "json_object"}:
        draft.schema = _written(draft, facts, given, kind)


def _written(draft: Draft, facts: Mapping[str, Any], given: Mapping[str, Any], kind: str) -> dict[str, Any] | None:
    """Write the form as the model takes it; returns the schema to validate with, None if the provider sees to it."""
    schema = _schema_of(given)
    level = facts.get("structured")
    level = {True: "schema", None: "unknown"}.get(level, level)
    if _is_refused(draft, facts.get("structured_refused"), kind):
        level = False
    elif draft.wire_format in _OWN and (level is not False or _has_mechanism(draft, schema, facts)):
        return schema if level is False else None
    if level in {"schema", "unknown"}:
        if kind == "json_object":
            _mention_json(draft, facts)
        return schema if level == "unknown" else None
    if level == "schema_only":
        if kind == "json_object":
            draft.respell("response_format", _ANY_OBJECT)
        return None
    if level == "json_object":
        if kind == "json_schema":
            why = "the answer's schema was put into the prompt: the provider has JSON mode only"
            draft.change("response_format", {"type": "json_object"}, why, **_instructed(draft, schema))
        else:
            _mention_json(draft, facts)
        return schema
    why = "the answer's form was put into the prompt: the model takes no response_format here"
    draft.change("response_format", None, why, **_instructed(draft, schema))
    return _OBJECT if schema is None else schema


def _has_mechanism(draft: Draft, schema: Mapping[str, Any] | None, facts: Mapping[str, Any]) -> bool:
    """Whether a model without structured output can be asked for the form through a tool that must be called.

    Without such a tool a codec would ask for JSON without the schema; litellm has it on Bedrock for Claude only.
    """
    if schema is not None and draft.by_litellm and draft.wire_format == "bedrock" and vendor_format(draft.model) == "":
        return False
    return is_accepted_object(schema or {}, facts) and (schema is None or facts.get("forced_tools") is not False)


def _schema_of(given: Mapping[str, Any]) -> dict[str, Any] | None:
    wrapper = given.get("json_schema")
    schema = wrapper.get("schema") if isinstance(wrapper, dict) else given.get("schema")
    return schema if isinstance(schema, dict) else None


def _is_refused(draft: Draft, cases: Any, kind: str) -> bool:
    """Whether the model takes no `response_format` together with what else is asked for."""
    body = draft.body
    for case in cases or ():
        if (
            (case == "tools" and body.get("tools"))
            or (case == "forced_tools" and body.get("tools") and is_forced(body.get("tool_choice")))
            or (case == "schema_streams" and draft.stream and kind == "json_schema")
        ):
            return True
    return False


def _instructed(draft: Draft, schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """The messages with the instruction, as a parameter that changes with `response_format`."""
    if (messages := draft.messages) is None:
        return {}
    text = _JSON_ONLY
    if schema is not None:
        text = (
            "Answer with JSON and nothing else: no prose around it, no code fence. It must conform to this JSON Schema:\n"
            + encode_body(schema).decode()
        )
    return {"messages": with_system_text(messages, text)}


def _mention_json(draft: Draft, facts: Mapping[str, Any]) -> None:
    """Add the word "JSON" where JSON mode is refused unless a message has it (`facts["json_word"]`)."""
    messages = draft.messages
    if not facts.get("json_word") or messages is None:
        return
    texts = (text_of(message.get("content")) for message in messages if isinstance(message, dict))
    if not any("json" in text.lower() for text in texts):
        why = "an instruction to answer in JSON was added: the provider rejects JSON mode unless a message has the word"
        draft.change("messages", with_system_text(messages, _JSON_ONLY), why)
