"""An OpenAI conversation as Gemini's: system instructions, and user and model contents of parts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ingate.errors import BadRequestError
from ingate.wire.parts import Part, calls_of, in_message, messages_of, parts_of, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

# Prefix of the ids that `answer.py` generates for calls without one; such ids are not sent back.
MADE_UP_ID: Final = "call_gem_"
# Replaces a missing thought signature in a history that another model produced.
# https://ai.google.dev/gemini-api/docs/thought-signatures#faqs
NO_SIGNATURE: Final = "skip_thought_signature_validator"
_CONTINUE: Final = "Continue."


def contents(body: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """The system instruction (None if there is none) and the contents, with alternating roles.

    Raises:
        BadRequestError: A message has content that this format cannot express, or a tool result does not belong to a call.
    """
    system: list[dict[str, Any]] = []
    turns: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    for at, message in enumerate(messages_of(body)):
        role = message["role"]
        with in_message(at):
            if role in {"system", "developer"}:
                if text := text_of(message.get("content")):
                    system.append({"text": text})
            elif role in {"tool", "function"}:
                _add(turns, "user", _tool_result(message, names, facts))
            elif role == "user":
                _add(turns, "user", [part for item in parts_of(message.get("content")) if (part := _part(item))])
            else:
                _add(turns, "model", _model_parts(message, names, facts))
    if system and not facts.get("system", True):
        if not turns or turns[0]["role"] != "user":
            turns.insert(0, {"role": "user", "parts": []})
        turns[0]["parts"] = [*system, *turns[0]["parts"]]
        system = []
    if not turns:
        turns, system = [{"role": "user", "parts": system or [{"text": _CONTINUE}]}], []
    if turns[0]["role"] == "model":
        turns.insert(0, {"role": "user", "parts": [{"text": _CONTINUE}]})
    return ({"parts": system} if system else None), turns


def _add(turns: list[dict[str, Any]], role: str, parts: list[dict[str, Any]]) -> None:
    if not parts:
        return
    if turns and turns[-1]["role"] == role:
        turns[-1]["parts"] += parts
    else:
        turns.append({"role": role, "parts": parts})


def _part(part: Part) -> dict[str, Any] | None:
    if part.kind == "text":
        return {"text": part.text} if part.text else None
    if part.kind == "native":
        given = {key: value for key, value in part.raw.items() if key not in {"type", "cache_control"}}
        if given.keys() & {"text", "inlineData", "inline_data", "fileData", "file_data"}:
            return given
        raise BadRequestError(f"Gemini does not accept a content part of the type {part.raw.get('type')!r}")
    mime = part.mime or {"image": "image/jpeg", "video": "video/mp4", "audio": "audio/wav"}.get(
        part.kind, "application/pdf"
    )
    if part.data is not None:
        return {"inlineData": {"mimeType": mime, "data": part.data}}
    uri = part.url or part.file_id or ""
    # A bare name is a file of the Files API, which knows its type.
    return {"fileData": {"mimeType": mime, "fileUri": uri} if "://" in uri or part.mime else {"fileUri": uri}}


def _model_parts(message: Mapping[str, Any], names: dict[str, str], facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    text = text_of(message.get("content"))
    refusal = message.get("refusal")
    text += refusal if isinstance(refusal, str) else ""
    signature = signature_of(message)
    if text:
        parts.append({"text": text})
    is_required = bool(facts.get("signatures"))
    for call_id, name, arguments, call in calls_of(message):
        names[call_id] = name
        function: dict[str, Any] = {"name": name, "args": arguments}
        if call_id and not call_id.startswith(MADE_UP_ID):
            function["id"] = call_id
        part: dict[str, Any] = {"functionCall": function}
        # The first call of a step has the signature; the other parallel calls have none.
        signed = signature_of(call) or (NO_SIGNATURE if is_required else "")
        if signed:
            part["thoughtSignature"] = signed
        is_required = False
        parts.append(part)
    if signature and text:
        parts[0]["thoughtSignature"] = signature
    elif signature and not parts:
        parts.append({"text": "", "thoughtSignature": signature})
    return parts


def signature_of(holder: Mapping[str, Any]) -> str:
    """The thought signature on a message or a tool call, where Google's own OpenAI endpoint puts it; `""` for none."""
    extra = holder.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    signature = google.get("thought_signature") if isinstance(google, dict) else None
    return signature if isinstance(signature, str) else ""


def _tool_result(message: Mapping[str, Any], names: dict[str, str], facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    call_id = message.get("tool_call_id")
    call_id = call_id if isinstance(call_id, str) else ""
    name = names.get(call_id) or message.get("name")
    if not isinstance(name, str) or not name:
        raise BadRequestError(f"the tool result for {call_id!r} does not belong to a tool call of this conversation")
    parts = parts_of(message.get("content"))
    media = [made for part in parts if part.kind != "text" and (made := _part(part))]
    response: dict[str, Any] = {
        "name": name,
        "response": _object(
            "".join(part.text for part in parts if part.kind == "text"), message.get("is_error") is True
        ),
    }
    if call_id and not call_id.startswith(MADE_UP_ID):
        response["id"] = call_id
    if media and facts.get("media_results"):
        response["parts"] = media
        media = []
    return [{"functionResponse": response}, *media]


def _object(text: str, is_error: bool) -> dict[str, Any]:
    """A function's response, which must be an object: other values go under Google's `output` or `error`."""
    if is_error:
        return {"error": text}
    try:
        value = json.loads(text)
    except ValueError:
        return {"output": text}
    return value if isinstance(value, dict) else {"output": value}
