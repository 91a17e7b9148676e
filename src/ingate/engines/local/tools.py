"""Tool calls from a model whose chat template does not support them: requested as JSON, enforced by a grammar.

Only if a call is required (`tool_choice` is `required` or names a function): a model that was not trained on tools cannot
decide whether to call one.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from ingate.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping


def must_call(request: Mapping[str, Any]) -> bool:
    """Whether the answer has to be a tool call."""
    choice = request.get("tool_choice")
    return choice == "required" or isinstance(choice, dict)


def as_schema(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request with its tools described in a system message and its answer constrained to one call in JSON.

    Raises:
        BadRequestError: `tool_choice` names a function that is not among the tools.
    """
    functions = _functions(request)
    listing = "\n".join(
        f"- {function['name']}: {function.get('description', '')} Arguments: {json.dumps(_parameters(function))}"
        for function in functions
    )
    prompt = f"Answer by calling one of these functions, as JSON with its name and arguments.\n{listing}"
    calls = [
        {
            "type": "object",
            "properties": {"name": {"const": function["name"]}, "arguments": _parameters(function)},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for function in functions
    ]
    return {
        **request,
        "messages": [{"role": "system", "content": prompt}, *request["messages"]],
        "response_format": {"type": "json_schema", "json_schema": {"name": "call", "schema": {"anyOf": calls}}},
    }


class CallReader:
    """Converts the JSON text of an answer into a tool call when it is complete."""

    def __init__(self) -> None:
        self._text = ""

    def read(self, piece: dict[str, Any]) -> list[dict[str, Any]]:
        """The chunks for a chunk of the answer: none until the text is complete, then the call and its finish reason."""
        choices = piece.get("choices")
        if not choices:
            return [piece]
        choice = choices[0]
        self._text += (choice.get("delta") or {}).get("content") or ""
        reason = choice.get("finish_reason")
        if reason is None:
            return []
        call = _call_in(self._text) if reason == "stop" else None
        delta = {"role": "assistant", "tool_calls": [call]} if call is not None else {"role": "assistant"}
        ended = {**choice, "delta": delta, "finish_reason": reason if call is None else "tool_calls"}
        return [{**piece, "choices": [ended]}]


def _call_in(text: str) -> dict[str, Any] | None:
    try:
        call = json.loads(text)
        function = {"name": call["name"], "arguments": json.dumps(call["arguments"], ensure_ascii=False)}
    except (ValueError, KeyError, TypeError):
        return None
    return {"index": 0, "id": f"call_{uuid.uuid4().hex[:24]}", "type": "function", "function": function}


def _functions(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    functions = [tool["function"] for tool in request["tools"] if tool.get("type", "function") == "function"]
    choice = request.get("tool_choice")
    if isinstance(choice, dict):
        named = (choice.get("function") or {}).get("name")
        chosen = [function for function in functions if function["name"] == named]
        if not chosen:
            raise BadRequestError(f"tool_choice names {named!r}, which is none of the tools", provider="local")
        return chosen
    return functions


def _parameters(function: Mapping[str, Any]) -> dict[str, Any]:
    return function.get("parameters") or {"type": "object", "properties": {}}
