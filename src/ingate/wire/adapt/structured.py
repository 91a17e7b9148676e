"""The form of an answer by the best mechanism that the model has: its provider's own, JSON mode, or an instruction alone.

Where the provider does not hold the answer to the schema, the schema is in the prompt, and the answer is validated; see
`AnswerCheck`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.wire.adapt.choice import is_forced
from ingate.wire.adapt.prompts import with_system_text
from ingate.wire.codec import encode_body
from ingate.wire.fields import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.params import ParamTracker

# Formats whose codecs have mechanisms of their own.
_OWN: Final = frozenset({"messages", "bedrock", "bedrock_invoke", "gemini"})
_JSON_ONLY: Final = "Answer with one JSON object and nothing else: no prose around it, no code fence."
_ANY_OBJECT: Final = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}


def with_accepted_format(
    body: dict[str, Any], facts: Mapping[str, Any], tracker: ParamTracker, wire_format: str, *, stream: bool = False
) -> dict[str, Any] | None:
    """Replace a `response_format` that the model does not take, in a copied request.

    Returns:
        The schema that the answer must be validated against; None if there is none, or the provider sees to it.
    """
    given = body.get("response_format")
    if not isinstance(given, dict) or (kind := given.get("type")) not in {"json_schema", "json_object"}:
        return None
    schema = _schema_of(given)
    level = facts.get("structured")
    level = {True: "schema", None: "unknown"}.get(level, level)
    if _is_refused(body, facts.get("structured_refused"), kind, stream=stream):
        level = False
    elif wire_format in _OWN:
        return schema if level is False else None
    if level in {"schema", "unknown"}:
        if kind == "json_object":
            _mention_json(body, facts)
        return schema if level == "unknown" else None
    if level == "schema_only":
        if kind == "json_object":
            body["response_format"] = _ANY_OBJECT
        return None
    if level == "json_object":
        if kind == "json_schema":
            tracker.adapt(
                "response_format", "the answer's schema was put into the prompt: the provider has JSON mode only"
            )
            body["response_format"] = {"type": "json_object"}
            _instruct(body, schema)
        else:
            _mention_json(body, facts)
        return schema
    tracker.adapt(
        "response_format", "the answer's form was put into the prompt: the model takes no response_format here"
    )
    del body["response_format"]
    _instruct(body, schema)
    return schema


def _schema_of(given: Mapping[str, Any]) -> dict[str, Any] | None:
    wrapper = given.get("json_schema")
    schema = wrapper.get("schema") if isinstance(wrapper, dict) else given.get("schema")
    return schema if isinstance(schema, dict) else None


def _is_refused(body: Mapping[str, Any], cases: Any, kind: str, *, stream: bool) -> bool:
    """Whether the model takes no `response_format` together with what else is asked for."""
    for case in cases or ():
        if (
            (case == "tools" and body.get("tools"))
            or (case == "forced_tools" and body.get("tools") and is_forced(body.get("tool_choice")))
            or (case == "schema_streams" and stream and kind == "json_schema")
        ):
            return True
    return False


def _instruct(body: dict[str, Any], schema: Mapping[str, Any] | None) -> None:
    text = _JSON_ONLY
    if schema is not None:
        text = (
            "Answer with JSON and nothing else: no prose around it, no code fence. It must conform to this JSON Schema:\n"
            + encode_body(schema).decode()
        )
    if isinstance(messages := body.get("messages"), list):
        body["messages"] = with_system_text(messages, text)


def _mention_json(body: dict[str, Any], facts: Mapping[str, Any]) -> None:
    """Add the word "JSON" where JSON mode is refused unless a message has it (`facts["json_word"]`)."""
    messages = body.get("messages")
    if not facts.get("json_word") or not isinstance(messages, list):
        return
    texts = (text_of(message.get("content")) for message in messages if isinstance(message, dict))
    if not any("json" in text.lower() for text in texts):
        body["messages"] = with_system_text(messages, _JSON_ONLY)
