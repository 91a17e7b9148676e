"""A request of OpenAI's Responses API as a chat request, for whichever provider answers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ingate.wire.client_fields import Warnings, invalid, json_type, optional, required
from ingate.wire.responses.downstream_history import History
from ingate.wire.responses.downstream_tools import Tools

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingate.errors import IngateError
    from ingate.wire.events import Event, EventStream

# What continues something stored. Whoever has it gives its items to `translate` as `history`.
_STORED: Final = ("previous_response_id", "conversation")
# Fields with the same meaning and name in a chat request.
_SAME: Final[Mapping[str, str]] = {
    "temperature": "a number",
    "top_p": "a number",
    "parallel_tool_calls": "a boolean",
    "user": "a string",
    "metadata": "an object",
    "service_tier": "a string",
    "prompt_cache_key": "a string",
    "safety_identifier": "a string",
    "frequency_penalty": "a number",
    "presence_penalty": "a number",
}


@dataclass(frozen=True, slots=True)
class ResponsesRequest:
    """A request of the Responses API, translated. See `ingate.wire.events.Translation`.

    Attributes:
        body: The request itself, whose settings the response repeats.
        tools: The client's names of the functions in `chat`.
    """

    body: Mapping[str, Any]
    chat: dict[str, Any]
    stream: bool
    warnings: list[str]
    tools: Tools

    def answer(self, completion: Mapping[str, Any]) -> dict[str, Any]:
        """A `chat.completion` as a response."""
        from ingate.wire.responses.downstream_answer import response_of

        return response_of(completion, self)

    def events(self) -> EventStream:
        """A converter for one streamed answer."""
        from ingate.wire.responses.downstream_stream import ResponseStream

        return ResponseStream(self)


def translate(body: Mapping[str, Any], history: Sequence[Any] | None = None) -> ResponsesRequest:
    """A request of the Responses API as a chat request.

    Reasoning items of earlier turns become what their envelopes hold, or `reasoning_items`. Tools become functions. What
    only OpenAI's servers have is left out with a warning.

    Args:
        body: The request.
        history: The items that `previous_response_id` or `conversation` stands for, None if they are not known.

    Raises:
        InvalidRequestError: The request is malformed or refers to something that is not stored; `param` names the field.
    """
    model = required(body, "model", "a string")
    if not model:
        raise invalid("model", "'model' is empty; it must be a model spec")
    _check_state(body, known=history is not None)
    warnings = Warnings()
    tools = Tools(warnings)
    tools.add(optional(body, "tools", "an array") or [], "tools")
    chat: dict[str, Any] = {"model": model, "messages": _messages(body, history or (), tools, warnings)}
    for name, kind in _SAME.items():
        if (value := optional(body, name, kind)) is not None:
            chat[name] = value
    if (count := optional(body, "top_logprobs", "an integer")) is not None:
        chat.update(logprobs=True, top_logprobs=count)
    if (most := optional(body, "max_output_tokens", "an integer")) is not None:
        chat["max_completion_tokens"] = most
    if tools.functions:
        chat["tools"] = tools.functions
    if tools.web_search is not None:
        chat["web_search_options"] = tools.web_search
    if (choice := tools.choice(body.get("tool_choice"))) is not None:
        chat["tool_choice"] = choice
    reasoning = optional(body, "reasoning", "an object") or {}
    if effort := optional(reasoning, "effort", "a string", within="reasoning"):
        chat["reasoning_effort"] = effort
    text = optional(body, "text", "an object") or {}
    if verbosity := optional(text, "verbosity", "a string", within="text"):
        chat["verbosity"] = verbosity
    _output_format(chat, text.get("format"))
    return ResponsesRequest(body, chat, bool(optional(body, "stream", "a boolean")), warnings, tools)


def refused(body: Mapping[str, Any], error: IngateError, request_id: str) -> list[Event]:
    """A whole stream for a request that was refused before it began.

    OpenAI reports a context that is too long so, and Codex shortens the conversation on such a failed response only.
    """
    stream = ResponsesRequest(body, {}, True, [], Tools(Warnings())).events()
    return stream.start({}) + stream.fail(error, request_id)


def _check_state(body: Mapping[str, Any], *, known: bool) -> None:
    for name in _STORED:
        if body.get(name) and not known:
            raise invalid(
                name,
                f"{name!r} refers to something that is not stored here",
                code="unsupported_parameter",
                fix="send the whole conversation as 'input', with the output items of earlier responses in it",
            )
    if body.get("prompt"):
        raise invalid(
            "prompt",
            "'prompt' refers to a template that only OpenAI's platform stores",
            code="unsupported_parameter",
            fix="send the text of the prompt as 'instructions' or 'input'",
        )
    if body.get("background"):
        raise invalid("background", "'background' is not supported: responses are not made in the background here")


def _messages(
    body: Mapping[str, Any], earlier: Sequence[Any], tools: Tools, warnings: Warnings
) -> list[dict[str, Any]]:
    history = History(tools, warnings)
    given = body.get("instructions")
    if isinstance(given, list):  # as OpenAI's platform returns them
        history.add(given, "instructions")
    elif instructions := optional(body, "instructions", "a string"):
        history.messages.append({"role": "system", "content": instructions})
    history.add(list(earlier), "history")
    given = body.get("input")
    if isinstance(given, str) and given:
        history.messages.append({"role": "user", "content": given})
    elif isinstance(given, list) and (given or earlier):
        history.add(given, "input")
    else:
        raise invalid("input", f"'input' must be a text or an array of items, and not empty; it is {json_type(given)}")
    messages = history.finish()
    if not messages:
        raise invalid("input", "'input' has no item that a model could read")
    return messages


def _output_format(chat: dict[str, Any], wanted: Any) -> None:
    match wanted:
        case None | {"type": "text"}:
            return
        case {"type": "json_object"}:
            chat["response_format"] = {"type": "json_object"}
        case {"type": "json_schema", "schema": dict()}:
            schema = {name: wanted[name] for name in ("name", "schema", "strict", "description") if name in wanted}
            chat["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", **schema}}
        case _:
            raise invalid("text.format", "'text.format' must be of the type text, json_object or json_schema")
